/* Vectors of 16 floats: AVX-512 F, VL, DQ, BW. The same names as in simd_avx2.h and simd_generic.h. */
#ifndef DEEPECG_BACKEND_CPU_SIMD_AVX512_H
#define DEEPECG_BACKEND_CPU_SIMD_AVX512_H

#include <immintrin.h>
#include <stddef.h>

enum { VECTOR_LANES = 16 };
/* Rows of a register tile that is 1, 2 or 3 vectors wide: sums, weights and one operand fit in 32 registers.
 */
#define GEMM_ROWS_1 14
#define GEMM_ROWS_2 14
#define GEMM_ROWS_3 9

typedef __m512 vec;
typedef __mmask16 vec_mask;

/* Half a vector costs half as much to multiply: the double-pumped units take one half at a time. */
#define VECTOR_HALF_LANES 8
typedef __m256 vec_half;

static inline vec_half vec_half_load(const float *p) {
  return _mm256_loadu_ps(p);
}
static inline vec_half vec_half_of(vec x) {
  return _mm512_castps512_ps256(x);
}
static inline vec_half vec_half_fma(vec_half a, vec_half b, vec_half c) {
  return _mm256_fmadd_ps(a, b, c);
}
/* The other half is zeros. */
static inline vec vec_whole_of(vec_half x) {
  return _mm512_zextps256_ps512(x);
}

static inline vec vec_set1(float x) {
  return _mm512_set1_ps(x);
}
static inline vec vec_load(const float *p) {
  return _mm512_loadu_ps(p);
}
static inline void vec_store(float *p, vec v) {
  _mm512_storeu_ps(p, v);
}
/* The first n lanes, 0 <= n <= VECTOR_LANES. */
static inline vec_mask vec_first(ptrdiff_t n) {
  return (vec_mask)((1u << n) - 1u);
}
static inline vec vec_load_masked(const float *p, vec_mask m) {
  return _mm512_maskz_loadu_ps(m, p);
}
static inline void vec_store_masked(float *p, vec_mask m, vec v) {
  _mm512_mask_storeu_ps(p, m, v);
}
static inline vec vec_add(vec a, vec b) {
  return _mm512_add_ps(a, b);
}
static inline vec vec_sub(vec a, vec b) {
  return _mm512_sub_ps(a, b);
}
static inline vec vec_mul(vec a, vec b) {
  return _mm512_mul_ps(a, b);
}
static inline vec vec_div(vec a, vec b) {
  return _mm512_div_ps(a, b);
}
/* a * b + c */
static inline vec vec_fma(vec a, vec b, vec c) {
  return _mm512_fmadd_ps(a, b, c);
}
/* a > b ? a : b, so b where either is NaN */
static inline vec vec_max(vec a, vec b) {
  return _mm512_max_ps(a, b);
}
static inline vec vec_min(vec a, vec b) {
  return _mm512_min_ps(a, b);
}
static inline vec vec_sqrt(vec a) {
  return _mm512_sqrt_ps(a);
}
static inline vec vec_abs(vec a) {
  return _mm512_abs_ps(a);
}
/* To the nearest integer, ties to even. */
static inline vec vec_round(vec a) {
  return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/* 2^n for integral -126 <= n <= 127 */
static inline vec vec_exp2_integer(vec n) {
  return _mm512_castsi512_ps(
      _mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)), 23));
}
/* y * 2^n for z = n + 1.5 * 2^23, of whose bits the last are n's; y and the result are normal numbers */
static inline vec vec_scale_by_exp2(vec y, vec z) {
  return _mm512_castsi512_ps(
      _mm512_add_epi32(_mm512_castps_si512(y), _mm512_slli_epi32(_mm512_castps_si512(z), 23)));
}
static inline vec_mask vec_greater(vec a, vec b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ);
}
static inline vec_mask vec_unordered(vec a, vec b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q);
}
static inline vec_mask vec_mask_or(vec_mask a, vec_mask b) {
  return (vec_mask)(a | b);
}
/* m ? a : b */
static inline vec vec_select(vec_mask m, vec a, vec b) {
  return _mm512_mask_blend_ps(m, b, a);
}
/* Turns the square round: lane j of rows[i] and lane i of rows[j] change places. */
static inline void vec_transpose(vec rows[VECTOR_LANES]) {
  vec quads[VECTOR_LANES];
  for (int i = 0; i < VECTOR_LANES; i += 4) { /* 4x4 squares within the quarters of the vectors */
    __m512d low = _mm512_castps_pd(_mm512_unpacklo_ps(rows[i], rows[i + 1]));
    __m512d high = _mm512_castps_pd(_mm512_unpackhi_ps(rows[i], rows[i + 1]));
    __m512d low2 = _mm512_castps_pd(_mm512_unpacklo_ps(rows[i + 2], rows[i + 3]));
    __m512d high2 = _mm512_castps_pd(_mm512_unpackhi_ps(rows[i + 2], rows[i + 3]));
    quads[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, low2));
    quads[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, low2));
    quads[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(high, high2));
    quads[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(high, high2));
  }
  for (int i = 0; i < 4; i++) { /* then the quarters */
    vec even = _mm512_shuffle_f32x4(quads[i], quads[4 + i], 0x88);
    vec odd = _mm512_shuffle_f32x4(quads[i], quads[4 + i], 0xdd);
    vec even2 = _mm512_shuffle_f32x4(quads[8 + i], quads[12 + i], 0x88);
    vec odd2 = _mm512_shuffle_f32x4(quads[8 + i], quads[12 + i], 0xdd);
    rows[i] = _mm512_shuffle_f32x4(even, even2, 0x88);
    rows[4 + i] = _mm512_shuffle_f32x4(odd, odd2, 0x88);
    rows[8 + i] = _mm512_shuffle_f32x4(even, even2, 0xdd);
    rows[12 + i] = _mm512_shuffle_f32x4(odd, odd2, 0xdd);
  }
}

#endif
