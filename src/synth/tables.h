/* The tables beside the ECG files. */
#ifndef DEEPECG_SYNTH_TABLES_H
#define DEEPECG_SYNTH_TABLES_H

#include "synth/record.h"
#include "table/csv.h"

/* What the tables say of one record. Zero-initialise; may be used again; free `statements`. */
typedef struct table_row {
  char file_name[32];
  buffer statements;
  synth_labels labels;
  synth_findings findings;
} table_row;

bool table_row_fill(table_row *row, const synth_record *record, const char *file_name, error *err);

bool table_write_header(csv_writer *table, error *err);
bool table_write_row(csv_writer *table, const table_row *row, error *err);

bool truth_write_header(csv_writer *table, error *err);
bool truth_write_row(csv_writer *table, const table_row *row, error *err);

#endif
