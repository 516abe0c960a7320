#include "base/arena.h"
#include "cleaning/crossings.h"
#include "cleaning/peaks.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double published_mean_magnitude = 3.003154;

/* The mean over all CLEANING_SAMPLES bins of a lead's mean spectrum; the bins not stored mirror those that
 * are. */
static double mean_over_bins(const spectrum_sum *sum, int lead) {
  const double *magnitude = sum->magnitude[lead];
  double total = magnitude[0] + magnitude[CLEANING_BINS - 1];
  for (int bin = 1; bin < CLEANING_BINS - 1; bin++)
    total += 2 * magnitude[bin];
  return total / CLEANING_SAMPLES / (double)sum->records;
}

/* No sample is larger than its record's mean magnitude, and flattening makes it CLEANING_SAMPLES times that
 * at worst: what passes here leaves every cleaned sample within float32. */
static bool check_scaled_leads(const cleaning_plan *plan, const spectrum_sum *sum, error *err) {
  for (int lead = 0; lead < CLEANING_LEADS; lead++) {
    double largest = mean_over_bins(sum, lead) * (double)sum->records * plan->factor;
    if (!(largest < (double)FLT_MAX / (2 * CLEANING_SAMPLES)))
      return error_set(err, ERROR_DATA,
                       "the batch cannot be scaled: lead %d of %d is not finite, or too large beside lead 1",
                       lead + 1, CLEANING_LEADS);
  }
  return true;
}

static bool find_scale(cleaning_plan *plan, const spectrum_sum *sum, error *err) {
  if (sum->records == 0)
    return error_set(err, ERROR_DATA, "the batch holds no records");
  plan->mean_magnitude = mean_over_bins(sum, 0);
  if (plan->mean_magnitude == 0)
    return error_set(err, ERROR_DATA,
                     "the batch cannot be scaled: lead I is zero throughout in every record");
  if (!isfinite(plan->mean_magnitude))
    return error_set(err, ERROR_DATA, "the batch cannot be scaled: lead I has values that are not finite");
  plan->factor = published_mean_magnitude / plan->mean_magnitude;
  return check_scaled_leads(plan, sum, err);
}

/* Rounded to float32 as published: what differs by rounding errors of the transform only becomes equal, and
 * no hit. */
static bool find_peaks(cleaning_plan *plan, const spectrum_sum *sum, error *err) {
  float magnitude[POSITIVE_BINS];
  for (int bin = 0; bin < POSITIVE_BINS; bin++)
    magnitude[bin] = (float)(sum->magnitude[0][bin] / (double)sum->records * plan->factor);
  hit_list hits = {0};
  bool ok = find_hits(magnitude, &hits, err) &&
            (plan->hit_bins = arena_alloc_array(plan->memory, hits.count, sizeof *plan->hit_bins, err));
  if (ok && hits.count) {
    memcpy(plan->hit_bins, hits.bins, hits.count * sizeof *hits.bins);
    plan->hit_count = hits.count;
    plan->region_count = group_hits(hits.bins, hits.count, NULL);
  }
  free(hits.bins);
  plan->regions = ok ? arena_alloc_array(plan->memory, plan->region_count, sizeof *plan->regions, err) : NULL;
  if (!plan->regions)
    return false;
  group_hits(plan->hit_bins, plan->hit_count, plan->regions);
  return true;
}

static int compare_ranges(const void *a, const void *b) {
  const frequency_range *x = a, *y = b;
  if (x->low_hz != y->low_hz)
    return x->low_hz < y->low_hz ? -1 : 1;
  return (x->high_hz > y->high_hz) - (x->high_hz < y->high_hz);
}

/* Widen the crossings by 1 Hz, sort them, keep one of each. Returns how many are left. */
static size_t widen(const frequency_range *crossings, size_t count, frequency_range *ranges) {
  for (size_t i = 0; i < count; i++)
    ranges[i] = (frequency_range){crossings[i].low_hz - 1, crossings[i].high_hz + 1};
  qsort(ranges, count, sizeof *ranges, compare_ranges);
  size_t kept = 0;
  for (size_t i = 0; i < count; i++)
    if (kept == 0 || compare_ranges(&ranges[kept - 1], &ranges[i]) != 0)
      ranges[kept++] = ranges[i];
  return kept;
}

static smoothed_spectra *smooth_mean_spectra(const cleaning_plan *plan, const spectrum_sum *sum,
                                             arena *scratch, error *err) {
  double *magnitude =
      arena_alloc_array(scratch, (size_t)SMOOTH_BINS * CLEANING_LEADS, sizeof *magnitude, err);
  smoothed_spectra *smoothed = arena_alloc(scratch, sizeof *smoothed, err);
  if (!magnitude || !smoothed)
    return NULL;
  for (int i = 0; i < SMOOTH_BINS; i++)
    for (int lead = 0; lead < CLEANING_LEADS; lead++)
      magnitude[i * CLEANING_LEADS + lead] =
          sum->magnitude[lead][SMOOTH_FIRST_BIN + i] / (double)sum->records * plan->factor;
  return smooth_spectra(magnitude, smoothed, err) ? smoothed : NULL;
}

static bool find_lead_ranges(cleaning_plan *plan, int lead, const smoothed_spectra *smoothed, error *err) {
  frequency_range *crossings = arena_alloc_array(plan->memory, plan->region_count, sizeof *crossings, err);
  frequency_range *ranges = arena_alloc_array(plan->memory, plan->region_count, sizeof *ranges, err);
  if (!crossings || !ranges)
    return false;
  for (size_t i = 0; i < plan->region_count; i++)
    crossings[i] = find_crossings(smoothed, lead, plan->regions[i]);
  plan->range_count[lead] = widen(crossings, plan->region_count, ranges);
  plan->crossings[lead] = crossings;
  plan->ranges[lead] = ranges;
  return true;
}

static bool find_ranges(cleaning_plan *plan, const spectrum_sum *sum, error *err) {
  arena *scratch = arena_create(err);
  const smoothed_spectra *smoothed = scratch ? smooth_mean_spectra(plan, sum, scratch, err) : NULL;
  bool ok = smoothed != NULL;
  for (int lead = 0; ok && lead < CLEANING_LEADS; lead++)
    ok = find_lead_ranges(plan, lead, smoothed, err);
  arena_destroy(scratch);
  return ok;
}

cleaning_plan *cleaning_plan_create(const spectrum_sum *sum, error *err) {
  cleaning_plan *plan = calloc(1, sizeof *plan);
  if (!plan) {
    error_out_of_memory(err);
    return NULL;
  }
  plan->memory = arena_create(err);
  if (plan->memory && find_scale(plan, sum, err) && find_peaks(plan, sum, err) &&
      (plan->hit_count == 0 || find_ranges(plan, sum, err)))
    return plan;
  cleaning_plan_destroy(plan);
  return NULL;
}

void cleaning_plan_destroy(cleaning_plan *plan) {
  if (!plan)
    return;
  arena_destroy(plan->memory);
  free(plan);
}
