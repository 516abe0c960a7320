#include "synth/noise.h"

#include "synth/exact_math.h"

static const double machine_low_pass_hz = 150.0;

noise_plan noise_plan_draw(random_stream *random) {
  noise_plan plan = {.poor_quality = random_chance(random, 0.04)};
  double factor = plan.poor_quality ? 5.0 : 1.0;
  plan.noise_uv = factor * random_uniform(random, 2, 10);
  plan.wander_uv = factor * random_uniform(random, 10, 60);
  double chance = plan.poor_quality ? 1.0 : 0.12;
  for (size_t i = 0; i < MUSCLE_BURSTS; i++) {
    bool present = random_chance(random, chance);
    plan.bursts[i].centre_s = random_uniform(random, 0, 10);
    plan.bursts[i].width_s = random_uniform(random, 0.15, 1.2);
    double strength = random_uniform(random, 1, 4);
    plan.bursts[i].strength = present ? strength : 0;
  }
  return plan;
}

/* Add a sine of that frequency to every lead, with a size and a phase of its own in each. */
static void add_sine(const lead_signals *leads, double hz, double amplitude_uv, random_stream *random) {
  double *sine = leads->scratch, *cosine = leads->scratch + leads->samples,
         turns_per_sample = hz / leads->rate_hz;
  for (size_t i = 0; i < leads->samples; i++) {
    sine_cosine value = exact_sine_cosine(turns_per_sample * (double)i);
    sine[i] = value.sine;
    cosine[i] = value.cosine;
  }
  for (size_t lead = 0; lead < INDEPENDENT_LEADS; lead++) {
    double gain = random_uniform(random, 0.5, 1.5), turns = random_uniform(random, 0, 1);
    sine_cosine phase = exact_sine_cosine(turns);
    double a = gain * amplitude_uv * phase.cosine, b = gain * amplitude_uv * phase.sine;
    double *microvolts = leads->microvolts[lead];
    for (size_t i = 0; i < leads->samples; i++)
      microvolts[i] += a * sine[i] + b * cosine[i];
  }
}

static void add_hum(const lead_signals *leads, mains_hum hum, random_stream *random) {
  const double harmonics[3] = {1.0, 0.06, 0.15};
  for (int k = 0; k < 3; k++) {
    double hz = hum.hz * (k + 1);
    if (hz <= machine_low_pass_hz && hz < leads->rate_hz / 2)
      add_sine(leads, hz, hum.microvolts * harmonics[k], random);
  }
}

static void add_wander(const lead_signals *leads, const noise_plan *plan, const heart *h,
                       random_stream *random) {
  double faster_hz = random_uniform(random, 0.4, 0.7), slower_hz = random_uniform(random, 0.03, 0.09);
  add_sine(leads, h->breath_hz, plan->wander_uv, random);
  add_sine(leads, faster_hz, 0.25 * plan->wander_uv, random);
  add_sine(leads, slower_hz, 0.8 * plan->wander_uv, random);
}

static void burst_envelope(const lead_signals *leads, const noise_plan *plan, double *envelope) {
  for (size_t i = 0; i < leads->samples; i++)
    envelope[i] = 1.0;
  for (size_t k = 0; k < MUSCLE_BURSTS; k++) {
    const muscle_burst *burst = &plan->bursts[k];
    if (burst->strength <= 0)
      continue;
    for (size_t i = 0; i < leads->samples; i++) {
      double u = ((double)i / leads->rate_hz - burst->centre_s) / burst->width_s;
      envelope[i] += burst->strength * exact_exp_negative(0.5 * u * u);
    }
  }
}

/* White noise, above 250 samples per second smoothed by (1, 2, 1) / 4 as the machines' low-pass filter would.
 */
static void add_muscle(const lead_signals *leads, const noise_plan *plan, random_stream *random) {
  double *envelope = leads->scratch;
  burst_envelope(leads, plan, envelope);
  bool smooth = leads->rate_hz > 250;
  const double recover = 1.632993161855452; /* 4 / sqrt(6): what the smoothing takes from the deviation */
  for (size_t lead = 0; lead < INDEPENDENT_LEADS; lead++) {
    double size_uv = plan->noise_uv * random_uniform(random, 0.6, 1.6);
    double before = random_noise(random), now = random_noise(random);
    for (size_t i = 0; i < leads->samples; i++) {
      double after = random_noise(random);
      double noise = smooth ? recover * (0.25 * before + 0.5 * now + 0.25 * after) : after;
      leads->microvolts[lead][i] += size_uv * envelope[i] * noise;
      before = now;
      now = after;
    }
  }
}

void noise_add(const lead_signals *leads, const noise_plan *plan, const heart *h, mains_hum hum,
               random_stream *random) {
  add_wander(leads, plan, h, random);
  add_muscle(leads, plan, random);
  if (hum.hz > 0 && hum.microvolts > 0)
    add_hum(leads, hum, random);
}
