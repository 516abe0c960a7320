#include "tasks/tasks.h"

#include <math.h>
#include <string.h>

/* The WCR networks take the cleaned signal as it is, the EfficientNets its multiple by 1 / 0.0048. */
const family_info families[FAMILY_COUNT] = {
    [FAMILY_WCR] = {"wcr", 1, "fairseq"},
    [FAMILY_EFFICIENTNET] = {"efficientnetv2", 1 / 0.0048, "TorchScript"},
};

const task_info *task_find(const char *label_column) {
  for (size_t i = 0; i < task_count; i++)
    if (strcmp(tasks[i].label_column, label_column) == 0)
      return &tasks[i];
  return NULL;
}

bool family_check_model(model_family family, const task_info *task, const char *path, const char *kind,
                        size_t outputs, error *err) {
  const family_info *f = &families[family];
  size_t wanted = task->kind == TASK_BINARY ? 1 : LABEL_COUNT;
  if (strcmp(kind, f->kind) != 0)
    return error_set(err, ERROR_DATA, "%s: a %s file, but %s is a %s one: a model of the other family?", path,
                     kind, task->models[family], f->kind);
  return outputs == wanted ||
         error_set(err, ERROR_DATA, "%s gives %zu logits per ECG; the task wants %zu", path, outputs, wanted);
}

double family_operating_point(model_family family, const operating_points *points) {
  if (family == FAMILY_EFFICIENTNET)
    return points->efficientnet_sens_spec;
  return isnan(points->wcr_sens_spec) ? points->wcr_youden : points->wcr_sens_spec;
}

float logit_probability(float logit) {
  return (float)(1.0 / (1.0 + exp(-(double)logit)));
}

void family_probabilities(model_family family, size_t columns, const float *logits, float *probabilities) {
  bool reorder = family == FAMILY_WCR && columns == LABEL_COUNT;
  for (size_t l = 0; l < columns; l++) {
    size_t column = reorder ? (size_t)labels[l].wcr_raw_column : l;
    probabilities[l] = logit_probability(logits[column]);
  }
}
