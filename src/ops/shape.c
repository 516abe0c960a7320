#include "base/checked.h"
#include "ops/op.h"

#include <inttypes.h>
#include <stdio.h>

size_t dtype_size(dtype type) {
  return type == DTYPE_F32 ? sizeof(float) : sizeof(int32_t);
}

const char *dtype_name(dtype type) {
  return type == DTYPE_F32 ? "f32" : "i32";
}

bool shape_elements(const shape *s, int64_t *elements) {
  const int64_t limit = (int64_t)1 << 40;
  if (s->rank < 0 || s->rank > TENSOR_MAX_RANK)
    return false;
  int64_t product = 1;
  for (int i = 0; i < s->rank; i++)
    if (s->dims[i] < 1 || !checked_mul_i64(product, s->dims[i], &product) || product > limit)
      return false;
  *elements = product;
  return true;
}

bool shape_equal(const shape *a, const shape *b) {
  if (a->rank != b->rank)
    return false;
  for (int i = 0; i < a->rank; i++)
    if (a->dims[i] != b->dims[i])
      return false;
  return true;
}

const char *shape_text(const shape *s, char *text, size_t size) {
  size_t used = (size_t)snprintf(text, size, "(");
  for (int i = 0; i < s->rank && i < TENSOR_MAX_RANK && used < size; i++)
    used += (size_t)snprintf(text + used, size - used, i ? ", %" PRId64 : "%" PRId64, s->dims[i]);
  if (used < size)
    snprintf(text + used, size - used, ")");
  return text;
}
