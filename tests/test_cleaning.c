/* The cleaning as a whole on records made here: what it does, its corner cases, its independence of threads.
 */
#include "cleaning/cleaning.h"

#include "cleaning/fft.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <omp.h>

enum {
  VALUES = CLEANING_SAMPLES * CLEANING_LEADS,
  RECORDS = 23,
  BLOCK = 4,
  HUM_HZ = 70
}; /* no harmonic of 70 Hz is below Nyquist */

typedef float record[VALUES];

static uint32_t next_random(uint32_t *seed) {
  return *seed = *seed * 1664525u + 1013904223u;
}

/* Noise within +-100 in every lead, and a hum whose phase differs from lead to lead. */
static void make_record(float *signal, uint32_t seed, double hum_hz, double hum) {
  uint32_t state = seed * 2654435761u;
  for (int t = 0; t < CLEANING_SAMPLES; t++)
    for (int lead = 0; lead < CLEANING_LEADS; lead++) {
      double noise = next_random(&state) / 4294967296.0 * 200 - 100;
      signal[t * CLEANING_LEADS + lead] =
          (float)(noise + hum * sin(2 * acos(-1) * hum_hz * t / 250 + lead + seed));
    }
}

static cleaning_plan *plan_of(record *records, size_t count, error *err) {
  spectrum_sum *sum = calloc(1, sizeof *sum);
  cleaning_workspace *workspace = cleaning_workspace_create(NULL);
  assert_true(sum && workspace);
  for (size_t i = 0; i < count; i++)
    spectrum_sum_add(sum, records[i], workspace);
  cleaning_plan *plan = cleaning_plan_create(sum, err);
  cleaning_workspace_destroy(workspace);
  free(sum);
  return plan;
}

static void apply(const cleaning_plan *plan, const float *signal, float *cleaned) {
  cleaning_workspace *workspace = cleaning_workspace_create(NULL);
  assert_non_null(workspace);
  cleaning_apply(plan, signal, cleaned, workspace);
  cleaning_workspace_destroy(workspace);
}

static void spectrum_of(const float *signal, double *re, double *im) {
  real_fft *fft = real_fft_create(CLEANING_SAMPLES, CLEANING_LEADS, NULL);
  assert_non_null(fft);
  real_fft_forward(fft, signal, re, im);
  real_fft_destroy(fft);
}

/* The cleaned spectrum is the scaled one with straight lines of magnitude within the ranges, phases kept. */
static void test_a_hum_is_flattened(void **state) {
  (void)state;
  enum { SIZE = CLEANING_BINS * CLEANING_LEADS };
  static record signal, cleaned;
  static double re[SIZE], im[SIZE], clean_re[SIZE], clean_im[SIZE];
  make_record(signal, 1, HUM_HZ, 150);
  cleaning_plan *plan = plan_of(&signal, 1, NULL);
  assert_non_null(plan);
  assert_int_equal(plan->region_count, 1);
  assert_int_equal(plan->hit_bins[0], 10 * HUM_HZ);
  apply(plan, signal, cleaned);
  spectrum_of(signal, re, im);
  spectrum_of(cleaned, clean_re, clean_im);
  double total = 0;
  for (int bin = 0; bin < CLEANING_BINS; bin++)
    for (int lead = 0; lead < CLEANING_LEADS; lead++) {
      const int at = bin * CLEANING_LEADS + lead;
      const frequency_range range = plan->ranges[lead][0];
      const int first = (int)round(range.low_hz * 10), last = (int)round(range.high_hz * 10);
      assert_true(plan->range_count[lead] == 1 && first <= 690 && last >= 710 && first > 600 && last < 800);
      const double old = hypot(re[at], im[at]) * plan->factor, clean = hypot(clean_re[at], clean_im[at]);
      if (lead == 0)
        total += old * (bin == 0 || bin == CLEANING_BINS - 1 ? 1 : 2);
      if (bin < first || bin > last) {
        assert_true(fabs(clean_re[at] - re[at] * plan->factor) < 1e-5);
        assert_true(fabs(clean_im[at] - im[at] * plan->factor) < 1e-5);
        continue;
      }
      const int a = first * CLEANING_LEADS + lead, b = last * CLEANING_LEADS + lead;
      const double from = hypot(re[a], im[a]) * plan->factor, to = hypot(re[b], im[b]) * plan->factor;
      assert_true(fabs(clean - (from + (to - from) * (bin - first) / (last - first))) < 1e-5);
      assert_true(fabs(clean_re[at] * old - re[at] * plan->factor * clean) < 1e-4 * old);
      assert_true(fabs(clean_im[at] * old - im[at] * plan->factor * clean) < 1e-4 * old);
    }
  assert_true(fabs(total / CLEANING_SAMPLES - 3.003154) < 1e-6);
  cleaning_plan_destroy(plan);
}

static void test_without_hits_records_are_only_scaled(void **state) {
  (void)state;
  static record signal, cleaned;
  make_record(signal, 2, HUM_HZ, 0);
  cleaning_plan *plan = plan_of(&signal, 1, NULL);
  assert_non_null(plan);
  assert_int_equal(plan->hit_count + plan->region_count + plan->range_count[0], 0);
  apply(plan, signal, cleaned);
  for (int i = 0; i < VALUES; i++)
    assert_true(cleaned[i] == (float)(signal[i] * plan->factor));
  cleaning_plan_destroy(plan);
}

/* A single pulse has the same magnitude in every bin: nothing stands out, rounding errors don't either. */
static void test_constant_spectrum(void **state) {
  (void)state;
  static record signal, cleaned;
  for (int at = 0; at < CLEANING_SAMPLES; at += 250) {
    memset(signal, 0, sizeof signal);
    for (int lead = 0; lead < CLEANING_LEADS; lead++)
      signal[at * CLEANING_LEADS + lead] = (float)(lead + 3);
    cleaning_plan *plan = plan_of(&signal, 1, NULL);
    assert_non_null(plan);
    assert_true(fabs(plan->factor - 1.0010513333333333) < 1e-14);
    assert_int_equal(plan->hit_count, 0);
    apply(plan, signal, cleaned);
    for (int i = 0; i < VALUES; i++)
      assert_true(cleaned[i] == (float)(signal[i] * plan->factor));
    cleaning_plan_destroy(plan);
  }
}

/* Magnitudes are compared as float32: a bin that is higher by a rounding error is no hit, by float32's
 * precision it is. */
static void test_differences_below_float32_are_no_hits(void **state) {
  (void)state;
  static const struct {
    double excess;
    size_t hits;
  } cases[] = {{0, 0}, {1e-12, 0}, {1e-6, 50}};
  spectrum_sum *sum = calloc(1, sizeof *sum);
  assert_non_null(sum);
  sum->records = 1;
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    for (int bin = 0; bin < CLEANING_BINS; bin++)
      sum->magnitude[0][bin] = bin == 700 ? 1 + cases[c].excess : 1;
    cleaning_plan *plan = cleaning_plan_create(sum, NULL);
    assert_non_null(plan);
    assert_int_equal(plan->hit_count, cases[c].hits);
    cleaning_plan_destroy(plan);
  }
  free(sum);
}

/* Zero leads and zero records come out as zeros; a zero record halves the batch's mean. */
static void test_flat_leads_and_records(void **state) {
  (void)state;
  static record batch[2], cleaned;
  make_record(batch[0], 3, HUM_HZ, 150);
  for (int t = 0; t < CLEANING_SAMPLES; t++) {
    batch[0][t * CLEANING_LEADS + 4] = 0;
    batch[0][t * CLEANING_LEADS + 7] = 512;
  }
  memset(batch[1], 0, sizeof batch[1]);
  cleaning_plan *alone = plan_of(batch, 1, NULL), *both = plan_of(batch, 2, NULL);
  assert_true(alone && both);
  assert_true(both->mean_magnitude == alone->mean_magnitude / 2 && both->factor == alone->factor * 2);
  assert_int_equal(both->region_count, 1);
  assert_memory_equal(both->ranges[3], alone->ranges[3], sizeof *both->ranges[3]);
  apply(both, batch[1], cleaned);
  for (int i = 0; i < VALUES; i++)
    assert_true(cleaned[i] == 0);
  apply(both, batch[0], cleaned);
  for (int t = 0; t < CLEANING_SAMPLES; t++) {
    assert_true(cleaned[t * CLEANING_LEADS + 4] == 0);
    assert_true(cleaned[t * CLEANING_LEADS + 7] == (float)(512 * both->factor));
  }
  cleaning_plan_destroy(alone);
  cleaning_plan_destroy(both);
}

/* Such a range changes nothing, in that lead only. */
static void test_ranges_that_end_below_their_start(void **state) {
  (void)state;
  static record signal, cleaned, scaled;
  make_record(signal, 4, HUM_HZ, 150);
  cleaning_plan *plan = plan_of(&signal, 1, NULL);
  assert_non_null(plan);
  for (int i = 0; i < VALUES; i++)
    scaled[i] = (float)(signal[i] * plan->factor);
  for (int lead = 0; lead < CLEANING_LEADS; lead += 2)
    plan->ranges[lead][0] = (frequency_range){71, 69};
  apply(plan, signal, cleaned);
  for (int lead = 0; lead < CLEANING_LEADS; lead++) {
    double changed = 0;
    for (int t = 0; t < CLEANING_SAMPLES; t++)
      changed = fmax(changed, fabsf(cleaned[t * CLEANING_LEADS + lead] - scaled[t * CLEANING_LEADS + lead]));
    assert_true(lead % 2 ? changed > 0.1 : changed == 0);
  }
  cleaning_plan_destroy(plan);
}

/* A lead whose spectrum stays above its curve from one hum to the next has one range for both. */
static void test_ranges_that_coincide_are_one(void **state) {
  (void)state;
  static record signal;
  make_record(signal, 9, HUM_HZ, 100);
  for (int t = 0; t < CLEANING_SAMPLES; t++) {
    signal[t * CLEANING_LEADS] += (float)(100 * sin(2 * acos(-1) * (HUM_HZ + 1.5) * t / 250));
    for (int bin = 10 * HUM_HZ - 10; bin <= 10 * HUM_HZ + 25; bin++)
      signal[t * CLEANING_LEADS + 2] +=
          (float)(60 * cos(2 * acos(-1) * bin * t / CLEANING_SAMPLES + bin * bin));
  }
  cleaning_plan *plan = plan_of(&signal, 1, NULL);
  assert_non_null(plan);
  assert_int_equal(plan->region_count, 2);
  assert_int_equal(plan->range_count[0], 2);
  assert_int_equal(plan->range_count[2], 1);
  assert_memory_equal(&plan->crossings[2][0], &plan->crossings[2][1], sizeof plan->crossings[2][0]);
  cleaning_plan_destroy(plan);
}

static void expect_refusal(record *records, size_t count, const char *message) {
  error err = {0};
  assert_null(plan_of(records, count, &err));
  assert_int_equal(err.code, ERROR_DATA);
  if (!strstr(err.message, message))
    fail_msg("expected \"%s\" in \"%s\"", message, err.message);
}

static void test_batches_that_cannot_be_scaled(void **state) {
  (void)state;
  static record batch[2];
  expect_refusal(batch, 0, "no records");
  memset(batch, 0, sizeof batch);
  expect_refusal(batch, 2, "lead I is zero");
  make_record(batch[0], 5, HUM_HZ, 150);
  for (int t = 0; t < CLEANING_SAMPLES; t++)
    batch[0][t * CLEANING_LEADS] = 0;
  expect_refusal(batch, 2, "lead I is zero");
  batch[1][0] = NAN;
  expect_refusal(batch, 2, "lead I has values that are not finite");
  batch[1][0] = INFINITY;
  expect_refusal(batch, 2, "lead I has values that are not finite");
  batch[1][0] = 1;
  batch[1][8] = NAN;
  expect_refusal(batch, 2, "lead 9 of 12");
  batch[1][8] = FLT_MAX;
  batch[1][0] = FLT_MIN;
  expect_refusal(batch, 2, "too large beside lead 1");
}

/* The largest and the smallest numbers that a file may hold. */
static void test_extreme_amplitudes(void **state) {
  (void)state;
  static record signal, usual, cleaned;
  static const float gains[] = {1e-42F, 1e-30F, 1e30F, 1e36F};
  make_record(signal, 6, HUM_HZ, 150);
  cleaning_plan *plan = plan_of(&signal, 1, NULL);
  apply(plan, signal, usual);
  cleaning_plan_destroy(plan);
  for (size_t g = 0; g < sizeof gains / sizeof *gains; g++) {
    make_record(signal, 6, HUM_HZ, 150);
    for (int i = 0; i < VALUES; i++)
      signal[i] *= gains[g];
    plan = plan_of(&signal, 1, NULL);
    assert_non_null(plan);
    apply(plan, signal, cleaned);
    for (int i = 0; i < VALUES; i++) /* 1e-42 leaves but three digits of a float32 */
      assert_true(fabsf(cleaned[i] - usual[i]) < (g == 0 ? 0.01F : 1e-5F));
    cleaning_plan_destroy(plan);
  }
}

static void sum_in_blocks(record *records, int threads, spectrum_sum *sum) {
  memset(sum, 0, sizeof *sum);
#pragma omp parallel num_threads(threads)
  {
    cleaning_workspace *workspace = cleaning_workspace_create(NULL);
    spectrum_sum *block = malloc(sizeof *block);
#pragma omp for ordered schedule(dynamic, 1)
    for (int first = 0; first < RECORDS; first += BLOCK) {
      memset(block, 0, sizeof *block);
      for (int i = first; i < first + BLOCK && i < RECORDS; i++)
        spectrum_sum_add(block, records[i], workspace);
#pragma omp ordered
      spectrum_sum_merge(sum, block);
    }
    free(block);
    cleaning_workspace_destroy(workspace);
  }
}

static void check_sum(const spectrum_sum *sum, record *records) {
  static double re[CLEANING_BINS * CLEANING_LEADS], im[CLEANING_BINS * CLEANING_LEADS];
  static double total[CLEANING_BINS * CLEANING_LEADS];
  memset(total, 0, sizeof total);
  for (int r = 0; r < RECORDS; r++) {
    spectrum_of(records[r], re, im);
    for (int i = 0; i < CLEANING_BINS * CLEANING_LEADS; i++)
      total[i] += hypot(re[i], im[i]);
  }
  for (int bin = 0; bin < CLEANING_BINS; bin++)
    for (int lead = 0; lead < CLEANING_LEADS; lead++)
      assert_true(fabs(sum->magnitude[lead][bin] / total[bin * CLEANING_LEADS + lead] - 1) < 1e-12);
}

static void test_the_same_bits_for_any_number_of_threads(void **state) {
  (void)state;
  record *records = malloc(RECORDS * sizeof *records);
  spectrum_sum *once = malloc(sizeof *once), *again = malloc(sizeof *again);
  static record cleaned, cleaned_again;
  for (uint32_t i = 0; i < RECORDS; i++)
    make_record(records[i], i, i % 2 ? 66 : HUM_HZ, 100);
  const int before = omp_get_max_threads();
  omp_set_num_threads(1);
  sum_in_blocks(records, 1, once);
  assert_int_equal(once->records, RECORDS);
  check_sum(once, records);
  cleaning_plan *plan = cleaning_plan_create(once, NULL);
  assert_int_equal(plan->region_count, 2);
  apply(plan, records[5], cleaned);
  for (int threads = 2; threads <= 4; threads += 2) {
    omp_set_num_threads(threads);
    sum_in_blocks(records, threads, again);
    assert_memory_equal(once, again, sizeof *once);
    cleaning_plan *same = cleaning_plan_create(again, NULL);
    for (int lead = 0; lead < CLEANING_LEADS; lead++) {
      assert_int_equal(plan->range_count[lead], same->range_count[lead]);
      assert_memory_equal(plan->ranges[lead], same->ranges[lead],
                          plan->range_count[lead] * sizeof *plan->ranges[lead]);
    }
    apply(same, records[5], cleaned_again);
    assert_memory_equal(cleaned, cleaned_again, sizeof cleaned);
    cleaning_plan_destroy(same);
  }
  omp_set_num_threads(before);
  cleaning_plan_destroy(plan);
  free(once);
  free(again);
  free(records);
}

/* Whatever a workspace did before, and in place or not: the same bits. */
static void test_a_record_is_cleaned_alone(void **state) {
  (void)state;
  static record a, b, cleaned, in_place;
  make_record(a, 7, HUM_HZ, 150);
  make_record(b, 8, HUM_HZ, 1e6);
  cleaning_plan *plan = plan_of(&a, 1, NULL);
  apply(plan, a, cleaned);
  cleaning_workspace *workspace = cleaning_workspace_create(NULL);
  cleaning_apply(plan, b, in_place, workspace);
  memcpy(in_place, a, sizeof a);
  cleaning_apply(plan, in_place, in_place, workspace);
  assert_memory_equal(cleaned, in_place, sizeof cleaned);
  cleaning_workspace_destroy(workspace);
  cleaning_plan_destroy(plan);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_hum_is_flattened),
      cmocka_unit_test(test_without_hits_records_are_only_scaled),
      cmocka_unit_test(test_constant_spectrum),
      cmocka_unit_test(test_differences_below_float32_are_no_hits),
      cmocka_unit_test(test_flat_leads_and_records),
      cmocka_unit_test(test_ranges_that_end_below_their_start),
      cmocka_unit_test(test_ranges_that_coincide_are_one),
      cmocka_unit_test(test_batches_that_cannot_be_scaled),
      cmocka_unit_test(test_extreme_amplitudes),
      cmocka_unit_test(test_the_same_bits_for_any_number_of_threads),
      cmocka_unit_test(test_a_record_is_cleaned_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
