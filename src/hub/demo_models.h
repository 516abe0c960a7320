/* Models that were made for demonstration must be known by their results. */
#ifndef DEEPECG_HUB_DEMO_MODELS_H
#define DEEPECG_HUB_DEMO_MODELS_H

#include "base/reporter.h"

#include <stdbool.h>

/* Lies beside their folders, and goes with them into a bundle and out of it. */
#define DEMO_NOTICE_NAME "DEMO_MODELS_NOT_FOR_PATIENTS.txt"

/* Does weights_folder hold such models? */
bool demo_models_are_in(const char *weights_folder);

/* The same; if so, a warning says so. */
bool demo_models_warn(const char *weights_folder, const reporter *r);

#endif
