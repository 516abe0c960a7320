#include "cleaning/peaks.h"

#include "base/buffer.h"

#include <math.h>

enum { WINDOW = 50, LAST_HARMONIC = 4 };

static const double threshold_sigmas = 5.0, harmonic_threshold_sigmas = 5.0 * 0.65;

/* Mean and population standard deviation. */
static void window_statistics(const float *window, double *mean, double *sigma) {
  double sum = 0, squares = 0;
  for (int j = 0; j < WINDOW; j++)
    sum += (double)window[j];
  *mean = sum / WINDOW;
  for (int j = 0; j < WINDOW; j++) {
    double deviation = (double)window[j] - *mean;
    squares += deviation * deviation;
  }
  *sigma = sqrt(squares / WINDOW);
}

/* Mark the bins within 5 % of `frequency_hz`. Only bins that could be are asked, the exact comparison
 * decides. */
static void mark_near(bool marked[POSITIVE_BINS], double frequency_hz) {
  const double tolerance_hz = 1e-8 + 0.05 * frequency_hz;
  int first = (int)((frequency_hz - tolerance_hz) / 0.1) - 1;
  for (int bin = first; bin < POSITIVE_BINS; bin++) {
    double distance_hz = bin_frequency_hz(bin) - frequency_hz;
    if (fabs(distance_hz) <= tolerance_hz)
      marked[bin] = true;
    else if (distance_hz > 0)
      break;
  }
}

static void mark_harmonics(bool marked[POSITIVE_BINS], int bin) {
  for (int harmonic = 2; harmonic <= LAST_HARMONIC; harmonic++)
    mark_near(marked, bin_frequency_hz(bin) * harmonic);
}

static bool append_hit(hit_list *hits, int bin, error *err) {
  void *bins = hits->bins;
  if (!array_reserve(&bins, &hits->capacity, hits->count + 1, sizeof *hits->bins, err))
    return false;
  hits->bins = bins;
  hits->bins[hits->count++] = bin;
  return true;
}

bool find_hits(const float magnitude[POSITIVE_BINS], hit_list *hits, error *err) {
  bool is_hit[POSITIVE_BINS] = {false}, is_harmonic[POSITIVE_BINS] = {false};
  for (int first = PEAK_FIRST_BIN; first + WINDOW <= POSITIVE_BINS; first++) {
    double mean, sigma;
    window_statistics(magnitude + first, &mean, &sigma);
    for (int bin = first; bin < first + WINDOW; bin++) {
      double sigmas = is_harmonic[bin] ? harmonic_threshold_sigmas : threshold_sigmas;
      if (!((double)magnitude[bin] > mean + sigmas * sigma))
        continue;
      if (!append_hit(hits, bin, err))
        return false;
      if (!is_hit[bin])
        mark_harmonics(is_harmonic, bin);
      is_hit[bin] = true;
    }
  }
  return true;
}

size_t group_hits(const int *bins, size_t count, frequency_range *regions) {
  size_t region_count = 0;
  for (size_t i = 0; i < count; i++) {
    double frequency_hz = bin_frequency_hz(bins[i]);
    bool joins = i > 0 && frequency_hz - bin_frequency_hz(bins[i - 1]) <= 1.0;
    if (!joins)
      region_count++;
    if (regions && !joins)
      regions[region_count - 1].low_hz = frequency_hz;
    if (regions)
      regions[region_count - 1].high_hz = frequency_hz;
  }
  return region_count;
}
