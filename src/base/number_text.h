/* Numbers as text that reads back exactly, and back; always with '.' whatever the locale. */
#ifndef DEEPECG_BASE_NUMBER_TEXT_H
#define DEEPECG_BASE_NUMBER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum { NUMBER_TEXT_SIZE = 32 };

/* The fewest digits that read back as the same float32, laid out as Python does: "0.1", "12.0",
 * "1e-05" (below 1e-4 and from 1e16 on with an exponent), "nan", "inf", "-inf". Returns the length. */
size_t format_float32(float value, char text[NUMBER_TEXT_SIZE]);

/* The same for a double: Python's repr. */
size_t format_float64(double value, char text[NUMBER_TEXT_SIZE]);

/* The whole of text[0..length), blanks (space, tab, CR, LF) around it allowed, as a decimal number ("1",
 * "-.5", "2.e-3"). False when it is not one ("", "0x1", "1_0", "nan" and "inf" included), when it is too
 * large for a double, or longer than 400 characters. */
bool parse_float64(const char *text, size_t length, double *value);

#endif
