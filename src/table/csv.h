/* CSV tables with named columns: RFC 4180, plus what spreadsheets and pandas write. */
#ifndef DEEPECG_TABLE_CSV_H
#define DEEPECG_TABLE_CSV_H

#include "base/atomic_file.h"
#include "base/buffer.h"
#include "base/error.h"

#include <stddef.h>

typedef struct csv_table csv_table;

/* One cell. `text` is NUL-terminated UTF-8 and lives as long as the table; for a null cell it is "". */
typedef struct csv_cell {
  const char *text;
  size_t length;
  bool is_null;
} csv_cell;

/* What is accepted from a file; more is an error (ERROR_LIMIT). */
enum { CSV_MOST_COLUMNS = 10000, CSV_LONGEST_CELL = 1 << 20 };

/* Read the file `path`. Only columns whose name is in wanted[0..wanted_count) are kept (NULL: all); equal
 * cell texts are stored once, so that a table of 1,000,000 rows stays small.
 *
 * The dialect is pandas.read_csv's: a byte-order mark is skipped; lines end with LF, CRLF or CR, the last one
 * with nothing if it likes; lines that are empty or hold only blanks are skipped, before the header too; a
 * quote opens a quoted cell only at the cell's start, elsewhere it is a character like others, and text
 * between the closing quote and the separator is appended. Null cells are those that pandas takes for null
 * (empty, NA, N/A, NaN, nan, null, NULL, None, #N/A, <NA>, n/a, -nan, ...; not a cell of blanks), quoted or
 * not. Unlike pandas, the separator is ';' where the header line has a ';' and no comma outside quotes, and a
 * row with fewer cells than the header is an error.
 *
 * Errors name the file and the line: a row with more or fewer cells than the header, a kept column that is
 * there twice (but for columns without a name), an unclosed quote, a NUL byte, invalid UTF-8, no header. NULL
 * and *err on failure. */
csv_table *csv_table_read(const char *path, const char *const *wanted, size_t wanted_count, error *err);
/* The same from memory, which need not outlive the call; `name` stands for the file in messages. */
csv_table *csv_table_parse(const char *name, const void *bytes, size_t size, const char *const *wanted,
                           size_t wanted_count, error *err);
void csv_table_destroy(csv_table *table); /* NULL is allowed */

/* A table may be read from several threads at once. */
size_t csv_table_rows(const csv_table *table);
/* Line of the file (1-based) on which a row starts, for messages. */
size_t csv_table_line(const csv_table *table, size_t row);
/* Index of a kept column, or -1. */
int csv_table_find_column(const csv_table *table, const char *name);
/* Number of columns in the file, kept or not, and their names (to say what a table without known columns does
 * have). */
size_t csv_table_file_columns(const csv_table *table);
const char *csv_table_file_column_name(const csv_table *table, size_t index);
/* row < csv_table_rows(), column from csv_table_find_column. */
csv_cell csv_table_cell(const csv_table *table, size_t row, int column);

/* Writing, cell by cell. A cell is quoted only where it must be (Python's QUOTE_MINIMAL). Set one of file and
 * text, the rest to zero. */
typedef struct csv_writer {
  atomic_file *file;    /* where the bytes go; not owned */
  buffer *text;         /* or there */
  const char *line_end; /* NULL: "\n" */
  size_t row_cells;     /* written so far in this row */
  bool row_is_blank;    /* and all of them empty */
} csv_writer;

bool csv_write_cell(csv_writer *writer, const char *text, error *err);
bool csv_write_float32(csv_writer *writer, float value, error *err);
bool csv_write_float64(csv_writer *writer, double value, error *err);
bool csv_end_row(csv_writer *writer, error *err);

#endif
