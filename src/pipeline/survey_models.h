/* The models' part of a survey. */
#ifndef DEEPECG_PIPELINE_SURVEY_MODELS_H
#define DEEPECG_PIPELINE_SURVEY_MODELS_H

#include "pipeline/input_table.h"
#include "pipeline/survey.h"

/* Open every model that the table needs and time it on a little input; fill in s->models. What is wrong with
 * a model stands there. False and *err only when memory is out. */
bool survey_models_try(survey *s, const input_table *table, const pipeline_options *options,
                       const reporter *r, error *err);

#endif
