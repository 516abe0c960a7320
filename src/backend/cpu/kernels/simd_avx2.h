/* Vectors of 8 floats: AVX2 and FMA. The same names as in simd_avx512.h, where they are explained. */
#ifndef DEEPECG_BACKEND_CPU_SIMD_AVX2_H
#define DEEPECG_BACKEND_CPU_SIMD_AVX2_H

#include <immintrin.h>
#include <stddef.h>

enum { VECTOR_LANES = 8 };
#define GEMM_ROWS_1 12
#define GEMM_ROWS_2 6
#define GEMM_ROWS_3 4

typedef __m256 vec;
typedef __m256i vec_mask;

static inline vec vec_set1(float x) {
  return _mm256_set1_ps(x);
}
static inline vec vec_load(const float *p) {
  return _mm256_loadu_ps(p);
}
static inline void vec_store(float *p, vec v) {
  _mm256_storeu_ps(p, v);
}
static inline vec_mask vec_first(ptrdiff_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline vec vec_load_masked(const float *p, vec_mask m) {
  return _mm256_maskload_ps(p, m);
}
static inline void vec_store_masked(float *p, vec_mask m, vec v) {
  _mm256_maskstore_ps(p, m, v);
}
static inline vec vec_add(vec a, vec b) {
  return _mm256_add_ps(a, b);
}
static inline vec vec_sub(vec a, vec b) {
  return _mm256_sub_ps(a, b);
}
static inline vec vec_mul(vec a, vec b) {
  return _mm256_mul_ps(a, b);
}
static inline vec vec_div(vec a, vec b) {
  return _mm256_div_ps(a, b);
}
static inline vec vec_fma(vec a, vec b, vec c) {
  return _mm256_fmadd_ps(a, b, c);
}
static inline vec vec_max(vec a, vec b) {
  return _mm256_max_ps(a, b);
}
static inline vec vec_min(vec a, vec b) {
  return _mm256_min_ps(a, b);
}
static inline vec vec_sqrt(vec a) {
  return _mm256_sqrt_ps(a);
}
static inline vec vec_abs(vec a) {
  return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}
static inline vec vec_round(vec a) {
  return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline vec vec_exp2_integer(vec n) {
  return _mm256_castsi256_ps(
      _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
}
static inline vec vec_scale_by_exp2(vec y, vec z) {
  return _mm256_castsi256_ps(
      _mm256_add_epi32(_mm256_castps_si256(y), _mm256_slli_epi32(_mm256_castps_si256(z), 23)));
}
static inline vec_mask vec_greater(vec a, vec b) {
  return _mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_GT_OQ));
}
static inline vec_mask vec_unordered(vec a, vec b) {
  return _mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_UNORD_Q));
}
static inline vec_mask vec_mask_or(vec_mask a, vec_mask b) {
  return _mm256_or_si256(a, b);
}
static inline vec vec_select(vec_mask m, vec a, vec b) {
  return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(m));
}
static inline void vec_transpose(vec rows[VECTOR_LANES]) {
  vec quads[VECTOR_LANES];
  for (int i = 0; i < VECTOR_LANES; i += 4) { /* 4x4 squares within the halves of the vectors */
    __m256d low = _mm256_castps_pd(_mm256_unpacklo_ps(rows[i], rows[i + 1]));
    __m256d high = _mm256_castps_pd(_mm256_unpackhi_ps(rows[i], rows[i + 1]));
    __m256d low2 = _mm256_castps_pd(_mm256_unpacklo_ps(rows[i + 2], rows[i + 3]));
    __m256d high2 = _mm256_castps_pd(_mm256_unpackhi_ps(rows[i + 2], rows[i + 3]));
    quads[i] = _mm256_castpd_ps(_mm256_unpacklo_pd(low, low2));
    quads[i + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(low, low2));
    quads[i + 2] = _mm256_castpd_ps(_mm256_unpacklo_pd(high, high2));
    quads[i + 3] = _mm256_castpd_ps(_mm256_unpackhi_pd(high, high2));
  }
  for (int i = 0; i < 4; i++) { /* then the halves */
    rows[i] = _mm256_permute2f128_ps(quads[i], quads[4 + i], 0x20);
    rows[4 + i] = _mm256_permute2f128_ps(quads[i], quads[4 + i], 0x31);
  }
}

#endif
