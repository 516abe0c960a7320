/* The rows of the table that a task can use, and the distinct cleaned records and diagnoses behind them. */
#ifndef DEEPECG_PIPELINE_TASK_ROWS_H
#define DEEPECG_PIPELINE_TASK_ROWS_H

#include "base/arena.h"
#include "pipeline/input_table.h"
#include "pipeline/lost_files.h"
#include "pipeline/pipeline.h"

typedef struct task_row {
  size_t signal;       /* index into task_rows.signals */
  bool labelled;       /* false only without a label column or with predictions_only: the next two are 0 */
  unsigned char label; /* binary tasks */
  size_t text;         /* 77 labels: index into task_rows.texts */
} task_row;

typedef struct task_signal {
  const char *path; /* of the cleaned record */
  const char *name; /* "{stem}.base64", as the outputs have it */
} task_signal;

/* Rows stand in table order; a file used twice is two rows and one signal. */
typedef struct task_rows {
  arena *memory;
  task_row *rows;
  size_t row_count, row_capacity;
  task_signal *signals;
  size_t signal_count, signal_capacity;
  const char **texts; /* distinct diagnoses */
  size_t text_count, text_capacity;
  bool labelled; /* the task has a label column */
} task_rows;

/* Rows whose label and file name are both non-null and whose cleaned record exists and is no lost file's;
 * with options->predictions_only the label may be null. Free with task_rows_free (also after a failure). */
bool task_rows_make(task_rows *rows, const input_table *table, const input_task *task,
                    const pipeline_options *options, const lost_files *lost, error *err);
void task_rows_free(task_rows *rows);

#endif
