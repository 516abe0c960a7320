#include "base/buffer.h"
#include "base/mapped_file.h"
#include "container/safetensors.h"
#include "support/damage.h"
#include "support/mutate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define FIXTURES DEEPECG_TEST_DATA "/fixtures/container/"
#define BERT     DEEPECG_SHARED "/golden/analysis/models/Bert_diagnosis2classification_En_Fr/model.safetensors"

static safetensors *open_or_fail(const uint8_t *data, size_t size) {
  error err = {0};
  safetensors *f = safetensors_open(data, size, &err);
  if (!f)
    fail_msg("%s", err.message);
  return f;
}

static void assert_tensor(const safetensors *f, const char *name, stored_dtype type, int rank,
                          const int64_t *dims, const float *expected) {
  const stored_tensor *t = safetensors_find(f, name);
  assert_non_null(t);
  assert_int_equal(t->type, type);
  assert_int_equal(t->rank, rank);
  for (int i = 0; i < rank; i++)
    assert_int_equal(t->dims[i], dims[i]);
  arena *memory = arena_create(NULL);
  const float *values = stored_tensor_f32(t, memory, NULL);
  assert_non_null(values);
  for (int64_t i = 0; i < stored_tensor_elements(t); i++)
    assert_true(values[i] == expected[i]);
  arena_destroy(memory);
}

static void reads_what_its_own_library_writes(void **state) {
  (void)state;
  mapped_file file;
  assert_true(mapped_file_open(&file, FIXTURES "tensors.safetensors", NULL));
  safetensors *f = open_or_fail(file.data, file.size);
  assert_int_equal(safetensors_count(f), 13);
  for (size_t i = 0; i < 13; i++)
    assert_non_null(safetensors_find(f, safetensors_name(f, i)));
  assert_string_equal(safetensors_name(f, 0), "int64");
  assert_string_equal(safetensors_name(f, 12), "bool");
  float transposed[24];
  for (int i = 0; i < 24; i++)
    transposed[i] = (float)(i % 4 * 6 + i / 4);
  assert_tensor(f, "transposed", STORED_F32, 2, (int64_t[]){6, 4}, transposed);
  assert_tensor(f, "float64", STORED_F64, 1, (int64_t[]){2}, (float[]){0.1f, -2});
  assert_tensor(f, "float16", STORED_F16, 1, (int64_t[]){5},
                (float[]){0.0999755859375f, -2, 0x1p-24f, 65504, INFINITY});
  assert_tensor(f, "bfloat16", STORED_BF16, 1, (int64_t[]){2}, (float[]){0.10009765625f, -2});
  assert_tensor(f, "int64", STORED_I64, 1, (int64_t[]){5}, (float[]){0, 1, 2, 100, -0x1p40f});
  assert_tensor(f, "int32", STORED_I32, 1, (int64_t[]){4}, (float[]){0, 1, 2, 100});
  assert_tensor(f, "int16", STORED_I16, 1, (int64_t[]){4}, (float[]){0, 1, 2, 100});
  assert_tensor(f, "int8", STORED_I8, 1, (int64_t[]){2}, (float[]){-128, 127});
  assert_tensor(f, "uint8", STORED_U8, 1, (int64_t[]){2}, (float[]){0, 255});
  assert_tensor(f, "bool", STORED_BOOL, 1, (int64_t[]){3}, (float[]){1, 0, 1});
  assert_tensor(f, "scalar", STORED_F32, 0, NULL, (float[]){7.5f});
  assert_tensor(f, "empty", STORED_F32, 2, (int64_t[]){0, 3}, NULL);
  assert_null(safetensors_find(f, "__metadata__"));
  assert_null(safetensors_find(f, ""));
  safetensors_close(f);
  mapped_file_close(&file);
}

/* Expected values: of safetensors.torch.load_file, summed in float64. */
static void reads_the_golden_bert(void **state) {
  (void)state;
  mapped_file file;
  if (!mapped_file_open(&file, BERT, NULL))
    skip();
  safetensors *f = open_or_fail(file.data, file.size);
  assert_int_equal(safetensors_count(f), 41);
  int64_t elements = 0;
  double magnitude = 0;
  for (size_t i = 0; i < 41; i++) {
    const stored_tensor *t = safetensors_find(f, safetensors_name(f, i));
    const float *values = stored_tensor_f32(t, NULL, NULL); /* in place: no arena needed */
    for (int64_t j = 0; j < stored_tensor_elements(t); j++)
      magnitude += fabs((double)values[j]);
    elements += stored_tensor_elements(t);
  }
  assert_int_equal(elements, 146509);
  assert_true(fabs(magnitude - 28547.00804725727) < 1e-6);
  safetensors_close(f);
  mapped_file_close(&file);
}

/* ---- Made here ---- */

/* A file of this header and `payload` bytes; claimed: the length that it says the header has. */
static buffer make_file(const char *header, uint64_t claimed, size_t payload) {
  buffer b = {0};
  assert_true(buffer_append(&b, &claimed, sizeof claimed, NULL));
  assert_true(buffer_append_text(&b, header, NULL));
  for (size_t i = 0; i < payload; i++)
    assert_true(buffer_append(&b, "", 1, NULL));
  return b;
}

static void check_claimed(const char *header, uint64_t claimed, size_t payload, error_code code,
                          const char *message) {
  buffer b = make_file(header, claimed, payload);
  error err = {0};
  safetensors *f = safetensors_open((const uint8_t *)b.data, b.size, &err);
  if (code == ERROR_NONE && !f)
    fail_msg("%s", err.message);
  if (code != ERROR_NONE && f)
    fail_msg("accepted, instead of \"%s\"", message);
  if (code != ERROR_NONE && (!strstr(err.message, message) || err.code != code))
    fail_msg("said \"%s\" (code %d), not \"%s\" (code %d)", err.message, (int)err.code, message, (int)code);
  safetensors_close(f);
  buffer_free(&b);
}

static void check(const char *header, size_t payload, error_code code, const char *message) {
  check_claimed(header, strlen(header), payload, code, message);
}

#define TENSOR(name, dtype, shape, offsets)                                                                  \
  "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void accepts_what_the_format_allows(void **state) {
  (void)state;
  check("{}", 0, ERROR_NONE, "");
  check("{\"__metadata__\":{\"a\":\"b\"}}   ", 0, ERROR_NONE, "");
  check("{" TENSOR("b", "F32", "[1]", "[4,8]") "," TENSOR("a", "U8", "[2,2]", "[0,4]") "}", 8, ERROR_NONE,
        "");
  check("{" TENSOR("a", "F32", "[0,9223372036854775807,4]", "[0,0]") "}", 0, ERROR_NONE, "");
}

static void refuses_bad_headers(void **state) {
  (void)state;
  check_claimed("{}", 1ull << 60, 0, ERROR_LIMIT, "a header of 1152921504606846976 bytes");
  check_claimed("{}", UINT64_MAX, 0, ERROR_LIMIT, "a header of 18446744073709551615 bytes");
  check_claimed("{}", SAFETENSORS_MAX_HEADER + 1, 0, ERROR_LIMIT, "a header of 100000001 bytes");
  check_claimed("{}", 3, 0, ERROR_FORMAT, "a header of 3 bytes in a file of 10: the file is cut short");
  check_claimed("{}", 0, 0, ERROR_FORMAT, "JSON header is damaged");
  check_claimed("{}", 1, 0, ERROR_FORMAT, "JSON header is damaged");
  check("", 0, ERROR_FORMAT, "not a safetensors file");
  check("[]", 0, ERROR_FORMAT, "not a safetensors file");
  check(" {}", 0, ERROR_FORMAT, "not a safetensors file");
  check("{}x", 0, ERROR_FORMAT, "JSON header is damaged");
  check("{\"a\":\"\\u0000\"}", 0, ERROR_FORMAT, "JSON header is damaged");
  check("{" TENSOR("a", "U8", "[1]", "[0,1]") "," TENSOR("a", "U8", "[1]", "[1,2]") "}", 2, ERROR_FORMAT,
        "duplicate");
}

static void refuses_bad_descriptions(void **state) {
  (void)state;
  check("{\"a\":[]}", 0, ERROR_FORMAT, "tensor 'a': isn't described by an object");
  check("{\"a\":{}}", 0, ERROR_FORMAT, "tensor 'a': dtype isn't a string");
  check("{" TENSOR("a", "C64", "[1]", "[0,8]") "}", 8, ERROR_UNSUPPORTED, "tensor 'a': dtype C64 isn't read");
  check("{" TENSOR("a", "U8", "1", "[0,1]") "}", 1, ERROR_FORMAT, "shape isn't an array");
  check("{" TENSOR("a", "U8", "[1.0]", "[0,1]") "}", 1, ERROR_FORMAT, "something else than sizes");
  check("{" TENSOR("a", "U8", "[-1]", "[0,1]") "}", 1, ERROR_FORMAT, "something else than sizes");
  check("{" TENSOR("a", "U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]") "}", 1, ERROR_UNSUPPORTED, "9 dimensions");
  check("{" TENSOR("a", "U8", "[4294967296,4294967296]", "[0,1]") "}", 1, ERROR_FORMAT,
        "more elements than 64 bits");
  check("{" TENSOR("a", "F32", "[4611686018427387904]", "[0,0]") "}", 0, ERROR_FORMAT,
        "isn't the size of its shape");
  check("{" TENSOR("a", "F32", "[1]", "[0,3]") "}", 3, ERROR_FORMAT, "has 3 bytes, which isn't the size");
  check("{" TENSOR("a", "U8", "[1]", "[0]") "}", 1, ERROR_FORMAT, "two increasing numbers");
  check("{" TENSOR("a", "U8", "[1]", "[1,0]") "}", 1, ERROR_FORMAT, "two increasing numbers");
  check("{" TENSOR("a", "U8", "[1]", "[-1,0]") "}", 1, ERROR_FORMAT, "two increasing numbers");
  check("{" TENSOR("a", "U8", "[1]", "[0,1.0]") "}", 1, ERROR_FORMAT, "two increasing numbers");
}

static void refuses_bad_places(void **state) {
  (void)state;
  check("{" TENSOR("a", "U8", "[2]", "[0,2]") "}", 1, ERROR_FORMAT, "tensor 'a': ends at byte 2 of 1");
  check("{" TENSOR("a", "U8", "[9223372036854775807]", "[0,9223372036854775807]") "}", 1, ERROR_FORMAT,
        "cut short");
  check("{" TENSOR("a", "U8", "[2]", "[0,2]") "," TENSOR("b", "U8", "[2]", "[1,3]") "}", 3, ERROR_FORMAT,
        "tensor 'b' begins at byte 1, but the one before ends at 2");
  check("{" TENSOR("a", "U8", "[1]", "[0,1]") "," TENSOR("b", "U8", "[1]", "[2,3]") "}", 3, ERROR_FORMAT,
        "tensor 'b' begins at byte 2");
  check("{" TENSOR("a", "U8", "[1]", "[1,2]") "}", 2, ERROR_FORMAT, "tensor 'a' begins at byte 1");
  check("{" TENSOR("a", "U8", "[1]", "[0,1]") "}", 2, ERROR_FORMAT, "the tensors end at byte 1 of 2");
}

static void bounds_nesting(void **state) {
  (void)state;
  buffer header = {0};
  assert_true(buffer_append_text(&header, "{\"a\":", NULL));
  for (int i = 0; i < 1000000; i++)
    assert_true(buffer_append(&header, "[", 1, NULL));
  check(header.data, 0, ERROR_FORMAT, "JSON header is damaged");
  buffer_free(&header);
}

/* ---- Damage ---- */

static bool read_all(const uint8_t *data, size_t size, void *context, error *err) {
  (void)context;
  safetensors *f = safetensors_open(data, size, err);
  if (!f)
    return false;
  arena *memory = arena_create(NULL);
  for (size_t i = 0; i < safetensors_count(f); i++)
    assert_non_null(stored_tensor_f32(safetensors_find(f, safetensors_name(f, i)), memory, NULL));
  arena_destroy(memory);
  safetensors_close(f);
  return true;
}

static void read_mutated(const uint8_t *data, size_t size, void *context) {
  error err = {0};
  if (read_all(data, size, context, &err) == (err.code != ERROR_NONE))
    fail_msg("result and error disagree: %s", err.message);
}

static void says_what_is_wrong_with_damaged_files(void **state) {
  (void)state;
  assert_true(damage_check_reader(DEEPECG_TEST_DATA, "container/safetensors", read_all, NULL) >= 5);
}

static void survives_hostile_bytes(void **state) {
  (void)state;
  mapped_file file;
  assert_true(mapped_file_open(&file, FIXTURES "tensors.safetensors", NULL));
  mutate_truncate(file.data, file.size, 200, read_mutated, NULL);
  mutate_bytes(file.data, file.size, 10000, 17, read_mutated, NULL);
  mapped_file_close(&file);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_what_its_own_library_writes),
      cmocka_unit_test(reads_the_golden_bert),
      cmocka_unit_test(accepts_what_the_format_allows),
      cmocka_unit_test(refuses_bad_headers),
      cmocka_unit_test(refuses_bad_descriptions),
      cmocka_unit_test(refuses_bad_places),
      cmocka_unit_test(bounds_nesting),
      cmocka_unit_test(says_what_is_wrong_with_damaged_files),
      cmocka_unit_test(survives_hostile_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
