/* Sums, maxima and counts down columns and along rows. Halves are reduced by themselves and then joined, so
 * that a sum's error grows with the logarithm of its length; the order depends on the length alone. */
#include "backend/cpu/kernels/vector_math.h"

enum { REDUCTION_LEAF = 16 };

static inline vec nonzero_as_one(vec x) {
  vec_mask nonzero = vec_mask_or(vec_greater(vec_abs(x), vec_set1(0)), vec_unordered(x, x));
  return vec_select(nonzero, vec_set1(1), vec_set1(0));
}

/* NaN wins and stays. */
static inline vec larger(vec a, vec b) {
  return vec_select(vec_mask_or(vec_greater(b, a), vec_unordered(b, b)), b, a);
}

static inline float larger_scalar(float a, float b) {
  return b > a || isnan(b) ? b : a;
}

static inline float vec_add_scalar(float a, float b) {
  return a + b;
}

static inline vec itself(vec x) {
  return x;
}

/* Where the rows of a column are parted: leaves are full, but for the last. */
static inline ptrdiff_t first_half(ptrdiff_t n) {
  return (n / 2 + REDUCTION_LEAF - 1) / REDUCTION_LEAF * REDUCTION_LEAF;
}

/* NAME_column: the rows x[i * stride], i < n, of one vector, of which `mask` is there.
 * NAME_across: all lanes of v. */
#define DEFINE_REDUCTION(name, map, join)                                                                    \
  static vec name##_leaf(const float *x, ptrdiff_t stride, vec_mask mask) {                                  \
    vec parts[4];                                                                                            \
    for (int i = 0; i < 4; i++)                                                                              \
      parts[i] = map(vec_load_masked(x + i * stride, mask));                                                 \
    for (int i = 4; i < REDUCTION_LEAF; i++)                                                                 \
      parts[i % 4] = join(parts[i % 4], map(vec_load_masked(x + i * stride, mask)));                         \
    return join(join(parts[0], parts[1]), join(parts[2], parts[3]));                                         \
  }                                                                                                          \
  static vec name##_column(const float *x, ptrdiff_t stride, ptrdiff_t n, vec_mask mask) {                   \
    if (n == REDUCTION_LEAF)                                                                                 \
      return name##_leaf(x, stride, mask);                                                                   \
    if (n > REDUCTION_LEAF) {                                                                                \
      ptrdiff_t half = first_half(n);                                                                        \
      return join(name##_column(x, stride, half, mask),                                                      \
                  name##_column(x + half * stride, stride, n - half, mask));                                 \
    }                                                                                                        \
    vec result = map(vec_load_masked(x, mask));                                                              \
    for (ptrdiff_t i = 1; i < n; i++)                                                                        \
      result = join(result, map(vec_load_masked(x + i * stride, mask)));                                     \
    return result;                                                                                           \
  }                                                                                                          \
  static float name##_across(vec v) {                                                                        \
    float lanes[VECTOR_LANES];                                                                               \
    vec_store(lanes, v);                                                                                     \
    for (int half = VECTOR_LANES / 2; half > 0; half /= 2)                                                   \
      for (int i = 0; i < half; i++)                                                                         \
        lanes[i] = join##_scalar(lanes[i], lanes[i + half]);                                                 \
    return lanes[0];                                                                                         \
  }                                                                                                          \
  static float name##_row(const float *x, ptrdiff_t n, float neutral) {                                      \
    ptrdiff_t vectors = n / VECTOR_LANES;                                                                    \
    vec_mask rest = vec_first(n - vectors * VECTOR_LANES);                                                   \
    vec end = vec_load_masked(x + vectors * VECTOR_LANES, rest);                                             \
    end = vec_select(rest, map(end), vec_set1(neutral));                                                     \
    if (vectors > 0)                                                                                         \
      end = join(name##_column(x, VECTOR_LANES, vectors, vec_first(VECTOR_LANES)), end);                     \
    return name##_across(end);                                                                               \
  }

DEFINE_REDUCTION(sum, itself, vec_add)
DEFINE_REDUCTION(maximum, itself, larger)
DEFINE_REDUCTION(count, nonzero_as_one, vec_add)

static vec reduce_column(reduction_kind kind, const float *x, ptrdiff_t stride, ptrdiff_t n, vec_mask mask) {
  switch (kind) {
  case REDUCTION_MAX:
    return maximum_column(x, stride, n, mask);
  case REDUCTION_COUNT:
    return count_column(x, stride, n, mask);
  case REDUCTION_SUM:
    break;
  }
  return sum_column(x, stride, n, mask);
}

static void reduce_columns(reduction_kind kind, const float *x, ptrdiff_t stride, ptrdiff_t n,
                           ptrdiff_t columns, float divisor, float *y) {
  for (ptrdiff_t i = 0; i < columns; i += VECTOR_LANES) {
    vec_mask mask = vec_first(columns - i < VECTOR_LANES ? columns - i : VECTOR_LANES);
    vec result = reduce_column(kind, x + i, stride, n, mask);
    vec_store_masked(y + i, mask, vec_div(result, vec_set1(divisor)));
  }
}

static float reduce_row(reduction_kind kind, const float *x, ptrdiff_t n) {
  switch (kind) {
  case REDUCTION_MAX:
    return maximum_row(x, n, -INFINITY);
  case REDUCTION_COUNT:
    return count_row(x, n, 0);
  case REDUCTION_SUM:
    break;
  }
  return sum_row(x, n, 0);
}

static void reduce_rows(reduction_kind kind, const float *x, ptrdiff_t rows, ptrdiff_t n, float divisor,
                        float *y) {
  for (ptrdiff_t i = 0; i < rows; i++)
    y[i] = reduce_row(kind, x + i * n, n) / divisor;
}

/* ---- softmax of rows ---- */

static void softmax_row(const float *x, float *y, ptrdiff_t n) {
  vec largest = vec_set1(maximum_row(x, n, -INFINITY));
  for (ptrdiff_t i = 0; i < n; i += VECTOR_LANES) {
    vec_mask mask = vec_first(n - i < VECTOR_LANES ? n - i : VECTOR_LANES);
    vec_store_masked(y + i, mask, vec_exp(vec_sub(vec_load_masked(x + i, mask), largest)));
  }
  binary(BINARY_DIV, y, 1, &(float){sum_row(y, n, 0)}, 0, y, n);
}

static void softmax_rows(const float *x, ptrdiff_t rows, ptrdiff_t n, float *y) {
  for (ptrdiff_t i = 0; i < rows; i++)
    softmax_row(x + i * n, y + i * n, n);
}
