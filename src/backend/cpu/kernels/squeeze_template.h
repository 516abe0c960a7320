#include "backend/cpu/kernels/squeeze.h"

static void mean_of_rows(const float *x, ptrdiff_t rows, ptrdiff_t stride, ptrdiff_t channels, float scale,
                         float *mean) {
  enum { CHAINS = 4 };
  for (ptrdiff_t c = 0; c < channels; c += VECTOR_LANES) {
    bool whole = channels - c >= VECTOR_LANES;
    vec chains[CHAINS] = {vec_set1(0), vec_set1(0), vec_set1(0), vec_set1(0)};
    ptrdiff_t row = 0;
    for (; row + CHAINS <= rows; row += CHAINS)
      UNROLL
    for (int i = 0; i < CHAINS; i++)
      chains[i] = vec_add(chains[i], gemm_load(x + (row + i) * stride + c, whole, channels - c));
    for (; row < rows; row++)
      chains[0] = vec_add(chains[0], gemm_load(x + row * stride + c, whole, channels - c));
    vec sum = vec_add(vec_add(chains[0], chains[1]), vec_add(chains[2], chains[3]));
    gemm_store(mean + c, whole, channels - c, vec_mul(sum, vec_set1(scale)));
  }
}

enum { GATED_MOST_VECTORS = 8 };

static void gated_rows(const float *x, const float *gate, const float *residual, ptrdiff_t rows,
                       ptrdiff_t channels, float *y) {
  for (ptrdiff_t first = 0; first < channels; first += GATED_MOST_VECTORS * VECTOR_LANES) {
    ptrdiff_t width = channels - first < GATED_MOST_VECTORS * VECTOR_LANES
                          ? channels - first
                          : GATED_MOST_VECTORS * VECTOR_LANES;
    ptrdiff_t whole = width / VECTOR_LANES;
    vec_mask last = vec_first(width % VECTOR_LANES);
    vec g[GATED_MOST_VECTORS + 1];
    for (ptrdiff_t v = 0; v < whole; v++)
      g[v] = vec_load(gate + first + v * VECTOR_LANES);
    g[whole] = vec_load_masked(gate + first + whole * VECTOR_LANES, last);
    for (ptrdiff_t t = 0; t < rows; t++) {
      ptrdiff_t at = t * channels + first;
      for (ptrdiff_t v = 0; v < whole; v++, at += VECTOR_LANES) {
        vec r = residual ? vec_load(residual + at) : vec_set1(0);
        vec_store(y + at, residual ? vec_fma(vec_load(x + at), g[v], r) : vec_mul(vec_load(x + at), g[v]));
      }
      if (width % VECTOR_LANES) {
        vec product = vec_mul(vec_load_masked(x + at, last), g[whole]);
        vec sum = residual
                      ? vec_fma(vec_load_masked(x + at, last), g[whole], vec_load_masked(residual + at, last))
                      : product;
        vec_store_masked(y + at, last, sum);
      }
    }
  }
}

/* So many rows end where a vector ends. */
static ptrdiff_t rows_of_whole_vectors(ptrdiff_t channels) {
  ptrdiff_t rows = 1;
  while (rows * channels % VECTOR_LANES)
    rows *= 2;
  return rows;
}

/* Few channels, of which the last don't fill a vector: several rows are taken as one. A load that touches the
 * lanes which a store before it has left out would wait for that store. */
static void gated_sum(const float *x, const float *gate, const float *residual, ptrdiff_t rows,
                      ptrdiff_t channels, float *y) {
  ptrdiff_t together = rows_of_whole_vectors(channels), width = together * channels;
  ptrdiff_t joined = 0;
  if (together > 1 && width <= GATED_MOST_VECTORS * VECTOR_LANES) {
    float repeated[GATED_MOST_VECTORS * VECTOR_LANES];
    for (ptrdiff_t i = 0; i < width; i++)
      repeated[i] = gate[i % channels];
    joined = rows / together * together;
    gated_rows(x, repeated, residual, rows / together, width, y);
  }
  ptrdiff_t at = joined * channels;
  gated_rows(x + at, gate, residual ? residual + at : NULL, rows - joined, channels, y + at);
}
