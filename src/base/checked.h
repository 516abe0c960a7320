/* Size arithmetic on foreign numbers: true when the result fits, and only then is *result set. */
#ifndef DEEPECG_BASE_CHECKED_H
#define DEEPECG_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool checked_add(size_t a, size_t b, size_t *result) {
  return !__builtin_add_overflow(a, b, result);
}

static inline bool checked_mul(size_t a, size_t b, size_t *result) {
  return !__builtin_mul_overflow(a, b, result);
}

static inline bool checked_mul_i64(int64_t a, int64_t b, int64_t *result) {
  return !__builtin_mul_overflow(a, b, result);
}

static inline bool checked_add_i64(int64_t a, int64_t b, int64_t *result) {
  return !__builtin_add_overflow(a, b, result);
}

/* Does [offset, offset + length) lie inside `size` bytes? */
static inline bool range_inside(uint64_t offset, uint64_t length, uint64_t size) {
  return offset <= size && length <= size - offset;
}

#endif
