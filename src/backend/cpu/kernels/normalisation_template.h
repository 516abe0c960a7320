/* Normalisation by mean and variance. The mean is found first, then the sums of the differences from it and
 * of their squares; the differences' own mean, all but 0, makes up for the rounding of the first. */
#include "backend/cpu/kernels/vector_math.h"

typedef struct moments {
  vec mean, rest; /* the mean is their sum */
  vec scale;      /* 1 / sqrt(variance + epsilon) */
} moments;

typedef struct deviations {
  vec sum, squares;
} deviations;

static inline deviations join_deviations(deviations a, deviations b) {
  return (deviations){vec_add(a.sum, b.sum), vec_add(a.squares, b.squares)};
}

static inline deviations add_deviation(deviations d, vec x, vec mean) {
  vec difference = vec_sub(x, mean);
  return (deviations){vec_add(d.sum, difference), vec_fma(difference, difference, d.squares)};
}

static deviations leaf_deviations(const float *x, ptrdiff_t stride, vec_mask mask, vec mean) {
  deviations parts[4];
  for (int i = 0; i < 4; i++)
    parts[i] = (deviations){vec_set1(0), vec_set1(0)};
  for (int i = 0; i < REDUCTION_LEAF; i++)
    parts[i % 4] = add_deviation(parts[i % 4], vec_load_masked(x + i * stride, mask), mean);
  return join_deviations(join_deviations(parts[0], parts[1]), join_deviations(parts[2], parts[3]));
}

/* The rows x[i * stride], i < n, of one vector, in halves as in reduction_template.h. */
static deviations column_deviations(const float *x, ptrdiff_t stride, ptrdiff_t n, vec_mask mask, vec mean) {
  if (n == REDUCTION_LEAF)
    return leaf_deviations(x, stride, mask, mean);
  if (n > REDUCTION_LEAF) {
    ptrdiff_t half = first_half(n);
    return join_deviations(column_deviations(x, stride, half, mask, mean),
                           column_deviations(x + half * stride, stride, n - half, mask, mean));
  }
  deviations d = {vec_set1(0), vec_set1(0)};
  for (ptrdiff_t i = 0; i < n; i++)
    d = add_deviation(d, vec_load_masked(x + i * stride, mask), mean);
  return d;
}

static deviations row_deviations(const float *x, ptrdiff_t n, vec mean) {
  ptrdiff_t vectors = n / VECTOR_LANES;
  vec_mask rest = vec_first(n - vectors * VECTOR_LANES);
  vec zero = vec_set1(0);
  vec difference = vec_sub(vec_load_masked(x + vectors * VECTOR_LANES, rest), mean);
  difference = vec_select(rest, difference, zero);
  deviations d = {difference, vec_mul(difference, difference)};
  d = join_deviations(column_deviations(x, VECTOR_LANES, vectors, vec_first(VECTOR_LANES), mean), d);
  return (deviations){vec_set1(sum_across(d.sum)), vec_set1(sum_across(d.squares))};
}

static moments moments_of(vec mean, deviations d, ptrdiff_t n, float epsilon) {
  vec count = vec_set1((float)n);
  vec rest = vec_div(d.sum, count);
  vec variance = vec_max(vec_set1(0), vec_sub(vec_div(d.squares, count), vec_mul(rest, rest)));
  vec deviation = vec_sqrt(vec_add(variance, vec_set1(epsilon)));
  return (moments){mean, rest, vec_div(vec_set1(1), deviation)};
}

static moments row_moments(const float *x, ptrdiff_t n, float epsilon) {
  vec mean = vec_set1(sum_row(x, n, 0) / (float)n);
  return moments_of(mean, row_deviations(x, n, mean), n, epsilon);
}

static inline vec normalise(vec x, const moments *m, vec gamma, vec beta) {
  vec centred = vec_sub(vec_sub(x, m->mean), m->rest);
  return vec_fma(vec_mul(centred, m->scale), gamma, beta);
}

static void layer_norm(const float *x, const float *gamma, const float *beta, float epsilon, ptrdiff_t rows,
                       ptrdiff_t n, float *y) {
  for (ptrdiff_t row = 0; row < rows; row++, x += n, y += n) {
    moments m = row_moments(x, n, epsilon);
    ptrdiff_t i = 0;
    for (; i + VECTOR_LANES <= n; i += VECTOR_LANES)
      vec_store(y + i, normalise(vec_load(x + i), &m, vec_load(gamma + i), vec_load(beta + i)));
    vec_mask rest = vec_first(n - i);
    vec_store_masked(y + i, rest,
                     normalise(vec_load_masked(x + i, rest), &m, vec_load_masked(gamma + i, rest),
                               vec_load_masked(beta + i, rest)));
  }
}

static void group_norm(const float *x, const float *gamma, const float *beta, float epsilon,
                       ptrdiff_t channels, ptrdiff_t length, float *y) {
  moments m = row_moments(x, channels * length, epsilon);
  for (ptrdiff_t c = 0; c < channels; c++)
    for (ptrdiff_t i = 0; i < length; i += VECTOR_LANES) {
      vec_mask mask = vec_first(length - i < VECTOR_LANES ? length - i : VECTOR_LANES);
      vec in = vec_load_masked(x + c * length + i, mask);
      vec_store_masked(y + c * length + i, mask, normalise(in, &m, vec_set1(gamma[c]), vec_set1(beta[c])));
    }
}

static void instance_norm(const float *x, const float *gamma, const float *beta, float epsilon,
                          ptrdiff_t stride, ptrdiff_t length, ptrdiff_t columns, float *y) {
  for (ptrdiff_t c = 0; c < columns; c += VECTOR_LANES) {
    vec_mask mask = vec_first(columns - c < VECTOR_LANES ? columns - c : VECTOR_LANES);
    vec mean = vec_div(sum_column(x + c, stride, length, mask), vec_set1((float)length));
    deviations d = column_deviations(x + c, stride, length, mask, mean);
    moments m = moments_of(mean, d, length, epsilon);
    vec scale = vec_load_masked(gamma + c, mask), shift = vec_load_masked(beta + c, mask);
    for (ptrdiff_t i = 0; i < length; i++) {
      vec in = vec_load_masked(x + i * stride + c, mask);
      vec_store_masked(y + i * stride + c, mask, normalise(in, &m, scale, shift));
    }
  }
}

static void scale_shift(const float *x, const float *mean, const float *scale, const float *shift, int step,
                        ptrdiff_t n, float *y) {
  for (ptrdiff_t i = 0; i < n; i += VECTOR_LANES) {
    vec_mask mask = vec_first(n - i < VECTOR_LANES ? n - i : VECTOR_LANES);
    vec m = step ? vec_load_masked(mean + i, mask) : vec_set1(*mean);
    vec factor = step ? vec_load_masked(scale + i, mask) : vec_set1(*scale);
    vec offset = step ? vec_load_masked(shift + i, mask) : vec_set1(*shift);
    vec_store_masked(y + i, mask, vec_fma(vec_sub(vec_load_masked(x + i, mask), m), factor, offset));
  }
}
