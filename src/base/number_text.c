#include "base/number_text.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void) {
  c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* Formatting and parsing must not follow a host program's locale ("0,5"). */
static locale_t enter_c_locale(void) {
  pthread_once(&c_locale_once, make_c_locale);
  return c_locale ? uselocale(c_locale) : (locale_t)0;
}

static void leave_c_locale(locale_t previous) {
  if (previous)
    uselocale(previous);
}

static bool special(double value, char *text) {
  if (isnan(value))
    memcpy(text, "nan", 4);
  else if (isinf(value))
    strcpy(text, value < 0 ? "-inf" : "inf");
  else
    return false;
  return true;
}

size_t format_float32(float value, char text[NUMBER_TEXT_SIZE]) {
  if (special((double)value, text))
    return strlen(text);
  locale_t previous = enter_c_locale();
  for (int digits = 1; digits <= 9; digits++) {
    snprintf(text, NUMBER_TEXT_SIZE, "%.*g", digits, (double)value);
    if (strtof(text, NULL) == value)
      break;
  }
  leave_c_locale(previous);
  return strlen(text);
}

size_t format_float64(double value, char text[NUMBER_TEXT_SIZE]) {
  if (special(value, text))
    return strlen(text);
  locale_t previous = enter_c_locale();
  if (value == floor(value) && fabs(value) < 1e16) {
    snprintf(text, NUMBER_TEXT_SIZE, "%.1f", value);
  } else {
    for (int digits = 15; digits <= 17; digits++) {
      snprintf(text, NUMBER_TEXT_SIZE, "%.*g", digits, value);
      if (strtod(text, NULL) == value)
        break;
    }
  }
  leave_c_locale(previous);
  return strlen(text);
}

bool parse_float64(const char *text, size_t length, double *value) {
  while (length && (*text == ' ' || *text == '\t' || *text == '\r' || *text == '\n'))
    text++, length--;
  while (length && strchr(" \t\r\n", text[length - 1]) && text[length - 1])
    length--;
  char copy[400];
  if (length == 0 || length >= sizeof copy)
    return false;
  for (size_t i = 0; i < length; i++)
    if (!(text[i] >= '0' && text[i] <= '9') && (text[i] == '\0' || !strchr("+-.eE", text[i])))
      return false;
  memcpy(copy, text, length);
  copy[length] = '\0';
  locale_t previous = enter_c_locale();
  char *end;
  double parsed = strtod(copy, &end);
  leave_c_locale(previous);
  if (*end || end == copy)
    return false;
  *value = parsed;
  return true;
}
