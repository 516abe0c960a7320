/* Depthwise convolution (depthwise.h): a vector of channels at a time, its filter in registers. */
#include "backend/cpu/kernels/depthwise.h"

enum { DEPTHWISE_BLOCK = 4, DEPTHWISE_MAX_KERNEL = 7 };

/* One vector of channels; `whole`: all its lanes are channels. */
typedef struct depthwise_column {
  const float *x, *weights, *residual;
  float *y;
  vec bias, sum;
  vec_mask lanes;
} depthwise_column;

ALWAYS_INLINE vec depthwise_load(const float *p, const bool whole, vec_mask lanes) {
  return whole ? vec_load(p) : vec_load_masked(p, lanes);
}

ALWAYS_INLINE void depthwise_finish(const depthwise_job *j, depthwise_column *c, ptrdiff_t t, vec y,
                                    const bool whole) {
  if (c->residual)
    y = vec_add(y, depthwise_load(c->residual + t * j->y_stride, whole, c->lanes));
  y = activate_result(j->activation, j->alpha, y);
  c->sum = vec_add(c->sum, y);
  if (whole)
    vec_store(c->y + t * j->y_stride, y);
  else
    vec_store_masked(c->y + t * j->y_stride, c->lanes, y);
}

/* A row at the edge, or of a filter of unusual size: only the taps that lie inside the signal. */
static void depthwise_row(const depthwise_job *j, depthwise_column *c, ptrdiff_t t, bool whole) {
  vec y = c->bias;
  ptrdiff_t row = t * j->stride - j->padding;
  for (ptrdiff_t k = 0; k < j->kernel; k++, row += j->dilation)
    if (row >= 0 && row < j->in_rows)
      y = vec_fma(depthwise_load(c->x + row * j->x_stride, whole, c->lanes),
                  vec_load(c->weights + k * j->weight_stride), y);
  depthwise_finish(j, c, t, y, whole);
}

/* Rows [t, end) whose taps all lie inside; returns the first row that was left. */
ALWAYS_INLINE ptrdiff_t depthwise_blocks(const depthwise_job *j, depthwise_column *c, ptrdiff_t t,
                                         ptrdiff_t end, const int kernel, const int stride,
                                         const bool whole) {
  vec w[DEPTHWISE_MAX_KERNEL];
  UNROLL
  for (int k = 0; k < kernel; k++)
    w[k] = vec_load(c->weights + k * j->weight_stride);
  for (; t + DEPTHWISE_BLOCK <= end; t += DEPTHWISE_BLOCK) {
    const float *x = c->x + (t * stride - j->padding) * j->x_stride;
    vec y[DEPTHWISE_BLOCK];
    UNROLL
    for (int i = 0; i < DEPTHWISE_BLOCK; i++)
      y[i] = c->bias;
    UNROLL
    for (int row = 0; row < (DEPTHWISE_BLOCK - 1) * stride + kernel; row++) {
      vec value = depthwise_load(x + row * j->x_stride, whole, c->lanes);
      UNROLL
      for (int i = 0; i < DEPTHWISE_BLOCK; i++)
        if (row >= i * stride && row < i * stride + kernel)
          y[i] = vec_fma(value, w[row - i * stride], y[i]);
    }
    UNROLL
    for (int i = 0; i < DEPTHWISE_BLOCK; i++)
      depthwise_finish(j, c, t + i, y[i], whole);
  }
  return t;
}

ALWAYS_INLINE ptrdiff_t depthwise_inner(const depthwise_job *j, depthwise_column *c, ptrdiff_t t,
                                        ptrdiff_t end, const bool whole) {
  if (j->dilation != 1 || j->activation > ACTIVATION_LEAKY_RELU)
    return t;
  if (j->kernel == 3 && j->stride == 1)
    return depthwise_blocks(j, c, t, end, 3, 1, whole);
  if (j->kernel == 3 && j->stride == 2)
    return depthwise_blocks(j, c, t, end, 3, 2, whole);
  if (j->kernel == 5 && j->stride == 1)
    return depthwise_blocks(j, c, t, end, 5, 1, whole);
  if (j->kernel == 5 && j->stride == 2)
    return depthwise_blocks(j, c, t, end, 5, 2, whole);
  if (j->kernel == 7 && j->stride == 1)
    return depthwise_blocks(j, c, t, end, 7, 1, whole);
  if (j->kernel == 7 && j->stride == 2)
    return depthwise_blocks(j, c, t, end, 7, 2, whole);
  return t;
}

/* Rows in order, so that the column's sum has one order too. */
ALWAYS_INLINE void depthwise_column_run(const depthwise_job *j, depthwise_column *c, const bool whole) {
  ptrdiff_t reach = j->dilation * (j->kernel - 1) + 1, t = 0;
  ptrdiff_t first = (j->padding + j->stride - 1) / j->stride;
  ptrdiff_t end = j->in_rows + j->padding < reach ? 0 : (j->in_rows + j->padding - reach) / j->stride + 1;
  end = end < j->rows ? end : j->rows;
  for (; t < first && t < j->rows; t++)
    depthwise_row(j, c, t, whole);
  if (t < end)
    t = depthwise_inner(j, c, t, end, whole);
  for (; t < j->rows; t++)
    depthwise_row(j, c, t, whole);
}

static void depthwise(const depthwise_job *j) {
  for (ptrdiff_t first = 0; first < j->channels; first += VECTOR_LANES) {
    ptrdiff_t left = j->channels - first;
    depthwise_column c = {.x = j->x + first,
                          .weights = j->weights + first,
                          .residual = j->residual ? j->residual + first : NULL,
                          .y = j->y + first,
                          .bias = vec_load(j->bias + first),
                          .sum = vec_set1(0),
                          .lanes = vec_first(left < VECTOR_LANES ? left : VECTOR_LANES)};
    if (left >= VECTOR_LANES)
      depthwise_column_run(j, &c, true);
    else
      depthwise_column_run(j, &c, false);
    if (j->column_sums)
      vec_store(j->column_sums + first, c.sum);
  }
}
