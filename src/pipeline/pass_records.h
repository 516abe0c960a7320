/* The records of a pass: those of all its members, each once. */
#ifndef DEEPECG_PIPELINE_PASS_RECORDS_H
#define DEEPECG_PIPELINE_PASS_RECORDS_H

#include "pipeline/task_rows.h"

typedef struct pass_records {
  arena *memory;
  const char **paths;
  size_t count;
  size_t *place[MAX_TASKS];  /* per member and signal of its rows: the number in paths */
  ptrdiff_t *own[MAX_TASKS]; /* per member and path: the number of its signal, or NOT_WANTED (pass.h) */
} pass_records;

/* Of `members` (at most MAX_TASKS) tasks' rows: the first one's signals in their order, then those of the
 * next that are new, and so on. Free with pass_records_free (also after a failure). */
bool pass_records_make(pass_records *records, const task_rows *const *rows, size_t members, error *err);
void pass_records_free(pass_records *records);

#endif
