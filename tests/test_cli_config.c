/* Configuration files: what a line means, and bytes that are none. */
#include "cli/config_file.h"
#include "support/mutate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char scratch[] = DEEPECG_TEST_TMP "/config_scratch.config";

static void write_scratch(const void *bytes, size_t size) {
  FILE *file = fopen(scratch, access(scratch, F_OK) == 0 ? "r+b" : "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fflush(file), 0);
  assert_int_equal(ftruncate(fileno(file), (off_t)size), 0);
  assert_int_equal(fclose(file), 0);
}

/* "line key=value;" for every line, appended to the text that context points to. */
static bool note_line(void *context, size_t line, const char *key, const char *value, error *err) {
  char *text = context;
  size_t used = strlen(text);
  if (strcmp(key, "refused") == 0)
    return error_set(err, ERROR_USAGE, "line %zu is refused", line);
  snprintf(text + used, 1000 - used, "%zu %s=%s;", line, key, value);
  return true;
}

static void check_lines(const char *config, const char *expected) {
  char text[1000] = "";
  error err = {0};
  write_scratch(config, strlen(config));
  if (!config_file_read(scratch, note_line, text, &err))
    fail_msg("%s", err.message);
  assert_string_equal(text, expected);
}

static void test_lines(void **state) {
  (void)state;
  check_lines("", "");
  check_lines("mode: analysis", "1 mode=analysis;");
  check_lines("\xef\xbb\xbfmode: analysis\r\nbatch_size:32\r\n", "1 mode=analysis;2 batch_size=32;");
  check_lines("# a comment\n\n  \t\n  a : b  \n#c: d\n", "4 a=b;");
  check_lines("a: \"x y\"\nb: 'z'\nc: \"\nd: \"x'\n", "1 a=x y;2 b=z;3 c=\";4 d=\"x';");
  check_lines("path: C:/x:y # no comment\nempty:\n", "1 path=C:/x:y # no comment;2 empty=;");
}

static void check_refused(const void *config, size_t size, const char *message) {
  char text[1000] = "";
  error err = {0};
  write_scratch(config, size);
  assert_false(config_file_read(scratch, note_line, text, &err));
  if (!strstr(err.message, message))
    fail_msg("\"%s\" does not say \"%s\"", err.message, message);
}

static void test_refusals(void **state) {
  (void)state;
  static char long_line[8192];
  check_refused("a: b\nno colon\n", 14, "config_scratch.config:2: a line is 'key: value'");
  check_refused("a: b\0c\n", 7, "config_scratch.config:1: not a line of text");
  check_refused("a: b\nrefused: c\n", 16, "line 2 is refused");
  memset(long_line, 'x', sizeof long_line);
  check_refused(long_line, sizeof long_line, "config_scratch.config:1: not a line of text");
  error err = {0};
  assert_false(config_file_read(DEEPECG_TEST_TMP "/no_such.config", note_line, NULL, &err));
  assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static bool check_line(void *context, size_t line, const char *key, const char *value, error *err) {
  (void)context, (void)err;
  assert_true(line > 0 && strlen(key) < 4096 && strlen(value) < 4096);
  assert_null(strpbrk(key, "\n:"));
  assert_null(strchr(value, '\n'));
  return true;
}

static void read_variant(const uint8_t *data, size_t size, void *context) {
  (void)context;
  error err = {0};
  write_scratch(data, size);
  if (!config_file_read(scratch, check_line, NULL, &err) && !strstr(err.message, "config_scratch.config:"))
    fail_msg("\"%s\" does not name the file and the line", err.message);
}

static void test_hostile_bytes(void **state) {
  (void)state;
  static const char config[] = "# Settings\r\nmode: full_run\nuse_wcr: \"True\"\n\n batch_size : 32\r\n"
                               "data_path: 'inputs/r\xc3\xa9sum\xc3\xa9.csv'\n";
  mutate_truncate((const uint8_t *)config, sizeof config - 1, 200, read_variant, NULL);
  mutate_bytes((const uint8_t *)config, sizeof config - 1, 10000, 31, read_variant, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lines),
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_hostile_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
