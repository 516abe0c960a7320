/* The damage case files are read as support/damage.h describes them, and wrong ones are refused. */
#include "support/damage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char case_path[] = DEEPECG_TEST_TMP "/damage_case.txt";

static bool load(const char *text, damage_case *out, error *err) {
  FILE *file = fopen(case_path, "wb");
  assert_non_null(file);
  assert_true(fputs(text, file) >= 0);
  assert_int_equal(fclose(file), 0);
  return damage_case_load(case_path, DEEPECG_TEST_DATA, out, err);
}

static void assert_bytes(const char *text, const char *bytes, size_t size) {
  damage_case c;
  error err = {0};
  if (!load(text, &c, &err))
    fail_msg("%s", err.message);
  assert_int_equal(c.size, size);
  assert_memory_equal(c.bytes, bytes, size);
  damage_case_free(&c);
}

static void assert_refused(const char *text, const char *message) {
  damage_case c;
  error err = {0};
  assert_false(load(text, &c, &err));
  if (!strstr(err.message, message))
    fail_msg("message: %s", err.message);
}

static void test_damages_are_applied_in_order(void **state) {
  (void)state;
  assert_bytes("do: append \"abcdef\"\ndo: truncate 4\nexpect: ok\n", "abcd", 4);
  assert_bytes("do: append \"abcdef\"\ndo: truncate -1\nexpect: x", "abcde", 5);
  assert_bytes("# note\n\ndo: append \"abc\"\r\ndo: set 1 0xff 0x00\nexpect: x\n", "a\xff\0", 3);
  assert_bytes("do: append \"abc\"\ndo: set -1 65\nexpect: x\n", "abA", 3);
  assert_bytes("do: append \"a-b-c\"\ndo: replace \"-\" \"...\"\nexpect: x\n", "a...b-c", 7);
  assert_bytes("do: append \"a-b-c\"\ndo: replace \"b-\" \"\"\nexpect: x\n", "a-c", 3);
  assert_bytes("do: append \"\\x00\\\"\\\\\\n\\t\\r\\xfF\"\nexpect: x\n", "\0\"\\\n\t\r\xff", 7);
  assert_bytes("do: append \"abc\"\ndo: empty\nexpect: x\n", "", 0);
}

static void test_base_is_read_from_the_tests_folder(void **state) {
  (void)state;
  damage_case c;
  error err = {0};
  assert_true(load("base: golden/metrics/binary_two_rows_input.csv\ndo: truncate 12\nexpect:  two words \n",
                   &c, &err));
  assert_string_equal(c.base, "golden/metrics/binary_two_rows_input.csv");
  assert_memory_equal(c.bytes, "ground_truth", 12);
  assert_string_equal(c.expect, "two words");
  assert_false(c.expect_ok);
  damage_case_free(&c);
}

static void test_wrong_cases_are_refused(void **state) {
  (void)state;
  assert_refused("do: empty\n", "no expect line");
  assert_refused("do: append \"a\"\ndo: truncate 2\nexpect: x\n",
                 "line 2: truncate reaches outside the 1 bytes");
  assert_refused("do: append \"a\"\ndo: set 1 0x00\nexpect: x\n", "set reaches outside");
  assert_refused("do: append \"a\"\ndo: set 0 0x100\nexpect: x\n", "0x00 to 0xff");
  assert_refused("do: append \"a\"\ndo: set 0\nexpect: x\n", "an offset and bytes");
  assert_refused("do: append \"a\"\ndo: replace \"b\" \"c\"\nexpect: x\n", "not in the file");
  assert_refused("do: append \"a\nexpect: x\n", "not closed");
  assert_refused("do: append \"\\q\"\nexpect: x\n", "unknown escape");
  assert_refused("do: append \"a\" b\nexpect: x\n", "too much after append");
  assert_refused("do: shuffle\nexpect: x\n", "unknown damage");
  assert_refused("base: no_such_file\nexpect: x\n", "no_such_file");
  assert_refused("expects: x\n", "neither base, do nor expect");
  assert_refused("expect: x\nexpect: y\n", "one usable expect line");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_damages_are_applied_in_order),
                                     cmocka_unit_test(test_base_is_read_from_the_tests_folder),
                                     cmocka_unit_test(test_wrong_cases_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
