/* DFT bins and their frequencies. */
#ifndef DEEPECG_CLEANING_FREQUENCY_H
#define DEEPECG_CLEANING_FREQUENCY_H

#include "cleaning/cleaning.h"

enum {
  POSITIVE_BINS = CLEANING_BINS - 1, /* the published method leaves the Nyquist bin alone */
  PEAK_FIRST_BIN = 200,              /* 20 Hz: no peak is looked for below */
  SMOOTH_FIRST_BIN = 300,            /* 30 Hz: no smooth curve is fitted below */
  SMOOTH_BINS = POSITIVE_BINS - SMOOTH_FIRST_BIN
};

/* The product, not bin / 10: they differ in the last bit for a third of the bins, and the published method's
 * comparisons are with the product. */
static inline double bin_frequency_hz(int bin) {
  return bin * 0.1;
}

#endif
