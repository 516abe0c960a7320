/* The ECG files that a table names: existing ones once each, in the order of first appearance, and missing
 * ones. */
#ifndef DEEPECG_PIPELINE_FILE_LIST_H
#define DEEPECG_PIPELINE_FILE_LIST_H

#include "base/arena.h"
#include "pipeline/input_table.h"

/* Without its path, path_join(ecg_signals_path, name): a large table may miss millions of files. */
typedef struct missing_file {
  const char *column, *name;
} missing_file;

typedef struct file_list {
  arena *memory;
  const char **paths;
  size_t count, capacity;
  missing_file *missing;
  size_t missing_count, missing_capacity;
} file_list;

/* Names are joined to ecg_signals_path. The texts of missing files are the table's, which must live as long.
 * Free with file_list_free (also after a failure). */
bool file_list_make(file_list *list, const input_table *table, const char *ecg_signals_path, error *err);
void file_list_free(file_list *list);

#endif
