/* The notice of demo models (hub/demo_models.h) beside the results of a run. */
#ifndef DEEPECG_PIPELINE_DEMO_NOTICE_H
#define DEEPECG_PIPELINE_DEMO_NOTICE_H

#include "base/arena.h"
#include "base/reporter.h"

/* Where weights_folder holds demo models: warn, and put a copy of their notice into output_folder, which must
 * exist. A copy that can't be made is an error, so that no results appear without it. */
bool demo_notice_copy(arena *memory, const char *weights_folder, const char *output_folder, const reporter *r,
                      error *err);

#endif
