/* The models that a run will open, fetched where they are missing. */
#ifndef DEEPECG_PIPELINE_MODEL_FOLDERS_H
#define DEEPECG_PIPELINE_MODEL_FOLDERS_H

#include "pipeline/input_table.h"
#include "pipeline/pipeline.h"

/* For every model that the tasks of the table need: make sure that its folder is complete (hub/hub.h).
 * Nothing happens where options->hub is NULL. A model that is missing and cannot be asked for is warned
 * about; a download that failed becomes a line of `errors`. */
void model_folders_ensure(const input_table *table, const pipeline_options *options, const reporter *r,
                          error_list *errors);

#endif
