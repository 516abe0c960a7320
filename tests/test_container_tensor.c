#include "base/mapped_file.h"
#include "container/torch_tensors.h"
#include "support/mutate.h"
#include "support/zip_builder.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define FIXTURES      DEEPECG_TEST_DATA "/fixtures/container/"
#define MODELS        DEEPECG_TEST_DATA "/golden/analysis/models/"
#define SHARED_MODELS DEEPECG_SHARED "/golden/analysis/models/"

/* A file of torch, opened down to its pickle. */
typedef struct torch_file {
  mapped_file file;
  zip_archive *zip;
  arena *memory;
  const char *root;
  pickle_value *data;
} torch_file;

static torch_file open_torch_file(const char *path) {
  torch_file t = {.memory = arena_create(NULL)};
  error err = {0};
  if (!mapped_file_open(&t.file, path, &err) || !(t.zip = zip_open(t.file.data, t.file.size, &err)) ||
      !(t.root = torch_archive_root(t.zip, t.memory, &err)) ||
      !(t.data = torch_read_pickle(t.zip, t.root, "data.pkl", t.memory, &err)))
    fail_msg("%s: %s", path, err.message);
  return t;
}

static void close_torch_file(torch_file *t) {
  zip_close(t->zip);
  arena_destroy(t->memory);
  mapped_file_close(&t->file);
}

static stored_tensor tensor_or_fail(torch_file *t, const char *folder, const pickle_value *value) {
  stored_tensor tensor;
  error err = {0};
  assert_true(torch_is_tensor(value));
  if (!torch_tensor_from_pickle(t->zip, t->root, folder, value, &tensor, &err))
    fail_msg("%s", err.message);
  return tensor;
}

static void assert_refused(bool ok, const error *err, error_code code, const char *message) {
  if (ok)
    fail_msg("accepted, instead of \"%s\"", message);
  if (!strstr(err->message, message) || err->code != code)
    fail_msg("said \"%s\" (code %d), not \"%s\" (code %d)", err->message, (int)err->code, message, (int)code);
}

/* ---- Views and conversions, without a file ---- */

static void assert_values(const stored_tensor *t, const float *expected, size_t count) {
  arena *memory = arena_create(NULL);
  error err = {0};
  if (!stored_tensor_check(t, &err))
    fail_msg("%s", err.message);
  assert_int_equal(stored_tensor_elements(t), count);
  const float *values = stored_tensor_f32(t, memory, &err);
  assert_non_null(values);
  assert_int_equal((uintptr_t)values % _Alignof(float), 0);
  for (size_t i = 0; i < count; i++)
    if (memcmp(&values[i], &expected[i], sizeof *values) != 0)
      fail_msg("element %zu is %.9g, not %.9g", i, (double)values[i], (double)expected[i]);
  arena_destroy(memory);
}

static void converts_every_dtype(void **state) {
  (void)state;
  static const struct {
    stored_dtype type;
    const char *bytes;
    float expected[3];
  } cases[] = {
      {STORED_F32, "\0\0\x80\x3f\0\0\0\xc0\0\0\0\0", {1, -2, 0}},
      {STORED_F64, "\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\xc0\x9a\x99\x99\x99\x99\x99\xb9\x3f", {1, -2, 0.1f}},
      {STORED_BF16, "\x80\x3f\x00\xc0\xcd\x3d", {1, -2, 0.10009765625f}},
      {STORED_I64, "\1\0\0\0\0\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\1\0\0", {1, -2, 0x1p40f}},
      {STORED_I32, "\1\0\0\0\xfe\xff\xff\xff\1\0\0\1", {1, -2, 0x1p24f}}, /* 2^24 + 1 is rounded */
      {STORED_I16, "\1\0\xfe\xff\0\1", {1, -2, 256}},
      {STORED_I8, "\1\xfe\x80", {1, -2, -128}},
      {STORED_U8, "\1\xfe\x80", {1, 254, 128}},
      {STORED_BOOL, "\1\0\xff", {1, 0, 1}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    size_t size = 3 * stored_dtype_size(cases[i].type);
    for (size_t shift = 0; shift < 2; shift++) { /* the second time at an odd address */
      _Alignas(8) uint8_t storage[25];
      memcpy(storage + shift, cases[i].bytes, size);
      stored_tensor t = {.type = cases[i].type,
                         .rank = 1,
                         .dims = {3},
                         .strides = {1},
                         .storage = storage + shift,
                         .storage_size = size};
      assert_values(&t, cases[i].expected, 3);
    }
  }
  assert_string_equal(stored_dtype_name(STORED_BF16), "bfloat16");
}

/* All 65536 halves against arithmetic. */
static void converts_every_half(void **state) {
  (void)state;
  static uint16_t halves[65536];
  for (size_t i = 0; i < 65536; i++)
    halves[i] = (uint16_t)i;
  stored_tensor t = {.type = STORED_F16,
                     .rank = 1,
                     .dims = {65536},
                     .strides = {1},
                     .storage = (uint8_t *)halves,
                     .storage_size = sizeof halves};
  arena *memory = arena_create(NULL);
  const float *values = stored_tensor_f32(&t, memory, NULL);
  for (int i = 0; i < 65536; i++) {
    int exponent = i >> 10 & 31, fraction = i & 1023;
    double magnitude = exponent == 31 ? (fraction ? NAN : INFINITY)
                       : exponent     ? ldexp(1024 + fraction, exponent - 25)
                                      : ldexp(fraction, -24);
    double expected = i & 0x8000 ? -magnitude : magnitude;
    assert_true(isnan(magnitude) ? isnan(values[i])
                                 : values[i] == expected && !signbit(values[i]) == !(i & 0x8000));
  }
  arena_destroy(memory);
}

static void hands_out_float32_in_place(void **state) {
  (void)state;
  _Alignas(4) static const float storage[6] = {0, 1, 2, 3, 4, 5};
  stored_tensor t = {.type = STORED_F32,
                     .rank = 2,
                     .dims = {2, 2},
                     .strides = {2, 1},
                     .offset = 1,
                     .storage = (const uint8_t *)storage,
                     .storage_size = sizeof storage};
  arena *memory = arena_create(NULL);
  assert_ptr_equal(stored_tensor_f32(&t, memory, NULL), storage + 1);
  t.strides[0] = 3;
  assert_ptr_not_equal(stored_tensor_f32(&t, memory, NULL), storage + 1);
  t = (stored_tensor){.type = STORED_F32,
                      .rank = 3,
                      .dims = {1, 1, 3},
                      .strides = {77, INT64_MAX, 1},
                      .storage = (const uint8_t *)storage,
                      .storage_size = sizeof storage};
  assert_true(stored_tensor_check(&t, NULL));
  assert_ptr_equal(stored_tensor_f32(&t, memory, NULL),
                   storage); /* the stride of a single element means nothing */
  arena_destroy(memory);
}

static void copies_views(void **state) {
  (void)state;
  static const uint8_t storage[24] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                      12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};
  stored_tensor t = {.type = STORED_U8, .storage = storage, .storage_size = sizeof storage};
  t.offset = 5;
  assert_values(&t, (float[]){5}, 1); /* a scalar */

  t = (stored_tensor){.type = STORED_U8,
                      .rank = 3,
                      .dims = {2, 2, 3},
                      .strides = {12, 1, 4},
                      .offset = 2,
                      .storage = storage,
                      .storage_size = sizeof storage};
  assert_values(&t, (float[]){2, 6, 10, 3, 7, 11, 14, 18, 22, 15, 19, 23}, 12);

  t = (stored_tensor){.type = STORED_U8,
                      .rank = 2,
                      .dims = {3, 2},
                      .strides = {0, 5},
                      .storage = storage,
                      .storage_size = sizeof storage};
  assert_values(&t, (float[]){0, 5, 0, 5, 0, 5}, 6);

  t = (stored_tensor){.type = STORED_U8,
                      .rank = 4,
                      .dims = {2, 1, 2, 1},
                      .strides = {1, INT64_MAX, 6, INT64_MAX},
                      .offset = 7,
                      .storage = storage,
                      .storage_size = sizeof storage};
  assert_values(&t, (float[]){7, 13, 8, 14}, 4);

  t = (stored_tensor){.type = STORED_U8, .rank = 3, .dims = {0, INT64_MAX, 4}, .strides = {1, 1, 1}};
  assert_values(&t, NULL, 0);
}

static void sets_contiguous_strides(void **state) {
  (void)state;
  stored_tensor t = {.rank = 3, .dims = {4, 2, 3}};
  assert_true(stored_tensor_set_contiguous(&t, NULL));
  assert_int_equal(t.strides[0], 6);
  assert_int_equal(t.strides[1], 3);
  assert_int_equal(t.strides[2], 1);
  t = (stored_tensor){.rank = 3, .dims = {0, INT64_MAX, 3}};
  assert_true(stored_tensor_set_contiguous(&t, NULL));
  error err = {0};
  t = (stored_tensor){.rank = 2, .dims = {1ll << 32, 1ll << 31}};
  assert_refused(stored_tensor_set_contiguous(&t, &err), &err, ERROR_FORMAT, "more elements than 64 bits");
}

static void assert_check_refused(stored_tensor t, error_code code, const char *message) {
  static const uint8_t storage[16];
  error err = {0};
  t.storage = storage;
  t.storage_size = sizeof storage;
  assert_refused(stored_tensor_check(&t, &err), &err, code, message);
}

static void refuses_views_that_leave_their_storage(void **state) {
  (void)state;
  error_code format = ERROR_FORMAT;
  assert_check_refused((stored_tensor){.rank = 1, .dims = {5}, .strides = {1}}, format,
                       "its storage of 4 elements");
  assert_check_refused((stored_tensor){.rank = 1, .dims = {4}, .strides = {1}, .offset = 1}, format,
                       "beyond");
  assert_check_refused((stored_tensor){.offset = 4}, format, "beyond");
  assert_check_refused((stored_tensor){.offset = INT64_MAX}, format, "beyond");
  assert_check_refused((stored_tensor){.rank = 1, .dims = {2}, .strides = {INT64_MAX}}, format, "beyond");
  assert_check_refused((stored_tensor){.rank = 1, .dims = {3}, .strides = {INT64_MAX}}, format, "beyond");
  assert_check_refused((stored_tensor){.rank = 2, .dims = {2, 3}, .strides = {1, 2}}, format, "beyond");
  assert_check_refused((stored_tensor){.rank = 1, .dims = {-1}, .strides = {1}}, format,
                       "dimension 0 is negative");
  assert_check_refused((stored_tensor){.rank = 1, .dims = {2}, .strides = {-1}, .offset = 1}, format,
                       "stride 0");
  assert_check_refused((stored_tensor){.offset = -1}, format, "offset is negative");
  assert_check_refused((stored_tensor){.rank = 2, .dims = {1ll << 40, 1ll << 40}}, format, "more elements");
  assert_check_refused((stored_tensor){.rank = 7}, ERROR_UNSUPPORTED, "7 dimensions");
  assert_check_refused((stored_tensor){.rank = -1}, ERROR_UNSUPPORTED, "-1 dimensions");
  assert_check_refused((stored_tensor){.rank = 1, .dims = {STORED_TENSOR_MAX_REPEATED + 1}}, ERROR_LIMIT,
                       "repeats");
  stored_tensor t = {.rank = 1, .dims = {STORED_TENSOR_MAX_REPEATED}, .storage_size = 4};
  assert_true(stored_tensor_check(&t, NULL));
}

/* ---- Files of torch.save ---- */

static void assert_saved(torch_file *t, const char *name, int rank, const int64_t *dims,
                         const float *expected) {
  const pickle_value *value = pickle_get(pickle_get(t->data, "model"), name);
  stored_tensor tensor = tensor_or_fail(t, "data", value);
  assert_int_equal(tensor.rank, rank);
  size_t count = 1;
  for (int i = 0; i < rank; i++) {
    assert_int_equal(tensor.dims[i], dims[i]);
    count *= (size_t)dims[i];
  }
  assert_values(&tensor, expected, count);
}

static void reads_every_kind_of_saved_tensor(void **state) {
  (void)state;
  torch_file t = open_torch_file(FIXTURES "saved.pt");
  assert_string_equal(t.root, "saved");
  float counting[24];
  for (int i = 0; i < 24; i++)
    counting[i] = (float)i;
  float transposed[24];
  for (int i = 0; i < 24; i++)
    transposed[i] = (float)(i % 4 * 6 + i / 4);

  assert_saved(&t, "float32", 1, (int64_t[]){24}, counting);
  assert_saved(&t, "float64", 1, (int64_t[]){2}, (float[]){0.1f, -2});
  assert_saved(&t, "float16", 1, (int64_t[]){5}, (float[]){0.0999755859375f, -2, 0x1p-24f, 65504, INFINITY});
  assert_saved(&t, "bfloat16", 1, (int64_t[]){2}, (float[]){0.10009765625f, -2});
  assert_saved(&t, "int64", 1, (int64_t[]){5}, (float[]){0, 1, 2, 100, -0x1p40f});
  assert_saved(&t, "int32", 1, (int64_t[]){4}, (float[]){0, 1, 2, 100});
  assert_saved(&t, "int16", 1, (int64_t[]){4}, (float[]){0, 1, 2, 100});
  assert_saved(&t, "int8", 1, (int64_t[]){2}, (float[]){-128, 127});
  assert_saved(&t, "uint8", 1, (int64_t[]){2}, (float[]){0, 255});
  assert_saved(&t, "bool", 1, (int64_t[]){3}, (float[]){1, 0, 1});
  assert_saved(&t, "scalar", 0, NULL, (float[]){7.5f});
  assert_saved(&t, "empty", 2, (int64_t[]){0, 3}, NULL);
  assert_saved(&t, "view", 2, (int64_t[]){3, 4}, counting + 4);
  assert_saved(&t, "transposed", 2, (int64_t[]){6, 4}, transposed);
  assert_saved(&t, "strided", 1, (int64_t[]){5}, (float[]){1, 6, 11, 16, 21});
  assert_saved(&t, "expanded", 2, (int64_t[]){2, 3}, (float[]){2, 2, 2, 2, 2, 2});
  assert_saved(&t, "parameter", 1, (int64_t[]){2}, (float[]){1, 2});
  assert_saved(&t, "with_attribute", 1, (int64_t[]){2}, (float[]){3, 4});
  assert_saved(&t, "subclassed", 1, (int64_t[]){2}, (float[]){5, 6});

  const pickle_value *model = pickle_get(t.data, "model");
  stored_tensor whole = tensor_or_fail(&t, "data", pickle_get(model, "float32"));
  stored_tensor view = tensor_or_fail(&t, "data", pickle_get(model, "view"));
  assert_ptr_equal(whole.storage, view.storage);
  assert_int_equal((view.storage - t.file.data) % 64, 0);
  assert_int_equal(view.offset, 4);
  close_torch_file(&t);
}

static void reads_a_file_saved_without_checksums(void **state) {
  (void)state;
  torch_file t = open_torch_file(FIXTURES "without_crc.pt");
  stored_tensor tensor = tensor_or_fail(&t, "data", t.data);
  assert_values(&tensor, (float[]){0, 1, 2}, 3);
  close_torch_file(&t);
}

static void says_what_it_does_not_read(void **state) {
  (void)state;
  torch_file t = open_torch_file(FIXTURES "saved.pt");
  const pickle_value *model = pickle_get(t.data, "model");
  stored_tensor tensor;
  error err = {0};
  assert_true(torch_is_tensor(pickle_get(model, "sparse")));
  assert_refused(torch_tensor_from_pickle(t.zip, t.root, "data", pickle_get(model, "sparse"), &tensor, &err),
                 &err, ERROR_UNSUPPORTED, "_rebuild_sparse_tensor aren't read");
  assert_refused(torch_tensor_from_pickle(t.zip, t.root, "data", pickle_get(model, "complex"), &tensor, &err),
                 &err, ERROR_UNSUPPORTED, "ComplexFloatStorage isn't read");
  assert_refused(torch_tensor_from_pickle(t.zip, t.root, "data", pickle_get(model, "uint16"), &tensor, &err),
                 &err, ERROR_UNSUPPORTED, "dtype uint16 isn't read");
  assert_refused(torch_tensor_from_pickle(t.zip, t.root, "data", model, &tensor, &err), &err, ERROR_FORMAT,
                 "not a tensor");
  assert_false(torch_is_tensor(model));
  assert_false(torch_is_tensor(t.data));
  assert_false(torch_is_tensor(NULL));
  close_torch_file(&t);
}

static void reads_constants(void **state) {
  (void)state;
  torch_file t = open_torch_file(FIXTURES "frozen.pt");
  error err = {0};
  const pickle_value *constants = torch_read_pickle(t.zip, t.root, "constants.pkl", t.memory, &err);
  assert_non_null(constants);
  assert_int_equal(constants->kind, PICKLE_TUPLE);
  assert_int_equal(constants->as.list.count, 3);
  const int64_t elements[] = {36, 4, 1};
  for (size_t i = 0; i < 3; i++) {
    stored_tensor tensor = tensor_or_fail(&t, "constants", constants->as.list.items[i]);
    assert_int_equal(stored_tensor_elements(&tensor), elements[i]);
  }
  close_torch_file(&t);

  t = open_torch_file(FIXTURES "traced.pt");
  stored_tensor weight =
      tensor_or_fail(&t, "data", pickle_attribute(pickle_attribute(t.data, "convolution"), "weight"));
  float counting[36];
  for (int i = 0; i < 36; i++)
    counting[i] = (float)i;
  assert_values(&weight, counting, 36);
  close_torch_file(&t);
}

/* ---- Archives made here ---- */

#define TENSOR(class, elements, offset, size, stride)                                                        \
  "ctorch._utils\n_rebuild_tensor_v2\n((U\7storagectorch\n" class "\nU\1"                                    \
                                                                  "0U\3cpu" elements "tQ" offset size stride \
                                                                  "\x89)tR"

/* The answer to a pickle over an archive with one storage of 8 bytes, `ok` when it's read. */
static void check_made(const char *pickle, size_t size, const char *byte_order, error_code code,
                       const char *message) {
  zip_builder b = {0};
  zip_add(&b, "r/data.pkl", pickle, size);
  if (byte_order)
    zip_add_text(&b, "r/byteorder", byte_order);
  zip_add(&b, "r/data/0", "\0\0\x80\x3f\0\0\0\x40", 8);
  zip_finish(&b);
  error err = {0};
  stored_tensor tensor;
  arena *memory = arena_create(NULL);
  zip_archive *z = zip_open((const uint8_t *)b.bytes.data, b.bytes.size, &err);
  assert_non_null(z);
  const char *root = torch_archive_root(z, memory, &err);
  const pickle_value *value = root ? torch_read_pickle(z, root, "data.pkl", memory, &err) : NULL;
  bool ok = value && torch_tensor_from_pickle(z, root, "data", value, &tensor, &err);
  if (code != ERROR_NONE)
    assert_refused(ok, &err, code, message);
  else if (!ok)
    fail_msg("%s", err.message);
  else
    assert_values(&tensor, (float[]){1, 2}, 2);
  zip_close(z);
  arena_destroy(memory);
  zip_builder_free(&b);
}

#define CHECK(pickle, code, message) check_made(pickle, sizeof(pickle) - 1, NULL, code, message)

static void checks_what_a_pickle_says_of_a_tensor(void **state) {
  (void)state;
  CHECK(TENSOR("FloatStorage", "K\2", "K\0", "K\2\x85", "K\1\x85") ".", ERROR_NONE, "");
  CHECK(TENSOR("FloatStorage", "K\3", "K\0", "K\2\x85", "K\1\x85") ".", ERROR_FORMAT,
        "storage '0' has 8 bytes, too few for 3 elements of float32");
  CHECK(TENSOR("DoubleStorage", "K\2", "K\0", "K\2\x85", "K\1\x85") ".", ERROR_FORMAT,
        "too few for 2 elements");
  CHECK(TENSOR("FloatStorage", "J\xff\xff\xff\xff", "K\0", "K\2\x85", "K\1\x85") ".", ERROR_FORMAT,
        "too few");
  CHECK(TENSOR("FloatStorage", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", "K\0", "K\2\x85", "K\1\x85") ".",
        ERROR_FORMAT, "too few");
  CHECK(TENSOR("FloatStorage", "K\1", "K\0", "K\2\x85", "K\1\x85") ".", ERROR_FORMAT,
        "its storage of 1 elements");
  CHECK(TENSOR("FloatStorage", "K\2", "K\1", "K\2\x85", "K\1\x85") ".", ERROR_FORMAT,
        "its storage of 2 elements");
  CHECK(TENSOR("FloatStorage", "K\2", "N", "K\2\x85", "K\1\x85") ".", ERROR_FORMAT,
        "offset isn't an integer");
  CHECK(TENSOR("FloatStorage", "K\2", "K\0", "N", "K\1\x85") ".", ERROR_FORMAT, "the size isn't a tuple");
  CHECK(TENSOR("FloatStorage", "K\2", "K\0", "K\2\x85", ")") ".", ERROR_FORMAT,
        "1 dimensions with 0 strides");
  CHECK(TENSOR("FloatStorage", "K\2", "K\0", "(K\1K\1K\1K\1K\1K\1K\2t", "K\1\x85") ".", ERROR_UNSUPPORTED,
        "7 dimensions");
  CHECK(TENSOR("QInt8Storage", "K\2", "K\0", "K\2\x85", "K\1\x85") ".", ERROR_UNSUPPORTED,
        "QInt8Storage isn't read");
  CHECK("ctorch._utils\n_rebuild_tensor_v2\n(NK\0K\2\x85K\1\x85\x89)tR.", ERROR_FORMAT, "without a storage");
  CHECK("ctorch._utils\n_rebuild_tensor_v2\n)R.", ERROR_FORMAT, "offset isn't an integer");
  CHECK("ctorch._utils\n_rebuild_tensor_v2\n((U\7storagectorch\nFloatStorage\nU\1"
        "1U\3cpuK\2tQK\0K\2\x85K\1\x85\x89)tR.",
        ERROR_NOT_FOUND, "no entry 'r/data/1'");
  CHECK("ctorch._utils\n_rebuild_tensor_v2\n((U\7storagecos\nFloatStorage\nU\1"
        "0U\3cpuK\2tQK\0K\2\x85K\1\x85\x89)tR.",
        ERROR_FORMAT, "class isn't one of torch");
  CHECK("ctorch._utils\n_rebuild_tensor_v2\n((U\7storagectorch\nFloatStorage\n"
        "K\0U\3cpuK\2tQK\0K\2\x85K\1\x85\x89)tR.",
        ERROR_FORMAT, "key of a storage isn't a name");
  CHECK("ctorch._utils\n_rebuild_tensor_v2\n((U\7storagectorch\nFloatStorage\nU\1"
        "0U\3cpuK\2tQK\0K\2\x85K\1\x85\x89)}U\3negK\1stR.",
        ERROR_UNSUPPORTED, "metadata");
}

static void reads_untyped_storages(void **state) {
  (void)state;
  CHECK("ctorch._utils\n_rebuild_tensor_v3\n((U\7storagectorch.storage\nUntypedStorage\nU\1"
        "0U\3cpuK\10tQK\0K\2\x85K\1\x85\x89)ctorch\nfloat32\ntR.",
        ERROR_NONE, "");
  CHECK("ctorch._utils\n_rebuild_tensor_v3\n((U\7storagectorch.storage\nUntypedStorage\nU\1"
        "0U\3cpuK\7tQK\0K\2\x85K\1\x85\x89)ctorch\nfloat32\ntR.",
        ERROR_FORMAT, "its storage of 1 elements");
  CHECK("ctorch._utils\n_rebuild_tensor_v3\n((U\7storagectorch.storage\nUntypedStorage\nU\1"
        "0U\3cpuK\10tQK\0K\2\x85K\1\x85\x89)NtR.",
        ERROR_FORMAT, "dtype isn't one of torch");
}

static void refuses_big_endian_archives(void **state) {
  (void)state;
  static const char pickle[] = TENSOR("FloatStorage", "K\2", "K\0", "K\2\x85", "K\1\x85") ".";
  check_made(pickle, sizeof pickle - 1, "little", ERROR_NONE, "");
  check_made(pickle, sizeof pickle - 1, "big", ERROR_UNSUPPORTED, "aren't little-endian");
}

static void wants_a_data_pickle(void **state) {
  (void)state;
  zip_builder b = {0};
  zip_add_text(&b, "data.pkl", "N.");
  zip_add_text(&b, "a/b/data.pkl", "N.");
  zip_finish(&b);
  error err = {0};
  arena *memory = arena_create(NULL);
  zip_archive *z = zip_open((const uint8_t *)b.bytes.data, b.bytes.size, NULL);
  assert_refused(torch_archive_root(z, memory, &err), &err, ERROR_FORMAT, "without data.pkl");
  assert_refused(torch_read_pickle(z, "a", "data.pkl", memory, &err), &err, ERROR_NOT_FOUND, "'a/data.pkl'");
  zip_close(z);
  arena_destroy(memory);
  zip_builder_free(&b);
}

/* A parameter in a parameter in a parameter ... */
static void bounds_wrapped_tensors(void **state) {
  (void)state;
  buffer pickle = {0};
  for (int i = 0; i < 5000; i++)
    assert_true(buffer_append_text(&pickle, "ctorch._utils\n_rebuild_parameter\n", NULL));
  assert_true(buffer_append_text(&pickle, "N", NULL));
  for (int i = 0; i < 5000; i++)
    assert_true(buffer_append_text(&pickle, "\x85R", NULL));
  assert_true(buffer_append_text(&pickle, ".", NULL));
  check_made(pickle.data, pickle.size, NULL, ERROR_FORMAT, "not a tensor");
  buffer_free(&pickle);
}

/* ---- The golden models ---- */

typedef struct totals {
  int64_t tensors[2], elements[2]; /* of buffers, of parameters */
  double magnitude[2];
} totals;

static void add_tensor(torch_file *t, const pickle_value *value, bool is_parameter, totals *sum) {
  stored_tensor tensor = tensor_or_fail(t, "data", value);
  const float *values = stored_tensor_f32(&tensor, t->memory, NULL);
  assert_non_null(values);
  int64_t elements = stored_tensor_elements(&tensor);
  sum->tensors[is_parameter]++;
  sum->elements[is_parameter] += elements;
  for (int64_t i = 0; i < elements; i++)
    sum->magnitude[is_parameter] += fabs((double)values[i]);
}

/* In a trace, parameters are the tensors that require a gradient. */
static void add_module(torch_file *t, const pickle_value *module, int depth, totals *sum) {
  const pickle_value *state = module->as.reduce.state;
  assert_true(depth < 20);
  assert_int_equal(state->kind, PICKLE_DICT);
  for (size_t i = 1; i < state->as.list.count; i += 2) {
    const pickle_value *value = state->as.list.items[i];
    if (torch_is_tensor(value))
      add_tensor(t, value, value->as.reduce.arguments->as.list.items[4]->as.integer, sum);
    else if (value->kind == PICKLE_REDUCE)
      add_module(t, value, depth + 1, sum);
  }
}

static void assert_near(double value, double expected) {
  if (!(fabs(value - expected) <= 1e-9 * fabs(expected)))
    fail_msg("%.17g, not %.17g", value, expected);
}

/* Expected values: counts and sums of torch.jit.load's named_parameters() and named_buffers(), in float64. */
static void reads_the_whole_77_label_model(void **state) {
  (void)state;
  torch_file t = open_torch_file(MODELS "efficientnetv2_77_classes/efficientnet_deepecg_unscaled.pt");
  totals sum = {0};
  add_module(&t, t.data, 0, &sum);
  assert_int_equal(sum.tensors[true], 355);
  assert_int_equal(sum.elements[true], 1508235);
  assert_int_equal(sum.tensors[false], 216);
  assert_int_equal(sum.elements[false], 21328);
  assert_near(sum.magnitude[true], 158636.28632958062);
  assert_near(sum.magnitude[false], 147196.864074629);
  close_torch_file(&t);
}

static void reads_fairseq_checkpoint(const char *path, int64_t elements, double magnitude) {
  torch_file t = open_torch_file(path);
  const pickle_value *cfg = pickle_get(pickle_get(t.data, "cfg"), "model");
  assert_true(pickle_is_text(pickle_get(cfg, "_name"), "ecg_transformer_classifier"));
  assert_true(pickle_is_text(pickle_get(cfg, "conv_feature_layers"), "[(24, 2, 2)] * 4"));
  assert_int_equal(pickle_get(t.data, "args")->kind, PICKLE_NONE);
  const pickle_value *model = pickle_get(t.data, "model");
  assert_true(pickle_is_call(model, "collections", "OrderedDict"));
  totals sum = {0};
  for (size_t i = 1; i < model->as.reduce.items->as.list.count; i += 2)
    add_tensor(&t, model->as.reduce.items->as.list.items[i], true, &sum);
  assert_int_equal(sum.tensors[true], 49);
  assert_int_equal(sum.elements[true], elements);
  assert_near(sum.magnitude[true], magnitude);
  close_torch_file(&t);
}

static void reads_the_fairseq_checkpoints(void **state) {
  (void)state;
  FILE *present = fopen(SHARED_MODELS "wcr_77_classes/wcr_77_classes.pt", "rb");
  if (!present)
    skip();
  fclose(present);
  reads_fairseq_checkpoint(SHARED_MODELS "wcr_77_classes/wcr_77_classes.pt", 65725, 13375.278328279728);
  reads_fairseq_checkpoint(SHARED_MODELS "wcr_afib_5y/wcr_afib_5y.pt", 62001, 6154.404038683891);
  reads_fairseq_checkpoint(SHARED_MODELS "wcr_lvef_under_50/wcr_lvef_under_50.pt", 62001, 6160.179514841765);
}

/* ---- Hostile bytes ---- */

/* The archive's CRC-32 would catch nearly every change: here the pickle is changed before it is packed. */
static void read_mutated(const uint8_t *data, size_t size, void *context) {
  torch_file *t = context;
  error err = {0};
  arena *memory = arena_create(NULL);
  const pickle_value *value = pickle_parse(data, size, memory, &err);
  const pickle_value *model = pickle_get(value, "model");
  if (model && model->kind == PICKLE_REDUCE)
    model = model->as.reduce.items;
  for (size_t i = 1; model && model->kind == PICKLE_DICT && i < model->as.list.count; i += 2) {
    stored_tensor tensor;
    err = (error){0};
    bool ok = torch_tensor_from_pickle(t->zip, t->root, "data", model->as.list.items[i], &tensor, &err);
    assert_true(ok == (err.code == ERROR_NONE));
    if (ok)
      assert_non_null(stored_tensor_f32(&tensor, memory, NULL));
  }
  arena_destroy(memory);
}

static void survives_hostile_bytes(void **state) {
  (void)state;
  torch_file t = open_torch_file(FIXTURES "saved.pt");
  size_t size;
  const uint8_t *pickle = zip_read(t.zip, "saved/data.pkl", &size, NULL);
  mutate_truncate(pickle, size, 200, read_mutated, &t);
  mutate_bytes(pickle, size, 10000, 3, read_mutated, &t);
  close_torch_file(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(converts_every_dtype),
      cmocka_unit_test(converts_every_half),
      cmocka_unit_test(hands_out_float32_in_place),
      cmocka_unit_test(copies_views),
      cmocka_unit_test(sets_contiguous_strides),
      cmocka_unit_test(refuses_views_that_leave_their_storage),
      cmocka_unit_test(reads_every_kind_of_saved_tensor),
      cmocka_unit_test(reads_a_file_saved_without_checksums),
      cmocka_unit_test(says_what_it_does_not_read),
      cmocka_unit_test(reads_constants),
      cmocka_unit_test(checks_what_a_pickle_says_of_a_tensor),
      cmocka_unit_test(reads_untyped_storages),
      cmocka_unit_test(refuses_big_endian_archives),
      cmocka_unit_test(wants_a_data_pickle),
      cmocka_unit_test(bounds_wrapped_tensors),
      cmocka_unit_test(reads_the_whole_77_label_model),
      cmocka_unit_test(reads_the_fairseq_checkpoints),
      cmocka_unit_test(survives_hostile_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
