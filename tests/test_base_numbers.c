/* Numbers as text: what Python prints, and strict reading, under any locale. */
#include "base/number_text.h"
#include "support/mutate.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* repr() of Python 3.11; for float32 the shortest digits of NumPy 2.4 in the layout of repr(). */
static const struct {
  double value;
  const char *text;
} doubles[] = {
    {0x0.0p+0, "0.0"},
    {-0x0.0p+0, "-0.0"},
    {0x1.0000000000000p+0, "1.0"},
    {-0x1.8000000000000p+0, "-1.5"},
    {0x1.999999999999ap-4, "0.1"},
    {0x1.3333333333334p-2, "0.30000000000000004"},
    {0x1.5555555555555p-2, "0.3333333333333333"},
    {0x1.0aaaaaaaaaaabp+5, "33.333333333333336"},
    {0x1.c000000000001p+4, "28.000000000000004"},
    {0x1.fffffffffffffp-1, "0.9999999999999999"},
    {0x1.a36e2eb1c432dp-14, "0.0001"},
    {0x1.02e4b6ce5dc68p-13, "0.00012345"},
    {0x1.a36371ea531a8p-14, "9.999e-05"},
    {0x1.4f8b588e368f1p-17, "1e-05"},
    {0x1.421f5f40d8376p-23, "1.5e-07"},
    {0x1.d6f3454000000p+26, "123456789.0"},
    {0x1.c6bf526340000p+49, "1000000000000000.0"},
    {0x1.0000000000000p+53, "9007199254740992.0"},
    {0x1.1c37937e08000p+53, "1e+16"},
    {0x1.5ee2a2eb5a5c4p+53, "1.2345678901234568e+16"},
    {0x1.b69b4ba630f34p+56, "1.2345678901234566e+17"},
    {0x1.0f0cf064dd592p+73, "1e+22"},
    {0x1.52d02c7e14af6p+76, "1e+23"},
    {0x1.0000000000000p-44, "5.684341886080802e-14"},
    {0x1.0000000000000p-24, "5.960464477539063e-08"},
    {0x1.0000000000000p+60, "1.152921504606847e+18"},
    {0x1.0000000000000p-20, "9.5367431640625e-07"},
    {0x0.0000000000001p-1022, "5e-324"},
    {0x0.0000000000002p-1022, "1e-323"},
    {0x1.0000000000000p-1022, "2.2250738585072014e-308"},
    {0x0.fffffffffffffp-1022, "2.225073858507201e-308"},
    {0x1.fffffffffffffp+1023, "1.7976931348623157e+308"},
    {0x1.1666666666666p+2, "4.35"},
    {0x1.0000000000000p-1, "0.5"},
    {0x1.4000000000000p+1, "2.5"},
    {0x1.b1ae4d6e2ef50p+69, "1e+21"},
    {0x0.0000000000003p-1022, "1.5e-323"},
    {0x1.0000000000000p-14, "6.103515625e-05"},
    {0x1.0000000000000p+55, "3.602879701896397e+16"},
};

static const struct {
  float value;
  const char *text;
} floats[] = {
    {0x1.1cp-3f, "0.13867188"}, /* 0.138671875: a tie, rounded to even */
    {0x1.99999a0000000p-4f, "0.1"},
    {0x1.0000000000000p+0f, "1.0"},
    {0x1.0000000000000p-1f, "0.5"},
    {0x1.5555560000000p-2f, "0.33333334"},
    {0x1.fffffe0000000p-1f, "0.99999994"},
    {0x1.a36e2e0000000p-14f, "0.0001"},
    {0x1.02e4b60000000p-13f, "0.00012345"},
    {0x1.a302ce0000000p-14f, "9.99e-05"},
    {0x1.ad7f2a0000000p-24f, "1e-07"},
    {0x1.0000000000000p-126f, "1.1754944e-38"},
    {0x1.0000000000000p-149f, "1e-45"},
    {0x1.fffffe0000000p+127f, "3.4028235e+38"},
    {0x1.0000000000000p+24f, "16777216.0"},
    {0x1.3333340000000p-2f, "0.3"},
    {0x1.0000000000000p-30f, "9.313226e-10"},
    {0x1.0000000000000p-100f, "7.888609e-31"},
    {0x1.0000000000000p-103f, "9.8607613e-32"},
    {0x1.e240b40000000p+16f, "123456.7"},
    {0x1.0000000000000p-24f, "5.9604645e-08"},
    {0x1.0000000000000p+27f, "134217730.0"},
    {0x1.0000000000000p+25f, "33554432.0"},
    {0x1.0000000000000p+33f, "8589935000.0"},
};

static void test_known_numbers(void **state) {
  (void)state;
  char text[NUMBER_TEXT_SIZE];
  for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++) {
    assert_int_equal(format_float64(doubles[i].value, text), strlen(doubles[i].text));
    assert_string_equal(text, doubles[i].text);
  }
  for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
    assert_int_equal(format_float32(floats[i].value, text), strlen(floats[i].text));
    assert_string_equal(text, floats[i].text);
  }
}

static void test_special_numbers(void **state) {
  (void)state;
  char text[NUMBER_TEXT_SIZE];
  assert_int_equal(format_float64((double)NAN, text), 3);
  assert_string_equal(text, "nan");
  format_float32(-NAN, text);
  assert_string_equal(text, "nan");
  assert_int_equal(format_float32(INFINITY, text), 3);
  assert_string_equal(text, "inf");
  format_float64(-(double)INFINITY, text);
  assert_string_equal(text, "-inf");
}

/* The fewest digits by trying all: none with fewer reads back. */
static void assert_shortest(const char *text, double value, bool single) {
  double back = single ? (double)strtof(text, NULL) : strtod(text, NULL);
  if (back != value)
    fail_msg("%s is not %.17g", text, value);
  char shorter[48];
  size_t digits = 0;
  const char *c = text;
  for (; *c && *c != 'e'; c++)
    digits += *c >= '0' && *c <= '9' && (digits || *c != '0');
  for (const char *end = c; end > text && (end[-1] == '0' || end[-1] == '.'); end--)
    digits -= end[-1] == '0'; /* of "1200.0" two count */
  if (digits < 2)
    return;
  snprintf(shorter, sizeof shorter, "%.*e", (int)digits - 2, value);
  if ((single ? (double)strtof(shorter, NULL) : strtod(shorter, NULL)) == value)
    fail_msg("%s is shorter than %s", shorter, text);
}

static void test_random_numbers_read_back(void **state) {
  (void)state;
  char text[NUMBER_TEXT_SIZE];
  uint64_t seed = 9;
  for (int i = 0; i < 60000; i++) {
    uint64_t bits = mutate_next(&seed);
    uint32_t low = (uint32_t)bits;
    double value;
    float single = (float)(low >> 8) / (1 << 24);
    if (i % 2)
      memcpy(&single, &low, sizeof single);
    memcpy(&value, &bits, sizeof value);
    if (isfinite(single) && single != 0) {
      assert_in_range(format_float32(single, text), 1, NUMBER_TEXT_SIZE - 1);
      assert_shortest(text, (double)single, true);
    }
    if (isfinite(value) && i < 10000) {
      assert_in_range(format_float64(value, text), 1, NUMBER_TEXT_SIZE - 1);
      assert_shortest(text, value, false);
    }
  }
}

static void assert_parses(const char *text, double expected) {
  double value = -1;
  if (!parse_float64(text, strlen(text), &value) || value != expected)
    fail_msg("'%s' became %.17g", text, value);
}

static void assert_not_number(const char *text) {
  double value = -1;
  if (parse_float64(text, strlen(text), &value))
    fail_msg("'%s' became %.17g", text, value);
  assert_true(value == -1);
}

static void test_parsing(void **state) {
  (void)state;
  assert_parses("0", 0);
  assert_parses(" \t-12.5\r\n", -12.5);
  assert_parses("+.5", 0.5);
  assert_parses("5.", 5);
  assert_parses("1e3", 1000);
  assert_parses("1.25E-2", 0.0125);
  assert_parses("0.1", 0.1);
  assert_parses("2.2250738585072014e-308", 0x1p-1022);
  assert_parses("4.9e-324", 0x1p-1074);
  assert_parses("1e-99999999999999999999", 0);
  assert_parses("1.7976931348623157e308", 0x1.fffffffffffffp1023);
  assert_parses("0.00000000000000000000000000000000000000000000000000000000000000000000000000000000000001e86",
                1);
  static const char *const wrong[] = {"",
                                      " ",
                                      ".",
                                      "-",
                                      "+-1",
                                      "1..2",
                                      "1.2.3",
                                      "e5",
                                      "1e",
                                      "1e+",
                                      "1e5x",
                                      "0x10",
                                      "nan",
                                      "inf",
                                      "1_0",
                                      "1,5",
                                      "1 2",
                                      "--1",
                                      "1e1.5",
                                      "1e999",
                                      "-1e309",
                                      "1e99999999999999999999",
                                      "\xc2\xa0"
                                      "1"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    assert_not_number(wrong[i]);
  double value;
  assert_false(parse_float64("1\0", 2, &value));
  assert_true(parse_float64("123", 2, &value) && value == 12);
  char digits[402];
  memset(digits, '0', sizeof digits);
  digits[0] = '1';
  digits[1] = '.';
  assert_true(parse_float64(digits, 400, &value) && value == 1);
  assert_false(parse_float64(digits, 401, &value));
}

static void test_no_locale_changes_the_point(void **state) {
  (void)state;
  static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "fr_CA.UTF-8", "de_DE", "fr_FR"};
  bool found = false;
  for (size_t i = 0; i < sizeof names / sizeof *names && !found; i++)
    found = setlocale(LC_ALL, names[i]);
  if (!found)
    skip();
  char text[NUMBER_TEXT_SIZE];
  format_float64(1.0 / 3, text);
  assert_string_equal(text, "0.3333333333333333");
  format_float32(1e-7f, text);
  assert_string_equal(text, "1e-07");
  assert_parses("0.25", 0.25);
  assert_not_number("0,25");
  setlocale(LC_ALL, "C");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_known_numbers), cmocka_unit_test(test_special_numbers),
      cmocka_unit_test(test_random_numbers_read_back), cmocka_unit_test(test_parsing),
      cmocka_unit_test(test_no_locale_changes_the_point)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
