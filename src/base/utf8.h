/* Foreign text: is it UTF-8, and making it harmless on a terminal. */
#ifndef DEEPECG_BASE_UTF8_H
#define DEEPECG_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Is text[0..length) UTF-8 as RFC 3629 defines it (no overlong forms, no surrogates, nothing above U+10FFFF)?
 */
bool utf8_valid(const char *text, size_t length);

/* Replace by '?' each byte of a NUL-terminated text that is a control character (C0, DEL or C1) or that is
 * not UTF-8, so that the text neither drives a terminal nor breaks a UTF-8 log. */
void utf8_neutralise(char *text);

#endif
