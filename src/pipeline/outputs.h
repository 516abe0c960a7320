/* The result files of one model on one task. */
#ifndef DEEPECG_PIPELINE_OUTPUTS_H
#define DEEPECG_PIPELINE_OUTPUTS_H

#include "pipeline/task_rows.h"

/* What a model said: row s, column l is probabilities[s * columns + l] for signal s; usable[s] is 0 where the
 * cleaned record could not be read (such rows are left out of all files). */
typedef struct task_result {
  const task_info *task;
  const char *model_id;
  const task_rows *rows;
  size_t columns; /* 1 or LABEL_COUNT */
  const float *probabilities;
  const unsigned char *usable;
  /* 77 labels: the text model's probabilities, LABEL_COUNT for each of rows->texts; NULL without it: the
   * cells stay empty then, as those of a row without a diagnosis do. */
  const float *text_probabilities;
} task_result;

/* {model}_{stamp}_{task}_probabilities.csv, and where `metrics` says so {model}_{stamp}_{task}.json and .csv;
 * every row must be labelled for these. */
bool outputs_write(const task_result *result, bool metrics, const pipeline_options *options,
                   const reporter *r, run_summary *summary, error *err);

#endif
