/* The text model's part of the 77-label task: diagnoses become the ground truth. */
#ifndef DEEPECG_PIPELINE_TEXT_LABELS_H
#define DEEPECG_PIPELINE_TEXT_LABELS_H

#include "pipeline/task_rows.h"

/* Open the text model, ask it for the probabilities of the 77 labels in every text of the rows, close it. The
 * result, LABEL_COUNT values per text, is the caller's to free. NULL and *err when the model can't be opened,
 * is of another size, or gives what is no probability. */
float *text_labels(const task_rows *rows, const pipeline_options *options, const reporter *r,
                   run_summary *summary, error *err);

#endif
