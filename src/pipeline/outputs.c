#include "pipeline/outputs.h"

#include "base/atomic_file.h"
#include "base/buffer.h"
#include "metrics/metrics.h"
#include "metrics/report.h"
#include "table/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool write_header(const task_result *result, csv_writer *w, error *err) {
  if (result->task->kind == TASK_BINARY)
    return csv_write_cell(w, "file_name", err) && csv_write_cell(w, "ground_truth", err) &&
           csv_write_cell(w, "predictions", err) && csv_end_row(w, err);
  static const char *const suffixes[] = {"_bert_model", "_sig_model"};
  bool ok = csv_write_cell(w, "file_name", err);
  for (int part = 0; part < 2; part++)
    for (size_t l = 0; l < LABEL_COUNT && ok; l++) {
      char name[160];
      snprintf(name, sizeof name, "%s%s", labels[l].name, suffixes[part]);
      ok = csv_write_cell(w, name, err);
    }
  return ok && csv_end_row(w, err);
}

static bool write_values(csv_writer *w, const float *values, size_t count, error *err) {
  bool ok = true;
  for (size_t i = 0; i < count && ok; i++)
    ok = values ? csv_write_float32(w, values[i], err) : csv_write_cell(w, "", err);
  return ok;
}

/* What the text model says of the row's diagnosis; NULL without either. */
static const float *text_values(const task_result *result, const task_row *row) {
  bool known = result->text_probabilities && row->labelled;
  return known ? result->text_probabilities + row->text * LABEL_COUNT : NULL;
}

static bool write_row(const task_result *result, size_t index, csv_writer *w, error *err) {
  const task_row *row = &result->rows->rows[index];
  const float *values = result->probabilities + row->signal * result->columns;
  bool ok = csv_write_cell(w, result->rows->signals[row->signal].name, err);
  if (result->task->kind == TASK_BINARY)
    ok = ok && csv_write_cell(w, !row->labelled ? "" : row->label ? "1" : "0", err);
  else
    ok = ok && write_values(w, text_values(result, row), LABEL_COUNT, err);
  return ok && write_values(w, values, result->columns, err) && csv_end_row(w, err);
}

static bool write_probabilities(const task_result *result, const char *path, error *err) {
  atomic_file *file = atomic_file_create(path, ATOMIC_FILE_NEW, err);
  if (!file)
    return false;
  csv_writer w = {.file = file};
  bool ok = write_header(result, &w, err);
  for (size_t i = 0; i < result->rows->row_count && ok; i++)
    if (result->usable[result->rows->rows[i].signal])
      ok = write_row(result, i, &w, err);
  if (!ok) {
    atomic_file_discard(file);
    return false;
  }
  return atomic_file_commit(file, true, err);
}

/* Truth and scores of the usable rows, label by label within a row. */
typedef struct scored_rows {
  uint8_t *truth;
  float *scores;
  size_t rows;
} scored_rows;

static bool collect_scores(const task_result *result, scored_rows *scored, error *err) {
  size_t n = result->rows->row_count, columns = result->columns;
  scored->truth = malloc(n * columns);
  scored->scores = malloc(n * columns * sizeof *scored->scores);
  scored->rows = 0;
  if (!scored->truth || !scored->scores)
    return error_out_of_memory(err);
  for (size_t i = 0; i < n; i++) {
    const task_row *row = &result->rows->rows[i];
    if (!result->usable[row->signal])
      continue;
    uint8_t *truth = scored->truth + scored->rows * columns;
    memcpy(scored->scores + scored->rows * columns, result->probabilities + row->signal * columns,
           columns * sizeof *scored->scores);
    if (result->task->kind == TASK_BINARY)
      truth[0] = row->label;
    else
      for (size_t l = 0; l < columns; l++)
        truth[l] =
            (double)result->text_probabilities[row->text * LABEL_COUNT + l] >= labels[l].bert_threshold;
    scored->rows++;
  }
  return true;
}

static bool label_metrics(const scored_rows *scored, binary_metrics per_label[LABEL_COUNT], error *err) {
  uint8_t *truth = malloc(scored->rows);
  float *scores = malloc(scored->rows * sizeof *scores);
  bool ok = (truth && scores) || error_out_of_memory(err);
  for (size_t l = 0; l < LABEL_COUNT && ok; l++) {
    for (size_t i = 0; i < scored->rows; i++) {
      truth[i] = scored->truth[i * LABEL_COUNT + l];
      scores[i] = scored->scores[i * LABEL_COUNT + l];
    }
    ok = binary_metrics_compute(truth, scores, scored->rows, &per_label[l], err);
  }
  free(truth);
  free(scores);
  return ok;
}

static bool report_label_metrics(const scored_rows *scored, buffer *json, buffer *csv, error *err) {
  binary_metrics per_label[LABEL_COUNT];
  category_metrics per_category[CATEGORY_COUNT];
  if (!label_metrics(scored, per_label, err))
    return false;
  for (size_t c = 0; c < CATEGORY_COUNT; c++)
    if (!category_metrics_compute(scored->truth, scored->scores, scored->rows, LABEL_COUNT,
                                  categories[c].labels, categories[c].label_count, per_label,
                                  &per_category[c], err))
      return false;
  return metrics_report_labels(per_label, per_category, json, csv, err);
}

static bool report_metrics(const task_result *result, const reporter *r, buffer *json, buffer *csv,
                           error *err) {
  scored_rows scored = {0};
  bool ok = collect_scores(result, &scored, err);
  if (ok && scored.rows < 2) {
    report(r, REPORT_WARNING, "%s: metrics need at least two ECGs; skipped", result->model_id);
    ok = metrics_report_empty(json, csv, err);
  } else if (ok && result->task->kind == TASK_BINARY) {
    binary_metrics metrics;
    ok = binary_metrics_compute(scored.truth, scored.scores, scored.rows, &metrics, err) &&
         metrics_report_binary(&metrics, json, csv, err);
  } else if (ok) {
    ok = report_label_metrics(&scored, json, csv, err);
  }
  free(scored.truth);
  free(scored.scores);
  return ok;
}

static bool save_text(const char *path, const buffer *text, error *err) {
  return atomic_file_save(path, ATOMIC_FILE_NEW, true, text->data, text->size, err);
}

bool outputs_write(const task_result *result, bool metrics, const pipeline_options *options,
                   const reporter *r, run_summary *summary, error *err) {
  arena *memory = arena_create(err);
  if (!memory)
    return false;
  char *base = arena_printf(memory, err, "%s/%s_%s_%s", options->output_folder, result->model_id,
                            summary->stamp, result->task->label_column);
  char *probabilities = base ? arena_printf(memory, err, "%s_probabilities.csv", base) : NULL;
  char *json_path = base ? arena_printf(memory, err, "%s.json", base) : NULL;
  char *csv_path = base ? arena_printf(memory, err, "%s.csv", base) : NULL;
  bool ok = probabilities && json_path && csv_path && write_probabilities(result, probabilities, err);
  summary->result_files += ok;
  if (ok && metrics) {
    buffer json = {0}, csv = {0};
    ok = report_metrics(result, r, &json, &csv, err) && save_text(json_path, &json, err) &&
         save_text(csv_path, &csv, err);
    summary->result_files += ok ? 2 : 0;
    buffer_free(&json);
    buffer_free(&csv);
  }
  arena_destroy(memory);
  return ok;
}
