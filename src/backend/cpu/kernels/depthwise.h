/* Depthwise convolution of channels-last signals: every channel has its own filter. */
#ifndef DEEPECG_BACKEND_CPU_DEPTHWISE_H
#define DEEPECG_BACKEND_CPU_DEPTHWISE_H

#include <stddef.h>

/* y[t][c] = activation(bias[c] + sum over k of weights[k][c] * x[t * stride + k * dilation - padding][c] +
 * residual[t][c]). Rows of x outside 0..in_rows-1 count as zeros. */
typedef struct depthwise_job {
  const float *x;
  ptrdiff_t x_stride, in_rows;
  const float *weights, *bias; /* padded to whole vectors; no bias is zeros */
  ptrdiff_t weight_stride;
  float *y;
  ptrdiff_t y_stride, rows, channels;
  ptrdiff_t kernel, stride, padding, dilation;
  const float *residual; /* NULL: none; in y's layout, y_stride apart */
  int activation;        /* activation_kind */
  float alpha;
  float *column_sums; /* sums of y over all rows, padded to whole vectors; NULL: not wanted */
} depthwise_job;

typedef void depthwise_kernel(const depthwise_job *j);

#endif
