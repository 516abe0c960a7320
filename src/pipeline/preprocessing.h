/* From ECG files to cleaned records on disk. */
#ifndef DEEPECG_PIPELINE_PREPROCESSING_H
#define DEEPECG_PIPELINE_PREPROCESSING_H

#include "pipeline/input_table.h"
#include "pipeline/lost_files.h"
#include "pipeline/pipeline.h"

/* Read every file of the table once, clean in batches, write {stem}.base64 files, the batch reports and,
 * where files are missing, missing_files_{stamp}.csv. A record that fails, fails alone and is in the reports;
 * false and *err only when the step as a whole cannot go on (a folder or report that cannot be written, out
 * of memory, cancelled). Batches whose cleaning fails are lines of `errors`. Files that fail are added to
 * `lost`. */
bool preprocessing_run(const input_table *table, const pipeline_options *options, const reporter *r,
                       error_list *errors, run_summary *summary, lost_files *lost, error *err);

#endif
