#include "cleaning/lowess.h"

#include "base/arena.h"
#include "base/checked.h"

#include <math.h>
#include <stdlib.h>

enum { LANES = 4, ROBUSTIFYING_PASSES = 3 };

static const double neighbour_fraction = 0.1;

/* LANES series are fitted together: their neighbours and tricube weights are the same. */
typedef struct lanes {
  double of[LANES];
} lanes;

typedef struct smoother {
  const double *x;
  size_t points, neighbours, series, blocks; /* a block is LANES series, the last one filled up with zeros */
  size_t *first;                             /* [point]: its leftmost neighbour */
  double *tricube;                           /* [point][neighbour] */
  lanes *y, *fitted, *robustness;            /* [block][point] */
  double *residuals;                         /* [series][point], scratch of the median */
} smoother;

/* The nearest points: the window moves on while its left end is farther from the point than the one right of
 * its end. */
static void find_neighbours(smoother *s) {
  const double *x = s->x;
  size_t first = 0;
  for (size_t i = 0; i < s->points; i++) {
    while (first + s->neighbours < s->points && x[i] > (x[first] + x[first + s->neighbours]) / 2)
      first++;
    s->first[i] = first;
    double radius = fmax(x[i] - x[first], x[first + s->neighbours - 1] - x[i]);
    for (size_t j = 0; j < s->neighbours; j++) {
      double u = fabs(x[first + j] - x[i]) / radius, v = 1 - u * u * u;
      s->tricube[i * s->neighbours + j] = v * v * v;
    }
  }
}

static bool smoother_create(smoother *s, arena *memory, error *err) {
  size_t weights, values, residuals;
  s->neighbours = (size_t)(neighbour_fraction * (double)s->points + 1e-10);
  s->blocks = (s->series + LANES - 1) / LANES;
  if (!checked_mul(s->points, s->neighbours, &weights) || !checked_mul(s->points, s->blocks, &values) ||
      !checked_mul(s->points, s->series, &residuals))
    return error_out_of_memory(err);
  s->first = arena_alloc_array(memory, s->points, sizeof *s->first, err);
  s->tricube = arena_alloc_array(memory, weights, sizeof *s->tricube, err);
  s->y = arena_alloc_array(memory, values, sizeof *s->y, err);
  s->fitted = arena_alloc_array(memory, values, sizeof *s->fitted, err);
  s->robustness = arena_alloc_array(memory, values, sizeof *s->robustness, err);
  s->residuals = arena_alloc_array(memory, residuals, sizeof *s->residuals, err);
  return s->first && s->tricube && s->y && s->fitted && s->robustness && s->residuals;
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

/* The weighted regression line through the neighbours, taken at the point itself. `block` is the block's
 * first point. */
static lanes fit_point(const smoother *s, size_t block, size_t point) {
  const double *x = s->x + s->first[point], *tricube = s->tricube + point * s->neighbours;
  const lanes *y = s->y + block + s->first[point], *robustness = s->robustness + block + s->first[point];
  const double variance_floor = 1e-12;
  lanes total = {0}, centre = {0}, variance = {0}, level = {0}, slope = {0}, fit;
  for (size_t j = 0; j < s->neighbours; j++)
    for (int l = 0; l < LANES; l++) {
      double weight = tricube[j] * robustness[j].of[l];
      total.of[l] += weight;
      centre.of[l] += weight * x[j];
    }
  for (int l = 0; l < LANES; l++)
    centre.of[l] /= total.of[l];
  for (size_t j = 0; j < s->neighbours; j++)
    for (int l = 0; l < LANES; l++) {
      double weight = tricube[j] * robustness[j].of[l], from_centre = x[j] - centre.of[l];
      double lever = weight * from_centre;
      variance.of[l] += lever * from_centre;
      level.of[l] += weight * y[j].of[l];
      slope.of[l] += lever * y[j].of[l];
    }
  for (int l = 0; l < LANES; l++) {
    double gain = (s->x[point] - centre.of[l]) / fmax(variance.of[l] / total.of[l], variance_floor);
    fit.of[l] = has_two_neighbours(tricube, robustness, s->neighbours, l, total.of[l])
                    ? (level.of[l] + gain * slope.of[l]) / total.of[l]
                    : s->y[block + point].of[l];
  }
  return fit;
}

static void fit_all(smoother *s) {
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < s->points; i++)
    for (size_t b = 0; b < s->blocks; b++)
      s->fitted[b * s->points + i] = fit_point(s, b * s->points, i);
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
static void weigh_residuals(smoother *s) {
#pragma omp parallel for schedule(static)
  for (size_t series = 0; series < s->series; series++) {
    const size_t block = series / LANES * s->points, lane = series % LANES;
    double *residuals = s->residuals + series * s->points;
    for (size_t i = 0; i < s->points; i++)
      residuals[i] = fabs(s->y[block + i].of[lane] - s->fitted[block + i].of[lane]);
    const double reach = 6 * median(residuals, s->points);
    for (size_t i = 0; i < s->points; i++) {
      double residual = fabs(s->y[block + i].of[lane] - s->fitted[block + i].of[lane]);
      double u = residual < reach ? residual / reach : residual > 0;
      s->robustness[block + i].of[lane] = (1 - u * u) * (1 - u * u);
    }
  }
}

bool lowess(const double *x, size_t points, size_t series, const double *y, double *smooth, error *err) {
  smoother s = {.x = x, .points = points, .series = series};
  arena *memory = arena_create(err);
  bool ok = memory && smoother_create(&s, memory, err);
  if (ok) {
    find_neighbours(&s);
    for (size_t i = 0; i < points; i++)
      for (size_t k = 0; k < s.blocks * LANES; k++) {
        const size_t at = k / LANES * points + i;
        s.y[at].of[k % LANES] = k < series ? y[i * series + k] : 0;
        s.robustness[at].of[k % LANES] = 1;
      }
    for (int pass = 0; pass < ROBUSTIFYING_PASSES; pass++) {
      fit_all(&s);
      weigh_residuals(&s);
    }
    fit_all(&s);
    for (size_t i = 0; i < points; i++)
      for (size_t k = 0; k < series; k++)
        smooth[i * series + k] = s.fitted[k / LANES * points + i].of[k % LANES];
  }
  arena_destroy(memory);
  return ok;
}
