#include "prediction/prediction.h"

#include "base/buffer.h"
#include "base/mapped_file.h"
#include "cleaning/cleaning.h"
#include "ecg/formats/format.h"
#include "model/demo_models.h"
#include "model/model.h"
#include "model/text_model.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIGNAL_VALUES = ECG_SAMPLES * ECG_LEADS };
/* Up to so many records models are opened for a few runs. */
enum { FEW_RECORDS = 8 };

/* The work: signals of the files that could be read, sample-major until cleaned, lead-major after that. */
typedef struct job {
  const prediction_options *options;
  const reporter *r;
  prediction *p;
  float *signals;
  size_t *answers; /* which answer a signal belongs to */
  size_t count;
} job;

/* ---- reading ---- */

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

static bool cancelled(const job *j) {
  return j->options->cancelled && *j->options->cancelled;
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

static bool read_cleaned(job *j, ecg_answer *a, error *err) {
  a->format_name = "cleaned record";
  a->samples = ECG_SAMPLES;
  a->statements = a->warning = "";
  return j->options->read_cleaned(a->path, 1, j->signals + j->count * SIGNAL_VALUES, err);
}

static bool read_one(job *j, ecg_answer *a, error *err) {
  if (j->options->read_cleaned)
    return read_cleaned(j, a, err);
  ecg_record record;
  char warning[256];
  bool ok = strcmp(a->path, "-") == 0 ? read_input(&record, err) : ecg_read_file(a->path, &record, NULL, err);
  if (!ok)
    return false;
  ok = ecg_conform(&record, j->options->units, j->signals + j->count * SIGNAL_VALUES, warning, sizeof warning,
                   err) ||
       error_prefix(err, "%s", a->path);
  ok = ok && describe(a, &record, warning, j->p->memory, err);
  ecg_record_clear(&record);
  return ok;
}

static void read_files(job *j) {
  for (size_t i = 0; i < j->p->count && !cancelled(j); i++) {
    ecg_answer *a = &j->p->answers[i];
    error reason;
    if (read_one(j, a, &reason))
      j->answers[j->count++] = i;
    else
      a->problem = arena_strdup(j->p->memory, reason.message, NULL);
    report_progress(j->r, "Reading", i + 1, j->p->count);
  }
}

/* ---- cleaning ---- */

static void to_leads(float *signal, float *scratch) {
  for (size_t i = 0; i < SIGNAL_VALUES; i++)
    scratch[i % ECG_LEADS * ECG_SAMPLES + i / ECG_LEADS] = signal[i];
  memcpy(signal, scratch, SIGNAL_VALUES * sizeof *signal);
}

static bool clean(job *j, error *err) {
  cleaning_workspace *workspace = cleaning_workspace_create(err);
  spectrum_sum *sum = calloc(1, sizeof *sum);
  float *scratch = malloc(SIGNAL_VALUES * sizeof *scratch);
  cleaning_plan *plan = NULL;
  if (workspace && sum && scratch) {
    for (size_t i = 0; i < j->count; i++)
      spectrum_sum_add(sum, j->signals + i * SIGNAL_VALUES, workspace);
    plan = cleaning_plan_create(sum, err);
  } else if (workspace) {
    error_out_of_memory(err);
  }
  for (size_t i = 0; plan && i < j->count; i++) {
    float *signal = j->signals + i * SIGNAL_VALUES;
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

/* ---- models ---- */

static size_t columns_of(const task_info *task) {
  return task->kind == TASK_BINARY ? 1 : LABEL_COUNT;
}

static bool all_finite(const float *values, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!isfinite(values[i]))
      return false;
  return true;
}

/* Scaled copies of the signals, a few at a time. */
static bool predict_signals(job *j, model *network, const task_model *m, float *logits, error *err) {
  enum { TOGETHER = 16 };
  float scale = (float)families[m->family].input_scale,
        *scaled = malloc(TOGETHER * SIGNAL_VALUES * sizeof *scaled);
  bool ok = scaled || error_out_of_memory(err);
  for (size_t first = 0; ok && first < j->count && !cancelled(j); first += TOGETHER) {
    size_t n = j->count - first < TOGETHER ? j->count - first : TOGETHER;
    for (size_t i = 0; i < n * SIGNAL_VALUES; i++)
      scaled[i] = j->signals[first * SIGNAL_VALUES + i] * scale;
    ok = model_predict(network, scaled, n, logits + first * columns_of(m->task), err);
    report_progress(j->r, task_model_id(m), first + n, j->count);
  }
  free(scaled);
  return ok;
}

static bool keep_probabilities(job *j, size_t index, const float *logits, error *err) {
  const task_model *m = &j->options->models[index];
  size_t columns = columns_of(m->task);
  for (size_t i = 0; i < j->count; i++) {
    float *kept = arena_alloc_array(j->p->memory, columns, sizeof *kept, err);
    if (!kept)
      return false;
    if (!all_finite(logits + i * columns, columns))
      continue;
    family_probabilities(m->family, columns, logits + i * columns, kept);
    j->p->answers[j->answers[i]].probabilities[index] = kept;
  }
  return true;
}

static bool run_model(job *j, size_t index, error *err) {
  const task_model *m = &j->options->models[index];
  const model_options options = {.backend = "cpu",
                                 .threads = j->options->threads,
                                 .precision = j->options->precision,
                                 .brief = j->count <= FEW_RECORDS};
  size_t columns = columns_of(m->task);
  char *folder = arena_printf(j->p->memory, err, "%s/%s", j->options->weights_folder, task_model_id(m));
  model *network = folder ? model_open(folder, &options, j->r, err) : NULL;
  if (!network)
    return false;
  float *logits = NULL;
  bool ok = family_check_model(m->family, m->task, model_path(network), model_kind(network),
                               model_output_count(network), err);
  ok = ok && ((logits = calloc(j->count, columns * sizeof *logits)) || error_out_of_memory(err)) &&
       predict_signals(j, network, m, logits, err) && keep_probabilities(j, index, logits, err);
  free(logits);
  model_close(network);
  return ok;
}

static bool any_statements(const job *j) {
  for (size_t i = 0; i < j->count; i++)
    if (*j->p->answers[j->answers[i]].statements)
      return true;
  return false;
}

static bool keep_text(job *j, const float *logits, error *err) {
  for (size_t i = 0; i < j->count; i++) {
    ecg_answer *a = &j->p->answers[j->answers[i]];
    float *kept = arena_alloc_array(j->p->memory, LABEL_COUNT, sizeof *kept, err);
    if (!kept)
      return false;
    for (size_t l = 0; l < LABEL_COUNT; l++)
      kept[l] = logit_probability(logits[i * LABEL_COUNT + l]);
    if (*a->statements && all_finite(kept, LABEL_COUNT))
      a->text = kept;
  }
  return true;
}

static bool go_on(void *context, size_t done, size_t total) {
  (void)done;
  (void)total;
  return !cancelled(context);
}

static bool run_text_model(job *j, error *err) {
  const model_options options = {.backend = "cpu",
                                 .threads = j->options->threads,
                                 .precision = j->options->precision,
                                 .brief = j->count <= FEW_RECORDS};
  char *folder = arena_printf(j->p->memory, err, "%s/%s", j->options->weights_folder, j->options->text_model);
  text_model *network = folder ? text_model_open(folder, &options, j->r, err) : NULL;
  if (!network)
    return false;
  const char **texts = calloc(j->count, sizeof *texts);
  float *logits = calloc(j->count, LABEL_COUNT * sizeof *logits);
  bool ok = (texts && logits) || error_out_of_memory(err);
  for (size_t i = 0; ok && i < j->count; i++)
    texts[i] = j->p->answers[j->answers[i]].statements;
  ok = ok &&
       (text_model_output_count(network) == LABEL_COUNT ||
        error_set(err, ERROR_DATA, "%s gives %zu logits per text, not %d", text_model_path(network),
                  text_model_output_count(network), LABEL_COUNT)) &&
       text_model_predict(network, texts, j->count, logits, &(text_progress){j, go_on}, err) &&
       keep_text(j, logits, err);
  free(texts);
  free(logits);
  text_model_close(network);
  return ok;
}

static void run_models(job *j) {
  error reason;
  for (size_t i = 0; i < j->options->model_count && !cancelled(j); i++) {
    if (run_model(j, i, &reason))
      j->p->models_run++;
    else
      j->p->model_problems[i] = arena_strdup(j->p->memory, reason.message, NULL);
  }
  if (j->options->text_model && any_statements(j) && !cancelled(j) && !run_text_model(j, &reason))
    j->p->text_problem = arena_strdup(j->p->memory, reason.message, NULL);
}

static bool work(job *j, error *err) {
  read_files(j);
  if (j->count == 0 && !cancelled(j))
    return true;
  if (!cancelled(j) && !j->options->read_cleaned && !clean(j, err))
    return false;
  j->p->answered = j->count;
  run_models(j);
  return !cancelled(j) || error_set(err, ERROR_DATA, "interrupted");
}

bool prediction_make(const char *const *paths, size_t count, const prediction_options *options,
                     const reporter *r, prediction *p, error *err) {
  *p = (prediction){.memory = arena_create(err), .count = count};
  if (!p->memory || !(p->answers = arena_alloc_array(p->memory, count, sizeof *p->answers, err)))
    return false;
  memset(p->answers, 0, count * sizeof *p->answers);
  p->demo = demo_models_warn(options->weights_folder, r);
  for (size_t i = 0; i < count; i++)
    p->answers[i].path = paths[i];
  job j = {.options = options,
           .r = r,
           .p = p,
           .signals = calloc(count, SIGNAL_VALUES * sizeof(float)),
           .answers = calloc(count, sizeof(size_t))};
  bool ok = ((j.signals && j.answers) || error_out_of_memory(err)) && work(&j, err);
  free(j.signals);
  free(j.answers);
  return ok;
}

void prediction_clear(prediction *p) {
  arena_destroy(p->memory);
  *p = (prediction){0};
}
