#include "base/mapped_file.h"
#include "container/zip.h"
#include "support/damage.h"
#include "support/mutate.h"
#include "support/zip_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define FIXTURES DEEPECG_TEST_DATA "/fixtures/container/"
#define MODELS   DEEPECG_TEST_DATA "/golden/analysis/models/"

static zip_archive *open_or_fail(const uint8_t *data, size_t size) {
  error err = {0};
  zip_archive *z = zip_open(data, size, &err);
  if (!z)
    fail_msg("%s", err.message);
  return z;
}

static const uint8_t *read_or_fail(zip_archive *z, const char *name, size_t *size) {
  error err = {0};
  const uint8_t *bytes = zip_read(z, name, size, &err);
  if (!bytes)
    fail_msg("%s", err.message);
  return bytes;
}

static void assert_refused(const void *result, const error *err, error_code code, const char *message) {
  if (result)
    fail_msg("accepted, instead of \"%s\"", message);
  if (!strstr(err->message, message) || err->code != code)
    fail_msg("said \"%s\" (code %d), not \"%s\" (code %d)", err->message, (int)err->code, message, (int)code);
}

static void assert_open_refused(zip_builder *b, error_code code, const char *message) {
  error err = {0};
  zip_archive *z = zip_open((const uint8_t *)b->bytes.data, b->bytes.size, &err);
  assert_refused(z, &err, code, message);
  zip_builder_free(b);
}

/* The archive opens, but its entry `name` is refused. */
static void assert_read_refused(zip_builder *b, const char *name, error_code code, const char *message) {
  error err = {0};
  size_t size;
  zip_archive *z = open_or_fail((const uint8_t *)b->bytes.data, b->bytes.size);
  assert_refused(zip_read(z, name, &size, &err), &err, code, message);
  zip_close(z);
  zip_builder_free(b);
}

/* ---- Archives of other writers ---- */

static void check_python_archive(const char *path) {
  char lines[2000];
  int length = 0;
  for (int i = 0; i < 200; i++)
    length += snprintf(lines + length, sizeof lines - (size_t)length, "line %d\n", i);

  mapped_file file;
  error err = {0};
  assert_true(mapped_file_open(&file, path, &err));
  zip_archive *z = open_or_fail(file.data, file.size);
  assert_int_equal(zip_entry_count(z), 5);
  assert_string_equal(zip_entry_name(z, 0), "stored.txt");
  assert_string_equal(zip_entry_name(z, 2), "folder/");
  assert_int_equal(zip_entry_size(z, 1), length);

  size_t size;
  const uint8_t *stored = read_or_fail(z, "stored.txt", &size);
  assert_int_equal(size, length);
  assert_memory_equal(stored, lines, size);
  assert_true(stored > file.data && stored < file.data + file.size);

  const uint8_t *deflated = read_or_fail(z, "deflated.txt", &size);
  assert_int_equal(size, length);
  assert_memory_equal(deflated, lines, size);
  assert_ptr_equal(deflated, read_or_fail(z, "deflated.txt", &size));

  read_or_fail(z, "folder/empty", &size);
  assert_int_equal(size, 0);
  assert_refused(zip_read(z, "bzip2.txt", &size, &err), &err, ERROR_UNSUPPORTED, "method 12");
  assert_refused(zip_read(z, "folder", &size, &err), &err, ERROR_NOT_FOUND, "no entry 'folder'");
  zip_close(z);
  mapped_file_close(&file);
}

static void reads_what_python_writes(void **state) {
  (void)state;
  check_python_archive(FIXTURES "python.zip");
  check_python_archive(FIXTURES "streamed.zip");
}

/* Every entry of a model, in place, found by its name, with the right CRC-32. */
static void check_model(const char *path, size_t entries) {
  mapped_file file;
  error err = {0};
  assert_true(mapped_file_open(&file, path, &err));
  zip_archive *z = open_or_fail(file.data, file.size);
  assert_int_equal(zip_entry_count(z), entries);
  for (size_t i = 0; i < entries; i++) {
    const char *name = zip_entry_name(z, i);
    assert_int_equal(zip_find(z, name), i);
    size_t size;
    const uint8_t *bytes = read_or_fail(z, name, &size);
    assert_int_equal(size, zip_entry_size(z, i));
    assert_int_equal((bytes - file.data) % 64, 0);
  }
  assert_int_equal(zip_find(z, "data.pkl"), -1);
  assert_int_equal(zip_find(z, ""), -1);
  zip_close(z);
  mapped_file_close(&file);
}

static void reads_all_entries_of_the_golden_models(void **state) {
  (void)state;
  check_model(MODELS "efficientnetv2_77_classes/efficientnet_deepecg_unscaled.pt", 1940);
  check_model(MODELS "efficientnetv2_afib_5y/efficientnetv2_afib_5y.pt", 396);
  check_model(MODELS "efficientnetv2_lvef_equal_under_40/efficientnetv2_lvef_equal_under_40.pt", 396);
  check_model(MODELS "efficientnetv2_lvef_under_50/efficientnetv2_lvef_under_50.pt", 396);
}

static void reads_torch_code_that_is_deflated(void **state) {
  (void)state;
  mapped_file file;
  error err = {0};
  assert_true(mapped_file_open(&file, FIXTURES "traced.pt", &err));
  zip_archive *z = open_or_fail(file.data, file.size);
  size_t size;
  const uint8_t *code = read_or_fail(z, "traced/code/__torch__.py", &size);
  assert_true(code < file.data || code >= file.data + file.size);
  assert_non_null(memmem(code, size, "def forward(self", 16));
  zip_close(z);
  mapped_file_close(&file);
}

/* ---- zip64 ---- */

static zip_builder zip64_archive(void) {
  zip_builder b = {0};
  zip_add_spec(&b, (zip_spec){.name = "one", .data = "1", .size = 1, .zip64 = true});
  zip_add_spec(&b, (zip_spec){.name = "two", .data = "22", .size = 2, .zip64 = true});
  return b;
}

static void reads_zip64(void **state) {
  (void)state;
  zip_builder b = zip64_archive();
  zip_finish64(&b);
  zip_archive *z = open_or_fail((const uint8_t *)b.bytes.data, b.bytes.size);
  size_t size;
  assert_memory_equal(read_or_fail(z, "two", &size), "22", 2);
  assert_int_equal(size, 2);
  zip_close(z);
  zip_builder_free(&b);
}

static void refuses_contradicting_end_records(void **state) {
  (void)state;
  zip_builder b = zip64_archive();
  zip_finish64(&b);
  b.bytes.data[b.bytes.size - 22 + 10] = 1; /* one entry, not two or 0xffff */
  b.bytes.data[b.bytes.size - 22 + 11] = 0;
  assert_open_refused(&b, ERROR_FORMAT, "contradict");

  b = zip64_archive();
  zip_finish64(&b);
  b.bytes.data[b.bytes.size - 22 - 20 + 8]++; /* the locator's offset */
  assert_open_refused(&b, ERROR_FORMAT, "isn't where its locator says");

  b = zip64_archive();
  zip_finish64(&b);
  b.bytes.data[b.bytes.size - 22 - 20 - 56 + 16] = 1; /* this disk's number */
  assert_open_refused(&b, ERROR_UNSUPPORTED, "several disks");
}

static void refuses_a_cut_zip64_field(void **state) {
  (void)state;
  zip_builder b = zip64_archive();
  char *field = b.central.data + 46 + 3 + 6;
  field[2] = 16; /* room for two numbers of three */
  zip_finish64(&b);
  assert_open_refused(&b, ERROR_FORMAT, "entry 'one' has a damaged zip64 field");
}

/* ---- Wrong directories ---- */

static void refuses_a_name_twice(void **state) {
  (void)state;
  zip_builder b = {0};
  zip_add_text(&b, "data/1", "a");
  zip_add_text(&b, "data/2", "b");
  zip_add_text(&b, "data/1", "c");
  zip_finish(&b);
  assert_open_refused(&b, ERROR_FORMAT, "'data/1' is there twice");
}

static void refuses_bad_names(void **state) {
  (void)state;
  zip_builder b = {0};
  zip_add_text(&b, "fine", "a");
  zip_add_spec(&b, (zip_spec){.name = "nul\0inside", .name_length = 10, .data = "b", .size = 1});
  zip_finish(&b);
  assert_open_refused(&b, ERROR_FORMAT, "entry 1 has a NUL in its name");

  zip_add_text(&b, "", "a");
  zip_finish(&b);
  assert_open_refused(&b, ERROR_FORMAT, "entry 0 has no name");
}

static void refuses_overlaps(void **state) {
  (void)state;
  zip_builder b = {0};
  zip_add_text(&b, "one", "a");
  zip_add_spec(&b, (zip_spec){.name = "two", .data = "b", .size = 1, .offset_plus_one = 1});
  zip_finish(&b);
  assert_open_refused(&b, ERROR_FORMAT, "overlaps another");

  zip_add_spec(
      &b,
      (zip_spec){.name = "one", .data = "a", .size = 1, .claimed_size = 40, .claimed_compressed_size = 40});
  zip_add_text(&b, "two", "b");
  zip_finish(&b);
  assert_open_refused(&b, ERROR_FORMAT, "entry 'one' lies outside the file or overlaps another");

  zip_add_spec(
      &b, (zip_spec){.name = "one", .data = "a", .size = 1, .claimed_size = 9, .claimed_compressed_size = 9});
  zip_finish(&b);
  assert_open_refused(&b, ERROR_FORMAT, "overlaps the directory");
}

static void refuses_an_extra_field_that_reaches_the_next_entry(void **state) {
  (void)state;
  zip_builder b = {0};
  zip_add_spec(&b,
               (zip_spec){.name = "one", .data = "a", .size = 1, .local_extra = 8, .extra_is_missing = true});
  zip_add_text(&b, "two", "b");
  zip_finish(&b);
  assert_read_refused(&b, "one", ERROR_FORMAT, "entry 'one' runs into the next one");
}

static void refuses_what_lies_outside(void **state) {
  (void)state;
  zip_builder b = {0};
  zip_add_spec(&b, (zip_spec){.name = "far", .data = "a", .size = 1, .offset_plus_one = 1 + (1 << 30)});
  zip_finish(&b);
  assert_open_refused(&b, ERROR_FORMAT, "entry 'far' lies outside");

  zip_add_spec(
      &b,
      (zip_spec){.name = "wraps", .data = "a", .size = 1, .offset_plus_one = UINT64_MAX - 7, .zip64 = true});
  zip_finish(&b);
  assert_open_refused(&b, ERROR_FORMAT, "entry 'wraps' lies outside");

  zip_add_spec(&b, (zip_spec){.name = "huge",
                              .data = "a",
                              .size = 1,
                              .zip64 = true,
                              .claimed_size = UINT64_MAX - 7,
                              .claimed_compressed_size = UINT64_MAX - 7});
  zip_finish(&b);
  assert_open_refused(&b, ERROR_FORMAT, "entry 'huge' lies outside");

  zip_add_text(&b, "one", "a");
  zip_finish(&b);
  b.bytes.data[b.bytes.size - 22 + 19] = 1; /* the directory's offset, plus 2^24 */
  assert_open_refused(&b, ERROR_FORMAT, "lies outside the file");
}

static void refuses_absurd_counts(void **state) {
  (void)state;
  zip_builder b = {0};
  zip_add_text(&b, "one", "a");
  b.count = 3;
  zip_finish(&b);
  assert_open_refused(&b, ERROR_FORMAT, "3 entries don't fit into a directory of 49 bytes");

  zip_add_text(&b, "one", "a");
  b.count = (size_t)1 << 40;
  zip_finish64(&b);
  assert_open_refused(&b, ERROR_LIMIT, "1099511627776 entries");

  zip_add_text(&b, "a-name-of-forty-six-letters-and-more-and-more-x", "a");
  b.count = 2;
  zip_finish(&b);
  assert_open_refused(&b, ERROR_FORMAT, "entry 1 of the directory is damaged");
}

static void refuses_encryption_and_several_disks(void **state) {
  (void)state;
  zip_builder b = {0};
  zip_add_spec(&b, (zip_spec){.name = "secret", .data = "a", .size = 1, .flags = 1});
  zip_finish(&b);
  assert_open_refused(&b, ERROR_UNSUPPORTED, "entry 'secret' is encrypted");

  zip_add_text(&b, "one", "a");
  zip_finish(&b);
  b.bytes.data[b.bytes.size - 22 + 4] = 1;
  assert_open_refused(&b, ERROR_UNSUPPORTED, "several disks");
}

/* ---- Wrong entries ---- */

static void names_the_entry_with_a_flipped_bit(void **state) {
  (void)state;
  zip_builder b = {0};
  zip_add_text(&b, "archive/data/0", "the first tensor");
  zip_add_text(&b, "archive/data/1", "the second tensor");
  zip_finish(&b);
  char *second = memmem(b.bytes.data, b.bytes.size, "second", 6);
  *second ^= 0x10;
  error err = {0};
  size_t size;
  zip_archive *z = open_or_fail((const uint8_t *)b.bytes.data, b.bytes.size);
  read_or_fail(z, "archive/data/0", &size);
  for (int i = 0; i < 2; i++)
    assert_refused(zip_read(z, "archive/data/1", &size, &err), &err, ERROR_FORMAT,
                   "entry 'archive/data/1' is damaged: its CRC-32");
  zip_close(z);
  zip_builder_free(&b);
}

static void verifies_an_entry_once(void **state) {
  (void)state;
  zip_builder b = {0};
  zip_add_text(&b, "data", "the tensor");
  zip_finish(&b);
  zip_archive *z = open_or_fail((const uint8_t *)b.bytes.data, b.bytes.size);
  size_t size;
  const uint8_t *first = read_or_fail(z, "data", &size);
  *(char *)memmem(b.bytes.data, b.bytes.size, "the tensor", 10) = '?';
  assert_ptr_equal(read_or_fail(z, "data", &size), first);
  zip_close(z);
  zip_builder_free(&b);
}

static void refuses_a_local_header_that_differs(void **state) {
  (void)state;
  zip_builder b = {0};
  zip_add_spec(&b, (zip_spec){.name = "one", .local_name = "uno", .data = "a", .size = 1});
  zip_finish(&b);
  assert_read_refused(&b, "one", ERROR_FORMAT, "entry 'one' isn't where the directory says");

  zip_add_text(&b, "one", "a");
  zip_finish(&b);
  b.bytes.data[0] = 'Q';
  assert_read_refused(&b, "one", ERROR_FORMAT, "entry 'one' isn't where the directory says");
}

static void refuses_two_sizes_of_a_stored_entry(void **state) {
  (void)state;
  zip_builder b = {0};
  zip_add_spec(&b, (zip_spec){.name = "one", .data = "a", .size = 1, .claimed_size = 1000});
  zip_finish(&b);
  assert_read_refused(&b, "one", ERROR_FORMAT, "its two sizes differ");
}

static void bounds_what_it_inflates(void **state) {
  (void)state;
  static const uint8_t empty_stream[] = {3, 0}; /* one empty block */
  static const uint8_t many[100000];
  zip_builder b = {0};
  zip_add_spec(&b, (zip_spec){.name = "bomb",
                              .data = many,
                              .size = sizeof many,
                              .method = 8,
                              .claimed_size = ZIP_MAX_INFLATED_ENTRY + 1});
  zip_finish(&b);
  assert_read_refused(&b, "bomb", ERROR_LIMIT, "up to 64 MiB");

  zip_add_spec(
      &b, (zip_spec){.name = "bomb", .data = empty_stream, .size = 2, .method = 8, .claimed_size = 1 << 20});
  zip_finish(&b);
  assert_read_refused(&b, "bomb", ERROR_FORMAT, "impossible size");

  zip_add_spec(&b,
               (zip_spec){.name = "short", .data = empty_stream, .size = 2, .method = 8, .claimed_size = 10});
  zip_finish(&b);
  assert_read_refused(&b, "short", ERROR_FORMAT, "doesn't inflate to its 10 bytes");

  static const uint8_t reserved_block[] = {7, 0, 0, 0};
  zip_add_spec(&b, (zip_spec){.name = "bad", .data = reserved_block, .size = 4, .method = 8});
  zip_finish(&b);
  assert_read_refused(&b, "bad", ERROR_FORMAT, "doesn't inflate");
}

static void bounds_what_it_inflates_together(void **state) {
  (void)state;
  static uint8_t
      zeros[ZIP_MAX_INFLATED_ENTRY / 1000]; /* not a stream that inflates; the memory is taken before */
  zeros[0] = 7;
  zip_builder b = {0};
  char name[] = "0";
  for (; *name < '5'; ++*name)
    zip_add_spec(&b, (zip_spec){.name = name,
                                .data = zeros,
                                .size = sizeof zeros,
                                .method = 8,
                                .claimed_size = ZIP_MAX_INFLATED_ENTRY});
  zip_finish(&b);
  zip_archive *z = open_or_fail((const uint8_t *)b.bytes.data, b.bytes.size);
  for (size_t i = 0; i < 5; i++) {
    error err = {0};
    size_t size;
    const uint8_t *bytes = zip_entry_bytes(z, i, &size, &err);
    assert_refused(bytes, &err, i < 4 ? ERROR_FORMAT : ERROR_LIMIT,
                   i < 4 ? "doesn't inflate" : "256 MiB together");
  }
  zip_close(z);
  zip_builder_free(&b);
}

/* ---- Files that are something else; hostile bytes ---- */

static bool read_all(const uint8_t *data, size_t size, void *context, error *err) {
  (void)context;
  zip_archive *z = zip_open(data, size, err);
  if (!z)
    return false;
  bool ok = true;
  for (size_t i = 0; i < zip_entry_count(z) && ok; i++) {
    size_t entry_size;
    const uint8_t *bytes = zip_entry_bytes(z, i, &entry_size, err);
    ok = bytes != NULL;
    assert_true(!ok || zip_find(z, zip_entry_name(z, i)) == (long)i);
  }
  zip_close(z);
  return ok;
}

static void read_mutated(const uint8_t *data, size_t size, void *context) {
  error err = {0};
  if (read_all(data, size, context, &err) == (err.code != ERROR_NONE))
    fail_msg("result and error disagree: %s", err.message);
}

static void says_what_is_wrong_with_damaged_files(void **state) {
  (void)state;
  assert_true(damage_check_reader(DEEPECG_TEST_DATA, "container/zip", read_all, NULL) >= 6);
}

static void survives_hostile_bytes(void **state) {
  (void)state;
  static const char *const files[] = {FIXTURES "python.zip", FIXTURES "streamed.zip", FIXTURES "frozen.pt"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    mapped_file file;
    assert_true(mapped_file_open(&file, files[i], NULL));
    mutate_truncate(file.data, file.size, 200, read_mutated, NULL);
    mutate_bytes(file.data, file.size, 5000, 11 + i, read_mutated, NULL);
    mapped_file_close(&file);
  }
  zip_builder b = zip64_archive();
  zip_finish64(&b);
  mutate_bytes((const uint8_t *)b.bytes.data, b.bytes.size, 4000, 5, read_mutated, NULL);
  zip_builder_free(&b);
}

static void closes_nothing(void **state) {
  (void)state;
  zip_close(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_what_python_writes),
      cmocka_unit_test(reads_all_entries_of_the_golden_models),
      cmocka_unit_test(reads_torch_code_that_is_deflated),
      cmocka_unit_test(reads_zip64),
      cmocka_unit_test(refuses_contradicting_end_records),
      cmocka_unit_test(refuses_a_cut_zip64_field),
      cmocka_unit_test(refuses_a_name_twice),
      cmocka_unit_test(refuses_bad_names),
      cmocka_unit_test(refuses_overlaps),
      cmocka_unit_test(refuses_an_extra_field_that_reaches_the_next_entry),
      cmocka_unit_test(refuses_what_lies_outside),
      cmocka_unit_test(refuses_absurd_counts),
      cmocka_unit_test(refuses_encryption_and_several_disks),
      cmocka_unit_test(names_the_entry_with_a_flipped_bit),
      cmocka_unit_test(verifies_an_entry_once),
      cmocka_unit_test(refuses_a_local_header_that_differs),
      cmocka_unit_test(refuses_two_sizes_of_a_stored_entry),
      cmocka_unit_test(bounds_what_it_inflates),
      cmocka_unit_test(bounds_what_it_inflates_together),
      cmocka_unit_test(says_what_is_wrong_with_damaged_files),
      cmocka_unit_test(survives_hostile_bytes),
      cmocka_unit_test(closes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
