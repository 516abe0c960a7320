/* How far a peak reaches in each lead: to where the mean spectrum crosses its smooth curve (docs/cleaning.md,
 * "Crossings"). */
#ifndef DEEPECG_CLEANING_CROSSINGS_H
#define DEEPECG_CLEANING_CROSSINGS_H

#include "base/error.h"
#include "cleaning/frequency.h"

/* Of SMOOTH_BINS bins from SMOOTH_FIRST_BIN on: the smooth curves of all leads' spectra, and
 * above[bin][lead], the spectrum minus its curve. Fails only when memory is out. */
typedef struct smoothed_spectra {
  double curve[SMOOTH_BINS][CLEANING_LEADS];
  double above[SMOOTH_BINS][CLEANING_LEADS];
} smoothed_spectra;

/* magnitude[bin * CLEANING_LEADS + lead], finite. */
bool smooth_spectra(const double magnitude[SMOOTH_BINS * CLEANING_LEADS], smoothed_spectra *smoothed,
                    error *err);

/* The crossings nearest to the middle of `region` on either side, or its own ends where there is none. */
frequency_range find_crossings(const smoothed_spectra *smoothed, int lead, frequency_range region);

#endif
