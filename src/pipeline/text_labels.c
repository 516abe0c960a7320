#include "pipeline/text_labels.h"

#include "base/clock.h"
#include "model/text_model.h"
#include "pipeline/paths.h"
#include "pipeline/summary.h"
#include "tasks/tasks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct watch {
  const pipeline_options *options;
  const reporter *r;
  char stage[128];
} watch;

static bool go_on(void *context, size_t done, size_t total) {
  const watch *w = context;
  report_progress(w->r, w->stage, done, total);
  return !w->options->cancelled || !*w->options->cancelled;
}

static text_model *open_model(const pipeline_options *options, const reporter *r, error *err) {
  arena *memory = arena_create(err);
  char *folder = memory ? path_join(memory, options->weights_folder, options->bert_model, err) : NULL;
  const model_options how = {.backend = "cpu", .threads = options->threads, .precision = options->precision};
  text_model *m = folder ? text_model_open(folder, &how, r, err) : NULL;
  arena_destroy(memory);
  if (!m || text_model_output_count(m) == LABEL_COUNT)
    return m;
  error_set(err, ERROR_DATA, "%s gives %zu logits per text; the task wants %d", text_model_path(m),
            text_model_output_count(m), LABEL_COUNT);
  text_model_close(m);
  return NULL;
}

static bool to_probabilities(float *values, size_t count, error *err) {
  for (size_t i = 0; i < count; i++) {
    if (!isfinite(values[i]))
      return error_set(err, ERROR_DATA, "the text model gives logits that are not finite numbers");
    values[i] = logit_probability(values[i]);
  }
  return true;
}

static float *predict(text_model *m, const task_rows *rows, watch *w, error *err) {
  size_t count = rows->text_count;
  float *values = calloc(count ? count : 1, LABEL_COUNT * sizeof *values);
  if (!values) {
    error_out_of_memory(err);
    return NULL;
  }
  if (text_model_predict(m, rows->texts, count, values, &(text_progress){w, go_on}, err) &&
      to_probabilities(values, count * LABEL_COUNT, err))
    return values;
  free(values);
  return NULL;
}

float *text_labels(const task_rows *rows, const pipeline_options *options, const reporter *r,
                   run_summary *summary, error *err) {
  double start = clock_seconds();
  text_model *m = open_model(options, r, err);
  if (!m)
    return NULL;
  model_identity identity = {text_model_path(m), text_model_kind(m), text_model_variant(m)};
  summary_add_model(summary, options->bert_model, identity, rows->text_count);
  summary_add_stage(summary, clock_seconds() - start, "open %s", options->bert_model);
  start = clock_seconds();
  watch w = {.options = options, .r = r};
  snprintf(w.stage, sizeof w.stage, "Reading diagnoses with %s", options->bert_model);
  float *probabilities = predict(m, rows, &w, err);
  text_model_close(m);
  summary_add_stage(summary, clock_seconds() - start, "predict %s", options->bert_model);
  return probabilities;
}
