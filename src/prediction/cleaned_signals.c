#include "prediction/cleaned_signals.h"

#include "base/buffer.h"
#include "cleaning/cleaning.h"
#include "ecg/formats/format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool cleaned_signals_create(cleaned_signals *s, size_t room, error *err) {
  *s = (cleaned_signals){.values = calloc(room, SIGNAL_VALUES * sizeof *s->values),
                         .numbers = calloc(room, sizeof *s->numbers),
                         .room = room};
  return (s->values && s->numbers) || error_out_of_memory(err);
}

void cleaned_signals_free(cleaned_signals *s) {
  free(s->values);
  free(s->numbers);
  *s = (cleaned_signals){0};
}

static float *signal_of(const cleaned_signals *s, size_t index) {
  return s->values + index * SIGNAL_VALUES;
}

/* ---- reading: signals are sample-major until cleaned ---- */

static bool read_all_input(buffer *bytes, error *err) {
  for (;;) {
    if (!buffer_reserve(bytes, 65536, err))
      return false;
    ssize_t got = read(STDIN_FILENO, bytes->data + bytes->size, 65536);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return error_set_errno(err, errno, "standard input");
    if (got == 0)
      return true;
    bytes->size += (size_t)got;
    if (bytes->size > STANDARD_INPUT_MAX)
      return error_set(err, ERROR_LIMIT, "standard input: more than %d bytes", STANDARD_INPUT_MAX);
  }
}

static bool read_input(ecg_record *record, error *err) {
  buffer bytes = {0};
  *record = (ecg_record){0};
  bool ok = read_all_input(&bytes, err) &&
            (ecg_read((const uint8_t *)(bytes.data ? bytes.data : ""), bytes.size, record, NULL, err) ||
             error_prefix(err, "standard input"));
  buffer_free(&bytes);
  return ok;
}

static bool describe(ecg_answer *a, const ecg_record *record, const char *warning, arena *memory,
                     error *err) {
  a->sampling_rate_hz = record->sampling_rate_hz;
  a->microvolts_per_unit = record->microvolts_per_unit;
  a->samples = record->samples;
  memcpy(a->source, record->source, sizeof a->source);
  a->format_name = ecg_format_name(record->format);
  a->statements = arena_strdup(memory, record->statements, err);
  a->warning =
      arena_printf(memory, err, "%s%s%s", record->warning, *record->warning && *warning ? "; " : "", warning);
  return a->statements && a->warning;
}

static bool read_cleaned(ecg_answer *a, const prediction_options *options, float *signal, error *err) {
  a->format_name = "cleaned record";
  a->samples = ECG_SAMPLES;
  a->statements = a->warning = "";
  return options->read_cleaned(a->path, 1, signal, err);
}

static bool read_one(ecg_answer *a, const prediction_options *options, float *signal, arena *memory,
                     error *err) {
  if (options->read_cleaned)
    return read_cleaned(a, options, signal, err);
  ecg_record record;
  char warning[256];
  bool ok = strcmp(a->path, "-") == 0 ? read_input(&record, err) : ecg_read_file(a->path, &record, NULL, err);
  if (!ok)
    return false;
  ok = ecg_conform(&record, options->units, signal, warning, sizeof warning, err) ||
       error_prefix(err, "%s", a->path);
  ok = ok && describe(a, &record, warning, memory, err);
  ecg_record_clear(&record);
  return ok;
}

bool prediction_interrupted(const prediction_options *options, error *err) {
  return options->cancelled && *options->cancelled && !error_set(err, ERROR_DATA, "interrupted");
}

static bool read_files(cleaned_signals *s, const file_batch *batch, const prediction_options *options,
                       const reporter *r, ecg_answer *answers, arena *memory, error *err) {
  for (size_t i = 0; i < batch->count; i++) {
    if (prediction_interrupted(options, err))
      return false;
    ecg_answer *a = &answers[i];
    error reason;
    *a = (ecg_answer){.path = batch->paths[i]};
    if (read_one(a, options, signal_of(s, s->count), memory, &reason))
      s->numbers[s->count++] = batch->first + i;
    else if (!(a->problem = arena_strdup(memory, reason.message, err)))
      return false;
    report_progress(r, "Reading", batch->first + i + 1, batch->total);
  }
  return !prediction_interrupted(options, err);
}

/* ---- cleaning ---- */

static void to_leads(float *signal, float *scratch) {
  for (size_t i = 0; i < SIGNAL_VALUES; i++)
    scratch[i % ECG_LEADS * ECG_SAMPLES + i / ECG_LEADS] = signal[i];
  memcpy(signal, scratch, SIGNAL_VALUES * sizeof *signal);
}

/* The signals from `first` on, as one batch. */
static bool clean(cleaned_signals *s, size_t first, error *err) {
  cleaning_workspace *workspace = cleaning_workspace_create(err);
  spectrum_sum *sum = calloc(1, sizeof *sum);
  float *scratch = malloc(SIGNAL_VALUES * sizeof *scratch);
  cleaning_plan *plan = NULL;
  if (workspace && sum && scratch) {
    for (size_t i = first; i < s->count; i++)
      spectrum_sum_add(sum, signal_of(s, i), workspace);
    plan = cleaning_plan_create(sum, err);
  } else if (workspace) {
    error_out_of_memory(err);
  }
  for (size_t i = first; plan && i < s->count; i++) {
    float *signal = signal_of(s, i);
    cleaning_apply(plan, signal, signal, workspace);
    to_leads(signal, scratch);
  }
  bool ok = plan != NULL;
  cleaning_plan_destroy(plan);
  cleaning_workspace_destroy(workspace);
  free(sum);
  free(scratch);
  return ok;
}

bool cleaned_signals_read(cleaned_signals *s, const file_batch *batch, const prediction_options *options,
                          const reporter *r, ecg_answer *answers, arena *memory, error *err) {
  size_t first = s->count;
  if (batch->count > s->room - s->count)
    return error_set(err, ERROR_INTERNAL, "no room for %zu more signals", batch->count);
  return read_files(s, batch, options, r, answers, memory, err) &&
         (s->count == first || options->read_cleaned || clean(s, first, err));
}
