/* Models that were made for demonstration must be known by their results. */
#ifndef DEEPECG_MODEL_DEMO_MODELS_H
#define DEEPECG_MODEL_DEMO_MODELS_H

#include "base/reporter.h"

#include <stdbool.h>

/* Lies beside their folders. */
#define DEMO_NOTICE_NAME "DEMO_MODELS_NOT_FOR_PATIENTS.txt"

/* Does weights_folder hold such models? Then a warning says so. */
bool demo_models_warn(const char *weights_folder, const reporter *r);

#endif
