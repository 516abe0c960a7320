#include "synth/labels.h"

static double positive(double x, double limit) {
  return x < 0 ? 0 : x > limit ? limit : x;
}

/* Percent points that the ejection fraction loses. */
static double ejection_loss(const heart_measurements *m, const synth_findings *f) {
  const lead_measurement *l = m->leads;
  double per_ms = f->has[FINDING_RIGHT_BUNDLE_BLOCK] ? 0.05 : 0.25;
  double width = positive(per_ms * (1000 * m->qrs_s - 95), 18);
  double r_progression = positive(9.0 * (2.2 - l[LEAD_V3].r_mv - l[LEAD_V4].r_mv), 14);
  double t_left = (l[LEAD_I].t_mv + l[LEAD_V5].t_mv + l[LEAD_V6].t_mv) / 3.0;
  double recovery = positive(40.0 * (0.20 - t_left), 12);
  double rate = positive(0.15 * (m->rate_bpm - 85), 5);
  int scars = f->has[FINDING_Q_SEPTAL] + f->has[FINDING_Q_ANTERIOR] + f->has[FINDING_Q_LATERAL] +
              f->has[FINDING_Q_INFERIOR];
  double scar = positive(5.0 * scars, 10);
  double ectopy = m->premature_ventricular > 0 ? 3 : 0;
  return width + r_progression + recovery + rate + scar + ectopy;
}

static double afib_points(const heart_measurements *m, const synth_findings *f) {
  if (f->has[FINDING_AFIB] || f->has[FINDING_FLUTTER])
    return 4;
  double p_wave = m->p_present ? positive((1000 * m->p_s - 105) / 15, 2) : 0;
  double terminal = m->p_present ? positive((m->leads[LEAD_V1].p_force - 0.003) / 0.003, 1) : 0;
  double premature = positive(0.8 * m->premature_atrial, 2);
  double pr = m->pr_s > 0.200 ? 0.6 : 0;
  return p_wave + terminal + premature + pr;
}

synth_labels synth_labels_read(const heart_measurements *m, const synth_findings *f) {
  synth_labels labels = {.ejection_fraction = 66 - ejection_loss(m, f), .afib_risk = afib_points(m, f)};
  if (labels.ejection_fraction < 10)
    labels.ejection_fraction = 10;
  labels.afib_5y = labels.afib_risk >= 2;
  labels.lvef_40 = labels.ejection_fraction <= 40;
  labels.lvef_50 = labels.ejection_fraction < 50;
  return labels;
}
