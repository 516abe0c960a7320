/* What squeeze-excitation needs beside its products: means from sums of column sums, and the gated signal. */
#ifndef DEEPECG_BACKEND_CPU_SQUEEZE_H
#define DEEPECG_BACKEND_CPU_SQUEEZE_H

#include <stddef.h>

/* mean[c] = scale * (sum over the rows of x[row][c]); rows lie `stride` apart. */
typedef void mean_of_rows_kernel(const float *x, ptrdiff_t rows, ptrdiff_t stride, ptrdiff_t channels,
                                 float scale, float *mean);

/* y[t][c] = x[t][c] * gate[c] + residual[t][c]; residual may be NULL. Rows lie `channels` apart. */
typedef void gated_sum_kernel(const float *x, const float *gate, const float *residual, ptrdiff_t rows,
                              ptrdiff_t channels, float *y);

#endif
