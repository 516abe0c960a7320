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

/* One vector of columns. */
typedef struct winograd_column {
  const float *products, *residual;
  float *y;
  ptrdiff_t lanes;
  vec sum;
} winograd_column;

/* What the compiler may rely on: `usual` is leaky_relu of a result that is wanted, without a residual. */
typedef struct winograd_case {
  int outputs;
  bool usual, whole;
} winograd_case;

/* The first `rows` outputs of a tile whose rows begin at float `at`. */
ALWAYS_INLINE void winograd_output_tile(const winograd_output *out, winograd_column *c, ptrdiff_t at,
                                        ptrdiff_t rows, const winograd_case is) {
  vec y[WINOGRAD_MOST_OUTPUTS];
  winograd_interpolate(c->products, out->point_stride, is.outputs, y);
  UNROLL
  for (int i = 0; i < is.outputs; i++, at += out->y_stride)
    if (i < rows) {
      if (!is.usual && c->residual)
        y[i] = vec_add(y[i], gemm_load(c->residual + at, is.whole, c->lanes));
      y[i] = is.usual ? vec_max(vec_mul(vec_set1(out->alpha), y[i]), y[i])
                      : activate_result(out->activation, out->alpha, y[i]);
      c->sum = vec_add(c->sum, y[i]);
      if (is.usual || c->y)
        gemm_store(c->y + at, is.whole, c->lanes, y[i]);
    }
  c->products += out->product_stride;
}

ALWAYS_INLINE void winograd_output_column(const winograd_output *out, winograd_column *c,
                                          const winograd_case is) {
  ptrdiff_t row = 0, rows = out->rows < out->tiles * is.outputs ? out->rows : out->tiles * is.outputs;
  for (; row + is.outputs <= rows; row += is.outputs)
    winograd_output_tile(out, c, row * out->y_stride, is.outputs, is);
  if (row < rows)
    winograd_output_tile(out, c, row * out->y_stride, rows - row, is);
}

ALWAYS_INLINE void winograd_output_columns(const winograd_output *out, const int outputs) {
  bool usual =
      out->activation == ACTIVATION_LEAKY_RELU && slope_is_usual(out->alpha) && out->y && !out->residual;
  for (ptrdiff_t column = 0; column < out->columns; column += VECTOR_LANES) {
    ptrdiff_t left = out->columns - column;
    winograd_column c = {.products = out->products + column,
                         .residual = out->residual ? out->residual + column : NULL,
                         .y = out->y ? out->y + column : NULL,
                         .lanes = left < VECTOR_LANES ? left : VECTOR_LANES,
                         .sum = vec_set1(0)};
    if (usual && left >= VECTOR_LANES)
      winograd_output_column(out, &c, (winograd_case){outputs, true, true});
    else if (usual)
      winograd_output_column(out, &c, (winograd_case){outputs, true, false});
    else
      winograd_output_column(out, &c, (winograd_case){outputs, false, false});
    if (out->column_sums)
      vec_store(out->column_sums + column, c.sum);
  }
}

static void winograd_transform_output(const winograd_output *out) {
  switch (out->outputs) {
  case 4:
    winograd_output_columns(out, 4);
    break;
  case 5:
    winograd_output_columns(out, 5);
    break;
  case 6:
    winograd_output_columns(out, 6);
    break;
  default:
    winograd_output_columns(out, 7);
    break;
  }
}
