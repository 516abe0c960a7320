/* Elementary functions of the kernels against the C library's doubles: the functions themselves for the
 * portable vectors, all activations for every variant that this machine can run. */
#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/simd_generic.h"

#include "backend/cpu/kernels/vector_math.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

/* ---- one float of every few thousand, of all signs and sizes ---- */

enum { BLOCK = 1000 };

/* The next BLOCK floats of the sweep; false at its end. */
static bool next_block(uint64_t *position, float *x) {
  const uint64_t step = 3571; /* prime: bits of all weights change */
  for (int i = 0; i < BLOCK; i++, *position += step) {
    uint32_t bits = (uint32_t)*position;
    memcpy(&x[i], &bits, sizeof bits);
    if (!isfinite(x[i]))
      x[i] = 1;
  }
  return *position <= UINT32_MAX;
}

static bool same(float y, double truth) {
  return isnan(truth) ? isnan(y) : (double)y == truth || y == (float)truth;
}

/* ---- the functions, portable vectors ---- */

typedef vec vector_function(vec x);
typedef double true_function(double x);

/* All of the sweep within low..high: relative error at most `relative`, where the truth is below 2^-126 an
 * absolute error of that many times 2^-126. */
static void check_function(vector_function *f, true_function *truth, double low, double high,
                           double relative) {
  float x[BLOCK], y[VECTOR_LANES];
  uint64_t position = 0;
  for (bool more = true; more;) {
    more = next_block(&position, x);
    for (int i = 0; i < BLOCK; i += VECTOR_LANES) {
      vec_store(y, f(vec_load(x + i)));
      for (int j = 0; j < VECTOR_LANES; j++) {
        double in = (double)x[i + j], wanted = truth(in), difference = fabs((double)y[j] - wanted);
        if (in < low || in > high)
          continue;
        if (!(difference <= relative * fmax(fabs(wanted), 0x1p-126)))
          fail_msg("f(%.9g) is %.9g instead of %.9g", in, (double)y[j], wanted);
      }
    }
  }
}

static double sigmoid(double x) {
  return 1 / (1 + exp(-x));
}

static void test_exp(void **state) {
  (void)state;
  check_function(vec_exp, exp, -1e30, 88.72, 1e-7);
}

static void test_expm1(void **state) {
  (void)state;
  check_function(vec_expm1, expm1, -1e30, 87, 1.3e-7);
}

static void test_erf(void **state) {
  (void)state;
  check_function(vec_erf, erf, -1e30, 1e30, 3.1e-7);
}

static void test_tanh(void **state) {
  (void)state;
  check_function(vec_tanh, tanh, -1e30, 1e30, 2e-7);
}

static void test_sigmoid(void **state) {
  (void)state;
  check_function(vec_sigmoid, sigmoid, -87, 1e30, 2e-7);
}

static double gelu(double x) {
  return 0.5 * x * erfc(-x * 0.70710678118654752440);
}

/* For results that are rounded to bfloat16, to 2^-9 of their value. */
static void test_gelu_to_be_rounded(void **state) {
  (void)state;
  float y[VECTOR_LANES];
  for (int i = 0; i <= 400000; i += VECTOR_LANES) {
    float x[VECTOR_LANES];
    for (int j = 0; j < VECTOR_LANES; j++)
      x[j] = (float)(i + j - 200000) * 5e-5f;
    vec_store(y, vec_gelu_to_be_rounded(vec_load(x)));
    for (int j = 0; j < VECTOR_LANES; j++) {
      double in = (double)x[j], wanted = gelu(in), difference = fabs((double)y[j] - wanted);
      if (!(difference <= 5.1e-5) || !(in < -2 || difference <= 2.1e-4 * fabs(wanted)) ||
          (in < -4.24 && y[j] != 0) || (in > 4.24 && y[j] != x[j]))
        fail_msg("GELU of %.9g is %.9g instead of %.9g", in, (double)y[j], wanted);
    }
  }
  check_function(vec_gelu_to_be_rounded, gelu, 4.24, 1e30, 1e-4);
  vec_store(y, vec_gelu_to_be_rounded(vec_set1(NAN)));
  assert_true(isnan(y[0]));
}

static void test_special_values(void **state) {
  (void)state;
  static const float x[] = {NAN, INFINITY, -INFINITY, 0, -0.0f, 1e30f, -1e30f, 100};
  static const struct {
    vector_function *f;
    true_function *truth;
  } functions[] = {{vec_exp, exp}, {vec_erf, erf}, {vec_tanh, tanh}, {vec_sigmoid, sigmoid}};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
    for (size_t j = 0; j < sizeof x / sizeof *x; j += VECTOR_LANES) {
      float y[VECTOR_LANES];
      vec_store(y, functions[i].f(vec_load(x + j)));
      for (size_t k = 0; k < VECTOR_LANES; k++)
        if (!same(y[k], functions[i].truth((double)x[j + k])))
          fail_msg("function %zu of %g is %g", i, (double)x[j + k], (double)y[k]);
    }
}

/* ---- activations, every variant ---- */

/* As activation_apply, but not rounded to float, for those with the closest bounds. */
static double true_activation(activation_kind kind, double alpha, float x) {
  double d = (double)x;
  switch (kind) {
  case ACTIVATION_SILU:
    return d / (1 + exp(-d));
  case ACTIVATION_GELU:
    return 0.5 * d * erfc(-d * 0.70710678118654752440);
  case ACTIVATION_SIGMOID:
    return sigmoid(d);
  case ACTIVATION_TANH:
    return tanh(d);
  default:
    return (double)activation_apply(kind, alpha, x);
  }
}

static const cpu_kernels *kernels_of(const char *variant) {
  error err = {0};
  setenv("DEEPECG_CPU", variant, 1);
  const cpu_kernels *kernels = cpu_kernels_choose(&err);
  unsetenv("DEEPECG_CPU");
  if (kernels)
    return kernels;
  assert_int_equal(err.code, ERROR_UNSUPPORTED);
  printf("NOT RUN: %s\n", err.message);
  skip();
  return NULL;
}

/* The error of every activation over the whole sweep: at most 2e-7 max(1, |x|). */
static void test_activations(void **state) {
  const cpu_kernels *kernels = kernels_of(*state);
  const float alpha = 0.3f;
  float x[BLOCK], y[BLOCK];
  for (int kind = ACTIVATION_NONE; kind < ACTIVATION_COUNT; kind++) {
    uint64_t position = 0;
    for (bool more = true; more;) {
      more = next_block(&position, x);
      kernels->activate((activation_kind)kind, alpha, x, y, BLOCK);
      for (int i = 0; i < BLOCK; i++) {
        double truth = true_activation((activation_kind)kind, (double)alpha, x[i]);
        if (!same(y[i], truth) && !(fabs((double)y[i] - truth) <= 2e-7 * fmax(1, fabs((double)x[i]))))
          fail_msg("%s(%.9g) is %.9g instead of %.9g", activation_name((activation_kind)kind), (double)x[i],
                   (double)y[i], truth);
      }
    }
  }
}

/* NaN, infinities and zeros as activation_apply has them, in every lane and in the rest that fills no vector.
 */
static void test_activations_special(void **state) {
  const cpu_kernels *kernels = kernels_of(*state);
  static const float x[] = {NAN, INFINITY, -INFINITY, 0, -0.0f, 1e30f, -1e30f};
  enum { COUNT = sizeof x / sizeof *x };
  float in[16 + COUNT], out[16 + COUNT];
  for (int kind = ACTIVATION_NONE; kind < ACTIVATION_COUNT; kind++)
    for (int offset = 0; offset < 16; offset++) {
      for (int i = 0; i < 16 + COUNT; i++)
        in[i] = x[(i + offset) % COUNT];
      kernels->activate((activation_kind)kind, 0.3f, in, out, 16 + COUNT - offset);
      for (int i = 0; i < 16 + COUNT - offset; i++)
        if (!same(out[i], (double)activation_apply((activation_kind)kind, (double)0.3f, in[i])))
          fail_msg("%s(%g) is %g", activation_name((activation_kind)kind), (double)in[i], (double)out[i]);
    }
}

#define ON_EVERY_VARIANT(test)                                                                               \
  {#test " generic", test, NULL, NULL, "generic"}, {#test " avx2", test, NULL, NULL, "avx2"}, {              \
#test " avx512", test, NULL, NULL, "avx512"                                                              \
  }

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_exp),
      cmocka_unit_test(test_expm1),
      cmocka_unit_test(test_erf),
      cmocka_unit_test(test_tanh),
      cmocka_unit_test(test_sigmoid),
      cmocka_unit_test(test_gelu_to_be_rounded),
      cmocka_unit_test(test_special_values),
      ON_EVERY_VARIANT(test_activations),
      ON_EVERY_VARIANT(test_activations_special),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
