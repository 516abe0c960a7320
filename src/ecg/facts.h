/* What a record's numbers look like: cheap signs of a wrong scale, swapped or broken leads. */
#ifndef DEEPECG_ECG_FACTS_H
#define DEEPECG_ECG_FACTS_H

#include "ecg/record.h"

/* In millivolts; in stored numbers where the record declares no unit. */
typedef struct ecg_lead_facts {
  double lowest, highest;
  double amplitude; /* peak to peak, of a typical fifth of the record (median of the five): a beat's height
                       without the wander */
  bool unusual;     /* millivolts, and outside 0.3 ... 3 */
} ecg_lead_facts;

extern const double ecg_usual_lowest_mv, ecg_usual_highest_mv; /* 0.3, 3 */

typedef struct ecg_facts {
  bool in_millivolts;
  ecg_lead_facts leads[ECG_LEADS];
  int unusual;         /* leads */
  bool residual_known; /* I, II and III are all stored */
  double residual;     /* the largest |II - I - III|: rounding, or leads that don't belong together */
} ecg_facts;

/* From a complete record. Thread-safe. */
ecg_facts ecg_facts_of(const ecg_record *record);

#endif
