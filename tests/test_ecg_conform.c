/* Length, rate and units; the resampler against sines whose every sample is known. */
#include "ecg/conform.h"
#include "ecg/resample.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const double two_pi = 6.28318530717958647692;
static float signal[ECG_SAMPLES * ECG_LEADS];
static char warning[300];

/* Every lead a sine of hz and amplitude 1000 + lead, n samples at rate; flat where hz is 0. */
static void make_record(ecg_record *record, size_t n, double rate, double declared_rate, double hz) {
  assert_true(ecg_record_init(record, NULL));
  record->samples = n;
  record->sampling_rate_hz = declared_rate;
  record->in_reference = true;
  for (int lead = 0; lead < ECG_LEADS; lead++) {
    float *samples = ecg_record_add_lead(record, (ecg_lead)lead, NULL);
    assert_non_null(samples);
    for (size_t i = 0; i < n; i++)
      samples[i] = (float)((1000 + lead) * (hz > 0 ? sin(two_pi * hz * (double)i / rate) : 1));
  }
}

/* Conform; the largest error against the sine sampled at 250 Hz, as a fraction of its amplitude, where
 * `margin` samples at both ends are left out. */
static double worst_error(const ecg_record *record, double hz, size_t margin) {
  error err = {0};
  if (!ecg_conform(record, ECG_UNITS_STORED, signal, warning, sizeof warning, &err))
    fail_msg("%s", err.message);
  double worst = 0;
  for (size_t k = margin; k < ECG_SAMPLES - margin; k++)
    for (int lead = 0; lead < ECG_LEADS; lead++) {
      double expected = (1000 + lead) * sin(two_pi * hz * (double)k / ECG_RATE_HZ);
      worst = fmax(worst, fabs((double)signal[k * ECG_LEADS + (size_t)lead] - expected) / (1000 + lead));
    }
  return worst;
}

static void check_sine(size_t n, double rate, double hz, size_t margin, double tolerance,
                       const char *expected_warning) {
  ecg_record record;
  make_record(&record, n, rate, rate, hz);
  double worst = worst_error(&record, hz, margin);
  if (!(worst <= tolerance))
    fail_msg("%g Hz sine, %g Hz to 250 Hz: error %.3g", hz, rate, worst);
  assert_string_equal(warning, expected_warning);
  ecg_record_clear(&record);
}

static void test_decimation_is_exact(void **state) {
  (void)state;
  check_sine(2500, 250, 10, 0, 1e-7, "");
  check_sine(5000, 500, 10, 0, 1e-7, "");
  check_sine(10000, 1000, 10, 0, 1e-7, "");
  check_sine(20000, 2000, 10, 0, 1e-7, "");
}

static void test_resampling_is_accurate(void **state) {
  (void)state;
  check_sine(2400, 240, 10, 50, 1e-6, "resampled from 240 Hz to 250 Hz");
  check_sine(3600, 360, 10, 50, 1e-6, "resampled from 360 Hz to 250 Hz");
  check_sine(5999, 599.88, 10, 50, 1e-6, "resampled from 599.88 Hz to 250 Hz");
  check_sine(1000, 100, 10, 110, 1e-6, "resampled from 100 Hz to 250 Hz");
  check_sine(8000, 800, 10, 50, 1e-6, "resampled from 800 Hz to 250 Hz");
  check_sine(3600, 360, 100, 50, 2e-6, "resampled from 360 Hz to 250 Hz");
  check_sine(5999, 599.88, 100, 50, 2e-6, "resampled from 599.88 Hz to 250 Hz");
}

static void test_ends_stay_close(void **state) {
  (void)state;
  check_sine(3600, 360, 1, 0, 0.02, "resampled from 360 Hz to 250 Hz");
  ecg_record record;
  make_record(&record, 3600, 360, 360, 0);
  assert_true(ecg_conform(&record, ECG_UNITS_STORED, signal, NULL, 0, NULL));
  for (size_t i = 0; i < (size_t)ECG_SAMPLES * ECG_LEADS; i++)
    assert_true(fabs((double)signal[i] - (double)(1000 + i % ECG_LEADS)) < 1e-3);
  ecg_record_clear(&record);
}

/* What lies above 125 Hz must not fold into the band. */
static void test_aliases_are_suppressed(void **state) {
  (void)state;
  static const double frequencies[] = {126, 130, 150, 170};
  for (size_t f = 0; f < 4; f++) {
    ecg_record record;
    make_record(&record, 3600, 360, 360, frequencies[f]);
    assert_true(ecg_conform(&record, ECG_UNITS_STORED, signal, NULL, 0, NULL));
    for (size_t k = 50; k < ECG_SAMPLES - 50; k++)
      if (fabs((double)signal[k * ECG_LEADS]) > 1000 * 5e-5)
        fail_msg("%g Hz comes through as %g", frequencies[f], (double)signal[k * ECG_LEADS]);
    ecg_record_clear(&record);
  }
}

static void test_longer_records_use_what_follows(void **state) {
  (void)state;
  check_sine(6000, 500, 10, 0, 1e-7, "cut from 12 s to the first 10 s");
  /* No margin at the end: the filter sees real samples there. */
  ecg_record record;
  make_record(&record, 4320, 360, 360, 10);
  worst_error(&record, 10, 0);
  assert_string_equal(warning, "cut from 12 s to the first 10 s; resampled from 360 Hz to 250 Hz");
  for (size_t k = ECG_SAMPLES - 50; k < ECG_SAMPLES; k++)
    assert_true(fabs((double)signal[k * ECG_LEADS] - 1000 * sin(two_pi * 10 * (double)k / 250)) < 3e-3);
  ecg_record_clear(&record);
}

static void test_grace_holds_the_last_sample(void **state) {
  (void)state;
  ecg_record record;
  make_record(&record, 4998, 500, 500, 10);
  assert_true(ecg_conform(&record, ECG_UNITS_STORED, signal, warning, sizeof warning, NULL));
  assert_string_equal(warning, "last sample held for 4 ms");
  assert_true(signal[2498 * ECG_LEADS] == record.leads[0][4996]);
  assert_true(signal[2499 * ECG_LEADS] == record.leads[0][4997]);
  ecg_record_clear(&record);
  make_record(&record, 2495, 250, 250, 10);
  assert_true(ecg_conform(&record, ECG_UNITS_STORED, signal, warning, sizeof warning, NULL));
  assert_string_equal(warning, "last sample held for 20 ms");
  assert_true(signal[2499 * ECG_LEADS + 3] == record.leads[3][2494]);
  ecg_record_clear(&record);
}

static void refuse(size_t n, double declared_rate, const char *message) {
  ecg_record record;
  error err = {0};
  make_record(&record, n, 500, declared_rate, 10);
  assert_false(ecg_conform(&record, ECG_UNITS_STORED, signal, warning, sizeof warning, &err));
  if (strncmp(err.message, message, strlen(message)) != 0)
    fail_msg("\"%s\", not \"%s\"", err.message, message);
  ecg_record_clear(&record);
}

static void test_wrong_lengths_fail(void **state) {
  (void)state;
  refuse(2000, 0, "Signal too short: 2000");
  refuse(2499, 0, "Signal too short: 2499");
  refuse(2494, 250, "Signal too short: 2494");
  refuse(2500, 500, "Signal too short: 2500 samples are 5 s at 500 Hz, 10 s are needed");
  refuse(4989, 500, "Signal too short: 4989 samples are 9.978 s at 500 Hz");
  refuse(3000, 360, "Signal too short: 3000 samples are 8.33333 s at 360 Hz");
  refuse(1, 0, "Signal too short: 1");
  refuse(5001, 0, "Wrong length: 5001 samples");
  refuse(4998, 0, "Wrong length: 4998 samples");
  refuse(2501, 0, "Wrong length: 2501 samples");
  refuse(5000, 1e-3, "Sampling rate of 0.001 Hz");
  refuse(5000, 1e9, "Sampling rate of 1e+09 Hz");
  refuse(5000, -500, "Sampling rate of -500 Hz");
  refuse(5000, (double)NAN, "Sampling rate of");
}

static void test_undeclared_rate_follows_the_count(void **state) {
  (void)state;
  static const size_t lengths[] = {2500, 5000, 7500, 10000};
  for (size_t i = 0; i < 4; i++) {
    ecg_record record;
    double rate = (double)lengths[i] / 10;
    make_record(&record, lengths[i], rate, 0, 10);
    assert_true(worst_error(&record, 10, 0) < 1e-7);
    assert_string_equal(warning, "");
    ecg_record_clear(&record);
  }
}

static void test_declared_rate_beats_the_count(void **state) {
  (void)state;
  /* 20 s at 250 Hz: the count alone would take every second sample. */
  check_sine(5000, 250, 10, 0, 1e-7, "cut from 20 s to the first 10 s");
}

static void test_flat_lead_one_is_noted(void **state) {
  (void)state;
  ecg_record record;
  make_record(&record, 2500, 250, 250, 0);
  assert_true(ecg_conform(&record, ECG_UNITS_STORED, signal, warning, sizeof warning, NULL));
  assert_string_equal(warning, "lead I is flat");
  record.leads[LEAD_I][7] += 1;
  assert_true(ecg_conform(&record, ECG_UNITS_STORED, signal, warning, sizeof warning, NULL));
  assert_string_equal(warning, "");
  ecg_record_clear(&record);
}

static float scaled(bool in_reference, double microvolts_per_unit, ecg_units units) {
  ecg_record record;
  make_record(&record, 2500, 250, 0, 0);
  record.in_reference = in_reference;
  record.microvolts_per_unit = microvolts_per_unit;
  assert_true(ecg_conform(&record, units, signal, NULL, 0, NULL));
  ecg_record_clear(&record);
  return signal[0];
}

static void test_units(void **state) {
  (void)state;
  assert_true(scaled(true, 4.88, ECG_UNITS_STORED) == 1000);
  assert_true(scaled(true, 5, ECG_UNITS_STORED) == 1000);
  assert_true(scaled(true, 5, ECG_UNITS_PHYSICAL) == 5000);
  assert_true(scaled(true, 0, ECG_UNITS_PHYSICAL) == 1000);
  assert_true(scaled(false, 0, ECG_UNITS_STORED) == 1000);
  assert_true(scaled(false, 2.44, ECG_UNITS_STORED) == 500);
  assert_true(scaled(false, 2.5, ECG_UNITS_PHYSICAL) == 2500);
  ecg_record record;
  error err = {0};
  make_record(&record, 2500, 250, 0, 0);
  record.microvolts_per_unit = 1e300;
  assert_false(ecg_conform(&record, ECG_UNITS_PHYSICAL, signal, NULL, 0, &err));
  assert_non_null(strstr(err.message, "Lead I has values beyond"));
  ecg_record_clear(&record);
}

static void test_a_small_warning_buffer_is_enough(void **state) {
  (void)state;
  ecg_record record;
  char small[12];
  make_record(&record, 4320, 360, 360, 0);
  assert_true(ecg_conform(&record, ECG_UNITS_STORED, signal, small, sizeof small, NULL));
  assert_string_equal(small, "cut from 12");
  ecg_record_clear(&record);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_decimation_is_exact),
      cmocka_unit_test(test_resampling_is_accurate),
      cmocka_unit_test(test_ends_stay_close),
      cmocka_unit_test(test_aliases_are_suppressed),
      cmocka_unit_test(test_longer_records_use_what_follows),
      cmocka_unit_test(test_grace_holds_the_last_sample),
      cmocka_unit_test(test_wrong_lengths_fail),
      cmocka_unit_test(test_undeclared_rate_follows_the_count),
      cmocka_unit_test(test_declared_rate_beats_the_count),
      cmocka_unit_test(test_flat_lead_one_is_noted),
      cmocka_unit_test(test_units),
      cmocka_unit_test(test_a_small_warning_buffer_is_enough),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
