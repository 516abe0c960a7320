/* The cleaning of every golden set, from the ECG files to the samples that the published system wrote. */
#include "base/base64.h"
#include "base/mapped_file.h"
#include "cleaning/cleaning.h"
#include "ecg/conform.h"
#include "ecg/formats/format.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/trace.h"

enum { VALUES = CLEANING_SAMPLES * CLEANING_LEADS, PATH_SIZE = 1024 };

typedef struct batch {
  size_t count;
  char (*stems)[64];
  float (*signals)[VALUES];
  cleaning_workspace *workspace;
  cleaning_plan *plan;
} batch;

/* The inputs of the public samples lie in the shared folder. */
static void input_path(const char *set, const char *file, char path[PATH_SIZE]) {
  if (strncmp(set, "dummy_", 6) == 0)
    snprintf(path, PATH_SIZE, "%s/data/ecg_signals/%s", DEEPECG_SHARED, file);
  else
    snprintf(path, PATH_SIZE, "%s/golden/preprocessing/%s/inputs/%s", DEEPECG_TEST_DATA, set, file);
}

static bool read_signal(const char *path, float signal[VALUES]) {
  ecg_record record;
  error err;
  bool ok = ecg_read_file(path, &record, NULL, &err);
  if (!ok)
    return false;
  ok = ecg_conform(&record, ECG_UNITS_STORED, signal, NULL, 0, &err);
  ecg_record_clear(&record);
  return ok;
}

/* Every file that can be read, in the batch's order. */
static void load(batch *b, const char *set, const json_t *trace) {
  const json_t *files = json_object_get(trace, "files_in_order");
  const size_t most = json_array_size(files);
  *b = (batch){0, malloc(most * sizeof *b->stems), malloc(most * sizeof *b->signals),
               cleaning_workspace_create(NULL), NULL};
  spectrum_sum *sum = calloc(1, sizeof *sum);
  assert_true(b->stems && b->signals && b->workspace && sum);
  for (size_t i = 0; i < most; i++) {
    const char *file = json_string_value(json_array_get(files, i));
    char path[PATH_SIZE];
    input_path(set, file, path);
    if (!read_signal(path, b->signals[b->count]))
      continue;
    spectrum_sum_add(sum, b->signals[b->count], b->workspace);
    snprintf(b->stems[b->count++], sizeof *b->stems, "%.*s", (int)strcspn(file, "."), file);
  }
  error err;
  b->plan = cleaning_plan_create(sum, &err);
  free(sum);
  if (!b->plan)
    fail_msg("%s: %s", set, err.message);
}

static void unload(batch *b) {
  cleaning_plan_destroy(b->plan);
  cleaning_workspace_destroy(b->workspace);
  free(b->signals);
  free(b->stems);
}

static void read_expected(const char *set, const char *folder, const char *stem, float expected[VALUES]) {
  char path[PATH_SIZE];
  mapped_file file;
  error err;
  snprintf(path, sizeof path, "%s/golden/preprocessing/%s/expected/%s/%s.base64", DEEPECG_TEST_DATA, set,
           folder, stem);
  if (!mapped_file_open(&file, path, &err))
    fail_msg("%s", err.message);
  uint8_t *bytes = malloc(file.size / 4 * 3 + 3);
  size_t size;
  assert_non_null(bytes);
  assert_true(base64_decode((const char *)file.data, file.size, bytes, &size));
  assert_int_equal(size, VALUES * sizeof(float));
  memcpy(expected, bytes, size);
  free(bytes);
  mapped_file_close(&file);
}

static void check_range(frequency_range found, const json_t *pairs, size_t i) {
  assert_true(found.low_hz == trace_pair(pairs, i, 0));
  assert_true(found.high_hz == trace_pair(pairs, i, 1));
}

static bool lists_range(const json_t *pairs, frequency_range range) {
  for (size_t i = 0; i < json_array_size(pairs); i++)
    if (trace_pair(pairs, i, 0) == range.low_hz && trace_pair(pairs, i, 1) == range.high_hz)
      return true;
  return false;
}

static void check_lead(const cleaning_plan *plan, size_t lead, const char *name, const json_t *trace) {
  const json_t *crossings = json_object_get(json_object_get(trace, "crossings"), name);
  const json_t *distinct = json_object_get(json_object_get(trace, "set_order"), name);
  assert_int_equal(json_array_size(crossings), plan->region_count);
  for (size_t i = 0; i < plan->region_count; i++)
    check_range(plan->crossings[lead][i], crossings, i);
  assert_int_equal(json_array_size(distinct), plan->range_count[lead]);
  for (size_t i = 0; i < plan->range_count[lead]; i++) {
    const frequency_range *range = &plan->ranges[lead][i];
    assert_true(lists_range(distinct, *range));
    if (i > 0)
      assert_true(range[-1].low_hz < range->low_hz ||
                  (range[-1].low_hz == range->low_hz && range[-1].high_hz < range->high_hz));
  }
}

static void check_plan(const cleaning_plan *plan, const json_t *trace) {
  assert_true(fabs(plan->mean_magnitude / trace_number(trace, "p") - 1) < 1e-6);
  assert_true(fabs(plan->factor / trace_number(trace, "factor") - 1) < 1e-6);
  const json_t *hits = json_object_get(trace, "hits_k"), *regions = json_object_get(trace, "regions");
  assert_int_equal(plan->hit_count, json_array_size(hits));
  for (size_t i = 0; i < plan->hit_count; i++)
    assert_int_equal(plan->hit_bins[i], (int)trace_item(hits, i));
  assert_int_equal(plan->region_count, json_array_size(regions));
  for (size_t i = 0; i < plan->region_count; i++)
    check_range(plan->regions[i], regions, i);
  if (plan->region_count)
    for (size_t lead = 0; lead < CLEANING_LEADS; lead++)
      check_lead(plan, lead, ecg_lead_names[lead], trace);
}

static void compare_set(const char *set, const char *folder) {
  json_t *trace = trace_load(set);
  const json_t *records = json_object_get(trace, "records");
  static float cleaned[VALUES], expected[VALUES];
  batch b;
  double worst = 0;
  load(&b, set, trace);
  assert_int_equal(b.count, json_array_size(records));
  check_plan(b.plan, trace);
  for (size_t r = 0; r < b.count; r++) {
    const char *name = json_string_value(json_array_get(records, r));
    assert_true(strncmp(name, b.stems[r], strlen(b.stems[r])) == 0);
    read_expected(set, folder, b.stems[r], expected);
    cleaning_apply(b.plan, b.signals[r], cleaned, b.workspace);
    for (size_t i = 0; i < VALUES; i++) {
      double difference = fabs((double)cleaned[i] - (double)expected[i]);
      if (!(difference <= worst)) /* a NaN too */
        worst = difference;
    }
  }
  print_message("%-20s %2zu records, p off by %8.1e, samples by at most %.1e\n", set, b.count,
                b.plan->mean_magnitude / trace_number(trace, "p") - 1, worst);
  assert_true(worst <= 1e-5);
  unload(&b);
  json_decref(trace);
}

static void test_golden_sets(void **state) {
  (void)state;
  static const char *const sets[] = {"clsa_hum60",   "damaged_npy",         "damaged_xml", "muse_hum60",
                                     "muse_nopeaks", "npy_hum50_harmonics", "npy_hum60"};
  for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
    compare_set(sets[i], "preprocessed");
}

/* The published order of overlapping ranges is that of a Python set: compared with its run in ascending
 * order. */
static void test_overlapping_ranges(void **state) {
  (void)state;
  compare_set("npy_two_hums", "preprocessed_ascending");
}

static void test_public_samples(void **state) {
  (void)state;
  char path[PATH_SIZE];
  input_path("dummy_xml", "dummy_ecg.xml", path);
  if (access(path, R_OK) != 0)
    skip();
  compare_set("dummy_xml", "preprocessed");
  compare_set("dummy_npy", "preprocessed");
}

/* Where the published system loses the cleaning of a whole batch to one record, the others are cleaned here.
 * Its means and regions are those of an independent implementation in Python. */
static void test_one_bad_record_does_not_spoil_the_batch(void **state) {
  (void)state;
  static const struct {
    const char *set, *kept[2];
    size_t count;
    double mean_magnitude;
    int second_region_bin, hits;
  } cases[] = {{"muse_missing_lead_V3", {"r0", "r2"}, 2, 432.63561980282714, 1218, 71},
               {"npy_odd_length", {"r0"}, 1, 329.3673126918048, 1160, 61}};
  static float cleaned[VALUES];
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    json_t *trace = trace_load(cases[c].set);
    batch b;
    load(&b, cases[c].set, trace);
    assert_int_equal(b.count, cases[c].count);
    assert_true(fabs(b.plan->mean_magnitude / cases[c].mean_magnitude - 1) < 1e-12);
    assert_int_equal(b.plan->hit_count, cases[c].hits);
    assert_int_equal(b.plan->region_count, 2);
    assert_true(b.plan->regions[0].low_hz == 60 && b.plan->regions[0].high_hz == 60);
    assert_true(b.plan->regions[1].low_hz == cases[c].second_region_bin * 0.1);
    assert_true(b.plan->regions[1].high_hz == cases[c].second_region_bin * 0.1);
    for (size_t r = 0; r < b.count; r++) {
      assert_string_equal(b.stems[r], cases[c].kept[r]);
      cleaning_apply(b.plan, b.signals[r], cleaned, b.workspace);
      for (size_t i = 0; i < VALUES; i++)
        assert_true(isfinite(cleaned[i]));
    }
    unload(&b);
    json_decref(trace);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_golden_sets),
      cmocka_unit_test(test_overlapping_ranges),
      cmocka_unit_test(test_public_samples),
      cmocka_unit_test(test_one_bad_record_does_not_spoil_the_batch),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
