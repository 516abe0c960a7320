#include "drift/drift_records.h"

#include "base/buffer.h"
#include "base/string_map.h"
#include "pipeline/file_tree.h"
#include "pipeline/paths.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static bool is_table(const char *operand) {
  size_t length = strlen(operand);
  return length > 4 && strcasecmp(operand + length - 4, ".csv") == 0;
}

static bool is_folder(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* The record of this path, a new one where there is none yet. */
static drift_record *record_of(drift_records *records, string_map *known, const char *path, error *err) {
  size_t number;
  if (!path || !string_map_add(known, path, records->count, &number, err))
    return NULL;
  if (number < records->count)
    return &records->items[number];
  void *items = records->items;
  if (!array_reserve(&items, &records->capacity, records->count + 1, sizeof *records->items, err))
    return NULL;
  records->items = items;
  drift_record *record = &records->items[records->count++];
  *record = (drift_record){.path = path};
  memset(record->labels, DRIFT_NO_LABEL, sizeof record->labels);
  return record;
}

/* ---- a table ---- */

static char *path_of_cell(drift_records *records, const char *name, const drift_options *options,
                          error *err) {
  if (!options->cleaned)
    return path_join(records->memory, options->ecg_signals_path, name, err);
  char *stem = path_stem(records->memory, name, err);
  return stem ? preprocessed_path(records->memory, options->ecg_signals_path, stem, err) : NULL;
}

/* What the first row with a label says is kept. */
static void keep_label(drift_record *record, const input_task *task, csv_cell cell) {
  unsigned char label;
  signed char *kept = &record->labels[task->task - tasks];
  if (cell.is_null)
    return;
  if (task->task->kind == TASK_77_LABELS)
    record->text = record->text ? record->text : cell.text;
  else if (*kept == DRIFT_NO_LABEL && binary_label(cell, &label))
    *kept = (signed char)label;
}

static bool add_cell(drift_records *records, string_map *known, size_t row, const input_task *task,
                     const drift_options *options, error *err) {
  const csv_table *csv = records->table.csv;
  csv_cell file = csv_table_cell(csv, row, task->file_column);
  if (file.is_null)
    return true;
  drift_record *record = record_of(records, known, path_of_cell(records, file.text, options, err), err);
  if (record && task->label_column >= 0)
    keep_label(record, task, csv_table_cell(csv, row, task->label_column));
  return record != NULL;
}

static bool list_table(drift_records *records, string_map *known, const char *path,
                       const drift_options *options, error *err) {
  if (!input_table_open(&records->table, path, true, err))
    return false;
  for (size_t row = 0; row < csv_table_rows(records->table.csv); row++)
    for (size_t t = 0; t < records->table.task_count; t++)
      if (!add_cell(records, known, row, &records->table.tasks[t], options, err))
        return false;
  return true;
}

/* ---- files and folders ---- */

static bool list_folder(drift_records *records, string_map *known, const char *folder, error *err) {
  file_tree tree;
  bool ok = file_tree_list(&tree, folder, err);
  for (size_t i = 0; ok && i < tree.count; i++) {
    char *path = path_join(records->memory, folder, tree.entries[i].path, err);
    ok = record_of(records, known, path, err) != NULL;
  }
  file_tree_free(&tree);
  return ok;
}

static bool list_operand(drift_records *records, string_map *known, const char *operand, error *err) {
  if (is_folder(operand))
    return list_folder(records, known, operand, err);
  return record_of(records, known, operand, err) != NULL;
}

bool drift_records_list(drift_records *records, const char *const *operands, size_t count,
                        const drift_options *options, error *err) {
  *records = (drift_records){.memory = arena_create(err)};
  if (!records->memory)
    return false;
  string_map known = {0};
  bool ok = true;
  for (size_t i = 0; ok && i < count; i++)
    if (!is_table(operands[i]))
      ok = list_operand(records, &known, operands[i], err);
    else if (count > 1)
      ok = error_set(err, ERROR_USAGE, "%s: a table stands alone: neither files nor a second table beside it",
                     operands[i]);
    else
      ok = list_table(records, &known, operands[i], options, err);
  string_map_free(&known);
  return ok && (records->count || error_set(err, ERROR_DATA, "%s: no record is named there", operands[0]));
}

void drift_records_free(drift_records *records) {
  input_table_close(&records->table);
  arena_destroy(records->memory);
  free(records->items);
  *records = (drift_records){0};
}
