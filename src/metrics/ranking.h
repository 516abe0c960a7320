/* Scores in order, and what is counted at or above each: all that ROC and precision-recall curves are made
 * of. */
#ifndef DEEPECG_METRICS_RANKING_H
#define DEEPECG_METRICS_RANKING_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct ranking {
  size_t positives, negatives;
  size_t count;                             /* of distinct scores */
  float *scores;                            /* descending */
  size_t *true_positives, *false_positives; /* samples with a score >= scores[i] */
} ranking;

/* A sample is truth[row * stride + column], scores likewise, for every row and each of
 * columns[0..column_count). In time proportional to their number. Free with ranking_free, also after a
 * failure (only ever: out of memory). */
bool ranking_build(ranking *r, const uint8_t *truth, const float *scores, size_t rows, size_t stride,
                   const unsigned char *columns, size_t column_count, error *err);
void ranking_free(ranking *r);

/* Area under the ROC curve by trapezoids, and the point of the curve where the true positive rate exceeds the
 * false positive rate most, the highest threshold on ties. */
typedef struct roc {
  double auc;                             /* NaN when one class is missing */
  double threshold;                       /* +infinity: nothing is called positive */
  size_t true_positives, false_positives; /* at the threshold */
} roc;

/* The curve starts at (0, 0) with threshold +infinity and has a point per distinct score, less those interior
 * ones at which neither count's second difference differs from zero (scikit-learn's drop_intermediate). */
bool ranking_roc(const ranking *r, roc *result, error *err);

/* Sum over thresholds, descending, of the recall gained times the precision there. positives > 0. */
bool ranking_average_precision(const ranking *r, double *result, error *err);

/* The sum of values[0..count) in the order in which NumPy adds (pairwise, eight partial sums), so that
 * results have the reference's last bit too. */
double pairwise_sum(const double *values, size_t count);

#endif
