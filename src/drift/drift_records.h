/* Which records are compared, and what is known of them. */
#ifndef DEEPECG_DRIFT_DRIFT_RECORDS_H
#define DEEPECG_DRIFT_DRIFT_RECORDS_H

#include "drift/drift.h"
#include "pipeline/input_table.h"

enum { DRIFT_NO_LABEL = -1 };

typedef struct drift_record {
  const char *path;
  const char *text;              /* the diagnosis; NULL: unknown */
  signed char labels[MAX_TASKS]; /* by task, as in tasks[]: 0, 1 or DRIFT_NO_LABEL */
} drift_record;

typedef struct drift_records {
  arena *memory;
  drift_record *items; /* each path once, in the order of first appearance */
  size_t count, capacity;
  input_table table; /* holds the texts of a table's records */
} drift_records;

/* As drift_make says. Free with drift_records_free (also after a failure). */
bool drift_records_list(drift_records *records, const char *const *operands, size_t count,
                        const drift_options *options, error *err);
void drift_records_free(drift_records *records);

#endif
