/* What is wrong with the heart of one record, before any signal exists. */
#ifndef DEEPECG_SYNTH_PATIENT_H
#define DEEPECG_SYNTH_PATIENT_H

#include "synth/random.h"

#include <stdbool.h>

typedef enum heart_rhythm {
  RHYTHM_SINUS,
  RHYTHM_ECTOPIC_ATRIAL, /* regular, from elsewhere in the atria: inverted P */
  RHYTHM_ATRIAL_FIBRILLATION,
  RHYTHM_ATRIAL_FLUTTER,
  RHYTHM_SUPRAVENTRICULAR_TACHYCARDIA,
  RHYTHM_JUNCTIONAL,
  RHYTHM_MOBITZ_1, /* PR grows until a beat is dropped */
  RHYTHM_MOBITZ_2, /* beats are dropped at a constant PR */
  RHYTHM_COMPLETE_BLOCK,
  RHYTHM_ATRIAL_PACED,
  RHYTHM_VENTRICULAR_PACED,
  RHYTHM_VENTRICULAR_TACHYCARDIA,
  RHYTHM_COUNT
} heart_rhythm;

typedef enum heart_conduction {
  CONDUCTION_NORMAL,
  CONDUCTION_LEFT_BUNDLE_BLOCK,
  CONDUCTION_RIGHT_BUNDLE_BLOCK,
  CONDUCTION_NONSPECIFIC_DELAY,
  CONDUCTION_PREEXCITATION,
  CONDUCTION_COUNT
} heart_conduction;

typedef enum heart_fascicle {
  FASCICLE_NONE,
  FASCICLE_ANTERIOR_BLOCK,
  FASCICLE_POSTERIOR_BLOCK
} heart_fascicle;

typedef enum heart_territory {
  TERRITORY_SEPTAL,
  TERRITORY_ANTERIOR,
  TERRITORY_LATERAL,
  TERRITORY_INFERIOR,
  TERRITORY_COUNT
} heart_territory;

typedef enum heart_ischaemia {
  ISCHAEMIA_NONE,
  ISCHAEMIA_ACUTE,          /* ST elevation */
  ISCHAEMIA_SUBENDOCARDIAL, /* ST depression */
  ISCHAEMIA_T_INVERSION,
  ISCHAEMIA_SCAR, /* Q waves */
  ISCHAEMIA_COUNT
} heart_ischaemia;

typedef enum heart_ectopy { ECTOPY_NONE, ECTOPY_ATRIAL, ECTOPY_VENTRICULAR, ECTOPY_POLYMORPHIC } heart_ectopy;

typedef struct heart_patient {
  unsigned age_years;
  bool male;
  /* Two hidden severities, 0 (well) to 1. Nothing reads them but the making of the heart: they show only in
   * the signal. */
  double ventricular_disease, atrial_disease;
  heart_rhythm rhythm;
  heart_conduction conduction;
  heart_fascicle fascicle;
  heart_ischaemia ischaemia;
  heart_territory territory;
  double ischaemia_mv; /* size of the ST, T or Q change */
  heart_ectopy ectopy;
  unsigned ectopy_period;                     /* every n-th beat is premature; 2: bigeminy */
  bool ectopy_regular;                        /* else each beat is premature with chance 1 / ectopy_period */
  double left_hypertrophy, right_hypertrophy; /* 0: none, 1: severe */
  bool large_right_atrium, low_voltage, u_wave, pericarditis, early_repolarisation, arm_leads_reversed;
  double rate_bpm;     /* of the ventricles; where beats are dropped, of the atria */
  double pr_s;         /* P onset to QRS onset */
  double qrs_s;        /* of the dominant beat */
  double qtc_s;        /* QT at 60 beats per minute, were the QRS narrow */
  double axis_degrees; /* frontal axis of the QRS */
} heart_patient;

/* A patient drawn from the generator's population. */
heart_patient heart_patient_draw(random_stream *random);

/* A man of 50 in sinus rhythm at 70, with nothing wrong. */
heart_patient heart_patient_healthy(void);

#endif
