#include "drift/drift.h"

#include "drift/drift_figures.h"
#include "drift/drift_records.h"
#include "model/demo_models.h"
#include "model/text_model.h"
#include "pipeline/preprocessed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is gathered over the batches, by record. */
typedef struct work {
  const drift_options *options;
  const reporter *r;
  drift *d;
  drift_records records;
  float *probabilities[TASK_MODELS_MAX][DRIFT_SIDES]; /* (records, columns); NaN where there is none */
  float *text[DRIFT_SIDES];                           /* (records, LABEL_COUNT), likewise */
  signed char *truth;                                 /* of a task: (records, columns) */
} work;

static size_t columns_of(const task_info *task) {
  return task->kind == TASK_BINARY ? 1 : LABEL_COUNT;
}

static float *no_probabilities(work *w, size_t columns, error *err) {
  size_t count = w->records.count * columns;
  float *values = arena_alloc_array(w->d->memory, count, sizeof *values, err);
  for (size_t i = 0; values && i < count; i++)
    values[i] = NAN;
  return values;
}

/* ---- signal models ---- */

static precision precision_of(const work *w, int side) {
  return side == DRIFT_FP32 ? PRECISION_FP32 : w->options->precision;
}

static prediction_options prediction_of(const work *w, int side) {
  const drift_options *o = w->options;
  prediction_options options = {.weights_folder = o->weights_folder,
                                .model_count = o->model_count,
                                .units = o->units,
                                .threads = o->threads,
                                .precision = precision_of(w, side),
                                .read_cleaned = o->cleaned ? preprocessed_read : NULL,
                                .cancelled = o->cancelled};
  memcpy(options.models, o->models, sizeof options.models);
  return options;
}

/* The file's own words serve where the table has none. */
static bool keep_statements(work *w, drift_record *record, const char *statements, error *err) {
  if (record->text || !*statements)
    return true;
  record->text = arena_strdup(w->records.memory, statements, err);
  return record->text != NULL;
}

static bool keep_problem(work *w, const char *problem, error *err) {
  w->d->problems[w->d->failed++] = arena_strdup(w->d->memory, problem ? problem : "out of memory", err);
  return w->d->problems[w->d->failed - 1] != NULL;
}

static bool keep_answer(work *w, size_t number, const ecg_answer *a, int side, error *err) {
  if (a->problem)
    return side != DRIFT_FP32 || keep_problem(w, a->problem, err);
  for (size_t m = 0; m < w->options->model_count; m++) {
    size_t columns = columns_of(w->options->models[m].task);
    if (a->probabilities[m])
      memcpy(w->probabilities[m][side] + number * columns, a->probabilities[m],
             columns * sizeof *a->probabilities[m]);
  }
  return keep_statements(w, &w->records.items[number], a->statements, err);
}

static bool keep_answers(work *w, size_t first, const prediction *p, int side, error *err) {
  for (size_t i = 0; i < p->count; i++)
    if (!keep_answer(w, first + i, &p->answers[i], side, err))
      return false;
  for (size_t m = 0; m < w->options->model_count; m++) {
    drift_model *kept = &w->d->models[m];
    if (p->model_problems[m] && !kept->problem &&
        !(kept->problem = arena_strdup(w->d->memory, p->model_problems[m], err)))
      return false;
  }
  return true;
}

static bool run_batch(work *w, const char *const *paths, size_t first, size_t count, error *err) {
  reporter progress_only = w->r ? *w->r : (reporter){0};
  progress_only.message = NULL; /* what models and files have to say is said once */
  for (int side = 0; side < DRIFT_SIDES; side++) {
    prediction_options options = prediction_of(w, side);
    bool first_time = side == DRIFT_FP32 && first == 0;
    prediction p;
    bool ok = prediction_make(paths + first, count, &options, first_time ? w->r : &progress_only, &p, err) &&
              keep_answers(w, first, &p, side, err);
    w->d->demo = p.demo;
    prediction_clear(&p);
    if (!ok)
      return false;
  }
  return true;
}

static bool run_signal_models(work *w, error *err) {
  size_t count = w->records.count;
  const char **paths = arena_alloc_array(w->d->memory, count, sizeof *paths, err);
  for (size_t i = 0; paths && i < count; i++)
    paths[i] = w->records.items[i].path;
  for (size_t first = 0; paths && first < count; first += DRIFT_BATCH) {
    if (!run_batch(w, paths, first, count - first < DRIFT_BATCH ? count - first : DRIFT_BATCH, err))
      return false;
  }
  return paths != NULL;
}

/* ---- the text model ---- */

static size_t list_texts(const work *w, const char **texts, size_t *numbers) {
  size_t count = 0;
  for (size_t i = 0; i < w->records.count; i++)
    if (w->records.items[i].text) {
      numbers[count] = i;
      texts[count++] = w->records.items[i].text;
    }
  return count;
}

static void keep_texts(work *w, int side, const float *logits, const size_t *numbers, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float *kept = w->text[side] + numbers[i] * LABEL_COUNT;
    bool finite = true;
    for (size_t l = 0; l < LABEL_COUNT; l++)
      finite = finite && isfinite(logits[i * LABEL_COUNT + l]);
    for (size_t l = 0; finite && l < LABEL_COUNT; l++)
      kept[l] = logit_probability(logits[i * LABEL_COUNT + l]);
  }
}

static bool cancelled(const work *w) {
  return w->options->cancelled && *w->options->cancelled;
}

static bool go_on(void *context, size_t done, size_t total) {
  const work *w = context;
  report_progress(w->r, w->options->text_model, done, total);
  return !cancelled(w);
}

static bool predict_texts(work *w, int side, const char *const *texts, const size_t *numbers, size_t count,
                          error *err) {
  const model_options options = {
      .backend = "cpu", .threads = w->options->threads, .precision = precision_of(w, side)};
  char *folder = arena_printf(w->d->memory, err, "%s/%s", w->options->weights_folder, w->options->text_model);
  text_model *m = folder ? text_model_open(folder, &options, w->r, err) : NULL;
  if (!m)
    return false;
  float *logits = calloc(count, LABEL_COUNT * sizeof *logits);
  bool ok = text_model_output_count(m) == LABEL_COUNT ||
            error_set(err, ERROR_DATA, "%s gives %zu logits per text, not %d", text_model_path(m),
                      text_model_output_count(m), LABEL_COUNT);
  ok = ok && (logits || error_out_of_memory(err)) &&
       text_model_predict(m, texts, count, logits, &(text_progress){w, go_on}, err);
  if (ok)
    keep_texts(w, side, logits, numbers, count);
  free(logits);
  text_model_close(m);
  return ok;
}

/* A text model that fails costs the others nothing but the truth of the 77 labels. */
static bool run_text_model(work *w, error *err) {
  const char **texts = arena_alloc_array(w->d->memory, w->records.count, sizeof *texts, err);
  size_t *numbers = arena_alloc_array(w->d->memory, w->records.count, sizeof *numbers, err);
  if (!texts || !numbers)
    return false;
  size_t count = list_texts(w, texts, numbers);
  if (count == 0)
    return true;
  drift_model *m = &w->d->models[w->d->model_count++];
  m->id = w->options->text_model;
  error reason;
  for (int side = 0; side < DRIFT_SIDES && !m->problem && !cancelled(w); side++)
    if (!predict_texts(w, side, texts, numbers, count, &reason) &&
        !(m->problem = arena_strdup(w->d->memory, reason.message, err)))
      return false;
  return !cancelled(w) || error_set(err, ERROR_DATA, "interrupted");
}

/* ---- figures ---- */

static void fill_truth(work *w, const task_info *task) {
  size_t columns = columns_of(task);
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

static bool prepare_outputs(work *w, drift_model *m, size_t columns, error *err) {
  m->output_count = columns;
  m->outputs = arena_alloc_array(w->d->memory, columns, sizeof *m->outputs, err);
  return m->outputs != NULL;
}

static bool compare_signal_model(work *w, size_t index, error *err) {
  const task_model *asked = &w->options->models[index];
  drift_model *m = &w->d->models[index];
  bool binary = asked->task->kind == TASK_BINARY;
  if (!prepare_outputs(w, m, columns_of(asked->task), err))
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

static bool compare_text_model(work *w, drift_model *m, error *err) {
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

static bool compare_all(work *w, error *err) {
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

static bool prepare(work *w, error *err) {
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
      ok = (w->probabilities[m][side] = no_probabilities(w, columns_of(w->options->models[m].task), err)) !=
           NULL;
  }
  return ok;
}

bool drift_make(const char *const *operands, size_t count, const drift_options *options, const reporter *r,
                drift *d, error *err) {
  *d = (drift){.memory = arena_create(err)};
  if (!d->memory)
    return false;
  work w = {.options = options, .r = r, .d = d};
  bool ok = drift_records_list(&w.records, operands, count, options, err) && prepare(&w, err) &&
            run_signal_models(&w, err) && run_text_model(&w, err) && compare_all(&w, err);
  drift_records_free(&w.records);
  return ok;
}

void drift_clear(drift *d) {
  arena_destroy(d->memory);
  *d = (drift){0};
}
