#include "base/arena.h"
#include "base/base64.h"
#include "base/buffer.h"
#include "base/checked.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "base/reporter.h"
#include "base/sha256.h"
#include "base/string_map.h"
#include "base/text_hash.h"
#include "base/utf8.h"
#include "support/mutate.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void test_error_messages(void **state) {
  (void)state;
  error err = {0};
  errno = 7;
  assert_false(error_set(&err, ERROR_FORMAT, "offset %d", 12));
  assert_int_equal(err.code, ERROR_FORMAT);
  assert_string_equal(err.message, "offset 12");
  assert_false(error_prefix(&err, "%s", "file.xml"));
  assert_int_equal(err.code, ERROR_FORMAT);
  assert_string_equal(err.message, "file.xml: offset 12");
  assert_false(error_set(&err, ERROR_DATA, "again %s", err.message));
  assert_string_equal(err.message, "again file.xml: offset 12");
  assert_false(error_set_errno(&err, ENOENT, "x"));
  assert_int_equal(err.code, ERROR_NOT_FOUND);
  assert_string_equal(err.message, "x: No such file or directory");
  assert_false(error_set_errno(&err, EACCES, "x"));
  assert_int_equal(err.code, ERROR_IO);
  assert_false(error_out_of_memory(&err));
  assert_int_equal(err.code, ERROR_MEMORY);
  assert_int_equal(errno, 7);
  assert_false(error_set(NULL, ERROR_DATA, "nobody cares"));
  assert_false(error_set_errno(NULL, ENOENT, "nobody cares"));
  assert_false(error_prefix(NULL, "nobody cares"));
}

static void test_error_messages_are_harmless(void **state) {
  (void)state;
  error err = {0};
  error_set(&err, ERROR_FORMAT, "a\x1b[31m\n\x7f\xc2\x9b|\xff|\xc3\xa9|\xe2\x82");
  assert_string_equal(err.message, "a?[31m????|?|\xc3\xa9|??");
  error_prefix(&err, "\r");
  assert_int_equal(err.message[0], '?');
  char longer[3000];
  memset(longer, 'x', sizeof longer - 1);
  longer[sizeof longer - 1] = '\0';
  error_set(&err, ERROR_FORMAT, "%s", longer);
  assert_int_equal(strlen(err.message), sizeof err.message - 1);
  error_prefix(&err, "%s", longer);
  error_set_errno(&err, ENOENT, "%s", longer);
  assert_int_equal(strlen(err.message), sizeof err.message - 1);
  memset(longer, 0, sizeof longer);
  for (size_t i = 0; i < 998; i += 2)
    memcpy(longer + i, "\xc3\xa9", 3);
  error_set(&err, ERROR_FORMAT, "%s\xc3\xa9", longer); /* cut inside the last character */
  assert_true(utf8_valid(err.message, strlen(err.message)));
  assert_string_equal(err.message + 998, "?");
}

static void keep_message(void *context, report_level level, const char *text) {
  snprintf(context, 100, "%s%s", level == REPORT_WARNING ? "warning: " : "", text);
}

static void test_reporter(void **state) {
  (void)state;
  char said[100] = "";
  const reporter r = {said, keep_message, NULL};
  report(&r, REPORT_WARNING, "%s\x1b", "oh");
  assert_string_equal(said, "warning: oh?");
  report_progress(&r, "Reading", 1, 2);
  report(NULL, REPORT_WARNING, "x");
  report_progress(NULL, "x", 0, 0);
}

static void test_utf8(void **state) {
  (void)state;
  static const char *const valid[] = {"",
                                      "ascii only, more than eight of them",
                                      "\xc2\x80",
                                      "\xdf\xbf",
                                      "\xe0\xa0\x80",
                                      "\xed\x9f\xbf",
                                      "\xee\x80\x80",
                                      "\xef\xbf\xbf",
                                      "\xf0\x90\x80\x80",
                                      "\xf4\x8f\xbf\xbf",
                                      "seven..\xe2\x82\xac"};
  static const char *const invalid[] = {"\x80",
                                        "\xc0\x80",
                                        "\xc1\xbf",
                                        "\xc3",
                                        "\xc3(",
                                        "\xe0\x9f\xbf",
                                        "\xed\xa0\x80",
                                        "\xe2\x82",
                                        "\xf0\x8f\xbf\xbf",
                                        "\xf4\x90\x80\x80",
                                        "\xf5\x80\x80\x80",
                                        "\xff",
                                        "eight...\xe2\x82"};
  for (size_t i = 0; i < sizeof valid / sizeof *valid; i++)
    assert_true(utf8_valid(valid[i], strlen(valid[i])));
  for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++)
    assert_false(utf8_valid(invalid[i], strlen(invalid[i])));
}

static void test_arena(void **state) {
  (void)state;
  arena *a = arena_create(NULL);
  assert_non_null(a);
  unsigned char *blocks[400];
  size_t used = 0;
  for (size_t i = 0; i < 400; i++) {
    size_t size = i * i % 5000;
    blocks[i] = arena_alloc(a, size, NULL);
    assert_non_null(blocks[i]);
    assert_int_equal((uintptr_t)blocks[i] % 16, 0);
    for (size_t j = 0; j < size; j++)
      assert_int_equal(blocks[i][j], 0);
    memset(blocks[i], (int)(i & 0xff), size);
    used += size;
  }
  for (size_t i = 0; i < 400; i++)
    for (size_t j = 0; j < i * i % 5000; j++)
      assert_int_equal(blocks[i][j], i & 0xff);
  assert_true(arena_used(a) >= used);
  assert_true(arena_owns(a, blocks[0]) && arena_owns(a, blocks[1]));
  assert_false(arena_owns(a, &used) || arena_owns(a, NULL));
  assert_string_equal(arena_printf(a, NULL, "%s %d", "lead", 12), "lead 12");
  assert_string_equal(arena_strdup(a, "V1", NULL), "V1");
  assert_string_equal(arena_strndup(a, "V1V2", 2, NULL), "V1");
  assert_string_equal(arena_strndup(a, NULL, 0, NULL), "");
  error err = {0};
  assert_null(arena_alloc_array(a, SIZE_MAX / 2, 3, &err));
  assert_int_equal(err.code, ERROR_MEMORY);
  assert_null(arena_alloc(a, SIZE_MAX - 4, &err));
  assert_null(arena_alloc(a, SIZE_MAX - 100, &err));
  assert_null(arena_strndup(a, "", SIZE_MAX, &err));
  arena_destroy(a);
  arena_destroy(NULL);
}

static void test_buffer(void **state) {
  (void)state;
  buffer b = {0};
  for (int i = 0; i < 1000; i++)
    assert_true(buffer_printf(&b, NULL, "%03d,", i));
  assert_int_equal(b.size, 4000);
  assert_memory_equal(b.data + 3996, "999,", 5);
  buffer_clear(&b);
  assert_string_equal(b.data, "");
  assert_true(buffer_append(&b, NULL, 0, NULL) && buffer_append_text(&b, "ab", NULL));
  assert_string_equal(b.data, "ab");
  error err = {0};
  assert_false(buffer_reserve(&b, SIZE_MAX - 1, &err));
  assert_int_equal(err.code, ERROR_MEMORY);
  assert_false(buffer_reserve(&b, SIZE_MAX - 3, &err));
  assert_string_equal(b.data, "ab");
  buffer_free(&b);
  buffer_free(&b);

  void *numbers = NULL;
  size_t capacity = 0;
  assert_true(array_reserve(&numbers, &capacity, 3, sizeof(int), NULL));
  assert_true(capacity >= 3);
  size_t before = capacity;
  assert_false(array_reserve(&numbers, &capacity, SIZE_MAX / 2, sizeof(int), &err));
  assert_false(array_reserve(&numbers, &capacity, SIZE_MAX / sizeof(int) + 2, sizeof(int),
                             &err)); /* wraps to 4 bytes */
  assert_int_equal(capacity, before);
  free(numbers);
}

static void test_checked_arithmetic(void **state) {
  (void)state;
  size_t result = 5;
  assert_true(checked_add(SIZE_MAX - 1, 1, &result) && result == SIZE_MAX);
  assert_false(checked_add(SIZE_MAX, 1, &result));
  assert_false(checked_mul(SIZE_MAX / 2, 3, &result));
  assert_true(range_inside(4, 6, 10) && range_inside(10, 0, 10));
  assert_false(range_inside(4, 7, 10));
  assert_false(range_inside(UINT64_MAX, 2, 10));
  assert_false(range_inside(11, 0, 10));
}

static void test_sha256(void **state) {
  (void)state;
  assert_string_equal(sha256_of("abc", 3).hex,
                      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert_string_equal(sha256_of(NULL, 0).hex,
                      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_clock(void **state) {
  (void)state;
  double start = clock_seconds();
  assert_true(clock_seconds() >= start);
  time_stamp stamp = time_stamp_now();
  assert_int_equal(strlen(stamp.text), 15);
  assert_int_equal(strspn(stamp.text, "0123456789"), 8);
  assert_int_equal(stamp.text[8], '_');
  assert_int_equal(strspn(stamp.text + 9, "0123456789"), 6);
}

/* ---- base64 ---- */

static void assert_base64(const char *bytes, size_t size, const char *text) {
  char encoded[64];
  uint8_t decoded[64];
  size_t decoded_size = 0;
  assert_int_equal(base64_encoded_size(size), strlen(text));
  base64_encode((const uint8_t *)bytes, size, encoded);
  assert_memory_equal(encoded, text, strlen(text));
  assert_true(base64_decode(text, strlen(text), decoded, &decoded_size));
  assert_int_equal(decoded_size, size);
  assert_memory_equal(decoded, bytes, size);
}

static void test_base64_vectors(void **state) {
  (void)state;
  static const char *const vectors[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"},
                                           {"\xfb\xff\xbf\xfb\xff\xbf\xfb\xff\xbf", "+/+/+/+/+/+/"}};
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
    assert_base64(vectors[i][0], strlen(vectors[i][0]), vectors[i][1]);
  assert_base64("\0\0\0\0\0\0\0\0\0\0", 10, "AAAAAAAAAAAAAA==");
}

static void assert_decodes(const char *text, const char *bytes) {
  uint8_t decoded[64];
  size_t size = 0;
  if (!base64_decode(text, strlen(text), decoded, &size) || size != strlen(bytes) ||
      memcmp(decoded, bytes, size) != 0)
    fail_msg("%s", text);
}

static void assert_not_base64(const char *text) {
  uint8_t decoded[64];
  size_t size = 0;
  if (base64_decode(text, strlen(text), decoded, &size))
    fail_msg("%s", text);
}

static void test_base64_blanks_and_padding(void **state) {
  (void)state;
  assert_decodes(" Z m 9 v\r\n\tYg\n=\n=\n", "foob");
  assert_decodes("Zm9v\nYmFy\n", "foobar");
  assert_decodes("Zm9\nvYmFyZm9vYmFy\n", "foobarfoobar");
  assert_decodes(" \n", "");
  static const char *const wrong[] = {
      "Z",           "Zg",      "Zg=",      "Zm8",      "Zm9vY",    "Zm9vYg",      "Zm9vYg=",
      "=",           "====",    "Z===",     "Zm9v=",    "Zm9v====", "Zg==Zg==",    "Zg=a",
      "Zm8=a",       "Zg==\n=", "Zm9v-mFy", "Zm9v_mFy", "Zm9v.",    "Zm9v\x80mFy", "Zm9vYmFyZm9vYm\xffy",
      "Zm 9v, YmFy", "*"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    assert_not_base64(wrong[i]);
}

/* All sizes, random bytes; in place too; in allocations of exactly the promised size. */
static void test_base64_round_trip(void **state) {
  (void)state;
  uint64_t seed = 11;
  for (size_t size = 0; size < 300; size++) {
    size_t length = base64_encoded_size(size), decoded_size;
    uint8_t *bytes = malloc(size ? size : 1), *decoded = malloc(length / 4 * 3 + 3);
    char *text = malloc(length + 3);
    assert_true(bytes && decoded && text);
    for (size_t i = 0; i < size; i++)
      bytes[i] = (uint8_t)mutate_next(&seed);
    base64_encode(bytes, size, text);
    assert_true(base64_decode(text, length, decoded, &decoded_size));
    assert_int_equal(decoded_size, size);
    assert_memory_equal(decoded, bytes, size);
    assert_true(base64_decode(text, length, (uint8_t *)text, &decoded_size));
    assert_int_equal(decoded_size, size);
    assert_memory_equal(text, bytes, size);
    free(bytes);
    free(decoded);
    free(text);
  }
}

/* A decoder that looks at one character at a time. */
static bool decode_slowly(const uint8_t *text, size_t length, uint8_t *bytes, size_t *size) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  unsigned bits = 0, group = 0, characters = 0, padding = 0;
  *size = 0;
  for (size_t i = 0; i < length; i++) {
    const char *at = text[i] ? strchr(alphabet, text[i]) : NULL;
    if (text[i] && strchr(" \t\r\n", text[i]))
      continue;
    if (text[i] == '=') {
      padding++;
      continue;
    }
    if (!at || padding)
      return false;
    group = (group << 6 | (unsigned)(at - alphabet)) & 0xffff;
    characters++;
    if ((bits += 6) >= 8)
      bytes[(*size)++] = (uint8_t)(group >> (bits -= 8));
  }
  return (characters + padding) % 4 == 0 && padding <= 2 && characters % 4 != 1 &&
         (!padding || characters % 4);
}

static void check_hostile_base64(const uint8_t *data, size_t size, void *context) {
  (void)context;
  uint8_t *fast = malloc(size / 4 * 3 + 3), slow[512];
  size_t fast_size, slow_size;
  assert_non_null(fast);
  bool ok = base64_decode((const char *)data, size, fast, &fast_size);
  assert_int_equal(ok, decode_slowly(data, size, slow, &slow_size));
  if (ok) {
    assert_int_equal(fast_size, slow_size);
    assert_memory_equal(fast, slow, slow_size);
  }
  free(fast);
}

static void test_base64_hostile(void **state) {
  (void)state;
  static const char text[] =
      "VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRo\r\nZSBsYXp5IGRvZy4gMDEyMzQ1Njc4OQ==\r\n";
  mutate_truncate((const uint8_t *)text, sizeof text - 1, 200, check_hostile_base64, NULL);
  mutate_bytes((const uint8_t *)text, sizeof text - 1, 10000, 5, check_hostile_base64, NULL);
}

/* ---- mapped files ---- */

#define SCRATCH DEEPECG_TEST_TMP "/base_scratch"

static void assert_not_mapped(const char *path, error_code code, const char *message) {
  mapped_file file;
  error err = {0};
  assert_false(mapped_file_open(&file, path, &err));
  assert_int_equal(err.code, code);
  if (!strstr(err.message, message) || !strstr(err.message, path))
    fail_msg("%s", err.message);
  mapped_file_close(&file);
}

/* Resident pages that belong to files. */
static long shared_pages(void) {
  FILE *file = fopen("/proc/self/statm", "r");
  long pages = 0;
  if (!file || fscanf(file, "%*d %*d %ld", &pages) != 1)
    pages = 0;
  if (file)
    fclose(file);
  return pages;
}

static void test_released_bytes_need_no_memory(void **state) {
  (void)state;
  enum { PAGES = 4000 };
  long page = sysconf(_SC_PAGESIZE), sum = 0;
  FILE *out = fopen(SCRATCH, "wb");
  assert_non_null(out);
  assert_int_equal(ftruncate(fileno(out), PAGES * page), 0);
  fclose(out);
  mapped_file file;
  assert_true(mapped_file_open(&file, SCRATCH, NULL));
  for (long i = 0; i < PAGES; i++)
    sum += *(const volatile uint8_t *)(file.data + i * page);
  assert_int_equal(sum, 0);
  long before = shared_pages();
  mapped_file_release(&file, 0, file.size);
  long after = shared_pages();
  mapped_file_close(&file);
  remove(SCRATCH);
  if (before == 0)
    skip(); /* no /proc */
  assert_true(before - after > PAGES / 2);
}

/* What is read at once stays as it was, whatever happens to the file. */
static void test_small_file_cut_meanwhile(void **state) {
  (void)state;
  FILE *out = fopen(SCRATCH, "wb");
  assert_non_null(out);
  for (int i = 0; i < 5000; i++)
    assert_int_equal(fwrite("0123456789", 1, 10, out), 10);
  assert_int_equal(fclose(out), 0);
  mapped_file file;
  assert_true(mapped_file_open(&file, SCRATCH, NULL));
  assert_int_equal(file.size, 50000);
  assert_int_equal(truncate(SCRATCH, 0), 0);
  mapped_file_release(&file, 0, 50000);
  mapped_file_done(&file, file.data, 50000);
  assert_memory_equal(file.data + 49990, "0123456789", 10);
  mapped_file_close(&file);
  remove(SCRATCH);
}

static void test_mapped_file(void **state) {
  (void)state;
  remove(SCRATCH);
  FILE *out = fopen(SCRATCH, "wb");
  assert_non_null(out);
  enum { ROWS = 500000 };
  for (int i = 0; i < ROWS; i++)
    assert_int_equal(fwrite("0123456789", 1, 10, out), 10);
  assert_int_equal(fclose(out), 0);
  mapped_file file;
  assert_true(mapped_file_open(&file, SCRATCH, NULL));
  assert_int_equal(file.size, 10 * ROWS);
  assert_int_equal(file.mapped, 10 * ROWS);
  mapped_file_release(&file, 1, 49999);
  mapped_file_release(&file, 0, 20 * ROWS);
  mapped_file_done(&file, file.data + 100, 40000);
  mapped_file_done(&file, &file, sizeof file);
  mapped_file_done(&file, file.data + file.size, 1 << 20);
  assert_memory_equal(file.data + 40000, "0123456789", 10);
  mapped_file_close(&file);
  mapped_file_close(&file);

  assert_int_equal(truncate(SCRATCH, 0), 0);
  assert_true(mapped_file_open(&file, SCRATCH, NULL));
  assert_int_equal(file.size, 0);
  assert_non_null(file.data);
  mapped_file_release(&file, 0, 1);
  mapped_file_close(&file);

  assert_not_mapped(DEEPECG_TEST_TMP, ERROR_IO, "is a folder, not a file");
  assert_not_mapped(DEEPECG_TEST_TMP "/no/such/file", ERROR_NOT_FOUND, "No such file");
  assert_not_mapped("/dev/null", ERROR_IO, "is not a regular file");
  remove(SCRATCH);
  assert_int_equal(mkfifo(SCRATCH, 0600), 0);
  assert_not_mapped(SCRATCH, ERROR_IO, "is not a regular file");
  remove(SCRATCH);
}

/* File names are a stranger's: no two may collide under every key. */
static void test_text_hash_depends_on_its_key(void **state) {
  (void)state;
  static const char *const texts[] = {"", "a", "ecg_0001", "ecg_000123.xml"};
  for (size_t i = 0; i < 4; i++) {
    size_t length = strlen(texts[i]);
    assert_true(text_hash(1, texts[i], length) == text_hash(1, texts[i], length));
    assert_true(text_hash(1, texts[i], length) != text_hash(2, texts[i], length));
  }
  assert_true(text_hash(1, "ab", 1) == text_hash(1, "ac", 1));
  assert_true(text_hash(1, "a\0", 2) != text_hash(1, "a", 1));
  string_map one = {0}, other = {0};
  assert_true(string_map_add(&one, "a", 1, NULL, NULL) && string_map_add(&other, "a", 1, NULL, NULL));
  assert_true(one.hash_key != other.hash_key);
  string_map_free(&one);
  string_map_free(&other);
}

static void test_string_map(void **state) {
  (void)state;
  enum { KEYS = 5000 };
  static char keys[KEYS][16];
  string_map map = {0};
  size_t existing;
  assert_int_equal(string_map_get(&map, "nothing", 7), 7);
  for (size_t i = 0; i < KEYS; i++) {
    snprintf(keys[i], sizeof keys[i], "ecg_%zu", i);
    assert_true(string_map_add(&map, keys[i], i, &existing, NULL));
    assert_int_equal(existing, i);
  }
  assert_true(string_map_add(&map, "ecg_42", 1, &existing, NULL));
  assert_int_equal(existing, 42);
  for (size_t i = 0; i < KEYS; i++)
    assert_int_equal(string_map_get(&map, keys[i], KEYS), i);
  assert_int_equal(string_map_get(&map, "ecg_5000", KEYS), KEYS);
  assert_int_equal(map.count, KEYS);
  string_map_free(&map);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_text_hash_depends_on_its_key),
      cmocka_unit_test(test_string_map),
      cmocka_unit_test(test_error_messages),
      cmocka_unit_test(test_error_messages_are_harmless),
      cmocka_unit_test(test_reporter),
      cmocka_unit_test(test_utf8),
      cmocka_unit_test(test_arena),
      cmocka_unit_test(test_buffer),
      cmocka_unit_test(test_checked_arithmetic),
      cmocka_unit_test(test_sha256),
      cmocka_unit_test(test_clock),
      cmocka_unit_test(test_base64_vectors),
      cmocka_unit_test(test_base64_blanks_and_padding),
      cmocka_unit_test(test_base64_round_trip),
      cmocka_unit_test(test_base64_hostile),
      cmocka_unit_test(test_released_bytes_need_no_memory),
      cmocka_unit_test(test_mapped_file),
      cmocka_unit_test(test_small_file_cut_meanwhile),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
