/* The three binary labels of a record. They follow from its noise-free measurements by rules made up for this
 * generator: they can be learned from the signal, but say nothing about real patients. docs/synth.md gives
 * the rules. */
#ifndef DEEPECG_SYNTH_LABELS_H
#define DEEPECG_SYNTH_LABELS_H

#include "synth/findings.h"

typedef struct synth_labels {
  double ejection_fraction; /* percent, 10 to 70 */
  double afib_risk;         /* points */
  bool afib_5y;             /* afib_risk >= 2 */
  bool lvef_40;             /* ejection_fraction <= 40 */
  bool lvef_50;             /* ejection_fraction < 50; true wherever lvef_40 is */
} synth_labels;

synth_labels synth_labels_read(const heart_measurements *m, const synth_findings *f);

#endif
