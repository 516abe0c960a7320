/* From cleaned records to probabilities and metrics. */
#ifndef DEEPECG_PIPELINE_ANALYSIS_H
#define DEEPECG_PIPELINE_ANALYSIS_H

#include "pipeline/input_table.h"
#include "pipeline/lost_files.h"
#include "pipeline/pipeline.h"

/* For every task of the table, in its order, and every enabled family, WCR first: predict, write the
 * probabilities, and where the task has labels the metrics. Whatever fails becomes a line of `errors`; the
 * rest goes on. Rows of `lost` files are left out. */
void analysis_run(const input_table *table, const lost_files *lost, const pipeline_options *options,
                  const reporter *r, error_list *errors, run_summary *summary);

#endif
