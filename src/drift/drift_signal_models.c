#include "drift/drift_work.h"
#include "pipeline/preprocessed.h"
#include "prediction/signal_model.h"

#include <stdlib.h>
#include <string.h>

static prediction_options prediction_of(const drift_work *w, int side) {
  const drift_options *o = w->options;
  prediction_options options = {.weights_folder = o->weights_folder,
                                .model_count = o->model_count,
                                .units = o->units,
                                .threads = o->threads,
                                .precision = drift_precision(o, side),
                                .read_cleaned = o->cleaned ? preprocessed_read : NULL,
                                .cancelled = o->cancelled};
  memcpy(options.models, o->models, sizeof options.models);
  return options;
}

/* ---- records ---- */

/* The file's own words serve where the table has none. */
static bool keep_statements(drift_work *w, drift_record *record, const char *statements, error *err) {
  if (record->text || !*statements)
    return true;
  record->text = arena_strdup(w->records.memory, statements, err);
  return record->text != NULL;
}

static bool keep_answer(drift_work *w, size_t number, const ecg_answer *a, error *err) {
  if (!a->problem)
    return keep_statements(w, &w->records.items[number], a->statements, err);
  const char *problem = arena_strdup(w->d->memory, a->problem, err);
  if (problem)
    w->d->problems[w->d->failed++] = problem;
  return problem != NULL;
}

static bool read_batch(drift_work *w, cleaned_signals *s, const file_batch *batch, error *err) {
  const prediction_options options = prediction_of(w, DRIFT_FP32);
  arena *memory = arena_create(err); /* what is said of the files, until it is kept */
  ecg_answer *answers = memory ? arena_alloc_array(memory, batch->count, sizeof *answers, err) : NULL;
  bool ok = answers && cleaned_signals_read(s, batch, &options, w->r, answers, memory, err);
  for (size_t i = 0; ok && i < batch->count; i++)
    ok = keep_answer(w, batch->first + i, &answers[i], err);
  arena_destroy(memory);
  return ok;
}

/* ---- models ---- */

static void keep_values(drift_work *w, size_t index, int side, const cleaned_signals *s,
                        const float *values) {
  size_t columns = task_columns(w->options->models[index].task);
  for (size_t i = 0; i < s->count; i++)
    memcpy(w->probabilities[index][side] + s->numbers[i] * columns, values + i * columns,
           columns * sizeof *values);
}

/* A model that fails costs the others nothing. What it has to say is said once: in the first group of
 * records, in float32. */
static bool ask_model(drift_work *w, size_t index, int side, const cleaned_signals *s, bool first_group,
                      error *err) {
  const prediction_options options = prediction_of(w, side);
  const task_model *m = &options.models[index];
  reporter r = w->r ? *w->r : (reporter){0};
  if (!first_group || side != DRIFT_FP32)
    r.message = NULL;
  char stage[DRIFT_STAGE_SIZE];
  drift_stage(w->options, task_model_id(m), side, stage);
  float *values = malloc(s->count * task_columns(m->task) * sizeof *values);
  if (!values)
    return error_out_of_memory(err);
  error reason;
  bool asked = signal_model_ask(&options, index, s, stage, &r, values, &reason);
  if (asked)
    keep_values(w, index, side, s, values);
  free(values);
  if (prediction_interrupted(&options, err))
    return false;
  drift_model *kept = &w->d->models[index];
  return asked || (kept->problem = arena_strdup(w->d->memory, reason.message, err));
}

static bool ask_models(drift_work *w, const cleaned_signals *s, bool first_group, error *err) {
  for (size_t m = 0; m < w->options->model_count; m++)
    for (int side = 0; side < DRIFT_SIDES && !w->d->models[m].problem; side++)
      if (!ask_model(w, m, side, s, first_group, err))
        return false;
  return true;
}

/* ---- groups ---- */

static size_t at_most(size_t count, size_t most) {
  return count < most ? count : most;
}

static bool run_group(drift_work *w, const char *const *paths, size_t first, size_t count, error *err) {
  cleaned_signals s;
  bool ok = cleaned_signals_create(&s, count, err);
  for (size_t done = 0; ok && done < count; done += DRIFT_BATCH) {
    const file_batch batch = {.paths = paths + first + done,
                              .count = at_most(count - done, DRIFT_BATCH),
                              .first = first + done,
                              .total = w->records.count};
    ok = read_batch(w, &s, &batch, err);
  }
  ok = ok && (s.count == 0 || ask_models(w, &s, first == 0, err));
  cleaned_signals_free(&s);
  return ok;
}

bool drift_run_signal_models(drift_work *w, error *err) {
  size_t count = w->records.count;
  const char **paths = arena_alloc_array(w->d->memory, count, sizeof *paths, err);
  for (size_t i = 0; paths && i < count; i++)
    paths[i] = w->records.items[i].path;
  for (size_t first = 0; paths && first < count; first += DRIFT_GROUP)
    if (!run_group(w, paths, first, at_most(count - first, DRIFT_GROUP), err))
      return false;
  return paths != NULL;
}
