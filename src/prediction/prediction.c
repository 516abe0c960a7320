#include "prediction/prediction.h"

#include "hub/demo_models.h"
#include "model/text_model.h"
#include "prediction/signal_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct job {
  const prediction_options *options;
  const reporter *r;
  prediction *p;
  cleaned_signals signals;
} job;

static bool cancelled(const job *j) {
  return prediction_interrupted(j->options, NULL);
}

static ecg_answer *answer_of(const job *j, size_t signal) {
  return &j->p->answers[j->signals.numbers[signal]];
}

/* ---- signal models ---- */

static bool run_model(job *j, size_t index, error *err) {
  const task_model *m = &j->options->models[index];
  size_t columns = task_columns(m->task);
  float *values = arena_alloc_array(j->p->memory, j->signals.count * columns, sizeof *values, err);
  if (!values || !signal_model_ask(j->options, index, &j->signals, task_model_id(m), j->r, values, err))
    return false;
  for (size_t i = 0; i < j->signals.count; i++)
    if (!isnan(values[i * columns]))
      answer_of(j, i)->probabilities[index] = values + i * columns;
  return true;
}

/* ---- the text model ---- */

static bool any_statements(const job *j) {
  for (size_t i = 0; i < j->signals.count; i++)
    if (*answer_of(j, i)->statements)
      return true;
  return false;
}

static bool keep_text(job *j, const float *logits, error *err) {
  for (size_t i = 0; i < j->signals.count; i++) {
    ecg_answer *a = answer_of(j, i);
    float *kept = arena_alloc_array(j->p->memory, LABEL_COUNT, sizeof *kept, err);
    if (!kept)
      return false;
    const float *row = logits + i * LABEL_COUNT;
    for (size_t l = 0; l < LABEL_COUNT; l++)
      kept[l] = logit_probability(row[l]);
    if (*a->statements && all_finite(row, LABEL_COUNT)) /* an infinite one would be a sure 0 or 1 */
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
                                 .brief = j->signals.count <= FEW_RECORDS};
  char *folder = arena_printf(j->p->memory, err, "%s/%s", j->options->weights_folder, j->options->text_model);
  text_model *network = folder ? text_model_open(folder, &options, j->r, err) : NULL;
  if (!network)
    return false;
  const char **texts = calloc(j->signals.count, sizeof *texts);
  float *logits = calloc(j->signals.count, LABEL_COUNT * sizeof *logits);
  bool ok = (texts && logits) || error_out_of_memory(err);
  for (size_t i = 0; ok && i < j->signals.count; i++)
    texts[i] = answer_of(j, i)->statements;
  ok = ok &&
       (text_model_output_count(network) == LABEL_COUNT ||
        error_set(err, ERROR_DATA, "%s gives %zu logits per text, not %d", text_model_path(network),
                  text_model_output_count(network), LABEL_COUNT)) &&
       text_model_predict(network, texts, j->signals.count, logits, &(text_progress){j, go_on}, err) &&
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

static bool work(job *j, const char *const *paths, error *err) {
  const file_batch batch = {.paths = paths, .count = j->p->count, .total = j->p->count};
  if (!cleaned_signals_create(&j->signals, batch.count, err) ||
      !cleaned_signals_read(&j->signals, &batch, j->options, j->r, j->p->answers, j->p->memory, err))
    return false;
  j->p->answered = j->signals.count;
  if (j->signals.count)
    run_models(j);
  return !prediction_interrupted(j->options, err);
}

bool prediction_make(const char *const *paths, size_t count, const prediction_options *options,
                     const reporter *r, prediction *p, error *err) {
  *p = (prediction){.memory = arena_create(err), .count = count};
  if (!p->memory || !(p->answers = arena_alloc_array(p->memory, count, sizeof *p->answers, err)))
    return false;
  p->demo = demo_models_warn(options->weights_folder, r);
  job j = {.options = options, .r = r, .p = p};
  bool ok = work(&j, paths, err);
  cleaned_signals_free(&j.signals);
  return ok;
}

void prediction_clear(prediction *p) {
  arena_destroy(p->memory);
  *p = (prediction){0};
}
