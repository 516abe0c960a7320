#include "pipeline/operating_points.h"

#include "base/buffer.h"

#include <math.h>

static size_t rows_at_point(const task_result *result, size_t label, double point, size_t *rows) {
  size_t reached = 0;
  *rows = 0;
  for (size_t i = 0; i < result->rows->row_count; i++) {
    size_t signal = result->rows->rows[i].signal;
    if (!result->usable[signal])
      continue;
    ++*rows;
    reached += (double)result->probabilities[signal * result->columns + label] >= point;
  }
  return reached;
}

void report_operating_points(const task_result *result, const reporter *r) {
  buffer without = {0};
  for (size_t l = 0; l < LABEL_COUNT; l++) {
    double point = labels[l].points.wcr_youden;
    if (isnan(point)) {
      buffer_printf(&without, NULL, "%s%s", without.size ? ", " : "", labels[l].name);
      continue;
    }
    size_t rows, reached = rows_at_point(result, l, point, &rows);
    report(r, REPORT_INFO, "%s: %s: %zu of %zu reach the operating point %.6g", result->model_id,
           labels[l].name, reached, rows, point);
  }
  if (without.size)
    report(r, REPORT_INFO, "%s: no operating point is published for %s", result->model_id, without.data);
  buffer_free(&without);
}
