/* Texts of files: what the readers of this folder share. */
#ifndef DEEPECG_ECG_FORMATS_FIELD_TEXT_H
#define DEEPECG_ECG_FORMATS_FIELD_TEXT_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

/* Move *text past blanks and shorten *length so that neither end is blank (space, tab, line break). */
void field_trim(const char **text, size_t *length);

/* Is the text, blanks aside, `word` in any case? */
bool field_is(const char *text, size_t length, const char *word);

/* Append the words of a text, one space before each but the first of the buffer: how statements are joined.
 */
bool field_add_words(buffer *words, const char *text, size_t length, error *err);

/* Append a warning, "; " before each but the first. */
bool field_add_warning(buffer *warnings, error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Parse decimal numbers separated by commas, blanks or both; a comma after the last is allowed. *values is a
 * malloc'ed array of *capacity elements that grows as needed and is reused from call to call (start with
 * NULL, 0; free it at the end). False: *err says which value is no number, for example `value 17 is not a
 * number: "x"`. */
bool field_parse_numbers(const char *text, size_t length, float **values, size_t *capacity, size_t *count,
                         error *err);

#endif
