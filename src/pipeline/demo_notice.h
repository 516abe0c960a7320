/* Models that were made for demonstration must be known by their results. */
#ifndef DEEPECG_PIPELINE_DEMO_NOTICE_H
#define DEEPECG_PIPELINE_DEMO_NOTICE_H

#include "base/arena.h"
#include "base/reporter.h"

#define DEMO_NOTICE_NAME "DEMO_MODELS_NOT_FOR_PATIENTS.txt"

/* Where weights_folder holds a file of this name: warn, and put a copy into output_folder, which must exist.
 * A copy that can't be made is an error, so that no results appear without it. */
bool demo_notice_copy(arena *memory, const char *weights_folder, const char *output_folder, const reporter *r,
                      error *err);

#endif
