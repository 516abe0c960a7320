#include "base/number_text.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 0.DIGITS * 10^point; the digits are without leading and trailing zeros. */
typedef struct decimal {
  char digits[20];
  int count, point;
} decimal;

/* Reading and printing with a decimal point would follow the host program's locale; integers with an exponent
 * don't. */
static double read_back(const decimal *d, bool single) {
  char text[48];
  snprintf(text, sizeof text, "%.*se%d", d->count, d->digits, d->point - d->count);
  return single ? (double)strtof(text, NULL) : strtod(text, NULL);
}

static void strip_zeros(decimal *d) {
  while (d->count > 1 && d->digits[d->count - 1] == '0')
    d->count--;
}

/* value > 0, correctly rounded to so many digits. */
static void round_to_digits(double value, int digits, decimal *d) {
  char text[48];
  snprintf(text, sizeof text, "%.*e", digits - 1, value);
  d->count = 0;
  char *c = text;
  for (; *c != 'e'; c++)
    if (*c >= '0' && *c <= '9')
      d->digits[d->count++] = *c;
  d->point = atoi(c + 1) + 1;
}

/* One more in the last digit. */
static void increment(decimal *d) {
  int i = d->count - 1;
  for (; i >= 0 && d->digits[i] == '9'; i--)
    d->digits[i] = '0';
  if (i >= 0) {
    d->digits[i]++;
    return;
  }
  d->digits[0] = '1'; /* 99..9 became 100..0, of which the last 0 is dropped */
  d->point++;
}

/* The fewest digits that read back, value > 0. Below a power of two the numbers lie twice as close as above:
 * there the nearest decimal may fail where the next larger one serves. */
static void shortest_digits(double value, bool single, decimal *d) {
  int exponent;
  bool power_of_two = frexp(value, &exponent) == 0.5;
  bool subnormal = value < (single ? (double)FLT_MIN : DBL_MIN);
  int most = single ? FLT_DECIMAL_DIG : DBL_DECIMAL_DIG;
  for (int digits = subnormal ? 1 : single ? FLT_DIG : DBL_DIG; digits <= most; digits++) {
    round_to_digits(value, digits, d);
    if (read_back(d, single) == value)
      break;
    if (!power_of_two || digits == most)
      continue;
    increment(d);
    if (read_back(d, single) == value)
      break;
  }
  strip_zeros(d);
}

static const double powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                       1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static double scale(double value, int power) {
  return power >= 0 ? value * powers_of_ten[power] : value / powers_of_ten[-power];
}

/* The integer nearest to value * 10^power, or 0 where rounding in double could decide wrongly. The product is
 * below 1e9 and off by less than 1e-6. */
static int64_t scale_to_integer(double value, int power) {
  double scaled = scale(value, power), whole = floor(scaled), fraction = scaled - whole;
  return fabs(fraction - 0.5) < 1e-6 ? 0 : (int64_t)whole + (fraction > 0.5);
}

/* Does whole * 10^-power read as the float32 `value`? -1: too close to call. Both operands are exact, so that
 * the result is the double nearest to the decimal; rounding it again to float32 errs only from the middle
 * between two float32. */
static int reads_as_float32(int64_t whole, int power, double value) {
  double back = scale((double)whole, -power);
  uint64_t bits;
  memcpy(&bits, &back, sizeof bits);
  return (bits & 0x1fffffff) == 0x10000000 ? -1 : (double)(float)back == value;
}

/* shortest_digits for most float32 of usual size, many times faster. False where it can't be sure. */
static bool shortest_digits_fast(double value, decimal *d) {
  int exponent;
  if (!(value >= 1e-12 && value < 1e9) || frexp(value, &exponent) == 0.5)
    return false;
  int point = -12; /* 10^(point-1) <= value < 10^point */
  while (value >= (point >= 0 ? powers_of_ten[point] : 1 / powers_of_ten[-point]))
    point++;
  for (int digits = FLT_DIG; digits <= FLT_DECIMAL_DIG; digits++) {
    int64_t whole = scale_to_integer(value, digits - point);
    int same = whole ? reads_as_float32(whole, digits - point, value) : -1;
    if (same < 0)
      return false;
    if (same) {
      d->count = snprintf(d->digits, sizeof d->digits, "%lld", (long long)whole);
      d->point = point + d->count - digits;
      strip_zeros(d);
      return true;
    }
  }
  return false;
}

static char *put_zeros(char *out, int count) {
  for (; count > 0; count--)
    *out++ = '0';
  return out;
}

static char *put_digits(char *out, const decimal *d, int from, int to) {
  for (int i = from; i < to; i++)
    *out++ = i < d->count ? d->digits[i] : '0';
  return out;
}

static char *put_with_exponent(char *out, const decimal *d) {
  *out++ = d->digits[0];
  if (d->count > 1)
    *out++ = '.';
  out = put_digits(out, d, 1, d->count);
  int exponent = d->point - 1;
  return out + sprintf(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
}

static char *put_plain(char *out, const decimal *d) {
  if (d->point <= 0) {
    memcpy(out, "0.", 2);
    return put_digits(put_zeros(out + 2, -d->point), d, 0, d->count);
  }
  out = put_digits(out, d, 0, d->point);
  *out++ = '.';
  return put_digits(out, d, d->point, d->count > d->point ? d->count : d->point + 1);
}

static size_t format(double value, bool single, char text[NUMBER_TEXT_SIZE]) {
  char *out = text;
  if (isnan(value))
    return (size_t)sprintf(text, "nan");
  if (signbit(value))
    *out++ = '-';
  value = fabs(value);
  decimal d = {.digits = "0", .count = 1, .point = 1};
  if (isinf(value)) {
    out += sprintf(out, "inf");
  } else {
    if (value > 0 && !(single && shortest_digits_fast(value, &d)))
      shortest_digits(value, single, &d);
    out = d.point < -3 || d.point > 16 ? put_with_exponent(out, &d) : put_plain(out, &d);
  }
  *out = '\0';
  return (size_t)(out - text);
}

size_t format_float32(float value, char text[NUMBER_TEXT_SIZE]) {
  return format((double)value, true, text);
}

size_t format_float64(double value, char text[NUMBER_TEXT_SIZE]) {
  return format(value, false, text);
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* The exponent that is text[0..length), "e5" or "E-12"; beyond +-99999 is as good as that. */
static bool parse_exponent(const char *text, size_t length, long *exponent) {
  size_t i = 1;
  bool negative = i < length && text[i] == '-';
  if (length == 0 || (text[0] != 'e' && text[0] != 'E'))
    return false;
  if (i < length && (text[i] == '-' || text[i] == '+'))
    i++;
  if (i == length)
    return false;
  for (; i < length && is_digit(text[i]); i++)
    if (*exponent < 10000)
      *exponent = *exponent * 10 + (text[i] - '0');
  if (negative)
    *exponent = -*exponent;
  return i == length;
}

bool parse_float64(const char *text, size_t length, double *value) {
  for (; length && is_blank(*text); length--)
    text++;
  while (length && is_blank(text[length - 1]))
    length--;
  char copy[440]; /* the digits as an integer, then the exponent: see read_back */
  if (length == 0 || length > 400)
    return false;
  size_t i = 0, used = 0, digits = 0;
  if (text[0] == '-' || text[0] == '+')
    copy[used++] = text[i++];
  long fraction_digits = 0, exponent = 0;
  for (bool fraction = false; i < length && (is_digit(text[i]) || (text[i] == '.' && !fraction)); i++) {
    if (text[i] == '.') {
      fraction = true;
      continue;
    }
    copy[used++] = text[i];
    digits++;
    fraction_digits += fraction;
  }
  if (digits == 0 || (i < length && !parse_exponent(text + i, length - i, &exponent)))
    return false;
  snprintf(copy + used, sizeof copy - used, "e%ld", exponent - fraction_digits);
  double parsed = strtod(copy, NULL);
  if (!isfinite(parsed))
    return false;
  *value = parsed;
  return true;
}
