/* What lies on top of the heart's signal: mains hum, breathing and electrode drift, muscle and amplifier
 * noise. */
#ifndef DEEPECG_SYNTH_NOISE_H
#define DEEPECG_SYNTH_NOISE_H

#include "synth/heart.h"

typedef struct mains_hum {
  double hz;         /* 0: none */
  double microvolts; /* amplitude of the fundamental; each lead has 0.5 to 1.5 times as much */
} mains_hum;

enum { MUSCLE_BURSTS = 3 };

typedef struct muscle_burst {
  double centre_s, width_s, strength; /* a strength of 4: five times the noise at the centre */
} muscle_burst;

typedef struct noise_plan {
  bool poor_quality;
  double noise_uv; /* standard deviation of muscle and amplifier noise between bursts */
  double wander_uv;
  muscle_burst bursts[MUSCLE_BURSTS];
} noise_plan;

noise_plan noise_plan_draw(random_stream *random);

/* Eight leads of `samples` values in microvolts, evenly spaced from 0 s on. `scratch` has room for 2 *
 * samples values. */
typedef struct lead_signals {
  double *microvolts[INDEPENDENT_LEADS];
  double *scratch;
  size_t samples;
  double rate_hz;
} lead_signals;

/* Add the noise to the leads. Harmonics of the hum are there up to 150 Hz, where the machines' filters end.
 */
void noise_add(const lead_signals *leads, const noise_plan *plan, const heart *h, mains_hum hum,
               random_stream *random);

#endif
