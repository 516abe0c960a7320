/* LOWESS: robust locally weighted linear regression (W. S. Cleveland, "Robust locally weighted regression and
 * smoothing scatterplots", JASA 74, 1979), with the settings and corner cases of the published cleaning
 * (docs/cleaning.md). */
#ifndef DEEPECG_CLEANING_LOWESS_H
#define DEEPECG_CLEANING_LOWESS_H

#include "base/error.h"

#include <stddef.h>

/* Smooth `series` sequences of `points` finite values over the same ascending x: y[i * series + s] -> smooth,
 * same layout. A tenth of the points are neighbours (30 points or more are needed), three robustifying
 * passes. Uses OpenMP's threads; the result does not depend on their number. Fails only when memory is out.
 */
bool lowess(const double *x, size_t points, size_t series, const double *y, double *smooth, error *err);

#endif
