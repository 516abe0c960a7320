/* The transforms against the definition of the DFT. */
#include "cleaning/fft.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LEADS = 3, LONGEST = 2500 };

typedef struct spectra {
  double re[(LONGEST / 2 + 1) * LEADS], im[(LONGEST / 2 + 1) * LEADS];
} spectra;

static void fill(float *signal, size_t count, uint32_t seed) {
  for (size_t i = 0; i < count; i++) {
    seed = seed * 1664525u + 1013904223u;
    signal[i] = (float)(int32_t)seed / 4194304.0F; /* within 512 */
  }
}

static void direct_dft(const float *signal, size_t length, size_t lead, size_t k, long double *re,
                       long double *im) {
  static long double cosine[LONGEST], sine[LONGEST];
  static size_t made_for;
  for (size_t j = 0; made_for != length && j < length; j++) {
    long double angle = 2 * acosl(-1) * (long double)j / (long double)length;
    cosine[j] = cosl(angle);
    sine[j] = sinl(angle);
  }
  made_for = length;
  *re = *im = 0;
  for (size_t t = 0; t < length; t++) {
    *re += (long double)signal[t * LEADS + lead] * cosine[k * t % length];
    *im -= (long double)signal[t * LEADS + lead] * sine[k * t % length];
  }
}

static void compare_with_definition(size_t length) {
  static float signal[LONGEST * LEADS];
  static spectra s;
  error err;
  real_fft *fft = real_fft_create(length, LEADS, &err);
  assert_non_null(fft);
  fill(signal, length * LEADS, (uint32_t)length);
  real_fft_forward(fft, signal, s.re, s.im);
  long double worst = 0, largest = 0;
  for (size_t k = 0; k <= length / 2; k++)
    for (size_t lead = 0; lead < LEADS; lead++) {
      long double re, im;
      direct_dft(signal, length, lead, k, &re, &im);
      worst = fmaxl(worst, hypotl(re - s.re[k * LEADS + lead], im - s.im[k * LEADS + lead]));
      largest = fmaxl(largest, hypotl(re, im));
    }
  print_message("%4zu samples: off by %.1Le of the largest\n", length, worst / largest);
  assert_true(worst <= 1e-14L * largest);
  real_fft_destroy(fft);
}

static void test_definition(void **state) {
  (void)state;
  static const size_t lengths[] = {2, 4, 8, 10, 20, 50, 64, 100, 250, 1250, 2000, 2500};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
    compare_with_definition(lengths[i]);
}

static void test_round_trip(void **state) {
  (void)state;
  static const size_t lengths[] = {2, 10, 16, 500, 2500};
  static float signal[LONGEST * LEADS];
  static double back[LONGEST * LEADS];
  static spectra s;
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    real_fft *fft = real_fft_create(lengths[i], LEADS, NULL);
    assert_non_null(fft);
    fill(signal, lengths[i] * LEADS, 7);
    real_fft_forward(fft, signal, s.re, s.im);
    real_fft_inverse(fft, s.re, s.im, back);
    for (size_t j = 0; j < lengths[i] * LEADS; j++)
      assert_true(fabs(back[j] - (double)signal[j]) < 512 * 1e-14);
    real_fft_destroy(fft);
  }
}

/* A spectrum of single lines has a signal that can be written down. */
static void test_inverse_of_lines(void **state) {
  (void)state;
  enum { LENGTH = 100 };
  static spectra s;
  double signal[LENGTH * LEADS];
  memset(&s, 0, sizeof s);
  s.re[0] = 3;
  s.re[7 * LEADS + 1] = 2;
  s.im[7 * LEADS + 1] = -5;
  s.re[50 * LEADS + 2] = 4;
  real_fft *fft = real_fft_create(LENGTH, LEADS, NULL);
  real_fft_inverse(fft, s.re, s.im, signal);
  for (int t = 0; t < LENGTH; t++) {
    double angle = 2 * acos(-1) * 7 * t / LENGTH;
    assert_true(fabs(signal[t * LEADS] - 0.03) < 1e-15);
    assert_true(fabs(signal[t * LEADS + 1] - 2 * (2 * cos(angle) + 5 * sin(angle)) / LENGTH) < 1e-15);
    assert_true(fabs(signal[t * LEADS + 2] - (t % 2 ? -0.04 : 0.04)) < 1e-15);
  }
  real_fft_destroy(fft);
}

/* A lead's bits don't depend on its neighbours, and a flat lead has no spectrum at all. */
static void test_leads_are_independent(void **state) {
  (void)state;
  static float together[LONGEST * LEADS], alone[LONGEST];
  static spectra s, t;
  fill(together, LONGEST * LEADS, 3);
  for (size_t i = 0; i < LONGEST; i++) {
    alone[i] = together[i * LEADS];
    together[i * LEADS + 1] *= 1e30F;
    together[i * LEADS + 2] = 0;
  }
  real_fft *three = real_fft_create(LONGEST, LEADS, NULL), *one = real_fft_create(LONGEST, 1, NULL);
  real_fft_forward(three, together, s.re, s.im);
  real_fft_forward(one, alone, t.re, t.im);
  for (size_t k = 0; k <= LONGEST / 2; k++) {
    assert_true(s.re[k * LEADS] == t.re[k] && s.im[k * LEADS] == t.im[k]);
    assert_true(s.re[k * LEADS + 2] == 0 && s.im[k * LEADS + 2] == 0);
  }
  real_fft_destroy(three);
  real_fft_destroy(one);
}

static void test_other_lengths_are_refused(void **state) {
  (void)state;
  static const size_t lengths[] = {0, 1, 3, 5, 6, 14, 625, 2501, 2502};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    error err = {0};
    assert_null(real_fft_create(lengths[i], LEADS, &err));
    assert_int_equal(err.code, ERROR_UNSUPPORTED);
  }
  error err = {0};
  assert_null(real_fft_create(20, SIZE_MAX / 4, &err));
  assert_int_equal(err.code, ERROR_MEMORY);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_definition),
      cmocka_unit_test(test_round_trip),
      cmocka_unit_test(test_inverse_of_lines),
      cmocka_unit_test(test_leads_are_independent),
      cmocka_unit_test(test_other_lengths_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
