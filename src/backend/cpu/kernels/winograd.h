/* Fast convolution by Winograd's and Toom's method, in one dimension: m neighbouring outputs of a filter of r
 * taps come of m + r - 1 = 8 products instead of m * r. A window of 8 rows is taken as a polynomial's
 * coefficients, in the transposed sense: it is transformed to values at the points 0, 1, -1, 2, -2, 1/2, -1/2
 * and infinity, multiplied there with the transformed filter, and m outputs are read off the products.
 * Between the transforms lies, for each point, a matrix product of (tiles, channels) and (channels, columns).
 *
 * The sums before and after the products round: with these points the error is two to three times that of the
 * direct sum. A NaN or infinity in a window reaches all m outputs of the tile. */
#ifndef DEEPECG_BACKEND_CPU_WINOGRAD_KERNELS_H
#define DEEPECG_BACKEND_CPU_WINOGRAD_KERNELS_H

#include <stddef.h>

enum {
  WINOGRAD_POINTS = 8,
  WINOGRAD_PAIRS = 3, /* points r and -r */
  /* At this point every power is 1: what is added to its product is added to each output. */
  WINOGRAD_POINT_ONE = 1,
  WINOGRAD_MOST_OUTPUTS = 7
};

/* The positive points; -r follows r, 0 is before them and infinity after. */
static const float winograd_roots[WINOGRAD_PAIRS] = {1.0f, 2.0f, 0.5f};

/* Windows of channels-last rows to their values at the points. */
typedef struct winograd_input {
  const float *x; /* the first window's first row */
  ptrdiff_t x_stride, tile_stride;
  ptrdiff_t tiles, channels;
  float *values; /* (points, tiles, value_stride): value_stride is channels, padded to whole vectors */
  ptrdiff_t point_stride, value_stride;
} winograd_input;

/* Products at the points to outputs: activation(outputs + residual), for a few vectors of columns. */
typedef struct winograd_output {
  const float *products; /* (points, tiles, product_stride) */
  ptrdiff_t point_stride, product_stride;
  ptrdiff_t tiles, outputs; /* of a tile */
  ptrdiff_t rows;           /* of all tiles together: the last tile may have fewer */
  ptrdiff_t columns;
  float *y;              /* NULL: only the sums are wanted */
  const float *residual; /* NULL: none */
  ptrdiff_t y_stride;    /* the residual's too */
  int activation;        /* activation_kind */
  float alpha;
  float *column_sums; /* sums of the result's columns, padded to whole vectors; NULL: not wanted */
} winograd_output;

typedef void winograd_input_kernel(const winograd_input *in);
typedef void winograd_output_kernel(const winograd_output *out);

#endif
