/* Metrics of binary classifiers as scikit-learn defines them, and the metric sets of the two kinds of task.
 */
#ifndef DEEPECG_METRICS_METRICS_H
#define DEEPECG_METRICS_METRICS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* One label, or labels pooled. NaN where not defined; threshold may be +infinity. */
typedef struct binary_metrics {
  double auc, auprc, f1, threshold, prevalence_gt, prevalence_pred; /* prevalences in percent */
} binary_metrics;

/* truth[i] is 0 or 1, scores[i] finite. All NaN when no truth is 1 (n = 0 included); with only positives auc
 * is NaN, the threshold +infinity and the rest computed. *err only when memory is out. */
bool binary_metrics_compute(const uint8_t *truth, const float *scores, size_t n, binary_metrics *result,
                            error *err);

/* A category of labels: unweighted means over its labels that have a positive, and the same labels pooled.
 * micro_f1 is the pooled accuracy at `threshold`. */
typedef struct category_metrics {
  double macro_auc, macro_auprc, macro_f1, micro_auc, micro_auprc, micro_f1, threshold, prevalence_gt,
      prevalence_pred;
} category_metrics;

/* Label l of row r is truth[r * label_count + l], scores likewise. per_label[label_count] are the labels' own
 * metrics (from binary_metrics_compute); members[member_count] the labels of the category. */
bool category_metrics_compute(const uint8_t *truth, const float *scores, size_t rows, size_t label_count,
                              const unsigned char *members, size_t member_count,
                              const binary_metrics *per_label, category_metrics *result, error *err);

#endif
