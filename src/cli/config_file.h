/* Configuration files: lines of `key: value`; blank lines and lines that begin with '#' are skipped, quotes
 * around a value removed. */
#ifndef DEEPECG_CLI_CONFIG_FILE_H
#define DEEPECG_CLI_CONFIG_FILE_H

#include "base/error.h"

#include <stddef.h>

/* Called per line (1-based); key and value are NUL-terminated and valid during the call only. */
typedef bool (*config_line)(void *context, size_t line, const char *key, const char *value, error *err);

/* Errors name file and line. ERROR_NOT_FOUND when the file isn't there. */
bool config_file_read(const char *path, config_line handle, void *context, error *err);

#endif
