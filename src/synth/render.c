#include "synth/render.h"

#include "synth/exact_math.h"

#include <string.h>

/* Beyond this many standard deviations a bell is below a tenth of a microvolt. */
static const double bell_reach = 5.0;

void dipole_clear(dipole_track *track) {
  memset(track->x, 0, track->samples * sizeof *track->x);
  memset(track->y, 0, track->samples * sizeof *track->y);
  memset(track->z, 0, track->samples * sizeof *track->z);
}

/* Index of the first sample at or after time_s, clamped to the track. */
static size_t sample_from(const dipole_track *track, double time_s) {
  double position = (time_s - track->start_s) * track->rate_hz;
  if (position <= 0)
    return 0;
  if (position >= (double)track->samples)
    return track->samples;
  size_t index = (size_t)position;
  return (double)index < position ? index + 1 : index;
}

static void add_flank(dipole_track *track, size_t first, size_t end, double centre_s, double width_s,
                      vector peak_mv) {
  double step = 1.0 / (track->rate_hz * width_s), origin = (track->start_s - centre_s) / width_s;
  for (size_t i = first; i < end; i++) {
    double u = origin + step * (double)i;
    double bell = exact_exp_negative(0.5 * u * u);
    track->x[i] += bell * peak_mv.x;
    track->y[i] += bell * peak_mv.y;
    track->z[i] += bell * peak_mv.z;
  }
}

static void add_bell(dipole_track *track, double centre_s, double rise_s, double fall_s, vector peak_mv) {
  size_t first = sample_from(track, centre_s - bell_reach * rise_s);
  size_t middle = sample_from(track, centre_s);
  size_t end = sample_from(track, centre_s + bell_reach * fall_s);
  add_flank(track, first, middle, centre_s, rise_s, peak_mv);
  add_flank(track, middle, end, centre_s, fall_s, peak_mv);
}

void dipole_add_beat(dipole_track *track, const beat_shape *shape, double onset_s, double qt_s, double gain,
                     unsigned parts) {
  for (size_t i = 0; i < shape->wave_count; i++) {
    const heart_wave *w = &shape->waves[i];
    if (!(parts >> w->part & 1))
      continue;
    bool recovery = RENDER_RECOVERY >> w->part & 1;
    double from_s = recovery ? onset_s + shape->qrs_s : onset_s;
    double unit_s = recovery ? qt_s - shape->qrs_s : 1.0;
    add_bell(track, from_s + w->centre * unit_s, w->rise * unit_s, w->fall * unit_s,
             vector_scale(w->dipole_mv, gain));
  }
}

static void add_saw(dipole_track *track, const atrial_saw *saw) {
  for (size_t i = 0; i < track->samples; i++) {
    double t = track->start_s + (double)i / track->rate_hz;
    double drift = saw->drift_turns * exact_sine_cosine(saw->drift_hz * t).sine;
    double size = 1.0 + saw->swell * exact_sine_cosine(saw->swell_hz * t + saw->phase_turns).sine;
    sine_cosine one = exact_sine_cosine(saw->rate_hz * t + saw->phase_turns + drift);
    double two = 2.0 * one.sine * one.cosine, three = one.sine * (3.0 - 4.0 * one.sine * one.sine);
    double value = size * (one.sine + saw->second * two + saw->third * three);
    track->x[i] += value * saw->direction_mv.x;
    track->y[i] += value * saw->direction_mv.y;
    track->z[i] += value * saw->direction_mv.z;
  }
}

void dipole_render(dipole_track *track, const heart *h, const heart_schedule *schedule) {
  dipole_clear(track);
  for (size_t i = 0; i < schedule->atrial_count; i++) {
    const atrial_beat *beat = &schedule->atrial[i];
    dipole_add_beat(track, &h->atrial[beat->shape], beat->onset_s, 0, 1.0, RENDER_P | RENDER_SPIKE);
  }
  for (size_t i = 0; i < schedule->ventricular_count; i++) {
    const ventricular_beat *beat = &schedule->ventricular[i];
    const beat_shape *shape = &h->ventricular[beat->shape];
    double breath = exact_sine_cosine(h->breath_turns + h->breath_hz * beat->onset_s).sine;
    dipole_add_beat(track, shape, beat->onset_s, heart_qt(h, shape, beat->rr_s),
                    1.0 + h->breath_gain * breath, RENDER_ALL);
  }
  for (size_t i = 0; i < ATRIAL_SAWS; i++) {
    if (h->saws[i].rate_hz > 0)
      add_saw(track, &h->saws[i]);
  }
}

void dipole_project(const dipole_track *track, vector projection, double *microvolts) {
  vector p = vector_scale(projection, 1000.0);
  for (size_t i = 0; i < track->samples; i++)
    microvolts[i] = track->x[i] * p.x + track->y[i] * p.y + track->z[i] * p.z;
}
