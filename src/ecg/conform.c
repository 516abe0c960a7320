#include "ecg/conform.h"

#include "ecg/resample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double seconds = 10, grace_seconds = 0.02;
static const double lowest_rate_hz = 50, highest_rate_hz = 100000;
/* One count of most GE MUSE files: what the numbers of formats that the reference lacks are brought to. */
static const double microvolts_per_muse_count = 4.88;

/* What the user should know, in one line. */
typedef struct notes {
  char *text;
  size_t size, used;
} notes;

static void note(notes *n, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(notes *n, const char *format, ...) {
  if (!n->size)
    return;
  va_list arguments;
  va_start(arguments, format);
  const char *separator = n->used ? "; " : "";
  size_t room = n->size - n->used;
  int length = snprintf(n->text + n->used, room, "%s", separator);
  n->used += (size_t)length < room ? (size_t)length : room - 1;
  room = n->size - n->used;
  length = vsnprintf(n->text + n->used, room, format, arguments);
  n->used += length > 0 ? ((size_t)length < room ? (size_t)length : room - 1) : 0;
  va_end(arguments);
}

static bool too_short(size_t samples, error *err) {
  return error_set(err, ERROR_DATA, "Signal too short: %zu", samples);
}

/* Every step-th sample; where the record ends before, its last one is held. */
static void decimate(const ecg_record *record, size_t step, float *signal) {
  for (size_t k = 0; k < ECG_SAMPLES; k++) {
    size_t i = k * step < record->samples ? k * step : record->samples - 1;
    for (size_t lead = 0; lead < ECG_LEADS; lead++)
      signal[k * ECG_LEADS + lead] = record->leads[lead][i];
  }
}

/* The rule of the reference, for 10 s at a multiple of 250 Hz. */
static bool conform_by_count(const ecg_record *record, float *signal, error *err) {
  size_t n = record->samples;
  if (n < ECG_SAMPLES)
    return too_short(n, err);
  size_t step = n / ECG_SAMPLES;
  size_t kept = (n - 1) / step + 1;
  if (kept != ECG_SAMPLES)
    return error_set(err, ERROR_DATA,
                     "Wrong length: %zu samples (every %zu. gives %zu, not %d) and no sampling rate to go by",
                     n, step, kept, ECG_SAMPLES);
  decimate(record, step, signal);
  return true;
}

static bool check_rate(double rate_hz, error *err) {
  return (rate_hz >= lowest_rate_hz && rate_hz <= highest_rate_hz) ||
         error_set(err, ERROR_DATA, "Sampling rate of %g Hz is not between %g and %g Hz", rate_hz,
                   lowest_rate_hz, highest_rate_hz);
}

static bool is_decimable(double rate_hz) {
  return fmod(rate_hz, ECG_RATE_HZ) == 0;
}

/* By whole samples: 10 s at 599.88 Hz are 5998.8 of them. */
static void note_length(const ecg_record *record, notes *n) {
  double rate = record->sampling_rate_hz, beyond = (double)record->samples - seconds * rate;
  if (beyond <= -0.5)
    note(n, "last sample held for %.3g ms", -1000 * beyond / rate);
  else if (beyond >= 1)
    note(n, "cut from %.6g s to the first 10 s", (double)record->samples / rate);
}

static bool conform_by_rate(const ecg_record *record, float *signal, notes *n, error *err) {
  double rate = record->sampling_rate_hz;
  /* A hundredth of a sample: rates such as 599.88 Hz have no exact double. */
  if ((double)record->samples + 0.01 < (seconds - grace_seconds) * rate) {
    if (record->samples < ECG_SAMPLES && is_decimable(rate))
      return too_short(record->samples, err);
    return error_set(err, ERROR_DATA, "Signal too short: %zu samples are %.6g s at %.6g Hz, 10 s are needed",
                     record->samples, (double)record->samples / rate, rate);
  }
  note_length(record, n);
  if (is_decimable(rate)) {
    decimate(record, (size_t)(rate / ECG_RATE_HZ), signal);
    return true;
  }
  note(n, "resampled from %.6g Hz to %d Hz", rate, ECG_RATE_HZ);
  return resample((const float *const *)record->leads, ECG_LEADS, record->samples, rate, ECG_RATE_HZ, signal,
                  ECG_SAMPLES, ECG_LEADS, err);
}

/* The factor that `units` asks for. */
static double unit_factor(const ecg_record *record, ecg_units units) {
  double microvolts = record->microvolts_per_unit;
  if (microvolts <= 0 || (units == ECG_UNITS_STORED && record->in_reference))
    return 1;
  return units == ECG_UNITS_PHYSICAL ? microvolts : microvolts / microvolts_per_muse_count;
}

double ecg_conformed_unit(const ecg_record *record, ecg_units units) {
  double microvolts = record->microvolts_per_unit;
  return microvolts > 0 ? microvolts / unit_factor(record, units) : 0;
}

static void scale(float *signal, double factor) {
  if (factor != 1)
    for (size_t i = 0; i < (size_t)ECG_SAMPLES * ECG_LEADS; i++)
      signal[i] = (float)((double)signal[i] * factor);
}

static void note_flat_lead_one(const float *signal, notes *n) {
  for (size_t k = 1; k < ECG_SAMPLES; k++)
    if (signal[k * ECG_LEADS + LEAD_I] != signal[LEAD_I])
      return;
  note(n, "lead I is flat");
}

static bool check_overflow(const float *signal, error *err) {
  for (size_t i = 0; i < (size_t)ECG_SAMPLES * ECG_LEADS; i++)
    if (!isfinite(signal[i]))
      return error_set(err, ERROR_DATA, "Lead %s has values beyond the range of a float",
                       ecg_lead_names[i % ECG_LEADS]);
  return true;
}

bool ecg_conform(const ecg_record *record, ecg_units units, float signal[ECG_SAMPLES * ECG_LEADS],
                 char *warning, size_t warning_size, error *err) {
  notes n = {warning, warning ? warning_size : 0, 0};
  if (n.size)
    warning[0] = '\0';
  double rate = record->sampling_rate_hz;
  if (rate != 0 && !check_rate(rate, err))
    return false;
  bool ordinary = rate == 0 || (is_decimable(rate) && (double)record->samples == seconds * rate);
  if (!(ordinary ? conform_by_count(record, signal, err) : conform_by_rate(record, signal, &n, err)))
    return false;
  scale(signal, unit_factor(record, units));
  note_flat_lead_one(signal, &n);
  return check_overflow(signal, err);
}

/* Input samples per sample of ecg_conform's signal. */
static size_t step_of(const ecg_record *record) {
  double rate = record->sampling_rate_hz;
  if (rate == 0)
    return record->samples / ECG_SAMPLES;
  return is_decimable(rate) ? (size_t)(rate / ECG_RATE_HZ) : 1;
}

static void copy_all(const ecg_record *record, double factor, float *signal, size_t samples) {
  for (size_t k = 0; k < samples; k++) {
    size_t i = k < record->samples ? k : record->samples - 1;
    for (size_t lead = 0; lead < ECG_LEADS; lead++) {
      float value = record->leads[lead][i];
      signal[k * ECG_LEADS + lead] = factor == 1 ? value : (float)((double)value * factor);
    }
  }
}

/* ecg_conform checks the record, and its samples are the whole where nothing is to be left out. */
bool ecg_conform_whole(const ecg_record *record, ecg_units units, float **signal, size_t *samples,
                       char *warning, size_t warning_size, error *err) {
  float *conformed = malloc((size_t)ECG_SAMPLES * ECG_LEADS * sizeof *conformed);
  if (!conformed)
    return error_out_of_memory(err);
  if (!ecg_conform(record, units, conformed, warning, warning_size, err)) {
    free(conformed);
    return false;
  }
  size_t count = ECG_SAMPLES * step_of(record);
  float *whole = realloc(conformed, count * ECG_LEADS * sizeof *whole);
  if (!whole) {
    free(conformed);
    return error_out_of_memory(err);
  }
  if (count > ECG_SAMPLES)
    copy_all(record, unit_factor(record, units), whole, count);
  *signal = whole;
  *samples = count;
  return true;
}
