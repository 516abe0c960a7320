/* The table that names the ECG files and their labels. */
#ifndef DEEPECG_PIPELINE_INPUT_TABLE_H
#define DEEPECG_PIPELINE_INPUT_TABLE_H

#include "table/csv.h"
#include "tasks/tasks.h"

enum { MAX_TASKS = 8 };

typedef struct input_task {
  const task_info *task;
  int label_column; /* -1: none, probabilities only */
  int file_column;
} input_task;

/* Tasks stand in the order of the table's columns (the reference: in that of a Python set). */
typedef struct input_table {
  csv_table *csv;
  size_t task_count;
  input_task tasks[MAX_TASKS];
} input_table;

/* Read and validate. Failures: unreadable or malformed table; a label column without its file column or,
 * unless predictions_only, the reverse (the message starts with "DataFrame validation failed:"); no known
 * column; a label other than 0 and 1 in a binary column. Close with input_table_close (also after a failure).
 */
bool input_table_open(input_table *table, const char *path, bool predictions_only, error *err);
void input_table_close(input_table *table);

/* The label of a binary task; `cell` is not null and has passed validation. */
bool binary_label(csv_cell cell, unsigned char *label);

#endif
