#include "container/tensor.h"

#include "base/checked.h"
#include "container/little_endian.h"

#include <inttypes.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "stored float32 is handed out in place");

/* One row of a view: `count` elements, `stride` bytes apart, to float32. */
typedef void (*row_converter)(const uint8_t *from, size_t stride, int64_t count, float *to);

static float half_to_float(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16;
  uint32_t exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;
  if (exponent == 0) { /* zero and subnormals: fraction * 2^-24, exact in float32 */
    float magnitude = (float)fraction * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  uint32_t wide_exponent = exponent == 0x1f ? 0xff : exponent + 127 - 15;
  uint32_t bits = sign | wide_exponent << 23 | fraction << 13;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static float bfloat_to_float(uint16_t bfloat) {
  uint32_t bits = (uint32_t)bfloat << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static float bool_to_float(uint8_t byte) {
  return byte ? 1.0f : 0.0f;
}

/* memcpy: storage may lie at any address. */
#define DEFINE_ROW(name, type, convert)                                                                      \
  static void name(const uint8_t *from, size_t stride, int64_t count, float *to) {                           \
    for (int64_t i = 0; i < count; i++, from += stride) {                                                    \
      type element;                                                                                          \
      memcpy(&element, from, sizeof element);                                                                \
      to[i] = convert(element);                                                                              \
    }                                                                                                        \
  }

DEFINE_ROW(row_f32, float, )
DEFINE_ROW(row_f64, double, (float))
DEFINE_ROW(row_f16, uint16_t, half_to_float)
DEFINE_ROW(row_bf16, uint16_t, bfloat_to_float)
DEFINE_ROW(row_i64, int64_t, (float))
DEFINE_ROW(row_i32, int32_t, (float))
DEFINE_ROW(row_i16, int16_t, (float))
DEFINE_ROW(row_i8, int8_t, (float))
DEFINE_ROW(row_u8, uint8_t, (float))
DEFINE_ROW(row_bool, uint8_t, bool_to_float)

static const struct dtype {
  const char *name;
  size_t size;
  row_converter convert_row;
} dtypes[] = {
    [STORED_F32] = {"float32", 4, row_f32}, [STORED_F64] = {"float64", 8, row_f64},
    [STORED_F16] = {"float16", 2, row_f16}, [STORED_BF16] = {"bfloat16", 2, row_bf16},
    [STORED_I64] = {"int64", 8, row_i64},   [STORED_I32] = {"int32", 4, row_i32},
    [STORED_I16] = {"int16", 2, row_i16},   [STORED_I8] = {"int8", 1, row_i8},
    [STORED_U8] = {"uint8", 1, row_u8},     [STORED_BOOL] = {"bool", 1, row_bool},
};

size_t stored_dtype_size(stored_dtype type) {
  return dtypes[type].size;
}

const char *stored_dtype_name(stored_dtype type) {
  return dtypes[type].name;
}

int64_t stored_tensor_elements(const stored_tensor *t) {
  int64_t elements = 1;
  for (int i = 0; i < t->rank; i++)
    elements *= t->dims[i];
  return elements;
}

/* The product of the dims, which may overflow even when one of them is 0. */
static bool count_elements(const stored_tensor *t, int64_t *elements, error *err) {
  if (t->rank < 0 || t->rank > STORED_TENSOR_MAX_RANK)
    return error_set(err, ERROR_UNSUPPORTED, "%d dimensions; at most %d are read", t->rank,
                     STORED_TENSOR_MAX_RANK);
  *elements = 1;
  for (int i = 0; i < t->rank; i++) {
    if (t->dims[i] < 0)
      return error_set(err, ERROR_FORMAT, "dimension %d is negative (%" PRId64 ")", i, t->dims[i]);
    if (!checked_mul_i64(*elements, t->dims[i], elements))
      return error_set(err, ERROR_FORMAT, "the shape has more elements than 64 bits count");
  }
  return true;
}

bool stored_tensor_set_contiguous(stored_tensor *t, error *err) {
  int64_t elements = 0;
  if (!count_elements(t, &elements, err))
    return false;
  int64_t stride = 1;
  for (int i = t->rank - 1; i >= 0; i--) {
    t->strides[i] = stride;
    if (elements) /* no overflow: the product of all dims is known to fit */
      stride *= t->dims[i];
  }
  return true;
}

/* The place behind the last element of a view that has elements; false on overflow. */
static bool view_end(const stored_tensor *t, int64_t *end) {
  if (!checked_add_i64(t->offset, 1, end))
    return false;
  for (int i = 0; i < t->rank; i++) {
    int64_t reach;
    if (!checked_mul_i64(t->dims[i] - 1, t->strides[i], &reach) || !checked_add_i64(*end, reach, end))
      return false;
  }
  return true;
}

bool stored_tensor_check(const stored_tensor *t, error *err) {
  int64_t elements = 0, end = 0;
  if (!count_elements(t, &elements, err))
    return false;
  for (int i = 0; i < t->rank; i++)
    if (t->strides[i] < 0)
      return error_set(err, ERROR_FORMAT, "stride %d is negative (%" PRId64 ")", i, t->strides[i]);
  if (t->offset < 0)
    return error_set(err, ERROR_FORMAT, "the storage offset is negative (%" PRId64 ")", t->offset);
  if (elements == 0)
    return true;
  int64_t stored = (int64_t)(t->storage_size / dtypes[t->type].size);
  if (!view_end(t, &end) || end > stored)
    return error_set(err, ERROR_FORMAT, "the tensor reaches beyond its storage of %" PRId64 " elements",
                     stored);
  if (elements > stored && elements > STORED_TENSOR_MAX_REPEATED)
    return error_set(err, ERROR_LIMIT, "a view of %" PRId64 " elements repeats a storage of only %" PRId64,
                     elements, stored);
  return true;
}

static bool is_contiguous(const stored_tensor *t) {
  int64_t expected = 1;
  for (int i = t->rank - 1; i >= 0; i--) {
    if (t->dims[i] != 1 && t->strides[i] != expected)
      return false;
    expected *= t->dims[i];
  }
  return true;
}

/* Go to the next row: count up all dims but the last, the last of them fastest. Unsigned: the stride of a dim
 * of 1 may be any number, and is taken back at once. */
static void next_row(const stored_tensor *t, int64_t *index, uint64_t *place) {
  for (int i = t->rank - 2; i >= 0; i--) {
    *place += (uint64_t)t->strides[i];
    if (++index[i] < t->dims[i])
      return;
    *place -= (uint64_t)t->strides[i] * (uint64_t)t->dims[i];
    index[i] = 0;
  }
}

static void convert_rows(const stored_tensor *t, int64_t elements, float *to) {
  const struct dtype *type = &dtypes[t->type];
  bool one_row = t->rank == 0 || is_contiguous(t);
  int64_t row = one_row ? elements : t->dims[t->rank - 1];
  size_t stride = one_row ? type->size : (size_t)t->strides[t->rank - 1] * type->size;
  int64_t index[STORED_TENSOR_MAX_RANK] = {0};
  uint64_t place = (uint64_t)t->offset;
  for (int64_t done = 0; done < elements; done += row) {
    type->convert_row(t->storage + place * type->size, stride, row, to + done);
    next_row(t, index, &place);
  }
}

const float *stored_tensor_f32(const stored_tensor *t, arena *memory, error *err) {
  int64_t elements = stored_tensor_elements(t);
  if (elements && t->type == STORED_F32 && is_contiguous(t)) {
    const void *in_place = t->storage + (size_t)t->offset * sizeof(float);
    if ((uintptr_t)in_place % _Alignof(float) == 0)
      return in_place;
  }
  float *copy = arena_alloc_array(memory, (size_t)elements, sizeof *copy, err);
  if (copy && elements)
    convert_rows(t, elements, copy);
  return copy;
}
