#include "prediction/signal_model.h"

#include "base/buffer.h"
#include "model/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t task_columns(const task_info *task) {
  return task->kind == TASK_BINARY ? 1 : LABEL_COUNT;
}

/* Scaled copies of the signals, a few at a time. */
static bool predict_signals(const prediction_options *options, model *network, const task_model *m,
                            const cleaned_signals *s, const char *stage, const reporter *r, float *logits,
                            error *err) {
  enum { TOGETHER = 16 };
  float scale = (float)families[m->family].input_scale,
        *scaled = malloc(TOGETHER * SIGNAL_VALUES * sizeof *scaled);
  bool ok = scaled || error_out_of_memory(err);
  for (size_t first = 0; ok && first < s->count; first += TOGETHER) {
    size_t n = s->count - first < TOGETHER ? s->count - first : TOGETHER;
    for (size_t i = 0; i < n * SIGNAL_VALUES; i++)
      scaled[i] = s->values[first * SIGNAL_VALUES + i] * scale;
    ok = !prediction_interrupted(options, err) &&
         model_predict(network, scaled, n, logits + first * task_columns(m->task), err);
    if (ok)
      report_progress(r, stage, first + n, s->count);
  }
  free(scaled);
  return ok && !prediction_interrupted(options, err);
}

bool all_finite(const float *values, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!isfinite(values[i]))
      return false;
  return true;
}

/* From logits, in place. */
static void make_probabilities(const task_model *m, float *values, size_t count) {
  size_t columns = task_columns(m->task);
  float logits[LABEL_COUNT];
  for (float *row = values; row < values + count * columns; row += columns) {
    bool finite = all_finite(row, columns);
    memcpy(logits, row, columns * sizeof *row);
    for (size_t c = 0; c < columns; c++)
      row[c] = NAN;
    if (finite)
      family_probabilities(m->family, columns, logits, row);
  }
}

bool signal_model_ask(const prediction_options *options, size_t index, const cleaned_signals *s,
                      const char *stage, const reporter *r, float *values, error *err) {
  const task_model *m = &options->models[index];
  const model_options how = {.backend = "cpu",
                             .threads = options->threads,
                             .precision = options->precision,
                             .brief = s->count <= FEW_RECORDS};
  buffer folder = {0};
  bool ok = buffer_printf(&folder, err, "%s/%s", options->weights_folder, task_model_id(m));
  model *network = ok ? model_open(folder.data, &how, r, err) : NULL;
  ok = network &&
       family_check_model(m->family, m->task, model_path(network), model_kind(network),
                          model_output_count(network), err) &&
       predict_signals(options, network, m, s, stage, r, values, err);
  if (ok)
    make_probabilities(m, values, s->count);
  model_close(network);
  buffer_free(&folder);
  return ok;
}
