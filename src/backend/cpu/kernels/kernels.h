/* The kernels that exist once per instruction set. A kernel is compiled from the template headers of this
 * folder by kernels_generic.c, kernels_avx2.c and kernels_avx512.c, each with its own compiler flags. */
#ifndef DEEPECG_BACKEND_CPU_KERNELS_H
#define DEEPECG_BACKEND_CPU_KERNELS_H

#include "backend/cpu/kernels/depthwise.h"
#include "backend/cpu/kernels/gemm.h"
#include "backend/cpu/kernels/squeeze.h"
#include "backend/cpu/kernels/strassen.h"
#include "backend/cpu/kernels/winograd.h"
#include "base/error.h"
#include "ops/op.h"

#include <stddef.h>

/* Attention over one sample: rows of q, k and v, a step each, lie `stride` floats apart, the result's
 * `result_stride`; heads lie side by side in a row. */
typedef struct attention_job {
  const float *q, *k, *v;
  float *result;
  ptrdiff_t steps, stride, result_stride, width; /* width: of a head */
  float scale;
} attention_job;

/* Queries are taken in tiles of this many vectors. */
enum { ATTENTION_QUERY_VECTORS = 2 };

typedef enum binary_kind {
  BINARY_ADD,
  BINARY_SUB,
  BINARY_MUL,
  BINARY_DIV,
  BINARY_MAXIMUM, /* NaN wins */
  BINARY_MINIMUM,
  BINARY_PRELU /* a where it is above 0, else a * b */
} binary_kind;

typedef enum reduction_kind {
  REDUCTION_SUM,
  REDUCTION_MAX,
  REDUCTION_COUNT /* of what isn't 0 */
} reduction_kind;

typedef struct cpu_kernels {
  const char *name; /* "avx512" */
  int lanes;        /* floats in a vector */
  /* So many steps of independent multiply-adds; returns how many floating-point operations they were. */
  double (*probe_peak)(long steps);
  /* most rows of a tile that is 1, 2, 3 vectors wide */
  int gemm_rows[GEMM_MAX_VECTORS];
  gemm_kernel_table gemm_tiles;
  /* Tiles of two vectors of which the last has so many columns at most; 0: there are no such tiles. */
  int half_lanes;
  gemm_tile_kernel *gemm_half_tiles[GEMM_MAX_ROWS]; /* by rows - 1 */
  gemm_scale_panel_kernel *gemm_scale_panel;
  strassen_rows_kernel *strassen_rows;
  add_rows_kernel *add_rows;
  depthwise_kernel *depthwise;
  winograd_input_kernel *winograd_input;
  winograd_output_kernel *winograd_output;
  mean_of_rows_kernel *mean_of_rows;
  gated_sum_kernel *gated_sum;

  /* y[column * rows + row] = x[row * columns + column], for begin <= column < end */
  void (*transpose)(const float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t begin, ptrdiff_t end,
                    float *y);
  /* y[i] = activation of x[i], i < n; y may be x. */
  void (*activate)(activation_kind kind, float alpha, const float *x, float *y, ptrdiff_t n);
  /* Units begin..end: of each head in turn, tiles of queries. scratch: (steps + width) tiles' rows. */
  void (*attend)(const attention_job *job, ptrdiff_t begin, ptrdiff_t end, float *scratch);
  /* y[i] = a[i * a_step] op b[i * b_step], i < n; steps are 0 or 1; y may be a or b. */
  void (*binary)(binary_kind kind, const float *a, int a_step, const float *b, int b_step, float *y,
                 ptrdiff_t n);
  /* y[c] = (reduction over i < n of x[i * stride + c]) / divisor, for c < columns; n >= 1 */
  void (*reduce_columns)(reduction_kind kind, const float *x, ptrdiff_t stride, ptrdiff_t n,
                         ptrdiff_t columns, float divisor, float *y);
  /* y[r] = (reduction over i < n of x[r * n + i]) / divisor, for r < rows */
  void (*reduce_rows)(reduction_kind kind, const float *x, ptrdiff_t rows, ptrdiff_t n, float divisor,
                      float *y);
  void (*softmax_rows)(const float *x, ptrdiff_t rows, ptrdiff_t n, float *y);
  /* Rows of n: (x - mean) / sqrt(variance + epsilon) * gamma[i] + beta[i]. */
  void (*layer_norm)(const float *x, const float *gamma, const float *beta, float epsilon, ptrdiff_t rows,
                     ptrdiff_t n, float *y);
  /* The same over one group, (channels, length), with gamma[c] and beta[c]. */
  void (*group_norm)(const float *x, const float *gamma, const float *beta, float epsilon, ptrdiff_t channels,
                     ptrdiff_t length, float *y);
  /* The same over each of `columns` columns of `length` elements, `stride` apart, with gamma[c] and beta[c].
   */
  void (*instance_norm)(const float *x, const float *gamma, const float *beta, float epsilon,
                        ptrdiff_t stride, ptrdiff_t length, ptrdiff_t columns, float *y);
  /* y[i] = (x[i] - mean[i * step]) * scale[i * step] + shift[i * step], i < n; step is 0 or 1. */
  void (*scale_shift)(const float *x, const float *mean, const float *scale, const float *shift, int step,
                      ptrdiff_t n, float *y);
} cpu_kernels;

extern const cpu_kernels cpu_kernels_generic;
#ifdef __x86_64__
extern const cpu_kernels cpu_kernels_avx2, cpu_kernels_avx512;
#endif

/* The best that this processor can run, or what DEEPECG_CPU asks for. NULL and *err if that can't be had. */
const cpu_kernels *cpu_kernels_choose(error *err);

#endif
