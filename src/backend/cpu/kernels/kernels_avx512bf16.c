#include "backend/cpu/kernels/simd_avx512.h"

#include "backend/cpu/kernels/bf16.h"

/* c + a[0] b[0] + a[1] b[1] of the pairs in each lane. */
static inline vec vec_multiply_pairs(vec a, vec b, vec c) {
  return _mm512_dpbf16_ps(c, (__m512bh)a, (__m512bh)b);
}

#define GEMM_MULTIPLY_ADD vec_multiply_pairs
#define GEMM_ROUNDS
#include "backend/cpu/kernels/gemm_template.h"
/* after gemm_template.h */
#include "backend/cpu/kernels/gemm_round_template.h"

#define PROBE_MULTIPLY_ADD(sum, factor, term) vec_multiply_pairs(factor, term, sum)
enum { PROBE_OPERATIONS = 4 };
#include "backend/cpu/kernels/probe_template.h"

/* The first n of 32 floats as 16 pairs; absent ones are 0. */
static inline vec load_pairs(const float *x, ptrdiff_t n) {
  if (n >= 2 * VECTOR_LANES)
    return (vec)_mm512_cvtne2ps_pbh(vec_load(x + VECTOR_LANES), vec_load(x));
  ptrdiff_t low = n < VECTOR_LANES ? n : VECTOR_LANES;
  return (vec)_mm512_cvtne2ps_pbh(vec_load_masked(x + low, vec_first(n - low)),
                                  vec_load_masked(x, vec_first(low)));
}

static void to_pairs(const float *x, ptrdiff_t n, float *pairs) {
  for (; n >= 2 * VECTOR_LANES; n -= 2 * VECTOR_LANES, x += 2 * VECTOR_LANES, pairs += VECTOR_LANES)
    vec_store(pairs, load_pairs(x, n));
  if (n > 0)
    vec_store_masked(pairs, vec_first((n + 1) / 2), load_pairs(x, n));
}

/* One vector of columns: squares of 16 pairs of 16 columns are turned round. */
static void pack_vector(const float *by_columns, ptrdiff_t columns, ptrdiff_t inner, ptrdiff_t width,
                        float *panel) {
  vec square[VECTOR_LANES];
  for (ptrdiff_t k = 0; k < inner; k += 2 * VECTOR_LANES) {
    for (ptrdiff_t c = 0; c < VECTOR_LANES; c++)
      square[c] = c < columns ? load_pairs(by_columns + c * inner + k, inner - k) : vec_set1(0);
    vec_transpose(square);
    ptrdiff_t pairs = (inner - k + 1) / 2;
    for (ptrdiff_t i = 0; i < VECTOR_LANES && i < pairs; i++, panel += width)
      vec_store(panel, square[i]);
  }
}

static void pack_panel(const float *by_columns, ptrdiff_t columns, ptrdiff_t inner, ptrdiff_t width,
                       float *panel) {
  for (ptrdiff_t first = 0; first < width; first += VECTOR_LANES)
    pack_vector(by_columns + first * inner, columns - first, inner, width, panel + first);
}

#include "backend/cpu/kernels/attention_template.h"
/* after attention_template.h */
#include "backend/cpu/kernels/attention_pairs.h"

const bf16_kernels cpu_kernels_avx512bf16 = {
    .name = "avx512bf16",
    .probe_peak = probe_peak,
    .gemm_tiles = GEMM_TABLE,
    .to_pairs = to_pairs,
    .pack_panel = pack_panel,
    .attend = attend,
};
