/* The small JSON files of a model folder. */
#ifndef DEEPECG_TEXT_JSON_FILE_H
#define DEEPECG_TEXT_JSON_FILE_H

#include "base/error.h"

#include <jansson.h>

/* Read folder/name, a JSON object of at most `limit` bytes. *root receives it, to be freed with json_decref,
 * or NULL where there is no such file, which is no error. *err names the file. */
bool json_file_read(const char *folder, const char *name, size_t limit, json_t **root, error *err);

#endif
