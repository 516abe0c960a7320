/* The transforms of fast convolution (winograd.h). Points come in pairs r and -r, so that even and odd powers
 * are summed apart and serve both. */
#include "backend/cpu/kernels/winograd.h"

/* Coefficients, lowest first and without the leading 1, of the polynomials in r * r that the transforms are
 * made of: the product of (z - r * r) over all pairs, and over the pairs but one. */
typedef struct winograd_polynomials {
  vec all[WINOGRAD_PAIRS], others[WINOGRAD_PAIRS][WINOGRAD_PAIRS - 1];
} winograd_polynomials;

ALWAYS_INLINE winograd_polynomials winograd_make_polynomials(void) {
  winograd_polynomials p;
  const float a = winograd_roots[0] * winograd_roots[0], b = winograd_roots[1] * winograd_roots[1],
              c = winograd_roots[2] * winograd_roots[2];
  p.all[0] = vec_set1(-a * b * c);
  p.all[1] = vec_set1(a * b + a * c + b * c);
  p.all[2] = vec_set1(-(a + b + c));
  p.others[0][0] = vec_set1(b * c);
  p.others[0][1] = vec_set1(-(b + c));
  p.others[1][0] = vec_set1(a * c);
  p.others[1][1] = vec_set1(-(a + c));
  p.others[2][0] = vec_set1(a * b);
  p.others[2][1] = vec_set1(-(a + b));
  return p;
}

/* Values at the points of the window d, one vector of channels. */
ALWAYS_INLINE void winograd_evaluate(const winograd_polynomials *p, const vec d[WINOGRAD_POINTS],
                                     float *values, ptrdiff_t point_stride) {
  vec zero = d[6], infinite = d[7];
  UNROLL
  for (int i = WINOGRAD_PAIRS - 1; i >= 0; i--) {
    zero = vec_fma(p->all[i], d[2 * i], zero);
    infinite = vec_fma(p->all[i], d[2 * i + 1], infinite);
  }
  vec_store(values, zero);
  vec_store(values + (WINOGRAD_POINTS - 1) * point_stride, infinite);
  UNROLL
  for (int pair = 0; pair < WINOGRAD_PAIRS; pair++) {
    vec even = d[6], odd = d[5], r = vec_set1(winograd_roots[pair]);
    UNROLL
    for (int i = WINOGRAD_PAIRS - 2; i >= 0; i--) {
      even = vec_fma(p->others[pair][i], d[2 * i + 2], even);
      odd = vec_fma(p->others[pair][i], d[2 * i + 1], odd);
    }
    odd = vec_mul(r, odd);
    vec_store(values + (1 + 2 * pair) * point_stride, vec_add(even, odd));
    vec_store(values + (2 + 2 * pair) * point_stride, vec_sub(even, odd));
  }
}

static void winograd_transform_input(const winograd_input *in) {
  const winograd_polynomials p = winograd_make_polynomials();
  for (ptrdiff_t tile = 0; tile < in->tiles; tile++)
    for (ptrdiff_t c = 0; c < in->channels; c += VECTOR_LANES) {
      const float *x = in->x + tile * in->tile_stride + c;
      bool whole = in->channels - c >= VECTOR_LANES;
      vec d[WINOGRAD_POINTS];
      UNROLL
      for (int i = 0; i < WINOGRAD_POINTS; i++)
        d[i] = gemm_load(x + i * in->x_stride, whole, in->channels - c);
      winograd_evaluate(&p, d, in->values + tile * in->value_stride + c, in->point_stride);
    }
}

/* Outputs of one tile and one vector of columns, from the products at the points. */
ALWAYS_INLINE void winograd_interpolate(const float *products, ptrdiff_t point_stride, const int outputs,
                                        vec y[WINOGRAD_MOST_OUTPUTS]) {
  vec sums[WINOGRAD_PAIRS], differences[WINOGRAD_PAIRS];
  UNROLL
  for (int pair = 0; pair < WINOGRAD_PAIRS; pair++) {
    vec plus = vec_load(products + (1 + 2 * pair) * point_stride);
    vec minus = vec_load(products + (2 + 2 * pair) * point_stride);
    sums[pair] = vec_add(plus, minus);
    differences[pair] = vec_sub(plus, minus);
  }
  float powers[WINOGRAD_PAIRS] = {1, 1, 1};
  UNROLL
  for (int i = 0; i < outputs; i++) {
    const vec *terms = i % 2 ? differences : sums;
    y[i] = i == 0 ? vec_add(vec_load(products), terms[0]) : terms[0]; /* the first root is 1 */
    UNROLL
    for (int pair = 1; pair < WINOGRAD_PAIRS; pair++) {
      y[i] = i == 0 ? vec_add(y[i], terms[pair]) : vec_fma(vec_set1(powers[pair]), terms[pair], y[i]);
      powers[pair] *= winograd_roots[pair];
    }
  }
  y[outputs - 1] = vec_add(y[outputs - 1], vec_load(products + (WINOGRAD_POINTS - 1) * point_stride));
}

/* A vector of columns of all tiles. */
ALWAYS_INLINE void winograd_output_column(const winograd_output *out, ptrdiff_t column, const int outputs) {
  const bool whole = out->columns - column >= VECTOR_LANES;
  const ptrdiff_t lanes = whole ? VECTOR_LANES : out->columns - column;
  vec sum = vec_set1(0);
  for (ptrdiff_t tile = 0; tile < out->tiles; tile++) {
    ptrdiff_t row = tile * outputs, left = out->rows - row;
    vec y[WINOGRAD_MOST_OUTPUTS];
    winograd_interpolate(out->products + tile * out->product_stride + column, out->point_stride, outputs, y);
    UNROLL
    for (int i = 0; i < outputs; i++) {
      ptrdiff_t at = (row + i) * out->y_stride + column;
      if (i >= left)
        break;
      if (out->residual)
        y[i] = vec_add(y[i], gemm_load(out->residual + at, whole, lanes));
      y[i] = activate_result(out->activation, out->alpha, y[i]);
      sum = vec_add(sum, y[i]);
      if (out->y)
        gemm_store(out->y + at, whole, lanes, y[i]);
    }
  }
  if (out->column_sums)
    vec_store(out->column_sums + column, sum);
}

#define WINOGRAD_OUTPUTS(count)                                                                              \
  case count:                                                                                                \
    winograd_output_column(out, column, count);                                                              \
    break;

static void winograd_transform_output(const winograd_output *out) {
  for (ptrdiff_t column = 0; column < out->columns; column += VECTOR_LANES)
    switch (out->outputs) {
      WINOGRAD_OUTPUTS(4)
      WINOGRAD_OUTPUTS(5)
      WINOGRAD_OUTPUTS(6)
      WINOGRAD_OUTPUTS(7)
    }
}
