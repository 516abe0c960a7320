#include "cleaning/flatten.h"

#include <math.h>

/* Smallest bin whose frequency is not below `hz`, or POSITIVE_BINS. The division only says where to start
 * looking. */
static int first_bin_from(double hz) {
  int bin = hz <= 0 ? 0 : hz >= bin_frequency_hz(POSITIVE_BINS) ? POSITIVE_BINS : (int)(hz / 0.1);
  while (bin > 0 && bin_frequency_hz(bin - 1) >= hz)
    bin--;
  while (bin < POSITIVE_BINS && bin_frequency_hz(bin) < hz)
    bin++;
  return bin;
}

/* Largest bin below POSITIVE_BINS whose frequency is not above `hz`, or -1. */
static int last_bin_to(double hz) {
  int bin = first_bin_from(hz);
  return bin < POSITIVE_BINS && bin_frequency_hz(bin) <= hz ? bin : bin - 1;
}

bool range_bins(frequency_range range, int *first, int *last) {
  *first = first_bin_from(range.low_hz);
  *last = last_bin_to(range.high_hz);
  return *first < *last;
}

static double magnitude(const double *re, const double *im, size_t at) {
  return sqrt(re[at] * re[at] + im[at] * im[at]);
}

void flatten(const frequency_range *ranges, size_t range_count, double *re, double *im, size_t stride) {
  double line[CLEANING_BINS]; /* the new magnitude, or negative where nothing changes */
  for (int bin = 0; bin < CLEANING_BINS; bin++)
    line[bin] = -1;
  for (size_t i = 0; i < range_count; i++) {
    int first, last;
    if (!range_bins(ranges[i], &first, &last))
      continue;
    const double from = magnitude(re, im, (size_t)first * stride),
                 to = magnitude(re, im, (size_t)last * stride);
    for (int bin = first; bin <= last; bin++)
      line[bin] = from + (to - from) * ((double)(bin - first) / (double)(last - first));
  }
  for (int bin = 0; bin < CLEANING_BINS; bin++) {
    const size_t at = (size_t)bin * stride;
    const double old = line[bin] < 0 ? 0 : magnitude(re, im, at);
    if (old > 0) {
      re[at] *= line[bin] / old - 1;
      im[at] *= line[bin] / old - 1;
    } else { /* nothing changes, or there is no phase to keep: that of 0 is 0 */
      re[at] = fmax(line[bin], 0);
      im[at] = 0;
    }
  }
}
