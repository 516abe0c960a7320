/* Synthetic records as physiology: do the signals show what they are said to show? Everything is measured
 * here from the samples again, not taken from the generator's own measurements. */
#include "synth/exact_math.h"
#include "synth/record.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const double pi = 3.14159265358979323846;

enum { MAX_BEATS = 64 };

/* What the tests vary: everything else about the patient is healthy, and there is no hum. */
static synth_options quiet_options(void) {
  synth_options options = synth_defaults();
  options.hum_microvolts = 0;
  options.seed = 11;
  return options;
}

static synth_record *make(const heart_patient *patient, size_t index) {
  synth_record *record = malloc(sizeof *record);
  assert_non_null(record);
  synth_options options = quiet_options();
  synth_record_of_patient(record, &options, index, patient);
  return record;
}

/* A lead of a record in microvolts, from its stored independent leads. */
static double sample_of(const double *i, const double *ii, const synth_record *record, synth_part part,
                        ecg_lead lead, size_t k) {
  double one = i[k], two = ii[k];
  switch (lead) {
  case LEAD_I:
    return one;
  case LEAD_II:
    return two;
  case LEAD_III:
    return two - one;
  case LEAD_AVR:
    return -(one + two) / 2;
  case LEAD_AVL:
    return one - two / 2;
  case LEAD_AVF:
    return two - one / 2;
  default: {
    size_t chest = (size_t)lead - LEAD_V1 + INDEPENDENT_V1;
    return part == SYNTH_MEDIAN ? record->median[chest][k] : record->rhythm[chest][k];
  }
  }
}

static double median_at(const synth_record *record, ecg_lead lead, double ms_after_onset) {
  double position = (SYNTH_MEDIAN_ONSET_MS + ms_after_onset) * record->rate_hz / 1000.0;
  return sample_of(record->median[0], record->median[1], record, SYNTH_MEDIAN, lead,
                   (size_t)(position + 0.5));
}

static double rhythm_at(const synth_record *record, ecg_lead lead, size_t k) {
  return sample_of(record->rhythm[0], record->rhythm[1], record, SYNTH_RHYTHM, lead, k);
}

/* Beats found in the noisy signal: the summed squared slope of all independent leads, smoothed over 80 ms,
 * above a fifth of its maximum, at least 0.22 s apart. Fills times in seconds, returns their number. */
static size_t find_beats(const synth_record *record, double times[MAX_BEATS]) {
  size_t n = record->samples, window = record->rate_hz * 8 / 100;
  double *power = calloc(n, sizeof *power), *smooth = calloc(n, sizeof *smooth);
  assert_true(power && smooth);
  for (size_t lead = 0; lead < INDEPENDENT_LEADS; lead++)
    for (size_t k = 2; k + 2 < n; k++) {
      double slope = record->rhythm[lead][k + 2] - record->rhythm[lead][k - 2];
      power[k] += slope * slope;
    }
  double largest = 0, sum = 0;
  for (size_t k = 0; k < n; k++) {
    sum += power[k] - (k >= window ? power[k - window] : 0);
    smooth[k] = sum;
    largest = fmax(largest, sum);
  }
  size_t count = 0;
  double last = -1;
  for (size_t k = 1; k + 1 < n && count < MAX_BEATS; k++) {
    double time = (double)k / record->rate_hz;
    if (smooth[k] < 0.2 * largest || smooth[k] < smooth[k - 1] || smooth[k] <= smooth[k + 1])
      continue;
    if (last >= 0 && time - last < 0.22)
      continue;
    times[count++] = last = time;
  }
  free(power);
  free(smooth);
  return count;
}

static double interval_variation(const double *times, size_t count, double *mean_s) {
  double sum = times[count - 1] - times[0], mean = sum / (double)(count - 1), squares = 0;
  for (size_t i = 1; i < count; i++)
    squares += pow(times[i] - times[i - 1] - mean, 2);
  *mean_s = mean;
  return sqrt(squares / (double)(count - 1)) / mean;
}

/* QRS width in the averaged beat: between the first and the last place where some lead moves faster than 4
 * uV/ms. */
static double qrs_width_ms(const synth_record *record) {
  double first = -1, last = -1;
  for (double ms = -20; ms < 185; ms += 2) {
    bool fast = false;
    for (int lead = 0; lead < ECG_LEADS; lead++)
      fast |= fabs(median_at(record, (ecg_lead)lead, ms + 2) - median_at(record, (ecg_lead)lead, ms)) > 8;
    if (!fast)
      continue;
    if (first < 0)
      first = ms;
    last = ms + 2;
  }
  return last - first;
}

static double peak_to_peak(const synth_record *record, ecg_lead lead) {
  double low = 0, high = 0;
  for (double ms = 0; ms < 180; ms += 2) {
    low = fmin(low, median_at(record, lead, ms));
    high = fmax(high, median_at(record, lead, ms));
  }
  return high - low;
}

static double area(const synth_record *record, ecg_lead lead, double from_ms, double to_ms) {
  double sum = 0;
  for (double ms = from_ms; ms < to_ms; ms += 2)
    sum += median_at(record, lead, ms) * 2;
  return sum;
}

static double size_of_p(const synth_record *record, const heart_patient *patient) {
  double largest = 0;
  for (double ms = -1000 * patient->pr_s; ms < -30; ms += 2)
    largest = fmax(largest, fabs(median_at(record, LEAD_II, ms)));
  return largest;
}

static void test_exact_functions(void **state) {
  (void)state;
  for (int i = 0; i <= 40000; i++) {
    double x = i * 0.01;
    assert_true(fabs(exact_exp_negative(x) - exp(-x)) <= 1e-9 * exp(-x));
    double turns = (i - 20000) * 0.0137;
    sine_cosine value = exact_sine_cosine(turns);
    assert_true(fabs(value.sine - sin(2 * pi * turns)) < 5e-9);
    assert_true(fabs(value.cosine - cos(2 * pi * turns)) < 5e-9);
    double angle = (i - 19999) * (pi / 20001);
    double seen = exact_angle_turns(3 * sin(angle), 3 * cos(angle));
    assert_true(fabs(remainder(seen - angle / (2 * pi), 1)) < 1e-9);
  }
  assert_true(exact_exp_negative(1e300) < 1e-300);
  assert_true(exact_angle_turns(0, 0) == 0 && exact_angle_turns(0, -2) == 0.5);
  assert_int_equal(exact_round(2.5), 3);
  assert_int_equal(exact_round(-2.5), -3);
  assert_int_equal(exact_round(-0.49), 0);
}

static void check_moments(double (*draw)(random_stream *)) {
  enum { DRAWS = 200000 };
  random_stream random = random_stream_make(3, 4, RANDOM_NOISE);
  double sum = 0, squares = 0;
  for (int i = 0; i < DRAWS; i++) {
    double x = draw(&random);
    sum += x;
    squares += x * x;
  }
  assert_true(fabs(sum / DRAWS) < 0.01);
  assert_true(fabs(squares / DRAWS - 1) < 0.02);
}

static void test_random_numbers(void **state) {
  (void)state;
  check_moments(random_normal);
  check_moments(random_noise);
  random_stream a = random_stream_make(1, 2, RANDOM_HEART), b = random_stream_make(1, 3, RANDOM_HEART);
  random_stream c = random_stream_make(1, 2, RANDOM_NOISE), d = random_stream_make(2, 2, RANDOM_HEART);
  uint64_t first = random_bits(&a);
  assert_true(first != random_bits(&b) && first != random_bits(&c) && first != random_bits(&d));
  size_t chosen[3] = {0};
  const double weights[3] = {1, 0, 3};
  for (int i = 0; i < 4000; i++)
    chosen[random_weighted(&a, weights, 3)]++;
  assert_int_equal(chosen[1], 0);
  assert_true(chosen[0] > 900 && chosen[0] < 1100);
}

static void test_beats_come_at_the_asked_rate(void **state) {
  (void)state;
  const double rates[] = {45, 70, 100, 135};
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    heart_patient patient = heart_patient_healthy();
    patient.rate_bpm = rates[i];
    synth_record *record = make(&patient, i);
    double times[MAX_BEATS], mean_s;
    size_t count = find_beats(record, times);
    assert_true(count >= 5);
    double variation = interval_variation(times, count, &mean_s);
    if (fabs(60 / mean_s - rates[i]) > 0.06 * rates[i] || variation > 0.08)
      fail_msg("asked for %g beats per minute, found %g (variation %g)", rates[i], 60 / mean_s, variation);
    assert_true(fabs(record->measurements.rate_bpm - 60 / mean_s) < 2);
    free(record);
  }
}

static void test_fibrillation_is_irregular_and_has_no_p(void **state) {
  (void)state;
  heart_patient sinus = heart_patient_healthy(), afib = heart_patient_healthy();
  sinus.rate_bpm = afib.rate_bpm = 80;
  afib.rhythm = RHYTHM_ATRIAL_FIBRILLATION;
  for (size_t i = 0; i < 8; i++) {
    synth_record *a = make(&sinus, i), *b = make(&afib, i);
    double times[MAX_BEATS], mean_s;
    size_t count = find_beats(a, times);
    double regular = interval_variation(times, count, &mean_s);
    count = find_beats(b, times);
    double irregular = interval_variation(times, count, &mean_s);
    assert_true(irregular > 0.09 && irregular > 2.5 * regular);
    assert_true(size_of_p(a, &sinus) > 50 && size_of_p(b, &afib) < 5);
    assert_true(a->findings.has[FINDING_SINUS] && a->findings.has[FINDING_REGULAR]);
    assert_true(b->findings.has[FINDING_AFIB] && b->findings.has[FINDING_IRREGULARLY_IRREGULAR]);
    assert_true(b->labels.afib_5y && !a->labels.afib_5y);
    free(a);
    free(b);
  }
}

/* Power of the flutter's own frequency in the clean lead II between beats: the spectrum's largest line from 3
 * to 7 Hz. */
static void test_flutter_has_its_waves(void **state) {
  (void)state;
  heart_patient patient = heart_patient_healthy();
  patient.rhythm = RHYTHM_ATRIAL_FLUTTER;
  for (size_t i = 0; i < 4; i++) {
    synth_record *record = make(&patient, i);
    double best = 0, best_hz = 0;
    for (double hz = 3.95; hz < 5.8; hz += 0.05) {
      double re = 0, im = 0;
      for (size_t k = 0; k < record->samples; k++) {
        double x = rhythm_at(record, LEAD_III, k), angle = 2 * pi * hz * (double)k / record->rate_hz;
        re += x * cos(angle);
        im += x * sin(angle);
      }
      if (re * re + im * im > best) {
        best = re * re + im * im;
        best_hz = hz;
      }
    }
    assert_true(fabs(best_hz - record->heart.saws[0].rate_hz) < 0.1);
    assert_true(record->findings.has[FINDING_FLUTTER]);
    free(record);
  }
}

static synth_record *with_conduction(heart_conduction conduction, double qrs_s, size_t index) {
  heart_patient patient = heart_patient_healthy();
  patient.conduction = conduction;
  patient.qrs_s = qrs_s;
  return make(&patient, index);
}

static void test_bundle_blocks_widen_the_qrs(void **state) {
  (void)state;
  for (size_t i = 0; i < 6; i++) {
    synth_record *normal = with_conduction(CONDUCTION_NORMAL, 0.090, i);
    synth_record *left = with_conduction(CONDUCTION_LEFT_BUNDLE_BLOCK, 0.150, i);
    synth_record *right = with_conduction(CONDUCTION_RIGHT_BUNDLE_BLOCK, 0.140, i);
    assert_true(qrs_width_ms(normal) < 105);
    assert_true(qrs_width_ms(left) > 118 && qrs_width_ms(left) > qrs_width_ms(normal) + 30);
    assert_true(qrs_width_ms(right) > 112 && qrs_width_ms(right) > qrs_width_ms(normal) + 25);
    /* Left: V1 down, V6 up and without a q, T against the QRS. Right: the end of the QRS is up in V1, down in
     * I and V6. */
    assert_true(area(left, LEAD_V1, 0, 150) < 0 && area(left, LEAD_V6, 0, 150) > 0);
    assert_true(median_at(left, LEAD_V6, 20) > 0 && median_at(left, LEAD_V6, 330) < 0);
    assert_true(area(right, LEAD_V1, 90, 130) > 0 && area(right, LEAD_V6, 90, 130) < 0);
    assert_true(area(right, LEAD_I, 90, 130) < 0);
    assert_true(left->findings.has[FINDING_LEFT_BUNDLE_BLOCK] && right->findings.has[FINDING_RSR]);
    assert_true(fabs(left->measurements.qrs_s * 1000 - qrs_width_ms(left)) < 25);
    free(normal);
    free(left);
    free(right);
  }
}

static void test_amplitudes_are_physiological(void **state) {
  (void)state;
  for (size_t i = 0; i < 20; i++) {
    heart_patient patient = heart_patient_healthy();
    synth_record *normal = make(&patient, i);
    patient.low_voltage = true;
    synth_record *low = make(&patient, i);
    for (int lead = 0; lead < ECG_LEADS; lead++) {
      double uv = peak_to_peak(normal, (ecg_lead)lead);
      if (lead != LEAD_AVL && lead != LEAD_III && (uv < 300 || uv > 3500))
        fail_msg("record %zu, lead %s: %g uV", i, ecg_lead_names[lead], uv);
    }
    assert_true(peak_to_peak(low, LEAD_II) < 0.5 * peak_to_peak(normal, LEAD_II));
    assert_true(peak_to_peak(low, LEAD_II) < 600 && peak_to_peak(low, LEAD_V4) > 150);
    /* R grows and S shrinks across the chest; T is upright from V3 on. */
    assert_true(area(normal, LEAD_V1, 0, 90) < 0 && area(normal, LEAD_V5, 0, 90) > 0);
    assert_true(median_at(normal, LEAD_V4, 310) > 100 && median_at(normal, LEAD_II, 310) > 50);
    free(normal);
    free(low);
  }
}

static void test_hypertrophy_raises_the_voltages(void **state) {
  (void)state;
  heart_patient patient = heart_patient_healthy();
  synth_record *normal = make(&patient, 5);
  patient.left_hypertrophy = 1;
  synth_record *left = make(&patient, 5);
  patient.left_hypertrophy = 0;
  patient.right_hypertrophy = 1;
  patient.axis_degrees = 115;
  synth_record *right = make(&patient, 5);
  assert_true(peak_to_peak(left, LEAD_V5) > 1.4 * peak_to_peak(normal, LEAD_V5));
  assert_true(peak_to_peak(left, LEAD_V1) > 1.4 * peak_to_peak(normal, LEAD_V1));
  assert_true(left->findings.has[FINDING_LEFT_HYPERTROPHY] && left->findings.has[FINDING_SOKOLOW]);
  assert_true(!normal->findings.has[FINDING_LEFT_HYPERTROPHY]);
  assert_true(area(right, LEAD_V1, 0, 90) > 0 && area(right, LEAD_I, 0, 90) < 0);
  assert_true(right->findings.has[FINDING_RIGHT_HYPERTROPHY] && right->findings.has[FINDING_RIGHT_AXIS]);
  free(normal);
  free(left);
  free(right);
}

static void test_axis_is_the_asked_one(void **state) {
  (void)state;
  const double wanted[] = {-60, -20, 20, 60, 85, 115, -130};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    heart_patient patient = heart_patient_healthy();
    patient.axis_degrees = wanted[i];
    synth_record *record = make(&patient, i);
    double one = area(record, LEAD_I, 0, 95), foot = area(record, LEAD_AVF, 0, 95);
    double seen = atan2(foot * 2 / sqrt(3), one) * 180 / pi;
    if (fabs(remainder(seen - wanted[i], 360)) > 20)
      fail_msg("asked for an axis of %g degrees, found %g", wanted[i], seen);
    assert_true(record->findings.has[FINDING_LEFT_AXIS] == (wanted[i] == -60));
    assert_true(record->findings.has[FINDING_RIGHT_AXIS] == (wanted[i] == 115));
    assert_true(record->findings.has[FINDING_RIGHT_SUPERIOR_AXIS] == (wanted[i] == -130));
    free(record);
  }
}

typedef struct territory_case {
  heart_territory territory;
  ecg_lead leads[2];
  synth_finding elevation, depression, inversion, q;
} territory_case;

static const territory_case territories[] = {
    {TERRITORY_SEPTAL,
     {LEAD_V1, LEAD_V2},
     FINDING_ST_ELEVATION_SEPTAL,
     FINDING_ST_DEPRESSION_SEPTAL,
     FINDING_T_INVERSION_SEPTAL,
     FINDING_Q_SEPTAL},
    {TERRITORY_ANTERIOR,
     {LEAD_V3, LEAD_V4},
     FINDING_ST_ELEVATION_ANTERIOR,
     FINDING_ST_DEPRESSION_ANTERIOR,
     FINDING_T_INVERSION_ANTERIOR,
     FINDING_Q_ANTERIOR},
    {TERRITORY_LATERAL,
     {LEAD_V5, LEAD_V6},
     FINDING_ST_ELEVATION_LATERAL,
     FINDING_ST_DEPRESSION_LATERAL,
     FINDING_T_INVERSION_LATERAL,
     FINDING_Q_LATERAL},
    {TERRITORY_INFERIOR,
     {LEAD_II, LEAD_AVF},
     FINDING_ST_ELEVATION_INFERIOR,
     FINDING_ST_DEPRESSION_INFERIOR,
     FINDING_T_INVERSION_INFERIOR,
     FINDING_Q_INFERIOR},
};

static synth_record *ischaemic(heart_territory territory, heart_ischaemia kind, double size_mv) {
  heart_patient patient = heart_patient_healthy();
  patient.territory = territory;
  patient.ischaemia = kind;
  patient.ischaemia_mv = size_mv;
  return make(&patient, 9);
}

static void test_ischaemia_shows_in_its_territory(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof territories / sizeof *territories; i++) {
    const territory_case *c = &territories[i];
    synth_record *acute = ischaemic(c->territory, ISCHAEMIA_ACUTE, 0.4);
    synth_record *depressed = ischaemic(c->territory, ISCHAEMIA_SUBENDOCARDIAL, 0.25);
    synth_record *inverted = ischaemic(c->territory, ISCHAEMIA_T_INVERSION, 0.5);
    synth_record *scar = ischaemic(c->territory, ISCHAEMIA_SCAR, 0.7);
    for (size_t k = 0; k < 2; k++) {
      assert_true(median_at(acute, c->leads[k], 155) > 100);
      assert_true(median_at(depressed, c->leads[k], 155) < -50);
      assert_true(median_at(inverted, c->leads[k], 310) < -100);
      assert_true(median_at(scar, c->leads[k], 22) < -90);
    }
    assert_true(acute->findings.has[c->elevation] && acute->findings.has[FINDING_ACUTE_INFARCTION]);
    assert_true(depressed->findings.has[c->depression]);
    assert_true(inverted->findings.has[c->inversion]);
    assert_true(scar->findings.has[c->q]);
    free(acute);
    free(depressed);
    free(inverted);
    free(scar);
  }
  /* An inferior infarct depresses ST in aVL, as a dipole must. */
  synth_record *inferior = ischaemic(TERRITORY_INFERIOR, ISCHAEMIA_ACUTE, 0.4);
  assert_true(median_at(inferior, LEAD_AVL, 155) < -50);
  free(inferior);
}

static void test_blocks_between_atria_and_ventricles(void **state) {
  (void)state;
  heart_patient patient = heart_patient_healthy();
  patient.pr_s = 0.26;
  synth_record *first = make(&patient, 1);
  assert_true(first->findings.has[FINDING_FIRST_DEGREE_BLOCK]);
  assert_true(median_at(first, LEAD_II, -200) > 50 && fabs(median_at(first, LEAD_II, -60)) < 15);
  patient.pr_s = 0.16;
  patient.rhythm = RHYTHM_MOBITZ_1;
  synth_record *mobitz = make(&patient, 1);
  assert_true(mobitz->schedule.atrial_count > mobitz->schedule.ventricular_count);
  assert_true(mobitz->measurements.atrial_rate_bpm > 1.15 * mobitz->measurements.rate_bpm);
  patient.rhythm = RHYTHM_COMPLETE_BLOCK;
  patient.rate_bpm = 33;
  synth_record *complete = make(&patient, 1);
  double times[MAX_BEATS], mean_s;
  size_t count = find_beats(complete, times);
  interval_variation(times, count, &mean_s);
  assert_true(fabs(60 / mean_s - 33) < 2 && qrs_width_ms(complete) > 120);
  assert_true(complete->findings.has[FINDING_THIRD_DEGREE_BLOCK] &&
              complete->findings.has[FINDING_VENTRICULAR_RHYTHM]);
  free(first);
  free(mobitz);
  free(complete);
}

static void test_premature_beats_come_early_and_pause(void **state) {
  (void)state;
  heart_patient patient = heart_patient_healthy();
  patient.ectopy = ECTOPY_VENTRICULAR;
  patient.ectopy_period = 4;
  patient.ectopy_regular = true;
  synth_record *record = make(&patient, 2);
  size_t end, first = heart_schedule_visible(&record->schedule, &end), seen = 0;
  const ventricular_beat *beats = record->schedule.ventricular;
  for (size_t i = first + 1; i + 1 < end; i++) {
    if (beats[i].shape == VENTRICULAR_DOMINANT)
      continue;
    seen++;
    double two = beats[i].rr_s + beats[i + 1].rr_s;
    assert_true(beats[i].rr_s < 0.75 * 60 / 70 && fabs(two - 2 * 60.0 / 70) < 0.25);
  }
  assert_true(seen >= 2 && record->measurements.premature_ventricular >= seen);
  assert_true(record->findings.has[FINDING_PREMATURE_VENTRICULAR] && !record->findings.has[FINDING_REGULAR]);
  double times[MAX_BEATS], mean_s;
  assert_true(interval_variation(times, find_beats(record, times), &mean_s) > 0.12);
  free(record);
}

/* Amplitude of one frequency in a lead; 10 s make every whole tenth of a hertz a line of the spectrum. */
static double line_uv(const double *x, size_t n, double rate_hz, double hz) {
  double re = 0, im = 0;
  for (size_t k = 0; k < n; k++) {
    double angle = 2 * pi * hz * (double)k / rate_hz;
    re += x[k] * cos(angle);
    im += x[k] * sin(angle);
  }
  return 2 * sqrt(re * re + im * im) / (double)n;
}

static void test_hum_has_its_frequency_and_size(void **state) {
  (void)state;
  const double mains[] = {50, 60};
  const unsigned rates[] = {500, 250};
  for (size_t i = 0; i < 4; i++) {
    synth_options options = synth_defaults();
    options.hum_hz = mains[i % 2];
    options.hum_microvolts = 40;
    options.rate_hz = rates[i / 2];
    synth_record *with = malloc(sizeof *with), *without = malloc(sizeof *without);
    assert_true(with && without);
    synth_record_make(with, &options, 3);
    options.hum_hz = 0;
    synth_record_make(without, &options, 3);
    for (size_t lead = 0; lead < INDEPENDENT_LEADS; lead++) {
      double hum = line_uv(with->rhythm[lead], with->samples, with->rate_hz, mains[i % 2]);
      double quiet = line_uv(without->rhythm[lead], with->samples, with->rate_hz, mains[i % 2]);
      double beside = line_uv(with->rhythm[lead], with->samples, with->rate_hz, mains[i % 2] + 1.7);
      assert_true(hum > 0.5 * 40 - 4 && hum < 1.5 * 40 + 4);
      assert_true(quiet < 4 && beside < 4);
    }
    double second = line_uv(with->rhythm[0], with->samples, with->rate_hz, 2 * mains[i % 2]);
    assert_true(second > 0.6);
    free(with);
    free(without);
  }
}

/* The heart, its findings and its labels don't depend on how the record is sampled, disturbed or stored. */
static void test_heart_is_independent_of_the_file(void **state) {
  (void)state;
  synth_options a = synth_defaults(), b = synth_defaults();
  b.rate_hz = 250;
  b.format = SYNTH_NPY;
  b.hum_hz = 50;
  synth_record *x = malloc(sizeof *x), *y = malloc(sizeof *y);
  assert_true(x && y);
  for (size_t i = 0; i < 5; i++) {
    synth_record_make(x, &a, i);
    synth_record_make(y, &b, i);
    assert_memory_equal(&x->findings, &y->findings, sizeof x->findings);
    assert_true(x->labels.ejection_fraction == y->labels.ejection_fraction);
    assert_int_equal(x->statements.count, y->statements.count);
    for (size_t k = 0; k < y->median_samples; k++)
      assert_true(fabs(y->median[0][k] - x->median[0][2 * k]) < 1e-6);
  }
  free(x);
  free(y);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_exact_functions),
      cmocka_unit_test(test_random_numbers),
      cmocka_unit_test(test_beats_come_at_the_asked_rate),
      cmocka_unit_test(test_fibrillation_is_irregular_and_has_no_p),
      cmocka_unit_test(test_flutter_has_its_waves),
      cmocka_unit_test(test_bundle_blocks_widen_the_qrs),
      cmocka_unit_test(test_amplitudes_are_physiological),
      cmocka_unit_test(test_hypertrophy_raises_the_voltages),
      cmocka_unit_test(test_axis_is_the_asked_one),
      cmocka_unit_test(test_ischaemia_shows_in_its_territory),
      cmocka_unit_test(test_blocks_between_atria_and_ventricles),
      cmocka_unit_test(test_premature_beats_come_early_and_pause),
      cmocka_unit_test(test_hum_has_its_frequency_and_size),
      cmocka_unit_test(test_heart_is_independent_of_the_file),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
