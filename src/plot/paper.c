#include "plot/paper.h"

/* Lines every `step` mm over the whole grid. */
static void draw_lines(cairo_t *cr, int step, double width) {
  for (int x = 0; x <= (int)GRID_WIDTH_MM; x += step) {
    cairo_move_to(cr, GRID_LEFT_MM + x, GRID_TOP_MM);
    cairo_rel_line_to(cr, 0, GRID_HEIGHT_MM);
  }
  for (int y = 0; y <= (int)GRID_HEIGHT_MM; y += step) {
    cairo_move_to(cr, GRID_LEFT_MM, GRID_TOP_MM + y);
    cairo_rel_line_to(cr, GRID_WIDTH_MM, 0);
  }
  cairo_set_line_width(cr, width);
  cairo_stroke(cr);
}

void paper_draw(cairo_t *cr) {
  cairo_set_source_rgb(cr, 1, 1, 1);
  cairo_paint(cr);
  cairo_set_line_cap(cr, CAIRO_LINE_CAP_SQUARE);
  cairo_set_source_rgb(cr, 0.985, 0.87, 0.87);
  draw_lines(cr, 1, 0.10);
  cairo_set_source_rgb(cr, 0.95, 0.68, 0.68);
  draw_lines(cr, 5, 0.18);
}
