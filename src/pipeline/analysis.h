/* From cleaned records to probabilities and metrics. */
#ifndef DEEPECG_PIPELINE_ANALYSIS_H
#define DEEPECG_PIPELINE_ANALYSIS_H

#include "pipeline/input_table.h"
#include "pipeline/lost_files.h"
#include "pipeline/pipeline.h"

typedef struct analysis analysis;

/* Plan the analysis of a table and begin to open its first models in the background; table and options must
 * stay until analysis_end. NULL and *err: out of memory. */
analysis *analysis_begin(const input_table *table, const pipeline_options *options, error *err);

/* For every task of the table, in its order, and every enabled family, WCR first: predict, write the
 * probabilities, and where the task has labels the metrics. Whatever fails becomes a line of `errors`; the
 * rest goes on. Rows of `lost` files are left out. Results, messages and errors come in that order, though
 * models run in another one (see steps.h). After an interruption what is computed is still written. Once
 * only. */
void analysis_run(analysis *a, const lost_files *lost, const reporter *r, error_list *errors,
                  run_summary *summary);

/* Free everything, whether it has run or not. NULL is allowed. */
void analysis_end(analysis *a);

#endif
