/* Mains hum and other narrow peaks of a batch's mean spectrum (docs/cleaning.md, "Peaks"). */
#ifndef DEEPECG_CLEANING_PEAKS_H
#define DEEPECG_CLEANING_PEAKS_H

#include "base/error.h"
#include "cleaning/frequency.h"

/* Zero-initialise; free `bins` with free(). */
typedef struct hit_list {
  int *bins; /* in the order found; a bin is found again from every window that it stands out of */
  size_t count, capacity;
} hit_list;

/* Append to *hits every bin that stands out of a window of magnitude[PEAK_FIRST_BIN ... POSITIVE_BINS - 1].
 * The hits' harmonics are held to a lower threshold from then on. Fails only when memory is out. */
bool find_hits(const float magnitude[POSITIVE_BINS], hit_list *hits, error *err);

/* Number of regions of the `count` hits; where `regions` is not NULL they are written there. A region is a
 * run of hits none of which lies more than 1 Hz above the one before it. */
size_t group_hits(const int *bins, size_t count, frequency_range *regions);

#endif
