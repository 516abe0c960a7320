/* A command's answer as JSON. */
#ifndef DEEPECG_CLI_JSON_OUTPUT_H
#define DEEPECG_CLI_JSON_OUTPUT_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>

/* Print `answer`, which is taken over, to standard output. `digits` of its real numbers; 0: all that matter.
 * NULL, which stands for an answer that could not be made, and failure: false and *err, memory is out. */
bool json_print(json_t *answer, size_t digits, error *err);

#endif
