/* The empty sheet: measures in millimetres, and the grid. */
#ifndef DEEPECG_PLOT_PAPER_H
#define DEEPECG_PLOT_PAPER_H

#include <cairo.h>

#define PAPER_WIDTH_MM  297.0
#define PAPER_HEIGHT_MM 210.0

#define GRID_LEFT_MM   13.5
#define GRID_TOP_MM    32.0
#define GRID_WIDTH_MM  270.0
#define GRID_HEIGHT_MM 165.0

#define MM_PER_SECOND     25.0
#define MM_PER_MILLIVOLT  10.0
#define SECONDS_PER_SHEET 10.0

/* White paper with the grid of 1 mm and 5 mm. The context's unit is the millimetre. */
void paper_draw(cairo_t *cr);

#endif
