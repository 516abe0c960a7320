#include "synth/record.h"

#include "synth/exact_math.h"
#include "synth/render.h"

static synth_time draw_time(random_stream *random) {
  synth_time t;
  t.year = 2015 + (unsigned)random_index(random, 10);
  t.month = 1 + (unsigned)random_index(random, 12);
  t.day = 1 + (unsigned)random_index(random, 28);
  t.hour = (unsigned)random_index(random, 24);
  t.minute = (unsigned)random_index(random, 60);
  t.second = (unsigned)random_index(random, 60);
  return t;
}

static void choose_file(synth_record *record, const synth_options *options, random_stream *random) {
  bool half_rate = random_chance(random, 0.5), all_leads = random_chance(random, 0.5);
  record->acquired = draw_time(random);
  record->hum = (mains_hum){options->hum_hz, options->hum_microvolts};
  record->format =
      options->format == SYNTH_MIXED ? (synth_format)(record->index % SYNTH_MIXED) : options->format;
  record->rate_hz = options->rate_hz != SYNTH_RATE_MIXED ? options->rate_hz : half_rate ? 250 : 500;
  record->samples = record->rate_hz * 10;
  record->median_samples = record->rate_hz * SYNTH_MEDIAN_MS / 1000;
  if (options->leads == SYNTH_LEADS_USUAL || record->format == SYNTH_NPY)
    record->leads = record->format == SYNTH_MUSE ? 8 : 12;
  else if (options->leads == SYNTH_LEADS_MIXED)
    record->leads = all_leads ? 12 : 8;
  else
    record->leads = options->leads == SYNTH_LEADS_8 ? 8 : 12;
}

static void project(const synth_record *record, const dipole_track *track, double *leads, size_t stride) {
  for (size_t lead = 0; lead < INDEPENDENT_LEADS; lead++)
    dipole_project(track, record->heart.projection[lead], leads + lead * stride);
}

static void render_median(synth_record *record) {
  const heart *h = &record->heart;
  const beat_shape *beat = &h->ventricular[VENTRICULAR_DOMINANT];
  dipole_track track = {
      record->x,      record->y, record->z, record->median_samples, -SYNTH_MEDIAN_ONSET_MS / 1000.0,
      record->rate_hz};
  dipole_clear(&track);
  if (record->measurements.p_conducted)
    dipole_add_beat(&track, &h->atrial[ATRIAL_DOMINANT], -record->patient.pr_s, 0, 1,
                    RENDER_P | RENDER_SPIKE);
  dipole_add_beat(&track, beat, 0, heart_qt(h, beat, record->measurements.rr_s), 1, RENDER_ALL);
  project(record, &track, record->median[0], SYNTH_MAX_MEDIAN);
}

static void render_rhythm(synth_record *record, const noise_plan *noise, random_stream *random) {
  dipole_track track = {record->x, record->y, record->z, record->samples, 0, record->rate_hz};
  dipole_render(&track, &record->heart, &record->schedule);
  project(record, &track, record->rhythm[0], SYNTH_MAX_SAMPLES);
  lead_signals leads = {.scratch = record->scratch, .samples = record->samples, .rate_hz = record->rate_hz};
  for (size_t lead = 0; lead < INDEPENDENT_LEADS; lead++)
    leads.microvolts[lead] = record->rhythm[lead];
  noise_add(&leads, noise, &record->heart, record->hum, random);
}

void synth_record_of_patient(synth_record *record, const synth_options *options, size_t index,
                             const heart_patient *patient) {
  uint64_t seed = options->seed;
  random_stream heart_stream = random_stream_make(seed, index, RANDOM_HEART);
  random_stream schedule_stream = random_stream_make(seed, index, RANDOM_SCHEDULE);
  random_stream noise_stream = random_stream_make(seed, index, RANDOM_NOISE);
  random_stream text_stream = random_stream_make(seed, index, RANDOM_TEXT);
  random_stream file_stream = random_stream_make(seed, index, RANDOM_FILE);
  record->index = index;
  choose_file(record, options, &file_stream);
  record->patient = *patient;
  record->heart = heart_of_patient(patient, &heart_stream);
  record->schedule = heart_schedule_make(&record->heart, patient, &schedule_stream);
  record->measurements = heart_measure(&record->heart, patient, &record->schedule);
  record->findings = synth_findings_read(patient, &record->measurements);
  noise_plan noise = noise_plan_draw(&noise_stream);
  record->findings.has[FINDING_POOR_QUALITY] = noise.poor_quality;
  record->labels = synth_labels_read(&record->measurements, &record->findings);
  record->statements =
      synth_statements_write(patient, &record->measurements, &record->findings, &text_stream);
  render_median(record);
  render_rhythm(record, &noise, &noise_stream);
}

void synth_record_make(synth_record *record, const synth_options *options, size_t index) {
  random_stream random = random_stream_make(options->seed, index, RANDOM_PATIENT);
  heart_patient patient = heart_patient_draw(&random);
  synth_record_of_patient(record, options, index, &patient);
}

static int16_t to_count(double value) {
  value = value > 32767 ? 32767 : value;
  return (int16_t)exact_round(value < -32768 ? -32768 : value);
}

static void count_lead(const double *microvolts, size_t samples, double per_count, int16_t *counts) {
  for (size_t i = 0; i < samples; i++)
    counts[i] = to_count(microvolts[i] / per_count);
}

ecg_lead synth_stored_lead(const synth_record *record, size_t k) {
  return (ecg_lead)(record->leads == ECG_LEADS || k < 2 ? k : k + 4);
}

size_t synth_record_count(synth_record *record, synth_part part, double per_count) {
  size_t samples = part == SYNTH_RHYTHM ? record->samples : record->median_samples;
  const double *leads = part == SYNTH_RHYTHM ? record->rhythm[0] : record->median[0];
  size_t stride = part == SYNTH_RHYTHM ? SYNTH_MAX_SAMPLES : SYNTH_MAX_MEDIAN;
  size_t chest = record->leads == ECG_LEADS ? LEAD_V1 : 2;
  for (size_t k = 0; k < INDEPENDENT_LEADS; k++)
    count_lead(leads + k * stride, samples, per_count, record->counts[k < 2 ? k : chest + k - 2]);
  if (record->leads != ECG_LEADS)
    return samples;
  for (size_t i = 0; i < samples; i++) {
    double one = record->counts[LEAD_I][i], two = record->counts[LEAD_II][i];
    record->counts[LEAD_III][i] = to_count(two - one);
    record->counts[LEAD_AVR][i] = to_count(-(one + two) / 2);
    record->counts[LEAD_AVL][i] = to_count(one - two / 2);
    record->counts[LEAD_AVF][i] = to_count(two - one / 2);
  }
  return samples;
}
