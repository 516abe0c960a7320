#include "synth/tables.h"

#include <stdio.h>

static const char *const table_columns[] = {"ecg_machine_diagnosis",
                                            "77_classes_ecg_file_name",
                                            "afib_5y",
                                            "afib_ecg_file_name",
                                            "lvef_40",
                                            "lvef_40_ecg_file_name",
                                            "lvef_50",
                                            "lvef_50_ecg_file_name"};

bool table_row_fill(table_row *row, const synth_record *record, const char *file_name, error *err) {
  snprintf(row->file_name, sizeof row->file_name, "%s", file_name);
  row->labels = record->labels;
  row->findings = record->findings;
  buffer_clear(&row->statements);
  return synth_statements_join(&record->statements, &row->statements, err);
}

bool table_write_header(csv_writer *table, error *err) {
  for (size_t i = 0; i < sizeof table_columns / sizeof table_columns[0]; i++) {
    if (!csv_write_cell(table, table_columns[i], err))
      return false;
  }
  return csv_end_row(table, err);
}

bool table_write_row(csv_writer *table, const table_row *row, error *err) {
  const char *const cells[] = {row->statements.data, row->labels.afib_5y ? "1" : "0",
                               row->labels.lvef_40 ? "1" : "0", row->labels.lvef_50 ? "1" : "0"};
  for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
    if (!csv_write_cell(table, cells[i], err) || !csv_write_cell(table, row->file_name, err))
      return false;
  }
  return csv_end_row(table, err);
}

bool truth_write_header(csv_writer *table, error *err) {
  if (!csv_write_cell(table, "file_name", err))
    return false;
  for (size_t i = 0; i < FINDING_COUNT; i++) {
    if (!csv_write_cell(table, synth_finding_names[i], err))
      return false;
  }
  return csv_end_row(table, err);
}

bool truth_write_row(csv_writer *table, const table_row *row, error *err) {
  if (!csv_write_cell(table, row->file_name, err))
    return false;
  for (size_t i = 0; i < FINDING_COUNT; i++) {
    if (!csv_write_cell(table, row->findings.has[i] ? "1" : "0", err))
      return false;
  }
  return csv_end_row(table, err);
}
