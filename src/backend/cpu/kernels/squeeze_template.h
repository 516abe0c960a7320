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

static void gated_sum(const float *x, const float *gate, const float *residual, ptrdiff_t rows,
                      ptrdiff_t channels, float *y) {
  enum { MOST = 8 };
  for (ptrdiff_t first = 0; first < channels; first += MOST * VECTOR_LANES) {
    ptrdiff_t width = channels - first < MOST * VECTOR_LANES ? channels - first : MOST * VECTOR_LANES;
    ptrdiff_t whole = width / VECTOR_LANES;
    vec_mask last = vec_first(width % VECTOR_LANES);
    vec g[MOST + 1];
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
