#include "pipeline/input_table.h"

#include "base/buffer.h"
#include "base/number_text.h"

#include <string.h>

bool binary_label(csv_cell cell, unsigned char *label) {
  double value;
  if (!parse_float64(cell.text, cell.length, &value) || (value != 0 && value != 1))
    return false;
  *label = value == 1;
  return true;
}

static bool check_labels(const csv_table *csv, const input_task *task, error *err) {
  if (task->label_column < 0 || task->task->kind != TASK_BINARY)
    return true;
  for (size_t row = 0; row < csv_table_rows(csv); row++) {
    csv_cell cell = csv_table_cell(csv, row, task->label_column);
    unsigned char label;
    if (!cell.is_null && !binary_label(cell, &label))
      return error_set(err, ERROR_DATA, "line %zu, column %s: the label is '%.40s', not 0 or 1",
                       csv_table_line(csv, row), task->task->label_column, cell.text);
  }
  return true;
}

static bool find_task(input_table *table, const task_info *task, bool predictions_only, buffer *missing,
                      error *err) {
  int label = csv_table_find_column(table->csv, task->label_column);
  int file = csv_table_find_column(table->csv, task->file_column);
  if (label < 0 && file < 0)
    return true;
  if (file < 0 || (label < 0 && !predictions_only)) {
    return buffer_printf(missing, err, "%s'%s' (wanted beside '%s')", missing->size ? ", " : "",
                         file < 0 ? task->file_column : task->label_column,
                         file < 0 ? task->label_column : task->file_column);
  }
  input_task found = {task, label, file};
  size_t at = table->task_count++;
  /* Kept columns are numbered as they stand in the file. */
  for (; at > 0 && table->tasks[at - 1].file_column > file; at--)
    table->tasks[at] = table->tasks[at - 1];
  table->tasks[at] = found;
  return true;
}

static bool no_known_column(const csv_table *csv, error *err) {
  buffer wanted = {0};
  for (size_t i = 0; i < task_count; i++)
    buffer_printf(&wanted, NULL, "%s%s with %s", i ? ", " : "", tasks[i].label_column, tasks[i].file_column);
  error_set(err, ERROR_DATA, "no known column among its %zu; wanted are pairs of %s",
            csv_table_file_columns(csv), wanted.data ? wanted.data : "");
  buffer_free(&wanted);
  return false;
}

static bool find_tasks(input_table *table, bool predictions_only, error *err) {
  buffer missing = {0};
  bool ok = true;
  for (size_t i = 0; i < task_count && ok; i++)
    ok = find_task(table, &tasks[i], predictions_only, &missing, err);
  if (ok && missing.size)
    ok = error_set(err, ERROR_DATA, "DataFrame validation failed: missing column %s", missing.data);
  else if (ok && table->task_count == 0)
    ok = no_known_column(table->csv, err);
  buffer_free(&missing);
  return ok;
}

bool input_table_open(input_table *table, const char *path, bool predictions_only, error *err) {
  *table = (input_table){0};
  const char *wanted[2 * MAX_TASKS] = {NULL};
  size_t count = 0;
  for (size_t i = 0; i < task_count && count + 2 <= sizeof wanted / sizeof *wanted; i++) {
    wanted[count++] = tasks[i].label_column;
    wanted[count++] = tasks[i].file_column;
  }
  table->csv = csv_table_read(path, wanted, count, err);
  if (!table->csv)
    return false;
  error reason;
  if (!find_tasks(table, predictions_only, &reason)) {
    if (strncmp(reason.message, "DataFrame", 9) ==
        0) /* scripts look for this text at the start of the message */
      return error_set(err, reason.code, "%s: %s", reason.message, path);
    return error_set(err, reason.code, "%s: %s", path, reason.message);
  }
  for (size_t i = 0; i < table->task_count; i++)
    if (!check_labels(table->csv, &table->tasks[i], &reason))
      return error_set(err, reason.code, "%s: %s", path, reason.message);
  return true;
}

void input_table_close(input_table *table) {
  csv_table_destroy(table->csv);
  *table = (input_table){0};
}
