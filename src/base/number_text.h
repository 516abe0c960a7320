/* Numbers as text that reads back exactly, and back; always with '.' whatever the locale. */
#ifndef DEEPECG_BASE_NUMBER_TEXT_H
#define DEEPECG_BASE_NUMBER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum { NUMBER_TEXT_SIZE = 32 };

/* The fewest digits that read back as the same float32 ("0.1", "1e-07"); "nan", "inf", "-inf". Returns the length. */
size_t format_float32(float value, char text[NUMBER_TEXT_SIZE]);

/* The same for a double. A whole number below 1e16 is written as "12.0", as Python does. */
size_t format_float64(double value, char text[NUMBER_TEXT_SIZE]);

/* The whole of text[0..length), blanks around it allowed, as a decimal number. False when it is not one ("", "0x1", "1_0",
 * "nan" and "inf" included). */
bool parse_float64(const char *text, size_t length, double *value);

#endif
