/* Matrix products: what the register tiles work on. C = activation(bias + A B + residual), where A (rows,
 * inner) is row-major with any distance between its rows (they may overlap, as a convolution's windows do),
 * and B lies in panels of 1 to 3 vectors of columns: inner rows of that many floats, padded with zeros.
 *
 * Every element of C is one chain of multiply-adds in the order of the inner index, whatever the tile is that
 * computes it: its bits depend neither on how rows and columns are dealt to threads nor on blocking. Only a
 * product of a single row is summed as four chains (a kernel that waits for one chain would crawl). */
#ifndef DEEPECG_BACKEND_CPU_GEMM_H
#define DEEPECG_BACKEND_CPU_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GEMM_MAX_VECTORS = 3, GEMM_MAX_ROWS = 14 };

/* result[i] = from[i] - what[i]: the adders are idle while a tile multiplies. */
typedef struct gemm_difference {
  const float *from, *what;
  float *result;
} gemm_difference;

typedef struct gemm_tile {
  const float *a;
  ptrdiff_t a_stride;
  const float *b; /* the panel */
  ptrdiff_t inner;
  float *c; /* NULL: only the sums are wanted */
  ptrdiff_t c_stride;
  ptrdiff_t last_lanes; /* columns in use of the panel's last vector */
  const float *initial; /* a padded row that the sums start from; NULL: 0 */
  const float *start;   /* the sums start from these instead, which may be c; NULL: from `initial` */
  ptrdiff_t start_stride;
  bool finish;           /* this is the last part of the inner index: add the residual, activate */
  const float *residual; /* NULL: none */
  ptrdiff_t residual_stride;
  int activation; /* activation_kind */
  float alpha;
  float *column_sums; /* a padded row that receives the sums of c's columns over the tile; NULL: not wanted */
  /* Where the finished result is wanted as bfloat16, which kernels of bf16.h can do: then c is scratch. An
   * odd last column is followed by 0. NULL: not wanted. */
  uint16_t *rounded;
  ptrdiff_t rounded_stride;
  uintptr_t prefetch; /* address of memory wanted soon, a cache line at each inner index; 0: none. A number,
                         since it may lie outside every object */
  bool distant;       /* c and residual are far away: they are asked for first */
  const gemm_difference *difference; /* made on the way, a vector at each inner index; NULL: none */
} gemm_tile;

typedef void gemm_tile_kernel(const gemm_tile *t);

/* gemm_kernels[vectors - 1][rows - 1]; NULL where the registers don't suffice */
typedef gemm_tile_kernel *gemm_kernel_table[GEMM_MAX_VECTORS][GEMM_MAX_ROWS];

/* Copy a panel with row i scaled by scale[i % period]. */
typedef void gemm_scale_panel_kernel(const float *panel, ptrdiff_t inner, ptrdiff_t width, const float *scale,
                                     ptrdiff_t period, float *scaled);

#endif
