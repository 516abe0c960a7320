/* Vectors of 4 floats in plain C (GCC's vector types), for any processor. The same names as in simd_avx512.h,
 * where they are explained. A fused multiply-add would be a slow library call here: vec_fma rounds twice. */
#ifndef DEEPECG_BACKEND_CPU_SIMD_GENERIC_H
#define DEEPECG_BACKEND_CPU_SIMD_GENERIC_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { VECTOR_LANES = 4 };
#define GEMM_ROWS_1 8
#define GEMM_ROWS_2 5
#define GEMM_ROWS_3 3

typedef float vec __attribute__((vector_size(16)));
typedef int32_t vec_mask __attribute__((vector_size(16)));

static inline vec vec_set1(float x) {
  return (vec){x, x, x, x};
}
static inline vec vec_load(const float *p) {
  vec v;
  memcpy(&v, p, sizeof v);
  return v;
}
static inline void vec_store(float *p, vec v) {
  memcpy(p, &v, sizeof v);
}
static inline vec_mask vec_first(ptrdiff_t n) {
  int32_t count = (int32_t)n;
  return (vec_mask){0, 1, 2, 3} < (vec_mask){count, count, count, count};
}
static inline vec vec_load_masked(const float *p, vec_mask m) {
  vec v = {0, 0, 0, 0};
  for (int i = 0; i < VECTOR_LANES; i++)
    if (m[i])
      v[i] = p[i];
  return v;
}
static inline void vec_store_masked(float *p, vec_mask m, vec v) {
  for (int i = 0; i < VECTOR_LANES; i++)
    if (m[i])
      p[i] = v[i];
}
static inline vec vec_add(vec a, vec b) {
  return a + b;
}
static inline vec vec_sub(vec a, vec b) {
  return a - b;
}
static inline vec vec_mul(vec a, vec b) {
  return a * b;
}
static inline vec vec_div(vec a, vec b) {
  return a / b;
}
static inline vec vec_fma(vec a, vec b, vec c) {
  return a * b + c;
}
static inline vec_mask vec_greater(vec a, vec b) {
  return a > b;
}
static inline vec_mask vec_unordered(vec a, vec b) {
  return ~((a == a) & (b == b));
}
static inline vec_mask vec_mask_or(vec_mask a, vec_mask b) {
  return a | b;
}
static inline vec vec_select(vec_mask m, vec a, vec b) {
  return (vec)(((vec_mask)a & m) | ((vec_mask)b & ~m));
}
static inline vec vec_max(vec a, vec b) {
  return vec_select(a > b, a, b);
}
static inline vec vec_min(vec a, vec b) {
  return vec_select(a < b, a, b);
}
static inline vec vec_sqrt(vec a) {
  return (vec){sqrtf(a[0]), sqrtf(a[1]), sqrtf(a[2]), sqrtf(a[3])};
}
static inline vec vec_abs(vec a) {
  return (vec)((vec_mask)a & 0x7fffffff);
}
/* Adding and taking away 1.5 * 2^23 rounds |a| < 2^22; larger floats that callers pass are integers or NaN.
 */
static inline vec vec_round(vec a) {
  const vec shift = vec_set1(12582912.0f);
  vec rounded = (a + shift) - shift;
  return vec_select(vec_abs(a) < 4194304.0f, rounded, a);
}
static inline vec vec_exp2_integer(vec n) {
  return (vec)((__builtin_convertvector(n, vec_mask) + 127) << 23);
}
static inline vec vec_scale_by_exp2(vec y, vec z) {
  typedef uint32_t bits __attribute__((vector_size(16)));
  return (vec)((bits)y + ((bits)z << 23));
}
static inline void vec_transpose(vec rows[VECTOR_LANES]) {
  for (int i = 0; i < VECTOR_LANES; i++)
    for (int j = 0; j < i; j++) {
      float other = rows[i][j];
      rows[i][j] = rows[j][i];
      rows[j][i] = other;
    }
}

#endif
