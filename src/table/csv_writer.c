#include "table/csv.h"

#include "base/number_text.h"

#include <string.h>

static bool put(csv_writer *w, const char *bytes, size_t size, error *err) {
  return w->file ? atomic_file_write(w->file, bytes, size, err) : buffer_append(w->text, bytes, size, err);
}

static bool start_cell(csv_writer *w, bool empty, error *err) {
  bool first = w->row_cells++ == 0;
  w->row_is_blank = empty && (first || w->row_is_blank);
  return first || put(w, ",", 1, err);
}

static bool put_quoted(csv_writer *w, const char *text, error *err) {
  bool ok = put(w, "\"", 1, err);
  while (ok && *text) {
    size_t length = strcspn(text, "\"");
    ok = put(w, text, length, err) && (!text[length] || put(w, "\"\"", 2, err));
    text += length + (text[length] == '"');
  }
  return ok && put(w, "\"", 1, err);
}

bool csv_write_cell(csv_writer *w, const char *text, error *err) {
  if (!start_cell(w, !*text, err))
    return false;
  return text[strcspn(text, ",\"\r\n")] ? put_quoted(w, text, err) : put(w, text, strlen(text), err);
}

bool csv_write_float32(csv_writer *w, float value, error *err) {
  char text[NUMBER_TEXT_SIZE];
  size_t length = format_float32(value, text);
  return start_cell(w, false, err) && put(w, text, length, err);
}

bool csv_write_float64(csv_writer *w, double value, error *err) {
  char text[NUMBER_TEXT_SIZE];
  size_t length = format_float64(value, text);
  return start_cell(w, false, err) && put(w, text, length, err);
}

bool csv_end_row(csv_writer *w, error *err) {
  const char *line_end = w->line_end ? w->line_end : "\n";
  /* A row of one empty cell would be an empty line, which readers skip. */
  bool lone_empty_cell = w->row_cells == 1 && w->row_is_blank;
  w->row_cells = 0;
  return (!lone_empty_cell || put(w, "\"\"", 2, err)) && put(w, line_end, strlen(line_end), err);
}
