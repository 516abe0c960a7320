#include "drift/drift.h"

#include "base/buffer.h"
#include "drift/drift_figures.h"
#include "drift/drift_work.h"
#include "hub/demo_models.h"
#include "prediction/signal_model.h"

#include <math.h>
#include <stdio.h>

precision drift_precision(const drift_options *options, int side) {
  return side == DRIFT_FP32 ? PRECISION_FP32 : options->precision;
}

void drift_stage(const drift_options *options, const char *id, int side, char stage[DRIFT_STAGE_SIZE]) {
  snprintf(stage, DRIFT_STAGE_SIZE, "%s in %s", id, precision_names[drift_precision(options, side)]);
}

/* ---- figures ---- */

static void fill_truth(drift_work *w, const task_info *task) {
  size_t columns = task_columns(task);
  for (size_t i = 0; i < w->records.count; i++)
    for (size_t c = 0; c < columns; c++) {
      float text = w->text[DRIFT_FP32][i * LABEL_COUNT + c];
      signed char *truth = &w->truth[i * columns + c];
      if (task->kind == TASK_BINARY)
        *truth = w->records.items[i].labels[task - tasks];
      else
        *truth = isnan(text) ? DRIFT_NO_LABEL : (double)text >= labels[c].bert_threshold;
    }
}

static bool prepare_outputs(drift_work *w, drift_model *m, size_t columns, error *err) {
  m->output_count = columns;
  m->outputs = arena_alloc_array(w->d->memory, columns, sizeof *m->outputs, err);
  return m->outputs != NULL;
}

static bool compare_signal_model(drift_work *w, size_t index, error *err) {
  const task_model *asked = &w->options->models[index];
  drift_model *m = &w->d->models[index];
  bool binary = asked->task->kind == TASK_BINARY;
  if (!prepare_outputs(w, m, task_columns(asked->task), err))
    return false;
  for (size_t c = 0; c < m->output_count; c++) {
    m->outputs[c].name = binary ? asked->task->label_column : labels[c].name;
    m->outputs[c].point =
        family_operating_point(asked->family, binary ? &asked->task->points : &labels[c].points);
  }
  fill_truth(w, asked->task);
  const drift_values values = {
      .sides = {w->probabilities[index][DRIFT_FP32], w->probabilities[index][DRIFT_REDUCED]},
      .rows = w->records.count,
      .columns = m->output_count,
      .truth = w->truth};
  return drift_compare(m, &values, err);
}

static bool compare_text_model(drift_work *w, drift_model *m, error *err) {
  if (!prepare_outputs(w, m, LABEL_COUNT, err))
    return false;
  for (size_t c = 0; c < LABEL_COUNT; c++) {
    m->outputs[c].name = labels[c].name;
    m->outputs[c].point = labels[c].bert_threshold;
  }
  const drift_values values = {.sides = {w->text[DRIFT_FP32], w->text[DRIFT_REDUCED]},
                               .rows = w->records.count,
                               .columns = LABEL_COUNT};
  return drift_compare(m, &values, err);
}

static bool compare_all(drift_work *w, error *err) {
  for (size_t i = 0; i < w->d->model_count; i++) {
    drift_model *m = &w->d->models[i];
    if (!m->problem &&
        !(i < w->options->model_count ? compare_signal_model(w, i, err) : compare_text_model(w, m, err)))
      return false;
    if (!m->problem && m->records == 0)
      m->problem = "no record has an answer in both precisions";
    w->d->models_failed += m->problem != NULL;
  }
  return true;
}

/* ---- the whole ---- */

static float *no_probabilities(drift_work *w, size_t columns, error *err) {
  size_t count = w->records.count * columns;
  float *values = arena_alloc_array(w->d->memory, count, sizeof *values, err);
  for (size_t i = 0; values && i < count; i++)
    values[i] = NAN;
  return values;
}

static bool prepare(drift_work *w, error *err) {
  drift *d = w->d;
  d->records = w->records.count;
  d->model_count = w->options->model_count;
  d->models = arena_alloc_array(d->memory, d->model_count + 1, sizeof *d->models, err);
  d->problems = arena_alloc_array(d->memory, d->records, sizeof *d->problems, err);
  w->truth = arena_alloc_array(d->memory, d->records * LABEL_COUNT, sizeof *w->truth, err);
  bool ok = d->models && d->problems && w->truth;
  for (size_t m = 0; ok && m < d->model_count; m++)
    d->models[m].id = task_model_id(&w->options->models[m]);
  for (int side = 0; ok && side < DRIFT_SIDES; side++) {
    ok = (w->text[side] = no_probabilities(w, LABEL_COUNT, err)) != NULL;
    for (size_t m = 0; ok && m < w->options->model_count; m++)
      ok = (w->probabilities[m][side] = no_probabilities(w, task_columns(w->options->models[m].task), err)) !=
           NULL;
  }
  return ok;
}

static void say_models(drift_work *w) {
  const drift_options *options = w->options;
  buffer names = {0};
  w->d->demo = demo_models_warn(options->weights_folder, w->r);
  for (size_t m = 0; m < options->model_count; m++)
    buffer_printf(&names, NULL, "%s%s", m ? ", " : "", task_model_id(&options->models[m]));
  if (model_folder_present(options->weights_folder, options->text_model))
    buffer_printf(&names, NULL, "; where there are texts, %s", options->text_model);
  report(w->r, REPORT_INFO, "Comparing %s with fp32: %s", precision_names[options->precision],
         names.data ? names.data : "");
  buffer_free(&names);
}

bool drift_make(const char *const *operands, size_t count, const drift_options *options, const reporter *r,
                drift *d, error *err) {
  *d = (drift){.memory = arena_create(err)};
  if (!d->memory)
    return false;
  drift_work w = {.options = options, .r = r, .d = d};
  bool ok = drift_records_list(&w.records, operands, count, options, err) && prepare(&w, err);
  if (ok)
    say_models(&w);
  ok = ok && drift_run_signal_models(&w, err) && drift_run_text_model(&w, err) && compare_all(&w, err);
  drift_records_free(&w.records);
  return ok;
}

void drift_clear(drift *d) {
  arena_destroy(d->memory);
  *d = (drift){0};
}
