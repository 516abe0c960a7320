/* One level of Strassen's product in Winograd's form ("On multiplication of 2x2 matrices", 1971): A's block
 * and two panels of B are taken as two by two quarters, and seven products of quarters, not eight, make the
 * four quarters of C. The sums that it takes are small beside the products: A's are made once for all panels,
 * B's once for all rows, C's in tiles that stay in the cache.
 *
 *   S1 = A21 + A22   S2 = S1 - A11   S3 = A11 - A21   S4 = A12 - S2
 *   T1 = B12 - B11   T2 = B22 - T1   T3 = B22 - B12   T4 = B21 - T2
 *   U = A11 B11 + S2 T2   V = U + S3 T3   P = S1 T1
 *   C11 = A11 B11 + A12 B21   C12 = U + P + S4 B22   C21 = V + A22 T4   C22 = V + P
 *
 * The quarters of A are halves of the rows of one signal, so that an element's bits don't depend on what else
 * is computed. Errors grow with the largest elements of whole quarters, not with those of an element's own
 * row and column. */
#ifndef DEEPECG_BACKEND_CPU_STRASSEN_H
#define DEEPECG_BACKEND_CPU_STRASSEN_H

#include "backend/cpu/kernels/kernels.h"

typedef struct strassen_job {
  const cpu_kernels *kernels;
  const float *a[2];               /* the inner halves: (rows, inner), rows a_stride apart */
  ptrdiff_t a_stride, rows, inner; /* inner: of a half */
  int vectors;                     /* of a panel, all in full use */
  const float *b[2];               /* two panels, (2 * inner, vectors * lanes) */
  /* The epilogue: strides, activation, finish; the products' own fields are ignored. c, residual: where the
   * first panel's columns begin; the second's lie next to them. */
  gemm_tile tile;
  bool resume;         /* add to c; else to the bias, tile.initial, of both panels */
  uintptr_t coming[2]; /* addresses of the two panels of the next call; 0: none */
  float *scratch;      /* strassen_scratch floats: A's sums are kept there between calls */
} strassen_job;

/* Floats of scratch for products of up to so many rows and inner indices. */
ptrdiff_t strassen_scratch(ptrdiff_t rows, ptrdiff_t inner, ptrdiff_t width);

/* Is it worth while, and can it be done? `inner` must be even. */
bool strassen_fits(ptrdiff_t rows, ptrdiff_t inner);

/* A's sums: once for each block of A. */
void strassen_sum_rows(const strassen_job *j);

/* The block of A times two panels. */
void strassen_multiply(const strassen_job *j);

#endif
