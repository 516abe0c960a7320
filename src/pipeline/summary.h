/* What a run did, as numbers and as {stamp}_run.json. */
#ifndef DEEPECG_PIPELINE_SUMMARY_H
#define DEEPECG_PIPELINE_SUMMARY_H

#include "model/model.h"
#include "pipeline/pipeline.h"

void summary_add_stage(run_summary *summary, double seconds, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void summary_add_model(run_summary *summary, const char *id, const model *m, size_t ecgs);

/* Version, models with their sha256, options (no secrets), kernels' variant, counts, seconds per stage,
 * errors. */
bool summary_write(const run_summary *summary, const pipeline_options *options, const error_list *errors,
                   error *err);

#endif
