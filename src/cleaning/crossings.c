#include "cleaning/crossings.h"

#include "cleaning/lowess.h"

#include <math.h>
#include <stdlib.h>

enum { MEDIAN_WIDTH = 5 };

static double median_of_five(const double values[MEDIAN_WIDTH]) {
  double sorted[MEDIAN_WIDTH];
  for (int i = 0; i < MEDIAN_WIDTH; i++) {
    int j = i;
    for (; j > 0 && sorted[j - 1] > values[i]; j--)
      sorted[j] = sorted[j - 1];
    sorted[j] = values[i];
  }
  return sorted[MEDIAN_WIDTH / 2];
}

/* Zeros are taken beyond both ends. */
static void median_filter(const double in[SMOOTH_BINS * CLEANING_LEADS],
                          double out[SMOOTH_BINS][CLEANING_LEADS]) {
  for (int i = 0; i < SMOOTH_BINS; i++)
    for (int lead = 0; lead < CLEANING_LEADS; lead++) {
      double values[MEDIAN_WIDTH];
      for (int j = 0; j < MEDIAN_WIDTH; j++) {
        int from = i + j - MEDIAN_WIDTH / 2;
        values[j] = from >= 0 && from < SMOOTH_BINS ? in[from * CLEANING_LEADS + lead] : 0;
      }
      out[i][lead] = median_of_five(values);
    }
}

bool smooth_spectra(const double magnitude[SMOOTH_BINS * CLEANING_LEADS], smoothed_spectra *smoothed,
                    error *err) {
  double frequency_hz[SMOOTH_BINS];
  for (int i = 0; i < SMOOTH_BINS; i++)
    frequency_hz[i] = bin_frequency_hz(SMOOTH_FIRST_BIN + i);
  median_filter(magnitude, smoothed->above);
  if (!lowess(frequency_hz, SMOOTH_BINS, CLEANING_LEADS, smoothed->above[0], smoothed->curve[0], err))
    return false;
  for (int i = 0; i < SMOOTH_BINS; i++)
    for (int lead = 0; lead < CLEANING_LEADS; lead++)
      smoothed->above[i][lead] = magnitude[i * CLEANING_LEADS + lead] - smoothed->curve[i][lead];
  return true;
}

/* Index of the fitted bin nearest to `hz`, the lower one of two. */
static int nearest_index(double hz) {
  int nearest = 0;
  for (int i = 1; i < SMOOTH_BINS; i++)
    if (fabs(bin_frequency_hz(SMOOTH_FIRST_BIN + i) - hz) <
        fabs(bin_frequency_hz(SMOOTH_FIRST_BIN + nearest) - hz))
      nearest = i;
  return nearest;
}

static bool crosses(const smoothed_spectra *s, int lead, int i) { /* between i and i + 1 */
  double here = s->above[i][lead], next = s->above[i + 1][lead];
  return (here < 0 && next > 0) || (here > 0 && next < 0);
}

frequency_range find_crossings(const smoothed_spectra *smoothed, int lead, frequency_range region) {
  const int middle = nearest_index((region.low_hz + region.high_hz) / 2);
  int low = middle, high = middle;
  while (low > 0 && !crosses(smoothed, lead, low - 1))
    low--;
  while (high < SMOOTH_BINS - 1 && !crosses(smoothed, lead, high))
    high++;
  return (frequency_range){
      low > 0 ? bin_frequency_hz(SMOOTH_FIRST_BIN + low) : region.low_hz,
      high < SMOOTH_BINS - 1 ? bin_frequency_hz(SMOOTH_FIRST_BIN + high) : region.high_hz,
  };
}
