/* CSV tables with named columns: RFC 4180, plus what spreadsheets and pandas write. */
#ifndef DEEPECG_TABLE_CSV_H
#define DEEPECG_TABLE_CSV_H

#include "base/atomic_file.h"
#include "base/error.h"

#include <stddef.h>

typedef struct csv_table csv_table;

/* One cell. `text` is NUL-terminated UTF-8 and lives as long as the table; for a null cell it is "". */
typedef struct csv_cell {
  const char *text;
  size_t length;
  bool is_null;
} csv_cell;

/* Read the file `path`. Only columns whose name is in wanted[0..wanted_count) are kept (NULL: all); equal cell texts are
 * stored once, so that a table of 1,000,000 rows stays small. A byte-order mark, CRLF and newlines inside quotes are
 * accepted; the separator is ';' where the header line has no comma outside quotes and has a ';'. Null cells are what
 * pandas.read_csv takes for null (empty, NA, N/A, NaN, nan, null, NULL, None, #N/A, <NA>, n/a, -nan, ...), quoted or not.
 * Blank lines are skipped as pandas does. Errors name the file and the line: a row with more or fewer cells than the
 * header, a repeated column name, an unclosed quote, a NUL byte, invalid UTF-8, no header. NULL and *err on failure. */
csv_table *csv_table_read(const char *path, const char *const *wanted, size_t wanted_count, error *err);
void csv_table_destroy(csv_table *table);

size_t csv_table_rows(const csv_table *table);
/* Line of the file (1-based) on which a row starts, for messages. */
size_t csv_table_line(const csv_table *table, size_t row);
/* Index of a kept column, or -1. */
int csv_table_find_column(const csv_table *table, const char *name);
/* Number of columns in the file, kept or not, and their names (to say what a table without known columns does have). */
size_t csv_table_file_columns(const csv_table *table);
const char *csv_table_file_column_name(const csv_table *table, size_t index);
csv_cell csv_table_cell(const csv_table *table, size_t row, int column);

/* Writing: cells one by one, rows ended by '\n'. A cell is quoted only where it must be (pandas' QUOTE_MINIMAL). */
typedef struct csv_writer {
  atomic_file *file; /* not owned */
  bool row_started;
} csv_writer;

bool csv_write_cell(csv_writer *writer, const char *text, error *err);
bool csv_write_float32(csv_writer *writer, float value, error *err);
bool csv_write_float64(csv_writer *writer, double value, error *err);
bool csv_end_row(csv_writer *writer, error *err);

#endif
