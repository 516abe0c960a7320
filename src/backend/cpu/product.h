/* Products of signals and packed weights: what convolutions and linear layers are made of.
 *
 * A channels-last signal (rows, channels) convolved with a dense filter is the product of a matrix, whose row
 * m is the window of output m, and the filter. Where the windows lie inside the signal and their taps side by
 * side, the matrix is the signal itself with overlapping rows; at the edges, and for groups and dilations,
 * rows are gathered in scratch memory first. A linear layer is a convolution of kernel 1. */
#ifndef DEEPECG_BACKEND_CPU_PRODUCT_H
#define DEEPECG_BACKEND_CPU_PRODUCT_H

#include "backend/cpu/builder.h"
#include "backend/cpu/coming_weights.h"

typedef struct product {
  ptrdiff_t in_rows, channels;                 /* of the signal; a row has `channels` floats */
  ptrdiff_t rows, columns;                     /* of the result; columns of one group */
  ptrdiff_t groups, group_channels;            /* channels a group reads */
  ptrdiff_t kernel, stride, padding, dilation; /* rows of the signal */
  ptrdiff_t inner;                             /* kernel * group_channels */
  int panel_vectors, lanes;                    /* a panel's columns: panel_vectors * lanes */
  ptrdiff_t vectors, panels;                   /* of one group */
  ptrdiff_t tiles;                             /* row tiles, of as equal height as can be */
  bool blocked;                                /* too large for the cache: the inner index in blocks */
  bool strassen;                               /* pairs of panels by strassen.h */
  const float *weights, *bias;                 /* packed */
  int activation;
  float alpha;
  const cpu_kernels *kernels;
  const struct product *next;     /* the large product that will likely run next: its weights are asked for */
  const bf16_kernels *bf16;       /* product_bf16.h; NULL: in float32 */
  bool reads_pairs, writes_pairs; /* in bfloat16: x, y are rows of pairs (builder.h) */
} product;

/* One product's operands; NULL where there is none. */
typedef struct product_operands {
  const float *x, *residual;
  const float *gate; /* a factor for each channel of x */
  float *y;          /* NULL: only the sums are wanted */
  ptrdiff_t y_stride;
  float *sums; /* (tiles, padded columns): sums of y's columns over each tile; one group only */
  float *scratch;
  coming_weights *coming; /* asked for on the way; NULL: none */
} product_operands;

/* A constant weight (columns, channels per group, kernel) with a constant bias or none. */
typedef struct product_weights {
  const float *weight, *bias;
} product_weights;

/* Will the product be too large for the cache? From kernel and group_channels alone. */
bool product_is_blocked(const product *p);

/* Fill in sizes from shapes and pack the weights. `vectors`: wanted width of panels, 0: choose. */
bool product_prepare(builder *b, product *p, const product_weights *w, int vectors, error *err);

/* Scratch that product_run and product_panel need. */
size_t product_scratch(const product *p);

/* Share `part` of `parts` of the whole product. */
void product_run(const product *p, const product_operands *o, const frame *f);

/* The same for several samples: large products with the same weights read them once for all samples. Each has
 * a product of its own, since they may differ in rows. */
void product_run_joint(const product *const *p, const product_operands *o, int count, const frame *f);

/* All rows of one panel of the only group of a product that isn't blocked; o->y is where the panel's columns
 * begin. */
void product_panel(const product *p, const product_operands *o, ptrdiff_t panel);

size_t product_weight_bytes(const product *p);

/* Floats in a row of sums, and of packed bias of one group. */
ptrdiff_t product_padded_columns(const product *p);

#endif
