/* Each step of the cleaning on the numbers that the published one had at that point. */
#include "cleaning/crossings.h"
#include "cleaning/flatten.h"
#include "cleaning/lowess.h"
#include "cleaning/peaks.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <omp.h>

#include "support/trace.h"

static const char *const sets[] = {"clsa_hum60", "damaged_npy", "damaged_xml",  "dummy_npy",
                                   "dummy_xml",  "muse_hum60",  "muse_nopeaks", "npy_hum50_harmonics",
                                   "npy_hum60",  "npy_two_hums"};
enum { SETS = sizeof sets / sizeof *sets };

static void mean_spectrum(const json_t *trace, float magnitude[POSITIVE_BINS]) {
  const json_t *values = json_object_get(trace, "M_lead_I_bins_200_1249");
  assert_int_equal(json_array_size(values), POSITIVE_BINS - PEAK_FIRST_BIN);
  memset(magnitude, 0, POSITIVE_BINS * sizeof *magnitude);
  for (size_t i = 0; i < json_array_size(values); i++)
    magnitude[PEAK_FIRST_BIN + i] = (float)trace_item(values, i);
}

static void test_published_hits_and_regions(void **state) {
  (void)state;
  for (size_t s = 0; s < SETS; s++) {
    json_t *trace = trace_load(sets[s]);
    float magnitude[POSITIVE_BINS];
    hit_list hits = {0};
    mean_spectrum(trace, magnitude);
    assert_true(find_hits(magnitude, &hits, NULL));
    const json_t *bins = json_object_get(trace, "hits_k"), *pairs = json_object_get(trace, "regions");
    assert_int_equal(hits.count, json_array_size(bins));
    for (size_t i = 0; i < hits.count; i++)
      assert_int_equal(hits.bins[i], (int)trace_item(bins, i));
    frequency_range regions[8];
    assert_int_equal(group_hits(hits.bins, hits.count, NULL), json_array_size(pairs));
    assert_int_equal(group_hits(hits.bins, hits.count, regions), json_array_size(pairs));
    for (size_t i = 0; i < json_array_size(pairs); i++) {
      assert_true(regions[i].low_hz == trace_pair(pairs, i, 0));
      assert_true(regions[i].high_hz == trace_pair(pairs, i, 1));
    }
    free(hits.bins);
    json_decref(trace);
  }
}

/* Lead I's curve and crossings from its published spectrum; the other leads hold multiples of it. */
static void test_published_curve_and_crossings(void **state) {
  (void)state;
  static double spectra[SMOOTH_BINS * CLEANING_LEADS];
  static smoothed_spectra smoothed;
  for (size_t s = 0; s < SETS; s++) {
    json_t *trace = trace_load(sets[s]);
    const json_t *curve = json_object_get(trace, "smooth_lead_I_bins_300_1249");
    if (curve) {
      float magnitude[POSITIVE_BINS];
      double worst = 0;
      mean_spectrum(trace, magnitude);
      for (int i = 0; i < SMOOTH_BINS; i++)
        for (int lead = 0; lead < CLEANING_LEADS; lead++)
          spectra[i * CLEANING_LEADS + lead] = (double)magnitude[SMOOTH_FIRST_BIN + i] * lead;
      assert_true(smooth_spectra(spectra, &smoothed, NULL));
      for (size_t i = 0; i < SMOOTH_BINS; i++) {
        double expected = trace_item(curve, i);
        assert_true(smoothed.curve[i][0] == 0);
        for (int lead = 1; lead < CLEANING_LEADS; lead++)
          worst = fmax(worst, fabs(smoothed.curve[i][lead] / lead / expected - 1));
      }
      print_message("%-20s smooth curve: relative difference %.1e\n", sets[s], worst);
      assert_true(worst < 1e-6);
      const json_t *regions = json_object_get(trace, "regions");
      const json_t *crossings = json_object_get(json_object_get(trace, "crossings"), "I");
      for (size_t i = 0; i < json_array_size(regions); i++) {
        frequency_range region = {trace_pair(regions, i, 0), trace_pair(regions, i, 1)};
        frequency_range found = find_crossings(&smoothed, 3, region);
        assert_true(found.low_hz == trace_pair(crossings, i, 0));
        assert_true(found.high_hz == trace_pair(crossings, i, 1));
        found = find_crossings(&smoothed, 0, region); /* a flat lead crosses nothing */
        assert_true(found.low_hz == region.low_hz && found.high_hz == region.high_hz);
      }
    }
    json_decref(trace);
  }
}

/* The 50 windows that hold a lone peak find it; a bin 2.05 times as high is then held to the lower threshold.
 */
static void test_harmonics_are_found_at_a_lower_threshold(void **state) {
  (void)state;
  float magnitude[POSITIVE_BINS];
  for (int bin = 0; bin < POSITIVE_BINS; bin++)
    magnitude[bin] = bin % 2 ? 1 : 3; /* mean 2, sigma 1 */
  magnitude[800] = 8.5F;              /* with itself in the window: mean 2.11, sigma 1.34: 4.8 sigmas */
  hit_list hits = {0};
  assert_true(find_hits(magnitude, &hits, NULL));
  assert_int_equal(hits.count, 0);
  static const struct {
    int fundamental;
    bool helps;
  } cases[] = {{390, true},  {400, true}, {420, true}, {380, false},
               {422, false}, {267, true}, {200, true}, {240, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    magnitude[cases[i].fundamental] = 100;
    hits.count = 0;
    assert_true(find_hits(magnitude, &hits, NULL));
    size_t found = 0, fundamental = 0;
    for (size_t j = 0; j < hits.count; j++) {
      found += hits.bins[j] == 800;
      fundamental += hits.bins[j] == cases[i].fundamental;
    }
    assert_int_equal(fundamental, cases[i].fundamental < 249 ? cases[i].fundamental - 199 : 50);
    assert_int_equal(found, cases[i].helps ? 50 : 0);
    assert_int_equal(found + fundamental, hits.count);
    magnitude[cases[i].fundamental] = 2;
  }
  free(hits.bins);
}

static void test_constant_spectrum_has_no_hits(void **state) {
  (void)state;
  float magnitude[POSITIVE_BINS];
  hit_list hits = {0};
  for (int i = 0; i < 20; i++) {
    for (int bin = 0; bin < POSITIVE_BINS; bin++)
      magnitude[bin] = 3.003154F / (float)(i + 1);
    assert_true(find_hits(magnitude, &hits, NULL));
    assert_int_equal(hits.count, 0);
  }
  free(hits.bins);
}

/* A hit below the last one joins, however far below: a region may end lower than it begins. */
static void test_regions_follow_the_order_found(void **state) {
  (void)state;
  static const int bins[] = {600, 610, 600, 611, 900, 500, 505, 515, 526};
  static const frequency_range expected[] = {
      {600 * 0.1, 600 * 0.1}, {611 * 0.1, 611 * 0.1}, {900 * 0.1, 515 * 0.1}, {526 * 0.1, 526 * 0.1}};
  frequency_range regions[4];
  assert_int_equal(group_hits(bins, 9, NULL), 4);
  group_hits(bins, 9, regions);
  for (int i = 0; i < 4; i++) {
    assert_true(regions[i].low_hz == expected[i].low_hz);
    assert_true(regions[i].high_hz == expected[i].high_hz);
  }
  assert_int_equal(group_hits(NULL, 0, NULL), 0);
}

/* Values of statsmodels 0.15's lowess(y, x, frac=0.1, it=3, delta=0). The other series are multiples. */
static void test_lowess_against_statsmodels(void **state) {
  (void)state;
  enum { POINTS = 200, SERIES = 6 };
  static const struct {
    int point;
    double fitted;
  } expected[] = {
      {0, 4.602596941092582},     {1, 4.671300969766375},     {7, 4.898596685328165},
      {50, 4.867314020743167},    {99, 2.5790034658753864},   {100, 2.567133229640035},
      {101, 2.5775757265910233},  {148, 2.8633413827115053},  {150, 3.0732010796635234},
      {198, -1.4749171635589011}, {199, -1.7262532945476416},
  };
  static double x[POINTS], y[POINTS * SERIES], smooth[POINTS * SERIES];
  for (int i = 0; i < POINTS; i++) {
    x[i] = 0.5 * i + 0.1 * (i % 3);
    double value = i * i * 7919 % 1009 / 100.0 - 0.02 * i + (i == 100 ? 40 : 0) - (i == 150 ? 25 : 0);
    for (int s = 0; s < SERIES; s++)
      y[i * SERIES + s] = (s - 2) * value;
  }
  assert_true(lowess(x, POINTS, SERIES, y, smooth, NULL));
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
    for (int s = 0; s < SERIES; s++)
      assert_true(fabs(smooth[expected[i].point * SERIES + s] - (s - 2) * expected[i].fitted) < 1e-12);
}

/* Where more than half of the residuals are 0, every other point loses all its weight; a point with fewer
 * than two neighbours that have any is its own fit. As statsmodels has it. */
static void test_lowess_of_isolated_points(void **state) {
  (void)state;
  enum { POINTS = 100 };
  static const int spikes[] = {50, 3}; /* point 3 keeps exactly one neighbour */
  static double x[POINTS], y[POINTS], smooth[POINTS], zeros[POINTS];
  for (int i = 0; i < POINTS; i++)
    x[i] = i;
  for (int s = 0; s < 2; s++) {
    memset(y, 0, sizeof y);
    y[spikes[s]] = 7;
    assert_true(lowess(x, POINTS, 1, y, smooth, NULL));
    assert_memory_equal(smooth, y, sizeof y);
  }
  for (int i = 40; i < 60; i++)
    y[i] = i % 2 ? 9 : -4;
  assert_true(lowess(x, POINTS, 1, y, smooth, NULL));
  assert_memory_equal(smooth, y, sizeof y);
  memset(y, 0, sizeof y);
  y[0] = 7; /* its neighbours on the other side keep theirs */
  assert_true(lowess(x, POINTS, 1, y, smooth, NULL));
  assert_memory_equal(smooth, zeros, sizeof zeros);
}

/* Points so close that their variance counts as 1e-12: the line is flatter than they are. */
static void test_lowess_variance_floor(void **state) {
  (void)state;
  enum { POINTS = 100 };
  static const double expected[] = {2.6799718650893105, 2.823942616711053, 2.9978086989866624,
                                    3.2906351184037996};
  static double x[POINTS], y[POINTS], smooth[POINTS];
  for (int i = 0; i < POINTS; i++) {
    x[i] = i * 1e-7;
    y[i] = i % 5 + i * i / 10.0;
  }
  assert_true(lowess(x, POINTS, 1, y, smooth, NULL));
  for (int i = 0; i < 4; i++)
    assert_true(fabs(smooth[i] - expected[i]) < 1e-12);
}

static void test_lowess_does_not_depend_on_threads(void **state) {
  (void)state;
  enum { POINTS = 300, SERIES = 12 };
  static double x[POINTS], y[POINTS * SERIES], once[POINTS * SERIES], again[POINTS * SERIES];
  uint32_t seed = 1;
  for (int i = 0; i < POINTS; i++)
    x[i] = bin_frequency_hz(300 + i);
  for (int i = 0; i < POINTS * SERIES; i++)
    y[i] = (double)(seed = seed * 1664525u + 1013904223u);
  const int before = omp_get_max_threads();
  omp_set_num_threads(1);
  assert_true(lowess(x, POINTS, SERIES, y, once, NULL));
  for (int threads = 2; threads <= 5; threads++) {
    omp_set_num_threads(threads);
    assert_true(lowess(x, POINTS, SERIES, y, again, NULL));
    assert_memory_equal(once, again, sizeof once);
  }
  omp_set_num_threads(before);
}

static frequency_range crossings_of(const smoothed_spectra *smoothed, int low, int high) {
  frequency_range region = {bin_frequency_hz(low), bin_frequency_hz(high)};
  frequency_range found = find_crossings(smoothed, 5, region);
  for (int lead = 0; lead < CLEANING_LEADS; lead++) { /* the others touch their curve, and never cross it */
    frequency_range other = find_crossings(smoothed, lead, region);
    assert_true(lead == 5 || (other.low_hz == region.low_hz && other.high_hz == region.high_hz));
  }
  return found;
}

static void expect_bins(frequency_range found, int low, int high) {
  assert_true(found.low_hz == bin_frequency_hz(low));
  assert_true(found.high_hz == bin_frequency_hz(high));
}

/* Lead 5 lies above its curve at bins 400 to 409, 500 to 519 and from 1240 on, on it at 505, below elsewhere.
 */
static void test_crossings(void **state) {
  (void)state;
  static smoothed_spectra smoothed;
  for (int i = 0; i < SMOOTH_BINS; i++) {
    const int bin = SMOOTH_FIRST_BIN + i;
    const bool above = (bin >= 400 && bin < 410) || (bin >= 500 && bin < 520) || bin >= 1240;
    for (int lead = 0; lead < CLEANING_LEADS; lead++)
      smoothed.above[i][lead] = lead == 5 ? (above ? 1 : -1) : i % 2;
  }
  smoothed.above[505 - SMOOTH_FIRST_BIN][5] = 0;
  expect_bins(crossings_of(&smoothed, 402, 402), 400, 409);
  expect_bins(crossings_of(&smoothed, 400, 400), 400, 409);
  expect_bins(crossings_of(&smoothed, 409, 409), 400, 409);
  expect_bins(crossings_of(&smoothed, 512, 512), 500, 519); /* to touch the curve is not to cross it */
  expect_bins(crossings_of(&smoothed, 450, 450), 410,
              499); /* a middle that lies below finds where it comes up */
  expect_bins(crossings_of(&smoothed, 402, 620), 500, 519); /* the middle of the region counts */
  expect_bins(crossings_of(&smoothed, 620, 402), 500, 519); /* in either order */
  expect_bins(crossings_of(&smoothed, 350, 350), 350, 399); /* nothing below: the region's own end */
  expect_bins(crossings_of(&smoothed, 1245, 1246), 1240, 1246);
  expect_bins(crossings_of(&smoothed, 210, 220), 210,
              399); /* left of the curves: looked for from their first bin */
}

static void test_bins_of_ranges(void **state) {
  (void)state;
  static const struct {
    frequency_range range;
    int first, last;
  } cases[] = {
      {{59, 61}, 590, 610},
      {{59 * 0.1, 61 * 0.1}, 59, 61}, /* both ends are bins, though 59 * 0.1 > 5.9 */
      {{5.9, 6.1}, 59, 60},           /* 61 * 0.1 > 6.1 */
      {{123.7, 125.8}, 1237, 1249},
      {{-3, 0.25}, 0, 2},
      {{0, 1e300}, 0, 1249},
      {{-1e300, 0.1}, 0, 1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int first, last;
    assert_true(range_bins(cases[i].range, &first, &last));
    assert_int_equal(first, cases[i].first);
    assert_int_equal(last, cases[i].last);
  }
  static const frequency_range idle[] = {{61, 59},      {60, 60},   {60.01, 60.09}, {59.95, 60.05},
                                         {124.95, 127}, {126, 130}, {-5, -1},       {-1, 0.05}};
  for (size_t i = 0; i < sizeof idle / sizeof *idle; i++) {
    int first, last;
    assert_false(range_bins(idle[i], &first, &last));
  }
}

static void check_flat(const double *before_re, const double *before_im, const double *change_re,
                       const double *change_im, int bin, double magnitude) {
  double re = before_re[bin] + change_re[bin], im = before_im[bin] + change_im[bin];
  assert_true(fabs(hypot(re, im) - magnitude) < 1e-12);
  assert_true(fabs(re * before_im[bin] - im * before_re[bin]) < 1e-9); /* the same direction */
  assert_true(re * before_re[bin] + im * before_im[bin] >= 0);
}

static void test_flatten(void **state) {
  (void)state;
  double re[CLEANING_BINS], im[CLEANING_BINS], old_re[CLEANING_BINS], old_im[CLEANING_BINS],
      old[CLEANING_BINS];
  for (int bin = 0; bin < CLEANING_BINS; bin++) {
    old[bin] = 1 + bin % 7 + (bin == 600 ? 50 : 0);
    re[bin] = old_re[bin] = old[bin] * cos(bin);
    im[bin] = old_im[bin] = old[bin] * sin(bin);
  }
  re[603] = im[603] = old_re[603] = old_im[603] = 0;
  static const frequency_range ranges[] = {{59, 61}, {60.45, 62}, {80, 70}};
  flatten(ranges, 3, re, im, 1);
  for (int bin = 0; bin < CLEANING_BINS; bin++) {
    if (bin < 590 || bin > 620)
      assert_true(re[bin] == 0 && im[bin] == 0);
    else if (bin == 603) { /* 0 has phase 0 */
      assert_true(fabs(re[bin] - (old[590] + (old[610] - old[590]) * 13 / 20)) < 1e-12);
      assert_true(im[bin] == 0);
    } else if (bin < 605)
      check_flat(old_re, old_im, re, im, bin, old[590] + (old[610] - old[590]) * (bin - 590) / 20);
    else /* the later range counts, from the original magnitude at its start */
      check_flat(old_re, old_im, re, im, bin, old[605] + (old[620] - old[605]) * (bin - 605) / 15);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_published_hits_and_regions),
      cmocka_unit_test(test_published_curve_and_crossings),
      cmocka_unit_test(test_harmonics_are_found_at_a_lower_threshold),
      cmocka_unit_test(test_constant_spectrum_has_no_hits),
      cmocka_unit_test(test_regions_follow_the_order_found),
      cmocka_unit_test(test_lowess_against_statsmodels),
      cmocka_unit_test(test_lowess_of_isolated_points),
      cmocka_unit_test(test_lowess_variance_floor),
      cmocka_unit_test(test_crossings),
      cmocka_unit_test(test_lowess_does_not_depend_on_threads),
      cmocka_unit_test(test_bins_of_ranges),
      cmocka_unit_test(test_flatten),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
