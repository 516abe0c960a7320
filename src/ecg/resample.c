#include "ecg/resample.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

static const double pi = 3.14159265358979323846;
static const double zero_crossings = 40, relative_cutoff = 0.46;

typedef struct filter {
  double cutoff;     /* cycles per input sample */
  double half_width; /* input samples */
  size_t taps;
  double *weights;
} filter;

/* Four-term Blackman-Harris window (Harris 1978), 1 at the middle; `c` is the cosine of pi * distance /
 * half_width. */
static double blackman_harris(double c) {
  double c2 = 2 * c * c - 1, c3 = (4 * c * c - 3) * c;
  return 0.35875 + 0.48829 * c + 0.14128 * c2 + 0.01168 * c3;
}

typedef struct phasor {
  double cosine, sine;
} phasor;

static phasor phasor_at(double angle) {
  return (phasor){cos(angle), sin(angle)};
}

static phasor rotate(phasor p, phasor step) {
  return (phasor){p.cosine * step.cosine - p.sine * step.sine, p.sine * step.cosine + p.cosine * step.sine};
}

/* Weights of the input samples that surround a point which lies `fraction` (0 ... 1) after one of them: tap n
 * is the sample at distance n + 1 - taps/2 - fraction. Angles advance by a constant step, so the sines come
 * from rotations. */
static void set_phase(filter *f, double fraction) {
  double first = 1 - (double)(f->taps / 2) - fraction, sum = 0;
  phasor sinc = phasor_at(2 * pi * f->cutoff * first), sinc_step = phasor_at(2 * pi * f->cutoff);
  phasor window = phasor_at(pi / f->half_width * first), window_step = phasor_at(pi / f->half_width);
  for (size_t n = 0; n < f->taps; n++) {
    double distance = first + (double)n;
    double ideal = fabs(distance) < 1e-9 ? 2 * f->cutoff : sinc.sine / (pi * distance);
    f->weights[n] = fabs(distance) < f->half_width ? ideal * blackman_harris(window.cosine) : 0;
    sum += f->weights[n];
    sinc = rotate(sinc, sinc_step);
    window = rotate(window, window_step);
  }
  for (size_t n = 0; n < f->taps; n++)
    f->weights[n] /= sum;
}

static float held_sample(const float *input, size_t samples, int64_t index) {
  return input[index < 0 ? 0 : (uint64_t)index < samples ? (size_t)index : samples - 1];
}

static float apply(const filter *f, const float *input, size_t samples, int64_t before) {
  double sum = 0;
  int64_t first = before + 1 - (int64_t)(f->taps / 2);
  if (first >= 0 && (uint64_t)first + f->taps <= samples)
    for (size_t n = 0; n < f->taps; n++)
      sum += f->weights[n] * (double)input[(size_t)first + n];
  else
    for (size_t n = 0; n < f->taps; n++)
      sum += f->weights[n] * (double)held_sample(input, samples, first + (int64_t)n);
  return (float)sum;
}

static int64_t greatest_common_divisor(int64_t a, int64_t b) {
  while (b) {
    int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

bool resample(const float *const *input, size_t leads, size_t samples, double from_hz, double to_hz,
              float *output, size_t output_samples, size_t stride, error *err) {
  int64_t down = llround(from_hz * 1e6), up = llround(to_hz * 1e6);
  int64_t divisor = greatest_common_divisor(down, up);
  down /= divisor;
  up /= divisor;
  filter f = {.cutoff = relative_cutoff * fmin(from_hz, to_hz) / from_hz};
  f.half_width = zero_crossings / (2 * f.cutoff);
  f.taps = 2 * (size_t)ceil(f.half_width);
  f.weights = malloc(f.taps * sizeof *f.weights);
  if (!f.weights)
    return error_out_of_memory(err);
  for (int64_t phase = 0; phase < up && (size_t)phase < output_samples; phase++) {
    set_phase(&f, (double)(phase * down % up) / (double)up);
    for (size_t k = (size_t)phase; k < output_samples; k += (size_t)up)
      for (size_t lead = 0; lead < leads; lead++)
        output[k * stride + lead] = apply(&f, input[lead], samples, (int64_t)k * down / up);
  }
  free(f.weights);
  return true;
}
