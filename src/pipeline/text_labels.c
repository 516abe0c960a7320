#include "pipeline/text_labels.h"

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

static bool to_probabilities(float *values, size_t count, error *err) {
  for (size_t i = 0; i < count; i++) {
    if (!isfinite(values[i]))
      return error_set(err, ERROR_DATA, "the text model gives logits that are not finite numbers");
    values[i] = logit_probability(values[i]);
  }
  return true;
}

float *text_labels(text_model *m, const task_rows *rows, const pipeline_options *options, const reporter *r,
                   error *err) {
  size_t count = rows->text_count;
  float *values = calloc(count ? count : 1, LABEL_COUNT * sizeof *values);
  if (!values) {
    error_out_of_memory(err);
    return NULL;
  }
  watch w = {.options = options, .r = r};
  snprintf(w.stage, sizeof w.stage, "Reading diagnoses with %s", options->bert_model);
  if (text_model_predict(m, rows->texts, count, values, &(text_progress){&w, go_on}, err) &&
      to_probabilities(values, count * LABEL_COUNT, err))
    return values;
  free(values);
  return NULL;
}
