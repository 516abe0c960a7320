/* Flattening of one lead's spectrum over the bins of frequency ranges (docs/cleaning.md, "Flattening"). */
#ifndef DEEPECG_CLEANING_FLATTEN_H
#define DEEPECG_CLEANING_FLATTEN_H

#include "cleaning/frequency.h"

#include <stdbool.h>

/* Does a range change anything? If so, the first and last of its bins. */
bool range_bins(frequency_range range, int *first, int *last);

/* The change that flattening makes to a spectrum: re and im [bin * stride] come as the spectrum and leave as
 * what is to be added to it, for all CLEANING_BINS bins. The ranges are applied in their order, each to the
 * original magnitudes. */
void flatten(const frequency_range *ranges, size_t range_count, double *re, double *im, size_t stride);

#endif
