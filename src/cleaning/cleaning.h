/* The published cleaning of a batch of ECGs (docs/cleaning.md): one scale for the batch, mains hum and other
 * peaks found in the batch's mean spectrum, the magnitudes there flattened in every record.
 *
 * Two passes, so that a batch never has to be in memory as a whole and can even be spread over machines:
 *   1. spectrum_sum_add for every record, 2. cleaning_plan_create once, 3. cleaning_apply for every record.
 * All arithmetic in double, samples in float32. Signals are signal[sample * CLEANING_LEADS + lead], finite,
 * in any one unit; leads in the order I, II, III, aVR, aVL, aVF, V1 ... V6. */
#ifndef DEEPECG_CLEANING_CLEANING_H
#define DEEPECG_CLEANING_CLEANING_H

#include "base/arena.h"
#include "base/error.h"

#include <stddef.h>

enum {
  CLEANING_SAMPLES = 2500, /* 10 s at 250 Hz */
  CLEANING_LEADS = 12,
  CLEANING_BINS = 1251 /* DFT bins 0 ... Nyquist, 0.1 Hz apart */
};

/* Sum over records of |DFT| per lead and bin, before scaling. Zero-initialise. A sum's last bits depend on
 * the order of its terms: sum blocks of a fixed number of records and merge the blocks in their order, and
 * the result doesn't depend on how many threads did it. */
typedef struct spectrum_sum {
  size_t records;
  double magnitude[CLEANING_LEADS][CLEANING_BINS];
} spectrum_sum;

/* Scratch of the transforms, about 1 MiB: one per thread. NULL only when memory is out. Nothing that is left
 * in it by one call is seen by the next. */
typedef struct cleaning_workspace cleaning_workspace;
cleaning_workspace *cleaning_workspace_create(error *err);
void cleaning_workspace_destroy(cleaning_workspace *workspace);

/* Add one record. */
void spectrum_sum_add(spectrum_sum *sum, const float signal[CLEANING_SAMPLES * CLEANING_LEADS],
                      cleaning_workspace *workspace);
void spectrum_sum_merge(spectrum_sum *sum, const spectrum_sum *other);

typedef struct frequency_range {
  double low_hz, high_hz; /* as found; low may exceed high (such a range changes nothing) */
} frequency_range;

/* What the batch statistics say must be done to every record. Read-only once made; shared by threads. */
typedef struct cleaning_plan {
  arena *memory;         /* everything below that is pointed to */
  double mean_magnitude; /* p: the mean over records and bins of lead I's |DFT| */
  double factor;         /* 3.003154 / p */
  size_t hit_count;
  int *hit_bins; /* DFT bin of every hit, in the order found */
  size_t region_count;
  frequency_range *regions;                   /* (first hit, last hit) */
  frequency_range *crossings[CLEANING_LEADS]; /* one per region */
  size_t range_count[CLEANING_LEADS];         /* distinct widened ranges, ascending (low, high) */
  frequency_range *ranges[CLEANING_LEADS];
} cleaning_plan;

/* ERROR_DATA when there are no records, when lead I is zero in all of them or holds what is not finite, or
 * when another lead could leave float32's range once scaled. Without hits there are no regions and no ranges.
 * The fit of the smooth curves uses OpenMP's threads; the result does not depend on their number. */
cleaning_plan *cleaning_plan_create(const spectrum_sum *sum, error *err);
void cleaning_plan_destroy(cleaning_plan *plan);

/* Scale and flatten one record; `cleaned` may be `signal`. The result depends on this record and the plan
 * only. */
void cleaning_apply(const cleaning_plan *plan, const float signal[CLEANING_SAMPLES * CLEANING_LEADS],
                    float cleaned[CLEANING_SAMPLES * CLEANING_LEADS], cleaning_workspace *workspace);

#endif
