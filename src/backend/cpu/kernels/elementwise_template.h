/* Two operands, element by element; an operand with step 0 is one number for all. */
#include "backend/cpu/kernels/vector_math.h"

static inline __attribute__((always_inline)) vec apply_binary(binary_kind kind, vec a, vec b) {
  switch (kind) {
  case BINARY_ADD:
    return vec_add(a, b);
  case BINARY_SUB:
    return vec_sub(a, b);
  case BINARY_MUL:
    return vec_mul(a, b);
  case BINARY_DIV:
    return vec_div(a, b);
  case BINARY_MAXIMUM:
    return vec_select(vec_mask_or(vec_greater(b, a), vec_unordered(b, b)), b, a);
  case BINARY_MINIMUM:
    return vec_select(vec_mask_or(vec_greater(a, b), vec_unordered(b, b)), b, a);
  case BINARY_PRELU:
    return vec_select(vec_greater(a, vec_set1(0)), a, vec_mul(b, a));
  }
  return a;
}

static inline __attribute__((always_inline)) void
binary_all(binary_kind kind, const float *a, int a_step, const float *b, int b_step, float *y, ptrdiff_t n) {
  vec same_a = vec_set1(*a), same_b = vec_set1(*b);
  ptrdiff_t i = 0;
  for (; i + VECTOR_LANES <= n; i += VECTOR_LANES)
    vec_store(y + i,
              apply_binary(kind, a_step ? vec_load(a + i) : same_a, b_step ? vec_load(b + i) : same_b));
  if (i < n) {
    vec_mask rest = vec_first(n - i);
    vec_store_masked(y + i, rest,
                     apply_binary(kind, a_step ? vec_load_masked(a + i, rest) : same_a,
                                  b_step ? vec_load_masked(b + i, rest) : same_b));
  }
}

#define BINARY_CASE(kind)                                                                                    \
  case kind:                                                                                                 \
    if (a_step && b_step)                                                                                    \
      binary_all(kind, a, 1, b, 1, y, n);                                                                    \
    else if (a_step)                                                                                         \
      binary_all(kind, a, 1, b, 0, y, n);                                                                    \
    else                                                                                                     \
      binary_all(kind, a, 0, b, b_step, y, n);                                                               \
    break;

static void binary(binary_kind kind, const float *a, int a_step, const float *b, int b_step, float *y,
                   ptrdiff_t n) {
  switch (kind) {
    BINARY_CASE(BINARY_ADD)
    BINARY_CASE(BINARY_SUB)
    BINARY_CASE(BINARY_MUL)
    BINARY_CASE(BINARY_DIV)
    BINARY_CASE(BINARY_MAXIMUM)
    BINARY_CASE(BINARY_MINIMUM)
    BINARY_CASE(BINARY_PRELU)
  }
}
