#include "pipeline/survey_models.h"

#include "base/clock.h"
#include "base/string_map.h"
#include "model/text_model.h"

#include <stdlib.h>

typedef struct trial {
  survey *s;
  const pipeline_options *options;
  const reporter *r;
} trial;

static char *model_folder(const trial *t, const char *id, error *err) {
  return arena_printf(t->s->memory, err, "%s/%s", t->options->weights_folder, id);
}

static void settle(trial *t, survey_model *m, bool ok, const error *reason) {
  if (!ok) {
    m->problem = arena_strdup(t->s->memory, reason->message, NULL);
    t->s->models_missing++;
  }
  t->s->models[t->s->model_count++] = *m;
}

/* Seconds per ECG, all threads at work, from the second of two calls. */
static bool time_signals(model *network, int threads, double *seconds, error *err) {
  size_t n = (size_t)threads;
  float *signals = calloc(n, sizeof(float) * ECG_SAMPLES * ECG_LEADS);
  float *logits = calloc(n, sizeof(float) * model_output_count(network));
  bool ok = (signals && logits) || error_out_of_memory(err);
  for (int i = 0; ok && i < 2; i++) {
    double start = clock_seconds();
    ok = model_predict(network, signals, n, logits, err);
    *seconds = (clock_seconds() - start) / (double)n;
  }
  free(signals);
  free(logits);
  return ok;
}

static void try_signal_model(trial *t, const task_info *task, model_family family, size_t ecgs) {
  const model_options options = {
      .backend = "cpu", .threads = t->options->threads, .precision = t->options->precision};
  survey_model m = {.id = task->models[family], .inputs = ecgs};
  error reason;
  char *folder = model_folder(t, m.id, &reason);
  model *network = folder ? model_open(folder, &options, t->r, &reason) : NULL;
  bool ok = network && family_check_model(family, task, model_path(network), model_kind(network),
                                          model_output_count(network), &reason);
  ok = ok && time_signals(network, t->options->threads, &m.seconds, &reason);
  m.seconds *= (double)ecgs;
  model_close(network);
  settle(t, &m, ok, &reason);
}

static void try_text_model(trial *t, size_t texts) {
  /* As long as what ECG machines say. */
  static const char *const text =
      "Sinus rhythm with occasional premature ventricular complexes, left axis deviation, abnormal ECG";
  const model_options options = {
      .backend = "cpu", .threads = t->options->threads, .precision = t->options->precision};
  survey_model m = {.id = t->options->bert_model, .inputs = texts};
  error reason;
  char *folder = model_folder(t, m.id, &reason);
  text_model *network = folder ? text_model_open(folder, &options, t->r, &reason) : NULL;
  float *logits = network ? calloc(text_model_output_count(network), sizeof *logits) : NULL;
  bool ok = network && (logits || error_out_of_memory(&reason));
  for (int i = 0; ok && i < 2; i++) {
    double start = clock_seconds();
    ok = text_model_predict(network, &text, 1, logits, NULL, &reason);
    m.seconds = (clock_seconds() - start) * (double)texts;
  }
  free(logits);
  text_model_close(network);
  settle(t, &m, ok, &reason);
}

/* Distinct cells of `column` in rows that have a file, and a label where the run needs one. */
static bool count_distinct(const input_table *table, const input_task *task, int column,
                           bool predictions_only, size_t *count, error *err) {
  string_map seen = {0};
  bool ok = true;
  for (size_t row = 0; ok && row < csv_table_rows(table->csv); row++) {
    csv_cell cell = csv_table_cell(table->csv, row, column);
    bool labelled = predictions_only || task->label_column < 0 ||
                    !csv_table_cell(table->csv, row, task->label_column).is_null;
    if (!cell.is_null && labelled && !csv_table_cell(table->csv, row, task->file_column).is_null)
      ok = string_map_add(&seen, cell.text, row, NULL, err);
  }
  *count = seen.count;
  string_map_free(&seen);
  return ok;
}

static bool try_task(trial *t, const input_table *table, const input_task *task, error *err) {
  size_t ecgs, texts = 0;
  bool reads_text = task->task->kind == TASK_77_LABELS && task->label_column >= 0;
  bool predictions_only = t->options->predictions_only;
  if (!count_distinct(table, task, task->file_column, predictions_only, &ecgs, err) ||
      (reads_text && !count_distinct(table, task, task->label_column, predictions_only, &texts, err)))
    return false;
  if (reads_text && (texts || !predictions_only))
    try_text_model(t, texts);
  if (t->options->use_wcr)
    try_signal_model(t, task->task, FAMILY_WCR, ecgs);
  if (t->options->use_efficientnet)
    try_signal_model(t, task->task, FAMILY_EFFICIENTNET, ecgs);
  return true;
}

bool survey_models_try(survey *s, const input_table *table, const pipeline_options *options,
                       const reporter *r, error *err) {
  trial t = {s, options, r};
  for (size_t i = 0; i < table->task_count && s->model_count + FAMILY_COUNT < SURVEY_MODELS; i++) {
    report_progress(r, "Trying models", i + 1, table->task_count);
    if (!try_task(&t, table, &table->tasks[i], err))
      return false;
  }
  return true;
}
