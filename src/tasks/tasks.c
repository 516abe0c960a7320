#include "tasks/tasks.h"

#include <math.h>
#include <string.h>

/* The WCR networks take the cleaned signal as it is, the EfficientNets its multiple by 1 / 0.0048. */
const family_info families[FAMILY_COUNT] = {
    [FAMILY_WCR] = {"wcr", 1},
    [FAMILY_EFFICIENTNET] = {"efficientnetv2", 1 / 0.0048},
};

const task_info *task_find(const char *label_column) {
  for (size_t i = 0; i < task_count; i++)
    if (strcmp(tasks[i].label_column, label_column) == 0)
      return &tasks[i];
  return NULL;
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
