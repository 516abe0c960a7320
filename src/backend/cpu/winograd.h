/* Dense convolutions of 2 to 5 taps by fast convolution (kernels/winograd.h): a few tiles of the signal at a
 * time are transformed in the first cache, multiplied by the transformed filter and transformed back.
 *
 * A filter of stride 2 is one of stride 1 on a signal whose rows are pairs of rows; some of its taps are
 * zeros. */
#ifndef DEEPECG_BACKEND_CPU_WINOGRAD_H
#define DEEPECG_BACKEND_CPU_WINOGRAD_H

#include "backend/cpu/product.h"

typedef struct winograd {
  ptrdiff_t in_rows, channels, padding; /* of the signal of stride 1 */
  ptrdiff_t taps, tap_shift;            /* tap_shift: zeros before the first tap of a filter of stride 2 */
  ptrdiff_t rows, columns;              /* of the result */
  ptrdiff_t outputs;                    /* of a tile, in rows */
  ptrdiff_t tiles, blocks, block_tiles; /* block_tiles: at most */
  int panel_vectors, lanes;
  ptrdiff_t vectors, panels;
  const float *weights; /* panels of (points, channels, panel's columns) */
  const float *bias;    /* padded */
  int activation;
  float alpha;
  const cpu_kernels *kernels;
} winograd;

/* Is the product's convolution one that this method computes faster? Sizes are those of product.h. */
bool winograd_suits(const product *p);

/* Sizes from the product's, weights transformed and packed. */
bool winograd_prepare(builder *b, winograd *w, const product *p, const product_weights *weights, error *err);

size_t winograd_scratch(const winograd *w);
size_t winograd_weight_bytes(const winograd *w);

/* Share `part` of `parts`. o->sums: (blocks, padded columns), sums of y's columns over each block. */
void winograd_run(const winograd *w, const product_operands *o, const frame *f);

#endif
