#include "pipeline/task_rows.h"

#include "base/buffer.h"
#include "base/string_map.h"
#include "ecg/formats/format.h"
#include "pipeline/paths.h"

#include <stdlib.h>
#include <string.h>

enum { NO_SIGNAL = -1 };

/* The signal's number + 1 under its stem in `known`; 0 stands for a cleaned record that doesn't exist. */
static bool find_signal(task_rows *rows, string_map *known, const char *file_name, const char *folder,
                        long *signal, error *err) {
  char *stem = path_stem(rows->memory, file_name, err);
  if (!stem)
    return false;
  size_t number = string_map_get(known, stem, SIZE_MAX);
  if (number == SIZE_MAX) {
    char *path = preprocessed_path(rows->memory, folder, stem, err);
    void *signals = rows->signals;
    if (!path ||
        !array_reserve(&signals, &rows->signal_capacity, rows->signal_count + 1, sizeof *rows->signals, err))
      return false;
    rows->signals = signals;
    number = 0;
    if (path_exists(path)) {
      rows->signals[rows->signal_count++] = (task_signal){path, strrchr(path, '/') + 1};
      number = rows->signal_count;
    }
    if (!string_map_add(known, stem, number, NULL, err))
      return false;
  }
  *signal = number ? (long)number - 1 : NO_SIGNAL;
  return true;
}

/* The machine's own statements, for a row whose diagnosis cell is empty. A file that cannot be read has none.
 */
static const char *statements_of(task_rows *rows, const char *file_name, const char *ecg_signals_path) {
  char *path = path_join(rows->memory, ecg_signals_path, file_name, NULL);
  ecg_record record;
  if (!path || !ecg_read_file(path, &record, NULL, NULL))
    return NULL;
  const char *text = *record.statements ? arena_strdup(rows->memory, record.statements, NULL) : NULL;
  ecg_record_clear(&record);
  return text;
}

/* The number of the text among the distinct ones. */
static bool find_text(task_rows *rows, string_map *known, const char *text, size_t *number, error *err) {
  void *texts = rows->texts;
  if (!string_map_add(known, text, rows->text_count, number, err))
    return false;
  if (*number < rows->text_count)
    return true;
  if (!array_reserve(&texts, &rows->text_capacity, rows->text_count + 1, sizeof *rows->texts, err))
    return false;
  rows->texts = texts;
  rows->texts[rows->text_count++] = text;
  return true;
}

static const char *diagnosis_of(task_rows *rows, csv_cell cell, const char *file_name,
                                const pipeline_options *options) {
  if (!cell.is_null)
    return cell.text;
  return options->diagnosis_from_file ? statements_of(rows, file_name, options->ecg_signals_path) : NULL;
}

typedef struct known_names {
  string_map signals, texts;
  const lost_files *lost;
  buffer path; /* of the row's ECG file */
} known_names;

/* Give the row the label that its cell holds, if any. */
static bool label_row(task_rows *rows, known_names *known, csv_cell label, const input_task *task,
                      const char *file_name, const pipeline_options *options, task_row *made, error *err) {
  if (task->task->kind == TASK_BINARY) {
    made->labelled = !label.is_null && binary_label(label, &made->label);
    return true;
  }
  const char *text = diagnosis_of(rows, label, file_name, options);
  made->labelled = text != NULL;
  return !text || find_text(rows, &known->texts, text, &made->text, err);
}

static bool add_row(task_rows *rows, task_row made, error *err) {
  void *all = rows->rows;
  if (!array_reserve(&all, &rows->row_capacity, rows->row_count + 1, sizeof *rows->rows, err))
    return false;
  rows->rows = all;
  rows->rows[rows->row_count++] = made;
  return true;
}

static bool is_lost(const lost_files *lost, const char *folder, const char *name, buffer *path, bool *found,
                    error *err) {
  if (!path_join_into(path, folder, name, err))
    return false;
  *found = lost_files_hold(lost, path->data);
  return true;
}

static bool make_row(task_rows *rows, known_names *known, const input_table *table, const input_task *task,
                     size_t row, const pipeline_options *options, error *err) {
  csv_cell file = csv_table_cell(table->csv, row, task->file_column);
  long signal;
  bool lost;
  if (file.is_null)
    return true;
  if (!is_lost(known->lost, options->ecg_signals_path, file.text, &known->path, &lost, err))
    return false;
  if (lost)
    return true;
  if (!find_signal(rows, &known->signals, file.text, options->preprocessing_folder, &signal, err))
    return false;
  if (signal == NO_SIGNAL)
    return true;
  task_row made = {.signal = (size_t)signal};
  if (rows->labelled && !label_row(rows, known, csv_table_cell(table->csv, row, task->label_column), task,
                                   file.text, options, &made, err))
    return false;
  return !(made.labelled || options->predictions_only) || add_row(rows, made, err);
}

bool task_rows_make(task_rows *rows, const input_table *table, const input_task *task,
                    const pipeline_options *options, const lost_files *lost, error *err) {
  *rows = (task_rows){.memory = arena_create(err), .labelled = task->label_column >= 0};
  if (!rows->memory)
    return false;
  known_names known = {.lost = lost};
  bool ok = true;
  for (size_t row = 0; row < csv_table_rows(table->csv) && ok; row++)
    ok = make_row(rows, &known, table, task, row, options, err);
  string_map_free(&known.signals);
  string_map_free(&known.texts);
  buffer_free(&known.path);
  return ok;
}

void task_rows_free(task_rows *rows) {
  arena_destroy(rows->memory);
  free(rows->rows);
  free(rows->signals);
  free(rows->texts);
  *rows = (task_rows){0};
}
