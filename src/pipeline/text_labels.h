/* The text model's part of the 77-label task: diagnoses become the ground truth. */
#ifndef DEEPECG_PIPELINE_TEXT_LABELS_H
#define DEEPECG_PIPELINE_TEXT_LABELS_H

#include "model/text_model.h"
#include "pipeline/task_rows.h"

/* Ask the text model for the probabilities of the 77 labels in every text of the rows. The result,
 * LABEL_COUNT values per text, is the caller's to free. NULL and *err when the model fails or gives what is
 * no probability, and when interrupted. */
float *text_labels(text_model *m, const task_rows *rows, const pipeline_options *options, const reporter *r,
                   error *err);

#endif
