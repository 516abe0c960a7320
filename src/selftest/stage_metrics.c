#include "metrics/metrics.h"
#include "selftest/stages.h"

#include <math.h>
#include <stdio.h>

/* Eight scores with a tie; scikit-learn's roc_auc_score and average_precision_score of them. */
bool selftest_metrics(selftest_state *state, char *detail, error *err) {
  (void)state;
  static const uint8_t truth[] = {0, 1, 0, 1, 1, 0, 0, 1};
  static const float scores[] = {0.1f, 0.9f, 0.4f, 0.4f, 0.8f, 0.3f, 0.7f, 0.6f};
  static const double auc = 13.5 / 16, auprc = 0.25 + 0.25 + 0.25 * 3 / 4 + 0.25 * 4 / 6;
  binary_metrics m;
  if (!binary_metrics_compute(truth, scores, sizeof truth, &m, err))
    return false;
  snprintf(detail, SELFTEST_DETAIL, "AUC %.6f, average precision %.6f", m.auc, m.auprc);
  return fabs(m.auc - auc) < 1e-12 && fabs(m.auprc - auprc) < 1e-12;
}
