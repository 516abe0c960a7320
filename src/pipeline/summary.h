/* What a run did, as numbers and as {stamp}_run.json. */
#ifndef DEEPECG_PIPELINE_SUMMARY_H
#define DEEPECG_PIPELINE_SUMMARY_H

#include "pipeline/pipeline.h"

void summary_add_stage(run_summary *summary, double seconds, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A model that was opened. Its hash is the summary's from now on. */
void summary_add_model(run_summary *summary, model_use *use);

/* Wait for the sha256 of the models' files; after an interruption give them up. */
void summary_finish(run_summary *summary, bool interrupted);

/* Version, models with their sha256, options (no secrets), kernels' variant, counts, seconds per stage,
 * errors. */
bool summary_write(const run_summary *summary, const pipeline_options *options, const error_list *errors,
                   error *err);

#endif
