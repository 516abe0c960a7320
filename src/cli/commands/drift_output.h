/* How a drift is shown: as a table for people, and as JSON for programs. */
#ifndef DEEPECG_CLI_COMMANDS_DRIFT_OUTPUT_H
#define DEEPECG_CLI_COMMANDS_DRIFT_OUTPUT_H

#include "drift/drift.h"

void drift_print_text(const drift *d, precision compared);

/* One object; false and *err when memory is out. */
bool drift_print_json(const drift *d, precision compared, error *err);

#endif
