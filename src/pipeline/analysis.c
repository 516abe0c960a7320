#include "pipeline/analysis.h"

#include "base/clock.h"
#include "model/model.h"
#include "pipeline/operating_points.h"
#include "pipeline/outputs.h"
#include "pipeline/preprocessed.h"
#include "pipeline/summary.h"
#include "pipeline/task_rows.h"
#include "pipeline/text_labels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNAL_VALUES = ECG_LEADS * ECG_SAMPLES };

/* One model on one task. */
typedef struct analysis {
  const pipeline_options *options;
  const reporter *r;
  error_list *errors;
  run_summary *summary;
  const task_info *task;
  model_family family;
  const task_rows *rows;
  const float *text_probabilities; /* LABEL_COUNT per distinct text of the rows; NULL: none */
  model *network;
  float *probabilities;  /* signal_count x columns, in label order */
  unsigned char *usable; /* per signal */
  size_t columns;
} analysis;

static const char *model_id(const analysis *a) {
  return a->task->models[a->family];
}

/* Read signals first ... first + n - 1 that are readable into `batch`, one after the other; numbers[] says
 * which they are. */
static size_t read_signals(analysis *a, size_t first, size_t n, float *batch, size_t *numbers,
                           error *problems) {
  float scale = (float)families[a->family].input_scale;
#pragma omp parallel for schedule(dynamic, 1) num_threads(a->options->threads)
  for (size_t i = 0; i < n; i++) {
    problems[i].code = ERROR_NONE;
    a->usable[first + i] =
        preprocessed_read(a->rows->signals[first + i].path, scale, batch + i * SIGNAL_VALUES, &problems[i]);
  }
  size_t kept = 0;
  for (size_t i = 0; i < n; i++) {
    if (!a->usable[first + i])
      continue;
    if (kept != i)
      memcpy(batch + kept * SIGNAL_VALUES, batch + i * SIGNAL_VALUES, SIGNAL_VALUES * sizeof *batch);
    numbers[kept++] = first + i;
  }
  return kept;
}

typedef struct predict_buffers {
  float *batch, *logits;
  size_t *numbers;
  error *problems;
} predict_buffers;

static bool predict_buffers_make(predict_buffers *b, size_t batch_size, size_t columns, error *err) {
  *b = (predict_buffers){malloc(batch_size * SIGNAL_VALUES * sizeof(float)),
                         malloc(batch_size * columns * sizeof(float)), malloc(batch_size * sizeof(size_t)),
                         malloc(batch_size * sizeof(error))};
  return (b->batch && b->logits && b->numbers && b->problems) || error_out_of_memory(err);
}

static void predict_buffers_free(predict_buffers *b) {
  free(b->batch);
  free(b->logits);
  free(b->numbers);
  free(b->problems);
}

/* ECGs that are left out of the results, and why the first of them is. */
typedef struct left_out {
  size_t count;
  error first;
} left_out;

static void leave_out(left_out *l, const error *reason) {
  if (l->count++ == 0)
    l->first = *reason;
}

static void say_left_out(analysis *a, const left_out *l) {
  char message[128];
  snprintf(message, sizeof message, "%zu cleaned ECG%s could not be used", l->count,
           l->count == 1 ? "" : "s");
  if (l->count)
    error_list_add(a->errors, model_id(a), message, l->first.message);
}

/* One ECG's logits to probabilities. NaN and infinities come of weights or signals beyond all measure, and
 * would spoil the metrics of all others. */
static void keep_logits(analysis *a, size_t signal, const float *logits, left_out *l) {
  for (size_t i = 0; i < a->columns; i++)
    if (!isfinite(logits[i])) {
      error reason;
      error_set(&reason, ERROR_DATA, "%s: the network's result is not a finite number",
                a->rows->signals[signal].name);
      a->usable[signal] = 0;
      leave_out(l, &reason);
      return;
    }
  family_probabilities(a->family, a->columns, logits, a->probabilities + signal * a->columns);
}

static bool predict_batches(analysis *a, predict_buffers *b, error *err) {
  size_t total = a->rows->signal_count, batch_size = (size_t)a->options->batch_size;
  left_out left = {0};
  char stage[128];
  snprintf(stage, sizeof stage, "Predicting %s", model_id(a));
  for (size_t first = 0; first < total; first += batch_size) {
    if (a->options->cancelled && *a->options->cancelled)
      return error_set(err, ERROR_DATA, "interrupted");
    size_t n = total - first < batch_size ? total - first : batch_size;
    size_t kept = read_signals(a, first, n, b->batch, b->numbers, b->problems);
    for (size_t i = 0; i < n; i++)
      if (b->problems[i].code != ERROR_NONE)
        leave_out(&left, &b->problems[i]);
    if (kept && !model_predict(a->network, b->batch, kept, b->logits, err))
      return false;
    for (size_t i = 0; i < kept; i++)
      keep_logits(a, b->numbers[i], b->logits + i * a->columns, &left);
    report_progress(a->r, stage, first + n, total);
  }
  say_left_out(a, &left);
  return true;
}

static bool predict(analysis *a, error *err) {
  size_t total = a->rows->signal_count;
  a->probabilities = calloc(total ? total * a->columns : 1, sizeof *a->probabilities);
  a->usable = calloc(total ? total : 1, 1);
  if (!a->probabilities || !a->usable)
    return error_out_of_memory(err);
  predict_buffers buffers;
  bool ok = predict_buffers_make(&buffers, (size_t)a->options->batch_size, a->columns, err) &&
            predict_batches(a, &buffers, err);
  predict_buffers_free(&buffers);
  return ok;
}

static bool open_model(analysis *a, error *err) {
  double start = clock_seconds();
  arena *memory = arena_create(err);
  char *folder = memory ? arena_printf(memory, err, "%s/%s", a->options->weights_folder, model_id(a)) : NULL;
  const model_options options = {
      .backend = "cpu", .threads = a->options->threads, .precision = a->options->precision};
  a->network = folder ? model_open(folder, &options, a->r, err) : NULL;
  arena_destroy(memory);
  if (!a->network)
    return false;
  const model *m = a->network;
  if (!family_check_model(a->family, a->task, model_path(m), model_kind(m), model_output_count(m), err))
    return false;
  summary_add_model(a->summary, model_id(a), (model_identity){model_path(m), model_kind(m), model_variant(m)},
                    a->rows->signal_count);
  summary_add_stage(a->summary, clock_seconds() - start, "open %s", model_id(a));
  return true;
}

static bool predict_and_write(analysis *a, error *err) {
  double start = clock_seconds();
  if (!predict(a, err))
    return false;
  summary_add_stage(a->summary, clock_seconds() - start, "predict %s", model_id(a));
  start = clock_seconds();
  task_result result = {.task = a->task,
                        .model_id = model_id(a),
                        .rows = a->rows,
                        .columns = a->columns,
                        .probabilities = a->probabilities,
                        .usable = a->usable,
                        .text_probabilities = a->text_probabilities};
  bool metrics = a->rows->labelled && !a->options->predictions_only &&
                 (a->task->kind == TASK_BINARY || a->text_probabilities);
  if (!outputs_write(&result, metrics, a->options, a->r, a->summary, err))
    return false;
  if (a->family == FAMILY_WCR && a->task->kind == TASK_77_LABELS)
    report_operating_points(&result, a->r);
  a->summary->rows_predicted += a->rows->row_count;
  summary_add_stage(a->summary, clock_seconds() - start, "write %s", model_id(a));
  return true;
}

static void run_model(analysis *a) {
  error reason;
  a->columns = a->task->kind == TASK_BINARY ? 1 : LABEL_COUNT;
  if (!open_model(a, &reason) || !predict_and_write(a, &reason))
    error_list_add(a->errors, model_id(a), "no result", reason.message);
  model_close(a->network);
  free(a->probabilities);
  free(a->usable);
}

static bool enabled(const pipeline_options *options, model_family family) {
  return family == FAMILY_WCR ? options->use_wcr : options->use_efficientnet;
}

static bool interrupted(const pipeline_options *options) {
  return options->cancelled && *options->cancelled;
}

/* Without a diagnosis predictions need no text model; metrics need one, be there rows or not. */
static bool reads_texts(const analysis *a) {
  return a->task->kind == TASK_77_LABELS && a->rows->labelled &&
         (a->rows->text_count || !a->options->predictions_only);
}

/* What the text model says of the rows' diagnoses, for all signal models; NULL where there is nothing to ask
 * it, and where it fails, which is a line of `errors`. */
static float *text_probabilities(const analysis *a) {
  bool signal_model = enabled(a->options, FAMILY_WCR) || enabled(a->options, FAMILY_EFFICIENTNET);
  if (!reads_texts(a) || !signal_model)
    return NULL;
  error reason;
  float *probabilities = text_labels(a->rows, a->options, a->r, a->summary, &reason);
  if (!probabilities)
    error_list_add(a->errors, a->options->bert_model,
                   a->options->predictions_only ? "the diagnoses could not be read"
                                                : "no ground truth, so no metrics of the 77 labels",
                   reason.message);
  return probabilities;
}

static void run_models(const analysis *task) {
  if (task->rows->row_count == 0)
    report(task->r, REPORT_WARNING, "%s: no row has %sa file name and a cleaned ECG in %s",
           task->task->label_column, task->options->predictions_only ? "" : "a label, ",
           task->options->preprocessing_folder);
  float *texts = text_probabilities(task);
  for (model_family family = 0; family < FAMILY_COUNT; family++) {
    if (!enabled(task->options, family) || interrupted(task->options))
      continue;
    analysis a = *task;
    a.family = family;
    a.text_probabilities = texts;
    run_model(&a);
  }
  free(texts);
}

static void run_task(const input_table *table, const input_task *task, const lost_files *lost,
                     const pipeline_options *options, const reporter *r, error_list *errors,
                     run_summary *summary) {
  task_rows rows;
  error reason;
  if (task_rows_make(&rows, table, task, options, lost, &reason))
    run_models(&(analysis){
        .options = options, .r = r, .errors = errors, .summary = summary, .task = task->task, .rows = &rows});
  else
    error_list_add(errors, task->task->label_column, "no result", reason.message);
  task_rows_free(&rows);
}

void analysis_run(const input_table *table, const lost_files *lost, const pipeline_options *options,
                  const reporter *r, error_list *errors, run_summary *summary) {
  for (size_t i = 0; i < table->task_count; i++)
    run_task(table, &table->tasks[i], lost, options, r, errors, summary);
}
