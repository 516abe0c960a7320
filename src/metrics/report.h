/* Metrics as the files that a run leaves: a JSON document (indent 4, no newline at the end; NaN and infinity
 * as null) and a CSV table (column Key, then all metric names in alphabetical order, empty where a key lacks
 * a metric; nan, inf; lines end with CR LF as Python's csv module writes them). Numbers have the digits that
 * Python prints.
 *
 * All append to *json and *csv. *err only when memory is out. */
#ifndef DEEPECG_METRICS_REPORT_H
#define DEEPECG_METRICS_REPORT_H

#include "base/buffer.h"
#include "base/error.h"
#include "metrics/metrics.h"
#include "tasks/tasks.h"

/* A binary task: one key, "results". */
bool metrics_report_binary(const binary_metrics *metrics, buffer *json, buffer *csv, error *err);

/* The 77 labels: the categories' keys in catalogue order, then the labels'. */
bool metrics_report_labels(const binary_metrics per_label[LABEL_COUNT],
                           const category_metrics per_category[CATEGORY_COUNT], buffer *json, buffer *csv,
                           error *err);

/* No metrics, because there was but one row or none. */
bool metrics_report_empty(buffer *json, buffer *csv, error *err);

#endif
