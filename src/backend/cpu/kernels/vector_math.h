/* Elementary functions and activations on vectors, from the vec_* functions of simd_*.h alone, so that every
 * instruction set computes the same formula. NaN gives NaN. To be included after one of the simd_*.h headers.
 *
 * The polynomials are our own: fitted in double to values of 30 digits by Lawson's algorithm (least squares
 * whose weights grow where the error is largest, which ends at the smallest largest error) on Chebyshev
 * nodes, the error weighted to be relative to the function that they serve. test_backend_vector_math holds
 * the figures below. */
#ifndef DEEPECG_BACKEND_CPU_VECTOR_MATH_H
#define DEEPECG_BACKEND_CPU_VECTOR_MATH_H

#include "ops/op.h"

#include <math.h>

/* Where the operand is NaN, vec_min and vec_max return their second argument: the clamps below keep NaN. */
static inline vec vec_clamp(vec x, float low, float high) {
  return vec_max(vec_set1(low), vec_min(vec_set1(high), x));
}

static inline vec vec_negate(vec x) {
  return vec_sub(vec_set1(0), x);
}

/* c[0] + c[1] x + ... + c[degree] x^degree */
static inline __attribute__((always_inline)) vec vec_polynomial(const float *c, int degree, vec x) {
  vec y = vec_set1(c[degree]);
#pragma GCC unroll 16
  for (int i = degree - 1; i >= 0; i--)
    y = vec_fma(y, x, vec_set1(c[i]));
  return y;
}

/* n = round(x / ln 2) and e^r - 1 of the remainder r, |r| <= ln 2 / 2 (relative error of e^r: 3e-9). */
static inline vec vec_exp_remainder(vec x, vec *n) {
  static const float c[] = {0.5f, 0.166665182f, 0.041666206f, 0.0083688898f, 0.00139504904f};
  *n = vec_round(vec_mul(x, vec_set1(1.44269504f)));
  /* ln 2 in two parts, the first of so few bits that its product with n is exact even without FMA. */
  vec r = vec_fma(*n, vec_set1(-0.693359375f), x);
  r = vec_fma(*n, vec_set1(2.12194440e-4f), r);
  return vec_fma(vec_mul(r, r), vec_polynomial(c, 4, r), r);
}

/* e^x. Within 1.1 ulp; results below 2^-126 are denormal numbers, correct to their last bit but one. */
static inline vec vec_exp(vec x) {
  vec n, p = vec_exp_remainder(vec_clamp(x, -104.0f, 89.0f), &n);
  /* 2^n in two factors: n may be 128, and as low as -150. */
  vec half = vec_round(vec_mul(n, vec_set1(0.5f)));
  vec y = vec_mul(vec_add(p, vec_set1(1)), vec_exp2_integer(half));
  return vec_mul(y, vec_exp2_integer(vec_sub(n, half)));
}

/* 2^x for x <= 1, as weights of a softmax need it: what lies below 2^-125 is 2^-125. Within 1.1 ulp. The
 * remainder of the nearest integer is exact, and the integer goes straight into the exponent; that of a NaN,
 * whose last bits may be anything, is none, so that it stays a NaN. */
static inline vec vec_exp2_of_negative(vec x) {
  static const float c[] = {
      1, 0.693147182f, 0.240226477f, 0.0555033237f, 0.00961843692f, 0.00133988739f, 0.00015353362f};
  const vec shift = vec_set1(12582912.0f);      /* 1.5 * 2^23 */
  const vec none = vec_set1(12582912.0f + 512); /* of whose bits the last 9 are 0 */
  x = vec_max(vec_set1(-125.0f), x);
  vec shifted = vec_add(x, shift), r = vec_sub(x, vec_sub(shifted, shift));
  return vec_scale_by_exp2(vec_polynomial(c, 6, r), vec_min(shifted, none));
}

/* e^x - 1, for x <= 87. Within 2 ulp. */
static inline vec vec_expm1(vec x) {
  vec n, p = vec_exp_remainder(vec_clamp(x, -30.0f, 87.0f), &n);
  vec power = vec_exp2_integer(n);
  return vec_fma(power, p, vec_sub(power, vec_set1(1)));
}

/* 1 / (1 + e^-x). Within 3 ulp; 0 below -88.7, where it should be less than 2^-126. */
static inline vec vec_sigmoid(vec x) {
  vec one = vec_set1(1);
  return vec_div(one, vec_add(one, vec_exp(vec_negate(x))));
}

/* Within 3 ulp. */
static inline vec vec_tanh(vec x) {
  vec e = vec_expm1(vec_clamp(vec_add(x, x), -30.0f, 30.0f));
  return vec_div(e, vec_add(e, vec_set1(2)));
}

/* erf(a) for a >= 0: a polynomial in a^2, which is mapped to -1..1 so that rounding errors stay small. Beyond
 * 3.8, where erf is 1 to the last bit but one, a times the polynomial's last value passes 1 and is cut. */
static inline vec vec_erf_of_magnitude(vec a) {
  static const float c[] = {0.372107625f,   -0.185641289f,   0.137739822f,   -0.111182436f,   0.0908260196f,
                            -0.0725454539f, 0.055108577f,    -0.0388198383f, 0.0265081022f,   -0.0185622629f,
                            0.0102767684f,  -0.00309233461f, 0.00208686711f, -0.00276698614f, 0.0011147171f};
  vec one = vec_set1(1);
  vec t = vec_min(one, vec_fma(vec_mul(a, a), vec_set1(0.138504162f), vec_set1(-1)));
  return vec_min(one, vec_mul(a, vec_polynomial(c, 14, t)));
}

/* Relative error below 3.1e-7. */
static inline vec vec_erf(vec x) {
  vec y = vec_erf_of_magnitude(vec_abs(x));
  return vec_select(vec_greater(vec_set1(0), x), vec_negate(y), y);
}

/* ---- activations ---- */

/* DO(kind) for each: those of few instructions, which register tiles apply to their sums as these stand, and
 * the others. */
#define FOR_SHORT_ACTIVATIONS(DO) DO(ACTIVATION_NONE) DO(ACTIVATION_RELU) DO(ACTIVATION_LEAKY_RELU)
#define FOR_LONG_ACTIVATIONS(DO)                                                                             \
  DO(ACTIVATION_RELU6)                                                                                       \
  DO(ACTIVATION_SILU)                                                                                        \
  DO(ACTIVATION_GELU)                                                                                        \
  DO(ACTIVATION_GELU_TANH)                                                                                   \
  DO(ACTIVATION_MISH)                                                                                        \
  DO(ACTIVATION_SELU)                                                                                        \
  DO(ACTIVATION_ELU)                                                                                         \
  DO(ACTIVATION_HARDSWISH)                                                                                   \
  DO(ACTIVATION_HARDSIGMOID)                                                                                 \
  DO(ACTIVATION_SIGMOID)                                                                                     \
  DO(ACTIVATION_TANH)

/* GELU for results that are rounded to bfloat16 next: x times the normal distribution's share below x. The
 * share less 1/2 is odd: x times a polynomial in x^2, fitted by linear programming so that on 0..4.2 the
 * largest of |error of GELU| / max(1/16, |GELU(-x)|) is smallest; beyond, it passes 1/2 and is cut. Error
 * below 5.1e-5 and, above -2, below 2.1e-4 of the value; exactly 0 below -4.24 and x above 4.24. */
static inline vec vec_gelu_to_be_rounded(vec x) {
  static const float c[] = {0.39876619f,     -0.0661157817f,   0.0096825175f,
                            -0.00107047637f, 8.73647805e-05f,  -5.06338347e-06f,
                            1.95096845e-07f, -4.44154669e-09f, 4.49168029e-11f};
  vec share = vec_fma(vec_polynomial(c, 8, vec_mul(x, x)), x, vec_set1(0.5f));
  return vec_mul(x, vec_clamp(share, 0, 1));
}

/* x/2 (1 + erf(x / sqrt 2)), as x/2 + |x/2| erf(|x| / sqrt 2). Error below 1.8e-7 max(1, |x|); exactly 0 for
 * x < -5.4. */
static inline vec vec_gelu(vec x) {
  vec half = vec_mul(x, vec_set1(0.5f));
  vec e = vec_erf_of_magnitude(vec_mul(vec_abs(x), vec_set1(0.707106781f)));
  return vec_fma(vec_abs(half), e, half);
}

/* x/2 (1 + tanh u) = x / (1 + e^-2u) with u = sqrt(2 / pi) (x + 0.044715 x^3) */
static inline vec vec_gelu_tanh(vec x) {
  vec cubic = vec_fma(vec_mul(x, x), vec_set1(-0.0713548163f), vec_set1(-1.59576912f));
  return vec_div(x, vec_add(vec_set1(1), vec_exp(vec_mul(x, cubic))));
}

static inline vec vec_silu(vec x) {
  return vec_div(x, vec_add(vec_set1(1), vec_exp(vec_negate(x))));
}

/* x tanh(log(1 + e)) with e = e^x: x w / (w + 2) with w = e (e + 2). From 20 on, w / (w + 2) is 1. */
static inline vec vec_mish(vec x) {
  vec e = vec_exp(vec_min(vec_set1(20), x));
  vec w = vec_mul(e, vec_add(e, vec_set1(2)));
  return vec_mul(x, vec_div(w, vec_add(w, vec_set1(2))));
}

/* scale * (x > 0 ? x : alpha * (e^x - 1)) */
static inline vec vec_scaled_elu(vec x, float scale, float scaled_alpha) {
  vec zero = vec_set1(0);
  vec negative = vec_mul(vec_set1(scaled_alpha), vec_expm1(vec_min(zero, x)));
  return vec_select(vec_greater(x, zero), vec_mul(vec_set1(scale), x), negative);
}

static inline vec vec_leaky_relu(vec x, float alpha) {
  return vec_select(vec_greater(x, vec_set1(0)), x, vec_mul(vec_set1(alpha), x));
}

/* min(max(x + 3, 0), 6) / 6 */
static inline vec vec_hardsigmoid(vec x) {
  return vec_div(vec_clamp(vec_add(x, vec_set1(3)), 0, 6), vec_set1(6));
}

/* activation_apply of src/ops. `kind` should be known when this is compiled: only its own formula is left
 * then. */
static inline __attribute__((always_inline)) vec vec_activate(int kind, float alpha, vec x) {
  switch (kind) {
  case ACTIVATION_RELU:
    return vec_max(vec_set1(0), x);
  case ACTIVATION_LEAKY_RELU:
    return vec_leaky_relu(x, alpha);
  case ACTIVATION_RELU6:
    return vec_clamp(x, 0, 6);
  case ACTIVATION_SILU:
    return vec_silu(x);
  case ACTIVATION_GELU:
    return vec_gelu(x);
  case ACTIVATION_GELU_TANH:
    return vec_gelu_tanh(x);
  case ACTIVATION_MISH:
    return vec_mish(x);
  case ACTIVATION_SELU:
    return vec_scaled_elu(x, 1.05070099f, 1.75809934f);
  case ACTIVATION_ELU:
    return vec_scaled_elu(x, 1, alpha);
  case ACTIVATION_HARDSWISH:
    return vec_mul(x, vec_hardsigmoid(x));
  case ACTIVATION_HARDSIGMOID:
    return vec_hardsigmoid(x);
  case ACTIVATION_SIGMOID:
    return vec_sigmoid(x);
  case ACTIVATION_TANH:
    return vec_tanh(x);
  default:
    return x;
  }
}

#endif
