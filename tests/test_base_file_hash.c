/* SHA-256 of files, in the background. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file_hash.h"
#include "support/folders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static file_hash *start(const char *folder, const char *name) {
  char path[FOLDER_PATH_SIZE + 64];
  error err = {0};
  snprintf(path, sizeof path, "%s/%s", folder, name);
  file_hash *h = file_hash_start(path, &err);
  if (!h)
    fail_msg("%s", err.message);
  return h;
}

static void check(file_hash *h, const char *expected) {
  sha256_text sum;
  error err = {0};
  if (!file_hash_finish(h, &sum, &err))
    fail_msg("%s", err.message);
  assert_string_equal(sum.hex, expected);
}

static void gives_the_files_checksum(void **state) {
  (void)state;
  enum { LARGE = 3 << 20 }; /* bytes: several reads, the last one short */
  char folder[FOLDER_PATH_SIZE];
  folder_make(folder, "file_hash");
  folder_write(folder, "abc", "abc");
  folder_write(folder, "empty", "");
  char *text = malloc(LARGE + 6);
  memset(text, 'x', LARGE + 5);
  text[LARGE + 5] = '\0';
  folder_write(folder, "large", text);
  file_hash *abc = start(folder, "abc"), *empty = start(folder, "empty"), *large = start(folder, "large");
  check(large, sha256_of(text, LARGE + 5).hex);
  check(empty, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  check(abc, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  file_hash_cancel(start(folder, "large"));
  file_hash_cancel(NULL);
  free(text);
}

static void says_what_cannot_be_read(void **state) {
  (void)state;
  char folder[FOLDER_PATH_SIZE];
  error err = {0};
  sha256_text sum;
  folder_make(folder, "file_hash_missing");
  assert_null(file_hash_start("/nowhere/model.pt", &err));
  assert_non_null(strstr(err.message, "/nowhere/model.pt"));
  assert_false(file_hash_finish(start(folder, "."), &sum, &err)); /* a folder opens, but can't be read */
  assert_non_null(strstr(err.message, "file_hash_missing"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gives_the_files_checksum),
      cmocka_unit_test(says_what_cannot_be_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
