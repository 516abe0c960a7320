#include "drift/drift_work.h"
#include "model/text_model.h"

#include <math.h>
#include <stdlib.h>

static size_t list_texts(const drift_work *w, const char **texts, size_t *numbers) {
  size_t count = 0;
  for (size_t i = 0; i < w->records.count; i++)
    if (w->records.items[i].text) {
      numbers[count] = i;
      texts[count++] = w->records.items[i].text;
    }
  return count;
}

static void keep_texts(drift_work *w, int side, const float *logits, const size_t *numbers, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float *kept = w->text[side] + numbers[i] * LABEL_COUNT;
    bool finite = true;
    for (size_t l = 0; l < LABEL_COUNT; l++)
      finite = finite && isfinite(logits[i * LABEL_COUNT + l]);
    for (size_t l = 0; finite && l < LABEL_COUNT; l++)
      kept[l] = logit_probability(logits[i * LABEL_COUNT + l]);
  }
}

static bool cancelled(const drift_work *w) {
  return w->options->cancelled && *w->options->cancelled;
}

typedef struct text_run {
  const drift_work *w;
  char stage[DRIFT_STAGE_SIZE];
} text_run;

static bool go_on(void *context, size_t done, size_t total) {
  const text_run *run = context;
  report_progress(run->w->r, run->stage, done, total);
  return !cancelled(run->w);
}

static bool predict_texts(drift_work *w, int side, const char *const *texts, const size_t *numbers,
                          size_t count, error *err) {
  const model_options options = {
      .backend = "cpu", .threads = w->options->threads, .precision = drift_precision(w->options, side)};
  text_run run = {.w = w};
  drift_stage(w->options, w->options->text_model, side, run.stage);
  char *folder = arena_printf(w->d->memory, err, "%s/%s", w->options->weights_folder, w->options->text_model);
  text_model *m = folder ? text_model_open(folder, &options, w->r, err) : NULL;
  if (!m)
    return false;
  float *logits = calloc(count, LABEL_COUNT * sizeof *logits);
  bool ok = text_model_output_count(m) == LABEL_COUNT ||
            error_set(err, ERROR_DATA, "%s gives %zu logits per text, not %d", text_model_path(m),
                      text_model_output_count(m), LABEL_COUNT);
  ok = ok && (logits || error_out_of_memory(err)) &&
       text_model_predict(m, texts, count, logits, &(text_progress){&run, go_on}, err);
  if (ok)
    keep_texts(w, side, logits, numbers, count);
  free(logits);
  text_model_close(m);
  return ok;
}

/* A text model that fails costs the others nothing but the truth of the 77 labels. */
bool drift_run_text_model(drift_work *w, error *err) {
  const char **texts = arena_alloc_array(w->d->memory, w->records.count, sizeof *texts, err);
  size_t *numbers = arena_alloc_array(w->d->memory, w->records.count, sizeof *numbers, err);
  if (!texts || !numbers)
    return false;
  size_t count = list_texts(w, texts, numbers);
  if (count == 0)
    return true;
  if (!model_folder_present(w->options->weights_folder, w->options->text_model)) {
    report(w->r, REPORT_WARNING, "%s: not in %s: it is not compared, and the 77 labels have no AUC",
           w->options->text_model, w->options->weights_folder);
    return true;
  }
  drift_model *m = &w->d->models[w->d->model_count++];
  m->id = w->options->text_model;
  error reason;
  for (int side = 0; side < DRIFT_SIDES && !m->problem && !cancelled(w); side++)
    if (!predict_texts(w, side, texts, numbers, count, &reason) &&
        !(m->problem = arena_strdup(w->d->memory, reason.message, err)))
      return false;
  return !cancelled(w) || error_set(err, ERROR_DATA, "interrupted");
}
