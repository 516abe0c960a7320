/* One signal model, asked about cleaned signals. */
#ifndef DEEPECG_PREDICTION_SIGNAL_MODEL_H
#define DEEPECG_PREDICTION_SIGNAL_MODEL_H

#include "prediction/cleaned_signals.h"

/* Of logits: what isn't finite there would be a probability like any other. */
bool all_finite(const float *values, size_t count);

/* 1, or LABEL_COUNT */
size_t task_columns(const task_info *task);

/* Open model `index` of the options, ask it, close it. values: (count, task_columns) probabilities, a row NaN
 * where the model's result is not finite. `stage` names it in progress. False and *err, which names the file,
 * when the model can't be used, or when cancelled: "interrupted". */
bool signal_model_ask(const prediction_options *options, size_t index, const cleaned_signals *s,
                      const char *stage, const reporter *r, float *values, error *err);

#endif
