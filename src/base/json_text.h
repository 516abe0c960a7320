/* Foreign text in JSON. */
#ifndef DEEPECG_BASE_JSON_TEXT_H
#define DEEPECG_BASE_JSON_TEXT_H

#include <jansson.h>

/* A string. Names of files and what is said of them may hold bytes that are not UTF-8, which JSON may not:
 * then '?' stands for each of them and for each control character. NULL becomes null; a NULL result is a lack
 * of memory. */
json_t *json_text(const char *text);

#endif
