/* Two sets of probabilities of one model, compared. */
#ifndef DEEPECG_DRIFT_DRIFT_FIGURES_H
#define DEEPECG_DRIFT_DRIFT_FIGURES_H

#include "drift/drift.h"

/* Row-major (rows, columns); a row is NaN where the model gave nothing. */
typedef struct drift_values {
  const float *sides[DRIFT_SIDES];
  size_t rows, columns;
  const signed char *truth; /* (rows, columns): 0, 1 or DRIFT_NO_LABEL; NULL: nothing is known */
} drift_values;

/* Fill in the model's figures from the values. outputs[columns] hold the names and operating points. */
bool drift_compare(drift_model *m, const drift_values *values, error *err);

#endif
