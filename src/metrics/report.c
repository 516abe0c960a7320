#include "metrics/report.h"

#include "base/number_text.h"
#include "table/csv.h"

#include <math.h>
#include <string.h>

/* One key of a report: its metrics in JSON order. */
typedef struct entry {
  const char *key;
  size_t count;
  struct {
    const char *name;
    double value;
  } metrics[9];
} entry;

typedef struct report {
  buffer *json;
  csv_writer csv;
  const char *const *columns; /* of the CSV, after Key */
  size_t column_count;
  size_t entries;
} report;

/* Keys and metric names come from this program's own tables; of what JSON escapes they could only hold
 * quotes. */
static bool put_json_text(buffer *json, const char *text, error *err) {
  bool ok = buffer_append_text(json, "\"", err);
  for (; ok && *text; text++)
    ok = (!strchr("\"\\", *text) || buffer_append_text(json, "\\", err)) && buffer_append(json, text, 1, err);
  return ok && buffer_append_text(json, "\"", err);
}

static bool put_json_number(buffer *json, double value, error *err) {
  char text[NUMBER_TEXT_SIZE];
  format_float64(value, text);
  return buffer_append_text(json, isfinite(value) ? text : "null", err);
}

static bool put_json_entry(report *r, const entry *e, error *err) {
  bool ok = buffer_append_text(r->json, r->entries ? ",\n    " : "{\n    ", err) &&
            put_json_text(r->json, e->key, err) && buffer_append_text(r->json, ": {", err);
  for (size_t i = 0; ok && i < e->count; i++)
    ok = buffer_append_text(r->json, i ? ",\n        " : "\n        ", err) &&
         put_json_text(r->json, e->metrics[i].name, err) && buffer_append_text(r->json, ": ", err) &&
         put_json_number(r->json, e->metrics[i].value, err);
  return ok && buffer_append_text(r->json, "\n    }", err);
}

static bool put_csv_entry(report *r, const entry *e, error *err) {
  bool ok = csv_write_cell(&r->csv, e->key, err);
  for (size_t c = 0; ok && c < r->column_count; c++) {
    size_t i = 0;
    while (i < e->count && strcmp(e->metrics[i].name, r->columns[c]) != 0)
      i++;
    ok = i < e->count ? csv_write_float64(&r->csv, e->metrics[i].value, err)
                      : csv_write_cell(&r->csv, "", err);
  }
  return ok && csv_end_row(&r->csv, err);
}

static bool put_entry(report *r, const entry *e, error *err) {
  bool ok = put_json_entry(r, e, err) && put_csv_entry(r, e, err);
  r->entries++;
  return ok;
}

static bool start(report *r, const char *const *columns, size_t column_count, buffer *json, buffer *csv,
                  error *err) {
  *r = (report){.json = json,
                .csv = {.text = csv, .line_end = "\r\n"},
                .columns = columns,
                .column_count = column_count};
  bool ok = csv_write_cell(&r->csv, "Key", err);
  for (size_t c = 0; ok && c < column_count; c++)
    ok = csv_write_cell(&r->csv, columns[c], err);
  return ok && csv_end_row(&r->csv, err);
}

static bool finish(report *r, error *err) {
  return buffer_append_text(r->json, r->entries ? "\n}" : "{}", err);
}

/* The reference has the threshold before f1 for a label that has metrics, and behind it otherwise. */
static entry label_entry(const char *key, const binary_metrics *m, bool threshold_first) {
  entry e = {key,
             6,
             {{"auc", m->auc},
              {"auprc", m->auprc},
              {"f1", m->f1},
              {"threshold", m->threshold},
              {"prevalence_gt %", m->prevalence_gt},
              {"prevalence_pred %", m->prevalence_pred}}};
  if (threshold_first) {
    e.metrics[2].name = "threshold";
    e.metrics[2].value = m->threshold;
    e.metrics[3].name = "f1";
    e.metrics[3].value = m->f1;
  }
  return e;
}

static entry category_entry(const char *key, const category_metrics *m) {
  return (entry){key,
                 9,
                 {{"macro_auc", m->macro_auc},
                  {"macro_auprc", m->macro_auprc},
                  {"macro_f1", m->macro_f1},
                  {"micro_auc", m->micro_auc},
                  {"micro_auprc", m->micro_auprc},
                  {"micro_f1", m->micro_f1},
                  {"threshold", m->threshold},
                  {"prevalence_gt %", m->prevalence_gt},
                  {"prevalence_pred %", m->prevalence_pred}}};
}

bool metrics_report_binary(const binary_metrics *metrics, buffer *json, buffer *csv, error *err) {
  static const char *const columns[] = {"auc",      "auprc", "f1", "prevalence_gt %", "prevalence_pred %",
                                        "threshold"};
  report r;
  entry e = label_entry("results", metrics, false);
  return start(&r, columns, sizeof columns / sizeof *columns, json, csv, err) && put_entry(&r, &e, err) &&
         finish(&r, err);
}

bool metrics_report_labels(const binary_metrics per_label[LABEL_COUNT],
                           const category_metrics per_category[CATEGORY_COUNT], buffer *json, buffer *csv,
                           error *err) {
  static const char *const columns[] = {
      "auc",       "auprc",       "f1",       "macro_auc",       "macro_auprc",       "macro_f1",
      "micro_auc", "micro_auprc", "micro_f1", "prevalence_gt %", "prevalence_pred %", "threshold"};
  report r;
  bool ok = start(&r, columns, sizeof columns / sizeof *columns, json, csv, err);
  for (size_t i = 0; ok && i < CATEGORY_COUNT; i++) {
    entry e = category_entry(categories[i].name, &per_category[i]);
    ok = put_entry(&r, &e, err);
  }
  for (size_t i = 0; ok && i < LABEL_COUNT; i++) {
    entry e = label_entry(labels[i].name, &per_label[i], !isnan(per_label[i].prevalence_gt));
    ok = put_entry(&r, &e, err);
  }
  return ok && finish(&r, err);
}

bool metrics_report_empty(buffer *json, buffer *csv, error *err) {
  report r;
  return start(&r, NULL, 0, json, csv, err) && finish(&r, err);
}
