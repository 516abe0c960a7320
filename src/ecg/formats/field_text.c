#include "ecg/formats/field_text.h"

#include "base/number_text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { MAX_NUMBER = 32, SHOWN = 20 };

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void field_trim(const char **text, size_t *length) {
  while (*length && is_blank(**text))
    ++*text, --*length;
  while (*length && is_blank((*text)[*length - 1]))
    --*length;
}

bool field_is(const char *text, size_t length, const char *word) {
  field_trim(&text, &length);
  return strlen(word) == length && strncasecmp(text, word, length) == 0;
}

bool field_add_words(buffer *words, const char *text, size_t length, error *err) {
  const char *end = text + length;
  while (text < end) {
    while (text < end && is_blank(*text))
      text++;
    const char *word = text;
    while (text < end && !is_blank(*text))
      text++;
    if (text > word && ((words->size && !buffer_append(words, " ", 1, err)) ||
                        !buffer_append(words, word, (size_t)(text - word), err)))
      return false;
  }
  return true;
}

bool field_add_warning(buffer *warnings, error *err, const char *format, ...) {
  char text[300];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return (!warnings->size || buffer_append_text(warnings, "; ", err)) &&
         buffer_append_text(warnings, text, err);
}

/* A whole number of up to 7 digits, as almost all are, and exact in a float; *at moves past it. */
static bool take_short_integer(const char **at, const char *end, float *value) {
  const char *c = *at;
  bool negative = c < end && *c == '-';
  c += negative;
  const char *digits = c;
  int32_t n = 0;
  while (c < end && *c >= '0' && *c <= '9' && c - digits < 7)
    n = n * 10 + (*c++ - '0');
  if (c == digits || (c < end && *c != ',' && !is_blank(*c)))
    return false;
  *value = (float)(negative ? -n : n);
  *at = c;
  return true;
}

static bool take_number(const char **at, const char *end, float *value) {
  if (take_short_integer(at, end, value))
    return true;
  const char *c = *at;
  while (c < end && *c != ',' && !is_blank(*c))
    c++;
  double number;
  if (c - *at > MAX_NUMBER || !parse_float64(*at, (size_t)(c - *at), &number))
    return false;
  *value = (float)number;
  *at = c;
  return true;
}

static bool not_a_number(const char *at, const char *end, size_t index, error *err) {
  int shown = 0;
  while (at + shown < end && shown < SHOWN && at[shown] != ',' && !is_blank(at[shown]))
    shown++;
  return error_set(err, ERROR_FORMAT, "value %zu is not a number: \"%.*s\"", index + 1, shown, at);
}

static void skip_blanks(const char **at, const char *end) {
  while (*at < end && is_blank(**at))
    ++*at;
}

bool field_parse_numbers(const char *text, size_t length, float **values, size_t *capacity, size_t *count,
                         error *err) {
  const char *at = text, *end = text + length;
  size_t n = 0;
  for (skip_blanks(&at, end); at < end; n++) {
    if (n == *capacity && !array_reserve((void **)values, capacity, n + 1, sizeof **values, err))
      return false;
    if (!take_number(&at, end, &(*values)[n]))
      return not_a_number(at, end, n, err);
    skip_blanks(&at, end);
    if (at < end && *at == ',')
      at++;
    skip_blanks(&at, end);
  }
  *count = n;
  return true;
}
