#include "metrics/metrics.h"

#include "metrics/ranking.h"

#include <math.h>

enum { MOST_LABELS = 256 }; /* what an unsigned char can number */

static double percent(size_t part, size_t whole) {
  return (double)part / (double)whole * 100;
}

/* Everything that a ranking tells; positives > 0. `accuracy` may be NULL. */
static bool summarise(const ranking *r, binary_metrics *result, double *accuracy, error *err) {
  roc curve;
  if (!ranking_roc(r, &curve, err) || !ranking_average_precision(r, &result->auprc, err))
    return false;
  size_t n = r->positives + r->negatives, called = curve.true_positives + curve.false_positives;
  result->auc = curve.auc;
  result->threshold = curve.threshold;
  result->f1 = 2 * (double)curve.true_positives / (double)(r->positives + called);
  result->prevalence_gt = percent(r->positives, n);
  result->prevalence_pred = percent(called, n);
  if (accuracy)
    *accuracy = (double)(curve.true_positives + r->negatives - curve.false_positives) / (double)n;
  return true;
}

bool binary_metrics_compute(const uint8_t *truth, const float *scores, size_t n, binary_metrics *result,
                            error *err) {
  static const unsigned char only_column[] = {0};
  ranking r;
  *result = (binary_metrics){NAN, NAN, NAN, NAN, NAN, NAN};
  bool ok = ranking_build(&r, truth, scores, n, 1, only_column, 1, err) &&
            (!r.positives || summarise(&r, result, NULL, err));
  ranking_free(&r);
  return ok;
}

static void macro_means(const binary_metrics *per_label, const unsigned char *labels, size_t count,
                        category_metrics *result) {
  double auc[MOST_LABELS], auprc[MOST_LABELS], f1[MOST_LABELS];
  for (size_t i = 0; i < count; i++) {
    auc[i] = per_label[labels[i]].auc;
    auprc[i] = per_label[labels[i]].auprc;
    f1[i] = per_label[labels[i]].f1;
  }
  result->macro_auc = pairwise_sum(auc, count) / (double)count;
  result->macro_auprc = pairwise_sum(auprc, count) / (double)count;
  result->macro_f1 = pairwise_sum(f1, count) / (double)count;
}

bool category_metrics_compute(const uint8_t *truth, const float *scores, size_t rows, size_t label_count,
                              const unsigned char *members, size_t member_count,
                              const binary_metrics *per_label, category_metrics *result, error *err) {
  unsigned char counted[MOST_LABELS];
  size_t count = 0;
  *result = (category_metrics){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
  for (size_t i = 0; i < member_count && count < MOST_LABELS; i++)
    if (!isnan(per_label[members[i]].prevalence_gt)) /* it has a positive */
      counted[count++] = members[i];
  if (!count)
    return true;
  ranking r;
  binary_metrics pooled;
  bool ok = ranking_build(&r, truth, scores, rows, label_count, counted, count, err) &&
            summarise(&r, &pooled, &result->micro_f1, err);
  ranking_free(&r);
  if (!ok)
    return false;
  macro_means(per_label, counted, count, result);
  result->micro_auc = pooled.auc;
  result->micro_auprc = pooled.auprc;
  result->threshold = pooled.threshold;
  result->prevalence_gt = pooled.prevalence_gt;
  result->prevalence_pred = pooled.prevalence_pred;
  return true;
}
