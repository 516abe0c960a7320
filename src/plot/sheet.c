#include "plot/sheet.h"

#include "base/utf8.h"
#include "plot/paper.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POINTS_PER_MM (72.0 / 25.4)
#define PNG_DPI       200.0

#define ROW_HEIGHT_MM   40.0
#define FIRST_ROW_MM    (GRID_TOP_MM + 22.5)
#define TRACE_LEFT_MM   (GRID_LEFT_MM + 12.5) /* behind the calibration pulse */
#define COLUMN_WIDTH_MM (SECONDS_PER_SHEET / COLUMNS * MM_PER_SECOND)

enum { ROWS = 3, COLUMNS = 4, MAX_TEXT = 400 /* bytes: more than a sheet is wide */ };

const char *const sheet_format_names[SHEET_FORMAT_COUNT] = {"svg", "pdf", "png"};

static const ecg_lead layout[ROWS][COLUMNS] = {{LEAD_I, LEAD_AVR, LEAD_V1, LEAD_V4},
                                               {LEAD_II, LEAD_AVL, LEAD_V2, LEAD_V5},
                                               {LEAD_III, LEAD_AVF, LEAD_V3, LEAD_V6}};

static double row_baseline_mm(int row) {
  return FIRST_ROW_MM + row * ROW_HEIGHT_MM;
}

/* ---- traces ---- */

static int compare_floats(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

/* `scratch` has room for trace->samples values. */
static double lead_median(const sheet_trace *trace, ecg_lead lead, float *scratch) {
  memcpy(scratch, trace->leads[lead], trace->samples * sizeof *scratch);
  qsort(scratch, trace->samples, sizeof *scratch, compare_floats);
  return scratch[trace->samples / 2];
}

/* Seconds [begin, end) of a lead, from x_mm on. */
static void draw_lead(cairo_t *cr, const sheet_trace *trace, ecg_lead lead, double baseline, double begin,
                      double end, double x_mm, double y_mm) {
  double mm_per_unit = trace->microvolts_per_unit / 1000 * MM_PER_MILLIVOLT;
  /* What lies far outside the sheet must stay within the drawing library's range. */
  const double highest = PAPER_HEIGHT_MM;
  double last = fmin(ceil(end * trace->sampling_rate_hz), (double)(trace->samples - 1));
  cairo_new_path(cr);
  for (size_t i = (size_t)ceil(begin * trace->sampling_rate_hz); (double)i <= last; i++)
    cairo_line_to(
        cr, x_mm + ((double)i / trace->sampling_rate_hz - begin) * MM_PER_SECOND,
        y_mm - fmin(fmax(((double)trace->leads[lead][i] - baseline) * mm_per_unit, -highest), highest));
  cairo_stroke(cr);
}

static void draw_trace(cairo_t *cr, const sheet_trace *trace, float *scratch) {
  const double column_s = SECONDS_PER_SHEET / COLUMNS;
  for (int row = 0; row < ROWS; row++)
    for (int column = 0; column < COLUMNS; column++) {
      ecg_lead lead = layout[row][column];
      double x_mm = TRACE_LEFT_MM + column * COLUMN_WIDTH_MM;
      cairo_save(cr);
      cairo_rectangle(cr, x_mm, GRID_TOP_MM, COLUMN_WIDTH_MM, GRID_HEIGHT_MM);
      cairo_clip(cr);
      draw_lead(cr, trace, lead, lead_median(trace, lead, scratch), column * column_s,
                (column + 1) * column_s, x_mm, row_baseline_mm(row));
      cairo_restore(cr);
    }
  cairo_save(cr);
  cairo_rectangle(cr, TRACE_LEFT_MM, GRID_TOP_MM, SECONDS_PER_SHEET * MM_PER_SECOND, GRID_HEIGHT_MM);
  cairo_clip(cr);
  draw_lead(cr, trace, LEAD_II, lead_median(trace, LEAD_II, scratch), 0, SECONDS_PER_SHEET, TRACE_LEFT_MM,
            row_baseline_mm(ROWS));
  cairo_restore(cr);
}

/* ---- marks and texts ---- */

static void draw_calibration(cairo_t *cr, int row) {
  double y = row_baseline_mm(row);
  cairo_move_to(cr, GRID_LEFT_MM + 2.5, y);
  cairo_rel_line_to(cr, 2.5, 0);
  cairo_rel_line_to(cr, 0, -MM_PER_MILLIVOLT);
  cairo_rel_line_to(cr, 5, 0);
  cairo_rel_line_to(cr, 0, MM_PER_MILLIVOLT);
  cairo_rel_line_to(cr, 2.5, 0);
  cairo_stroke(cr);
}

/* Where one lead follows another. */
static void draw_separator(cairo_t *cr, int row, int column) {
  cairo_move_to(cr, TRACE_LEFT_MM + column * COLUMN_WIDTH_MM, row_baseline_mm(row) - 7.5);
  cairo_rel_line_to(cr, 0, 3);
  cairo_move_to(cr, TRACE_LEFT_MM + column * COLUMN_WIDTH_MM, row_baseline_mm(row) + 4.5);
  cairo_rel_line_to(cr, 0, 3);
  cairo_stroke(cr);
}

static double text_width(cairo_t *cr, const char *text) {
  cairo_text_extents_t extents;
  cairo_text_extents(cr, text, &extents);
  return extents.x_advance;
}

/* Is the byte one that a UTF-8 character goes on with? */
static bool inside_character(char byte) {
  return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Text that is too wide is cut between two characters and ends with an ellipsis. */
static void draw_text(cairo_t *cr, double x_mm, double y_mm, double width_mm, const char *text) {
  static const char ellipsis[] = "\u2026";
  char shown[MAX_TEXT + sizeof ellipsis];
  size_t length = strnlen(text, MAX_TEXT);
  while (length == MAX_TEXT && inside_character(text[length]))
    length--;
  memcpy(shown, text, length);
  shown[length] = '\0';
  utf8_neutralise(shown);
  while (length > 0 && text_width(cr, shown) > width_mm) {
    do
      length--;
    while (length > 0 && inside_character(shown[length]));
    memcpy(shown + length, ellipsis, sizeof ellipsis);
  }
  cairo_move_to(cr, x_mm, y_mm);
  cairo_show_text(cr, shown);
}

static void choose_font(cairo_t *cr, double size_mm, bool bold) {
  cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                         bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cr, size_mm);
}

/* Above and right of where the lead begins. */
static void draw_lead_name(cairo_t *cr, int row, int column, ecg_lead lead) {
  draw_text(cr, TRACE_LEFT_MM + column * COLUMN_WIDTH_MM + 1.5, row_baseline_mm(row) - 14.5, COLUMN_WIDTH_MM,
            ecg_lead_names[lead]);
}

static void draw_marks(cairo_t *cr) {
  cairo_set_line_width(cr, 0.25);
  for (int row = 0; row <= ROWS; row++)
    draw_calibration(cr, row);
  for (int row = 0; row < ROWS; row++)
    for (int column = 1; column < COLUMNS; column++)
      draw_separator(cr, row, column);
  choose_font(cr, 3.6, true);
  for (int row = 0; row < ROWS; row++)
    for (int column = 0; column < COLUMNS; column++)
      draw_lead_name(cr, row, column, layout[row][column]);
  draw_lead_name(cr, ROWS, 0, LEAD_II);
}

static void draw_texts(cairo_t *cr, const sheet *s) {
  static const char scales[] = "25 mm/s   10 mm/mV";
  choose_font(cr, 4.6, true);
  draw_text(cr, GRID_LEFT_MM, 12, GRID_WIDTH_MM, s->title);
  choose_font(cr, 3.1, false);
  for (int i = 0; i < SHEET_NOTES && s->notes[i]; i++)
    draw_text(cr, GRID_LEFT_MM, 17 + 4.2 * i, GRID_WIDTH_MM, s->notes[i]);
  double width = text_width(cr, scales), y = GRID_TOP_MM + GRID_HEIGHT_MM + 5.5;
  draw_text(cr, GRID_LEFT_MM + GRID_WIDTH_MM - width, y, GRID_WIDTH_MM, scales);
  draw_text(cr, GRID_LEFT_MM, y, GRID_WIDTH_MM - width - 10, s->footer);
}

static void draw_all(cairo_t *cr, const sheet *s, float *scratch) {
  paper_draw(cr);
  cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
  cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
  if (s->before) {
    cairo_set_source_rgb(cr, 0.35, 0.6, 0.95);
    cairo_set_line_width(cr, 0.2);
    draw_trace(cr, s->before, scratch);
  }
  cairo_set_source_rgb(cr, 0.05, 0.05, 0.1);
  cairo_set_line_width(cr, 0.28);
  draw_trace(cr, &s->trace, scratch);
  draw_marks(cr);
  draw_texts(cr, s);
}

/* ---- files ---- */

typedef struct sink {
  buffer *out;
  error *err;
} sink;

static cairo_status_t write_bytes(void *context, const unsigned char *bytes, unsigned size) {
  sink *to = context;
  return buffer_append(to->out, bytes, size, to->err) ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static cairo_surface_t *make_surface(sheet_format format, sink *to, double *units_per_mm) {
  *units_per_mm = format == SHEET_PNG ? PNG_DPI / 25.4 : POINTS_PER_MM;
  double width = PAPER_WIDTH_MM * *units_per_mm, height = PAPER_HEIGHT_MM * *units_per_mm;
  switch (format) {
  case SHEET_SVG:
    return cairo_svg_surface_create_for_stream(write_bytes, to, width, height);
  case SHEET_PDF:
    return cairo_pdf_surface_create_for_stream(write_bytes, to, width, height);
  default:
    return cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)lround(width), (int)lround(height));
  }
}

static bool check_trace(const sheet_trace *trace, error *err) {
  if (trace->samples == 0 || !(trace->sampling_rate_hz > 0) || !isfinite(trace->sampling_rate_hz) ||
      !(trace->microvolts_per_unit > 0) || !isfinite(trace->microvolts_per_unit))
    return error_set(err, ERROR_DATA, "A trace to draw needs samples, a sampling rate and a unit");
  return true;
}

static bool draw_on(cairo_surface_t *surface, const sheet *s, double units_per_mm, error *err) {
  size_t most = s->trace.samples;
  if (s->before && s->before->samples > most)
    most = s->before->samples;
  float *scratch = malloc(most * sizeof *scratch);
  if (!scratch)
    return error_out_of_memory(err);
  cairo_t *cr = cairo_create(surface);
  cairo_scale(cr, units_per_mm, units_per_mm);
  draw_all(cr, s, scratch);
  cairo_status_t status = cairo_status(cr);
  cairo_destroy(cr);
  free(scratch);
  return (status == CAIRO_STATUS_SUCCESS ||
          error_set(err, ERROR_INTERNAL, "Drawing: %s", cairo_status_to_string(status)));
}

bool sheet_draw(const sheet *s, sheet_format format, buffer *out, error *err) {
  if (!check_trace(&s->trace, err) || (s->before && !check_trace(s->before, err)))
    return false;
  error reason = {0};
  sink to = {out, &reason};
  double units_per_mm;
  cairo_surface_t *surface = make_surface(format, &to, &units_per_mm);
  bool ok = draw_on(surface, s, units_per_mm, err);
  cairo_status_t status = CAIRO_STATUS_SUCCESS;
  if (ok && format == SHEET_PNG)
    status = cairo_surface_write_to_png_stream(surface, write_bytes, &to);
  cairo_surface_finish(surface);
  if (status == CAIRO_STATUS_SUCCESS)
    status = cairo_surface_status(surface);
  cairo_surface_destroy(surface);
  if (ok && status != CAIRO_STATUS_SUCCESS)
    ok = error_set(err, reason.code ? reason.code : ERROR_INTERNAL, "%s",
                   reason.code ? reason.message : cairo_status_to_string(status));
  return ok;
}
