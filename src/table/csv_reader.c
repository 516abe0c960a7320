#include "table/csv.h"

#include "base/arena.h"
#include "base/mapped_file.h"
#include "base/utf8.h"
#include "table/string_pool.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { NULL_TEXT = 0, RELEASE_EVERY = 1 << 24 };

struct csv_table {
  arena *memory; /* the columns' names and places */
  string_pool *pool;
  const char **file_columns;
  size_t file_column_count;
  int *place; /* of each file column among the kept ones, or -1 */
  const char **columns;
  size_t column_count;
  uint32_t *cells; /* numbers of the pool, cells[row * column_count + column] */
  size_t *lines;
  size_t rows, cells_capacity, lines_capacity;
};

/* Where reading stands. */
typedef struct reader {
  const char *path;
  const mapped_file *mapped; /* NULL: the bytes are the caller's */
  const char *at, *end;
  size_t line; /* of `at`, 1-based */
  char separator;
  const char *text; /* the cell read last: in the file, or in `unquoted` where it had quotes */
  size_t length;
  buffer unquoted;
} reader;

typedef enum cell_end { CELL_FAILED, CELL_THEN_CELL, CELL_THEN_LINE_END } cell_end;

static bool fail(const reader *r, error_code code, const char *what, error *err) {
  return error_set(err, code, "%s, line %zu: %s", r->path, r->line, what);
}

static bool is_null_text(const char *text, size_t length) {
  static const char *const nulls[] = {"",     "#N/A",   "#N/A N/A", "#NA",  "-1.#IND", "-1.#QNAN", "-NaN",
                                      "-nan", "1.#IND", "1.#QNAN",  "<NA>", "N/A",     "NA",       "NULL",
                                      "NaN",  "None",   "n/a",      "nan",  "null"};
  if (length > 8)
    return false;
  for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
    if (strlen(nulls[i]) == length && memcmp(nulls[i], text, length) == 0)
      return true;
  return false;
}

/* Step over the line end at `at`, if there is one: LF, CRLF or CR. */
static bool skip_line_end(reader *r) {
  const char *at = r->at;
  if (at < r->end && *at == '\r')
    at++;
  if (at < r->end && *at == '\n')
    at++;
  if (at == r->at)
    return false;
  r->at = at;
  r->line++;
  return true;
}

static const char *find_plain_end(const reader *r) {
  const char *c = r->at;
  while (c < r->end && *c != r->separator && *c != '\n' && *c != '\r')
    c++;
  return c;
}

/* Lines from at to end, both inside one quoted cell. */
static size_t count_line_ends(const char *at, const char *end) {
  size_t count = 0;
  for (; at < end; at++)
    count += *at == '\n' || (*at == '\r' && (at + 1 == end || at[1] != '\n'));
  return count;
}

static bool check_length(const reader *r, size_t length, error *err) {
  return length <= CSV_LONGEST_CELL || fail(r, ERROR_LIMIT, "a cell is longer than 1 MiB", err);
}

/* Text from behind the opening quote to the closing one, quotes that stand doubled made one, then what
 * follows up to the cell's end. */
static bool read_quoted(reader *r, error *err) {
  size_t line = r->line;
  buffer_clear(&r->unquoted);
  for (r->at++;; r->at++) {
    const char *quote = memchr(r->at, '"', (size_t)(r->end - r->at));
    if (!quote)
      return fail(r, ERROR_FORMAT, "a quote is not closed", err);
    bool doubled = quote + 1 < r->end && quote[1] == '"';
    size_t length = (size_t)(quote - r->at) + doubled;
    if (!check_length(r, r->unquoted.size + length, err) || !buffer_append(&r->unquoted, r->at, length, err))
      return false;
    line += count_line_ends(r->at, quote);
    r->at = quote + 1;
    if (!doubled)
      break;
  }
  const char *end = find_plain_end(r);
  if (!check_length(r, r->unquoted.size + (size_t)(end - r->at), err) ||
      !buffer_append(&r->unquoted, r->at, (size_t)(end - r->at), err))
    return false;
  r->at = end;
  r->text = r->unquoted.data;
  r->length = r->unquoted.size;
  r->line = line; /* only now: an error names the line on which the cell starts */
  return true;
}

static bool read_plain(reader *r, error *err) {
  const char *end = find_plain_end(r);
  r->text = r->at;
  r->length = (size_t)(end - r->at);
  r->at = end;
  return check_length(r, r->length, err);
}

static cell_end read_cell(reader *r, error *err) {
  bool quoted = r->at < r->end && *r->at == '"';
  size_t line = r->line;
  if (!(quoted ? read_quoted(r, err) : read_plain(r, err)))
    return CELL_FAILED;
  bool nul = memchr(r->text, '\0', r->length);
  if (nul || !utf8_valid(r->text, r->length)) {
    r->line = line;
    fail(r, ERROR_FORMAT,
         nul ? "a NUL byte"
             : "not UTF-8 (Latin-1 is converted by: iconv -f latin1 -t utf-8 OLD.csv > NEW.csv)",
         err);
    return CELL_FAILED;
  }
  if (r->at < r->end && *r->at == r->separator) {
    r->at++;
    return CELL_THEN_CELL;
  }
  skip_line_end(r);
  return CELL_THEN_LINE_END;
}

/* To the next line that holds more than blanks. False at the end of the file. */
static bool find_row(reader *r) {
  while (r->at < r->end) {
    const char *start = r->at;
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t'))
      r->at++;
    if (!skip_line_end(r) && r->at < r->end) {
      r->at = start;
      return true;
    }
  }
  return false;
}

static char find_separator(const reader *r) {
  bool quoted = false, semicolon = false;
  for (const char *c = r->at; c < r->end && (quoted || (*c != '\n' && *c != '\r')); c++) {
    quoted ^= *c == '"';
    if (*c == ',' && !quoted)
      return ',';
    semicolon |= *c == ';' && !quoted;
  }
  return semicolon ? ';' : ',';
}

static bool add_column_name(csv_table *t, size_t *capacity, const reader *r, error *err) {
  if (t->file_column_count >= CSV_MOST_COLUMNS)
    return fail(r, ERROR_LIMIT, "more than 10,000 columns", err);
  void *names = t->file_columns;
  if (!array_reserve(&names, capacity, t->file_column_count + 1, sizeof *t->file_columns, err))
    return false;
  t->file_columns = names;
  return (t->file_columns[t->file_column_count++] = arena_strndup(t->memory, r->text, r->length, err));
}

static bool read_header(csv_table *t, reader *r, error *err) {
  r->separator = ',';
  if (!find_row(r))
    return error_set(err, ERROR_FORMAT, "%s: empty, not even a header line", r->path);
  r->separator = find_separator(r);
  size_t capacity = 0;
  cell_end end;
  do {
    end = read_cell(r, err);
    if (end == CELL_FAILED || !add_column_name(t, &capacity, r, err))
      return false;
  } while (end == CELL_THEN_CELL);
  return true;
}

static bool is_wanted(const char *name, const char *const *wanted, size_t wanted_count) {
  for (size_t i = 0; i < wanted_count; i++)
    if (strcmp(wanted[i], name) == 0)
      return true;
  return !wanted;
}

static bool choose_columns(csv_table *t, const reader *r, const char *const *wanted, size_t wanted_count,
                           error *err) {
  t->place = arena_alloc_array(t->memory, t->file_column_count, sizeof *t->place, err);
  t->columns = arena_alloc_array(t->memory, t->file_column_count, sizeof *t->columns, err);
  if (!t->place || !t->columns)
    return false;
  for (size_t i = 0; i < t->file_column_count; i++) {
    const char *name = t->file_columns[i];
    t->place[i] = -1;
    if (!is_wanted(name, wanted, wanted_count))
      continue;
    if (*name && csv_table_find_column(t, name) >= 0)
      return error_set(err, ERROR_FORMAT, "%s: two columns are named \"%s\"", r->path, name);
    t->place[i] = (int)t->column_count;
    t->columns[t->column_count++] = name;
  }
  return true;
}

static bool keep_cell(csv_table *t, const reader *r, uint32_t *cell, error *err) {
  *cell = NULL_TEXT;
  return is_null_text(r->text, r->length) || string_pool_add(t->pool, r->text, r->length, cell, err) ||
         error_prefix(err, "%s", r->path);
}

static bool reserve_row(csv_table *t, error *err) {
  void *cells = t->cells, *lines = t->lines;
  bool ok = array_reserve(&cells, &t->cells_capacity, (t->rows + 1) * t->column_count, sizeof *t->cells, err);
  t->cells = cells;
  ok = ok && array_reserve(&lines, &t->lines_capacity, t->rows + 1, sizeof *t->lines, err);
  t->lines = lines;
  return ok;
}

static bool read_row(csv_table *t, reader *r, error *err) {
  if (!reserve_row(t, err))
    return false;
  size_t line = r->line, last = t->file_column_count - 1;
  uint32_t *row = t->cells + t->rows * t->column_count;
  for (size_t i = 0; i <= last; i++) {
    cell_end end = read_cell(r, err);
    if (end == CELL_FAILED || (t->place[i] >= 0 && !keep_cell(t, r, row + t->place[i], err)))
      return false;
    if (end == CELL_THEN_LINE_END && i < last)
      return error_set(err, ERROR_FORMAT, "%s, line %zu: %zu cells, but the header has %zu", r->path, line,
                       i + 1, t->file_column_count);
    if (end == CELL_THEN_CELL && i == last)
      return error_set(err, ERROR_FORMAT, "%s, line %zu: more cells than the header's %zu", r->path, line,
                       t->file_column_count);
  }
  t->lines[t->rows++] = line;
  return true;
}

static bool read_rows(csv_table *t, reader *r, error *err) {
  const char *released = r->at;
  uint32_t null_text;
  if (!string_pool_add(t->pool, "", 0, &null_text, err)) /* the first text is number NULL_TEXT */
    return false;
  while (find_row(r)) {
    if (!read_row(t, r, err))
      return false;
    if (r->mapped && r->at - released > RELEASE_EVERY) {
      mapped_file_release(r->mapped, 0, (size_t)(r->at - (const char *)r->mapped->data));
      released = r->at;
    }
  }
  string_pool_finish(t->pool);
  return true;
}

static bool read_all(csv_table *t, reader *r, const char *const *wanted, size_t wanted_count, error *err) {
  size_t size = (size_t)(r->end - r->at);
  if (size >= 2 && (memcmp(r->at, "\xff\xfe", 2) == 0 || memcmp(r->at, "\xfe\xff", 2) == 0))
    return error_set(err, ERROR_UNSUPPORTED, "%s: is UTF-16 text; save it as UTF-8", r->path);
  if (size >= 3 && memcmp(r->at, "\xef\xbb\xbf", 3) == 0)
    r->at += 3;
  return read_header(t, r, err) && choose_columns(t, r, wanted, wanted_count, err) && read_rows(t, r, err);
}

static csv_table *read_table(reader *r, const char *const *wanted, size_t wanted_count, error *err) {
  csv_table *t = calloc(1, sizeof *t);
  bool ok =
      t ? (t->memory = arena_create(err)) && (t->pool = string_pool_create(err)) : error_out_of_memory(err);
  ok = ok && read_all(t, r, wanted, wanted_count, err);
  buffer_free(&r->unquoted);
  if (ok)
    return t;
  csv_table_destroy(t);
  return NULL;
}

csv_table *csv_table_read(const char *path, const char *const *wanted, size_t wanted_count, error *err) {
  mapped_file file;
  if (!mapped_file_open(&file, path, err))
    return NULL;
  const char *bytes = (const char *)file.data;
  reader r = {.path = path, .mapped = &file, .at = bytes, .end = bytes + file.size, .line = 1};
  csv_table *t = read_table(&r, wanted, wanted_count, err);
  mapped_file_close(&file);
  return t;
}

csv_table *csv_table_parse(const char *name, const void *bytes, size_t size, const char *const *wanted,
                           size_t wanted_count, error *err) {
  const char *at = bytes;
  reader r = {.path = name, .at = at, .end = at + size, .line = 1};
  return read_table(&r, wanted, wanted_count, err);
}

void csv_table_destroy(csv_table *t) {
  if (!t)
    return;
  arena_destroy(t->memory);
  string_pool_destroy(t->pool);
  free(t->file_columns);
  free(t->cells);
  free(t->lines);
  free(t);
}

size_t csv_table_rows(const csv_table *t) {
  return t->rows;
}

size_t csv_table_line(const csv_table *t, size_t row) {
  return t->lines[row];
}

int csv_table_find_column(const csv_table *t, const char *name) {
  for (size_t i = 0; i < t->column_count; i++)
    if (strcmp(t->columns[i], name) == 0)
      return (int)i;
  return -1;
}

size_t csv_table_file_columns(const csv_table *t) {
  return t->file_column_count;
}

const char *csv_table_file_column_name(const csv_table *t, size_t index) {
  return t->file_columns[index];
}

csv_cell csv_table_cell(const csv_table *t, size_t row, int column) {
  uint32_t number = t->cells[row * t->column_count + (size_t)column];
  csv_cell cell = {.is_null = number == NULL_TEXT};
  cell.text = string_pool_text(t->pool, number, &cell.length);
  return cell;
}
