#include "synth/schedule.h"

#include "synth/exact_math.h"

static const double start_s = -2.2, stop_s = RECORD_SECONDS + 1.0;

typedef struct builder {
  const heart *h;
  const heart_patient *patient;
  random_stream *random;
  heart_schedule *out;
  double rr_s;                     /* mean interval of the pacemaker */
  double breath_swing, slow_swing; /* relative swings of the interval: breathing, and the 0.1 Hz wave */
  double slow_turns, jitter;       /* phase of the latter; relative deviation from beat to beat */
  unsigned since_ectopic;
} builder;

static void add_atrial(builder *b, double onset_s, atrial_shape shape) {
  heart_schedule *out = b->out;
  if (out->atrial_count < SCHEDULE_BEATS)
    out->atrial[out->atrial_count++] = (atrial_beat){onset_s, shape};
}

static ventricular_beat *add_ventricular(builder *b, double onset_s, ventricular_shape shape) {
  heart_schedule *out = b->out;
  if (out->ventricular_count == SCHEDULE_BEATS)
    return &out->ventricular[SCHEDULE_BEATS - 1];
  size_t n = out->ventricular_count++;
  double rr_s = n > 0 ? onset_s - out->ventricular[n - 1].onset_s : b->rr_s;
  out->ventricular[n] = (ventricular_beat){onset_s, rr_s, shape, false};
  return &out->ventricular[n];
}

/* The next interval of a pacemaker that breathing and reflexes move. */
static double next_interval(builder *b, double now_s) {
  sine_cosine breath = exact_sine_cosine(b->h->breath_turns + b->h->breath_hz * now_s);
  sine_cosine slow = exact_sine_cosine(b->slow_turns + 0.1 * now_s);
  double swing =
      b->breath_swing * breath.sine + b->slow_swing * slow.sine + b->jitter * random_normal(b->random);
  return b->rr_s * (1.0 + swing);
}

static bool next_is_ectopic(builder *b) {
  const heart_patient *p = b->patient;
  bool chance = random_chance(b->random, 1.0 / p->ectopy_period);
  b->since_ectopic++;
  bool due = p->ectopy_regular ? b->since_ectopic >= p->ectopy_period : chance && b->since_ectopic >= 2;
  if (p->ectopy == ECTOPY_NONE || !due)
    return false;
  b->since_ectopic = 0;
  return true;
}

static ventricular_shape ectopic_shape(builder *b) {
  bool other = b->patient->ectopy == ECTOPY_POLYMORPHIC && random_chance(b->random, 0.5);
  return other ? VENTRICULAR_OTHER_ECTOPIC : VENTRICULAR_ECTOPIC;
}

/* The ventricles can't beat again at once. */
static double premature(double interval_s) {
  return interval_s < 0.34 ? 0.34 : interval_s;
}

/* P waves that conduct, with premature beats among them. A premature atrial beat resets the pacemaker; a
 * premature ventricular one leaves it alone, and the P that it overtakes does not conduct: the full pause of
 * the textbooks. */
static void conducted(builder *b) {
  double pr_s = b->patient->pr_s, p_s = start_s - 0.5 * b->rr_s;
  while (p_s < stop_s) {
    double interval_s = next_interval(b, p_s);
    double early = random_uniform(b->random, 0, 1);
    bool ectopic = next_is_ectopic(b);
    if (ectopic && b->patient->ectopy == ECTOPY_ATRIAL) {
      p_s += premature(interval_s * (0.56 + 0.18 * early));
      add_atrial(b, p_s, ATRIAL_PREMATURE);
      add_ventricular(b, p_s + pr_s + 0.01, VENTRICULAR_DOMINANT)->premature_atrial = true;
    } else if (ectopic) {
      double onset_s = p_s + pr_s + premature(interval_s * (0.52 + 0.14 * early));
      p_s += interval_s;
      add_atrial(b, p_s, ATRIAL_DOMINANT);
      add_ventricular(b, onset_s, ectopic_shape(b));
    } else {
      p_s += interval_s;
      add_atrial(b, p_s, ATRIAL_DOMINANT);
      add_ventricular(b, p_s + pr_s, VENTRICULAR_DOMINANT);
    }
  }
}

/* Every interval is drawn anew, long ones reaching further than short ones. */
static void fibrillating(builder *b) {
  double shortest_s = 0.24 + 0.10 * b->rr_s;
  double onset_s = start_s;
  while (onset_s < stop_s) {
    double u = random_uniform(b->random, 0, 1), v = random_uniform(b->random, 0, 1),
           w = random_uniform(b->random, 0, 1);
    double spread = 0.6 * (u + v + 2.0 * w * w); /* mean 1 */
    bool ectopic = next_is_ectopic(b) && b->patient->ectopy != ECTOPY_ATRIAL;
    if (ectopic) {
      onset_s += 0.38 + 0.10 * u;
      add_ventricular(b, onset_s, ectopic_shape(b));
      onset_s += 0.3 * b->rr_s;
    }
    onset_s += shortest_s + (b->rr_s - shortest_s) * spread;
    add_ventricular(b, onset_s, VENTRICULAR_DOMINANT);
  }
}

/* Every second, third or fourth flutter wave conducts; in some hearts the ratio changes from beat to beat. */
static void fluttering(builder *b) {
  const double weights[3] = {0.30, 0.25, 0.45};
  unsigned ratio = 2 + (unsigned)random_weighted(b->random, weights, 3);
  bool variable = random_chance(b->random, 0.5);
  double cycle_s = 1.0 / b->h->saws[0].rate_hz;
  double onset_s = start_s;
  b->rr_s = ratio * cycle_s;
  while (onset_s < stop_s) {
    unsigned next = variable ? 2 + (unsigned)random_index(b->random, 4) : ratio;
    onset_s += next * cycle_s;
    add_ventricular(b, onset_s, VENTRICULAR_DOMINANT);
  }
}

/* A regular row of ventricular beats without P waves of their own. */
static void ventricles_alone(builder *b) {
  for (double onset_s = start_s; onset_s < stop_s; onset_s += next_interval(b, onset_s))
    add_ventricular(b, onset_s, VENTRICULAR_DOMINANT);
}

/* P waves at a rate of their own, which lead nowhere. */
static void dissociated(builder *b) {
  double atrial_rr_s = 60.0 / random_uniform(b->random, 68, 98);
  ventricles_alone(b);
  b->rr_s = atrial_rr_s;
  for (double p_s = start_s; p_s < stop_s; p_s += next_interval(b, p_s))
    add_atrial(b, p_s, ATRIAL_DOMINANT);
}

/* PR grows with each beat, less and less so, until a P is not conducted. */
static void wenckebach(builder *b) {
  unsigned group = 3 + (unsigned)random_index(b->random, 3), k = 0;
  double first_growth_s = random_uniform(b->random, 0.05, 0.09);
  double pr_s = b->patient->pr_s;
  for (double p_s = start_s; p_s < stop_s; p_s += next_interval(b, p_s)) {
    add_atrial(b, p_s, ATRIAL_DOMINANT);
    if (k + 1 < group)
      add_ventricular(b, p_s + pr_s, VENTRICULAR_DOMINANT);
    k = (k + 1) % group;
    pr_s = k == 0 ? b->patient->pr_s : pr_s + first_growth_s / k;
  }
}

static void dropping(builder *b) {
  unsigned group = 2 + (unsigned)random_index(b->random, 3), k = 0;
  for (double p_s = start_s; p_s < stop_s; p_s += next_interval(b, p_s)) {
    add_atrial(b, p_s, ATRIAL_DOMINANT);
    if (k + 1 < group)
      add_ventricular(b, p_s + b->patient->pr_s, VENTRICULAR_DOMINANT);
    k = (k + 1) % group;
  }
}

static void (*const rhythms[RHYTHM_COUNT])(builder *) = {
    [RHYTHM_SINUS] = conducted,
    [RHYTHM_ECTOPIC_ATRIAL] = conducted,
    [RHYTHM_ATRIAL_FIBRILLATION] = fibrillating,
    [RHYTHM_ATRIAL_FLUTTER] = fluttering,
    [RHYTHM_SUPRAVENTRICULAR_TACHYCARDIA] = ventricles_alone,
    [RHYTHM_JUNCTIONAL] = ventricles_alone,
    [RHYTHM_MOBITZ_1] = wenckebach,
    [RHYTHM_MOBITZ_2] = dropping,
    [RHYTHM_COMPLETE_BLOCK] = dissociated,
    [RHYTHM_ATRIAL_PACED] = conducted,
    [RHYTHM_VENTRICULAR_PACED] = ventricles_alone,
    [RHYTHM_VENTRICULAR_TACHYCARDIA] = dissociated,
};

/* Reflexes and breathing move a sinus node, the more the younger; other pacemakers hardly, electronic ones
 * not at all. */
static void draw_variability(builder *b) {
  double youth = (95.0 - b->patient->age_years) / 75.0;
  double swing = random_uniform(b->random, 0.3, 1.0), slow = random_uniform(b->random, 0.3, 1.0);
  b->slow_turns = random_uniform(b->random, 0, 1);
  switch (b->patient->rhythm) {
  case RHYTHM_ATRIAL_PACED:
  case RHYTHM_VENTRICULAR_PACED:
    return;
  case RHYTHM_SINUS:
  case RHYTHM_MOBITZ_1:
  case RHYTHM_MOBITZ_2:
    b->breath_swing = 0.045 * youth * swing;
    b->slow_swing = 0.018 * slow;
    b->jitter = 0.006;
    return;
  default:
    b->breath_swing = 0.004 * swing;
    b->jitter = 0.006;
  }
}

heart_schedule heart_schedule_make(const heart *h, const heart_patient *patient, random_stream *random) {
  heart_schedule schedule = {0};
  builder b = {
      .h = h, .patient = patient, .random = random, .out = &schedule, .rr_s = 60.0 / patient->rate_bpm};
  draw_variability(&b);
  rhythms[patient->rhythm](&b);
  return schedule;
}

size_t heart_schedule_visible(const heart_schedule *schedule, size_t *end) {
  size_t first = 0;
  while (first < schedule->ventricular_count && schedule->ventricular[first].onset_s < 0)
    first++;
  *end = first;
  while (*end < schedule->ventricular_count && schedule->ventricular[*end].onset_s < RECORD_SECONDS - 0.12)
    (*end)++;
  return first;
}
