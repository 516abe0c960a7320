/* The published cleaning of a batch of ECGs (docs/cleaning.md): one scale for the batch, mains hum and other peaks found in
 * the batch's mean spectrum, the magnitudes there flattened in every record.
 *
 * Two passes, so that a batch never has to be in memory as a whole and can even be spread over machines:
 *   1. spectrum_sum_add for every record, 2. cleaning_plan_create once, 3. cleaning_apply for every record.
 * All arithmetic in double, samples in float32. */
#ifndef DEEPECG_CLEANING_CLEANING_H
#define DEEPECG_CLEANING_CLEANING_H

#include "base/error.h"

#include <stddef.h>

enum {
  CLEANING_SAMPLES = 2500, /* 10 s at 250 Hz */
  CLEANING_LEADS = 12,
  CLEANING_BINS = 1251 /* DFT bins 0 ... Nyquist, 0.1 Hz apart */
};

/* Sum over records of |DFT| per lead and bin, before scaling. Zero-initialise. Sums of disjoint sets of records may be
 * added in a fixed order (spectrum_sum_merge): results then don't depend on the number of threads. */
typedef struct spectrum_sum {
  size_t records;
  double magnitude[CLEANING_LEADS][CLEANING_BINS];
} spectrum_sum;

/* Per-thread scratch of the transforms. */
typedef struct cleaning_workspace cleaning_workspace;
cleaning_workspace *cleaning_workspace_create(error *err);
void cleaning_workspace_destroy(cleaning_workspace *workspace);

/* Add one record, signal[sample][lead]. */
void spectrum_sum_add(spectrum_sum *sum, const float signal[CLEANING_SAMPLES * CLEANING_LEADS],
                      cleaning_workspace *workspace);
void spectrum_sum_merge(spectrum_sum *sum, const spectrum_sum *other);

typedef struct frequency_range {
  double low_hz, high_hz; /* as found; low may exceed high (such a range changes nothing) */
} frequency_range;

/* What the batch statistics say must be done to every record. Read-only once made; shared by threads. */
typedef struct cleaning_plan {
  double mean_magnitude; /* p of the spec */
  double factor;         /* 3.003154 / p */
  size_t hit_count;
  int *hit_bins; /* DFT bin of every hit, in the order found */
  size_t region_count;
  frequency_range *regions; /* (first hit, last hit) */
  frequency_range *crossings[CLEANING_LEADS]; /* one per region */
  size_t range_count[CLEANING_LEADS];         /* distinct widened ranges, ascending (low, high) */
  frequency_range *ranges[CLEANING_LEADS];
} cleaning_plan;

/* Fails when there are no records or the mean magnitude is 0 or not finite. */
cleaning_plan *cleaning_plan_create(const spectrum_sum *sum, error *err);
void cleaning_plan_destroy(cleaning_plan *plan);

/* Scale and flatten one record; `cleaned` may be `signal`. The result depends on this record and the plan only. */
void cleaning_apply(const cleaning_plan *plan, const float signal[CLEANING_SAMPLES * CLEANING_LEADS],
                    float cleaned[CLEANING_SAMPLES * CLEANING_LEADS], cleaning_workspace *workspace);

#endif
