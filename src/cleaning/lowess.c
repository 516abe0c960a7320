#include "cleaning/lowess.h"

#include "base/arena.h"
#include "base/checked.h"

#include <math.h>
#include <stdlib.h>

enum { LANES = 2, ROBUSTIFYING_PASSES = 3 };

static const double neighbour_fraction = 0.1;

/* What the fits of all series have in common. */
typedef struct geometry {
  const double *x;
  size_t points, neighbours;
  size_t *first;   /* [point]: its leftmost neighbour */
  double *tricube; /* [point][neighbour] */
} geometry;

/* LANES series are fitted side by side. */
typedef struct lanes {
  double of[LANES];
} lanes;

typedef struct block {
  lanes *y, *fitted, *robustness; /* [point] */
  double *residuals;              /* [point], scratch of the median */
} block;

static bool geometry_create(geometry *g, arena *memory, error *err) {
  size_t weights;
  g->neighbours = (size_t)(neighbour_fraction * (double)g->points + 1e-10);
  if (!checked_mul(g->points, g->neighbours, &weights))
    return error_out_of_memory(err);
  g->first = arena_alloc_array(memory, g->points, sizeof *g->first, err);
  g->tricube = arena_alloc_array(memory, weights, sizeof *g->tricube, err);
  return g->first && g->tricube;
}

/* The nearest points: the window moves on while its left end is farther from the point than the one right of
 * its end. */
static void find_neighbours(geometry *g) {
  const double *x = g->x;
  size_t first = 0;
  for (size_t i = 0; i < g->points; i++) {
    while (first + g->neighbours < g->points && x[i] > (x[first] + x[first + g->neighbours]) / 2)
      first++;
    g->first[i] = first;
    double radius = fmax(x[i] - x[first], x[first + g->neighbours - 1] - x[i]);
    for (size_t j = 0; j < g->neighbours; j++) {
      double u = fabs(x[first + j] - x[i]) / radius, v = 1 - u * u * u;
      g->tricube[i * g->neighbours + j] = v * v * v;
    }
  }
}

static bool block_create(block *b, size_t points, arena *memory, error *err) {
  b->y = arena_alloc_array(memory, points, sizeof *b->y, err);
  b->fitted = arena_alloc_array(memory, points, sizeof *b->fitted, err);
  b->robustness = arena_alloc_array(memory, points, sizeof *b->robustness, err);
  b->residuals = arena_alloc_array(memory, points, sizeof *b->residuals, err);
  return b->y && b->fitted && b->robustness && b->residuals;
}

/* Can a line be fitted, or is there at most one neighbour that weighs anything? No weight is above 1, so that
 * two are certain where the sum is above 2. */
static bool has_two_neighbours(const double *tricube, const lanes *robustness, size_t neighbours, int lane,
                               double total) {
  const double weight_floor = 1e-12;
  int heavy = 0;
  for (size_t j = 0; total <= 2 && j < neighbours && heavy < 2; j++)
    heavy += tricube[j] * robustness[j].of[lane] > weight_floor;
  return total > 2 || heavy == 2;
}

/* The weighted regression line through the neighbours, taken at the point itself. */
static lanes fit_point(const geometry *g, const block *b, size_t point) {
  const double *x = g->x + g->first[point], *tricube = g->tricube + point * g->neighbours;
  const lanes *y = b->y + g->first[point], *robustness = b->robustness + g->first[point];
  const double variance_floor = 1e-12;
  lanes total = {0}, centre = {0}, variance = {0}, level = {0}, slope = {0}, fit;
  for (size_t j = 0; j < g->neighbours; j++)
    for (int l = 0; l < LANES; l++) {
      double weight = tricube[j] * robustness[j].of[l];
      total.of[l] += weight;
      centre.of[l] += weight * x[j];
    }
  for (int l = 0; l < LANES; l++)
    centre.of[l] /= total.of[l];
  for (size_t j = 0; j < g->neighbours; j++)
    for (int l = 0; l < LANES; l++) {
      double weight = tricube[j] * robustness[j].of[l], from_centre = x[j] - centre.of[l];
      double lever = weight * from_centre;
      variance.of[l] += lever * from_centre;
      level.of[l] += weight * y[j].of[l];
      slope.of[l] += lever * y[j].of[l];
    }
  for (int l = 0; l < LANES; l++) {
    double gain = (g->x[point] - centre.of[l]) / fmax(variance.of[l] / total.of[l], variance_floor);
    fit.of[l] = has_two_neighbours(tricube, robustness, g->neighbours, l, total.of[l])
                    ? (level.of[l] + gain * slope.of[l]) / total.of[l]
                    : b->y[point].of[l];
  }
  return fit;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
  qsort(values, count, sizeof *values, ascending);
  return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* Bisquare weights: 0 from six median absolute residuals on. */
static void weigh_residuals(block *b, size_t points, int lane) {
  for (size_t i = 0; i < points; i++)
    b->residuals[i] = fabs(b->y[i].of[lane] - b->fitted[i].of[lane]);
  const double reach = 6 * median(b->residuals, points);
  for (size_t i = 0; i < points; i++) {
    double residual = fabs(b->y[i].of[lane] - b->fitted[i].of[lane]);
    double u = residual < reach ? residual / reach : residual > 0;
    b->robustness[i].of[lane] = (1 - u * u) * (1 - u * u);
  }
}

static void fit_block(const geometry *g, block *b) {
  for (int pass = 0; pass <= ROBUSTIFYING_PASSES; pass++) {
    for (int lane = 0; lane < LANES; lane++)
      if (pass > 0)
        weigh_residuals(b, g->points, lane);
    for (size_t i = 0; i < g->points; i++)
      b->fitted[i] = fit_point(g, b, i);
  }
}

/* Series `from` and those beside it; the lanes that are left over hold zeros. */
static void load_block(block *b, const double *y, size_t points, size_t series, size_t from) {
  for (size_t i = 0; i < points; i++)
    for (size_t lane = 0; lane < LANES; lane++) {
      b->y[i].of[lane] = from + lane < series ? y[i * series + from + lane] : 0;
      b->robustness[i].of[lane] = 1;
    }
}

static void store_block(const block *b, double *smooth, size_t points, size_t series, size_t from) {
  for (size_t i = 0; i < points; i++)
    for (size_t lane = 0; lane < LANES && from + lane < series; lane++)
      smooth[i * series + from + lane] = b->fitted[i].of[lane];
}

bool lowess(const double *x, size_t points, size_t series, const double *y, double *smooth, error *err) {
  geometry g = {.x = x, .points = points};
  const size_t block_count = (series + LANES - 1) / LANES;
  arena *memory = arena_create(err);
  block *blocks = memory ? arena_alloc_array(memory, block_count, sizeof *blocks, err) : NULL;
  bool ok = blocks && geometry_create(&g, memory, err);
  for (size_t i = 0; ok && i < block_count; i++)
    ok = block_create(&blocks[i], points, memory, err);
  if (ok) {
    find_neighbours(&g);
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t i = 0; i < block_count; i++) {
      load_block(&blocks[i], y, points, series, i * LANES);
      fit_block(&g, &blocks[i]);
      store_block(&blocks[i], smooth, points, series, i * LANES);
    }
  }
  arena_destroy(memory);
  return ok;
}
