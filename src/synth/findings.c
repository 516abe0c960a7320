#include "synth/findings.h"

#include <math.h>

const char *const synth_finding_names[FINDING_COUNT] = {
    [FINDING_SINUS] = "Sinusal",
    [FINDING_REGULAR] = "Regular",
    [FINDING_MONOMORPH] = "Monomorph",
    [FINDING_QS_V1_V3] = "QS complex in V1-V2-V3",
    [FINDING_R_V5_V6] = "R complex in V5-V6",
    [FINDING_T_INVERSION_INFERIOR] = "T wave inversion (inferior - II, III, aVF)",
    [FINDING_LEFT_BUNDLE_BLOCK] = "Left bundle branch block",
    [FINDING_HIGH_R_AVL] = "RaVL > 11 mm",
    [FINDING_SOKOLOW] = "SV1 + RV5 or RV6 > 35 mm",
    [FINDING_T_INVERSION_LATERAL] = "T wave inversion (lateral -I, aVL, V5-V6)",
    [FINDING_T_INVERSION_ANTERIOR] = "T wave inversion (anterior - V3-V4)",
    [FINDING_LEFT_AXIS] = "Left axis deviation",
    [FINDING_LEFT_HYPERTROPHY] = "Left ventricular hypertrophy",
    [FINDING_BRADYCARDIA] = "Bradycardia",
    [FINDING_Q_INFERIOR] = "Q wave (inferior - II, III, aVF)",
    [FINDING_AFIB] = "Afib",
    [FINDING_IRREGULARLY_IRREGULAR] = "Irregularly irregular",
    [FINDING_ATRIAL_TACHYCARDIA] = "Atrial tachycardia (>= 100 BPM)",
    [FINDING_NONSPECIFIC_DELAY] = "Nonspecific intraventricular conduction delay",
    [FINDING_PREMATURE_VENTRICULAR] = "Premature ventricular complex",
    [FINDING_POLYMORPH] = "Polymorph",
    [FINDING_T_INVERSION_SEPTAL] = "T wave inversion (septal- V1-V2)",
    [FINDING_RIGHT_BUNDLE_BLOCK] = "Right bundle branch block",
    [FINDING_VENTRICULAR_PACED] = "Ventricular paced",
    [FINDING_ST_ELEVATION_ANTERIOR] = "ST elevation (anterior - V3-V4)",
    [FINDING_ST_ELEVATION_SEPTAL] = "ST elevation (septal - V1-V2)",
    [FINDING_FIRST_DEGREE_BLOCK] = "1st degree AV block",
    [FINDING_PREMATURE_ATRIAL] = "Premature atrial complex",
    [FINDING_FLUTTER] = "Atrial flutter",
    [FINDING_RSR] = "rSR' in V1-V2",
    [FINDING_QRS_V5_V6] = "qRS in V5-V6-I, aVL",
    [FINDING_LEFT_ANTERIOR_FASCICLE] = "Left anterior fascicular block",
    [FINDING_RIGHT_AXIS] = "Right axis deviation",
    [FINDING_MOBITZ_1] = "2nd degree AV block - mobitz 1",
    [FINDING_ST_DEPRESSION_INFERIOR] = "ST depression (inferior - II, III, aVF)",
    [FINDING_PERICARDITIS] = "Acute pericarditis",
    [FINDING_ST_ELEVATION_INFERIOR] = "ST elevation (inferior - II, III, aVF)",
    [FINDING_LOW_VOLTAGE] = "Low voltage",
    [FINDING_REGULARLY_IRREGULAR] = "Regularly irregular",
    [FINDING_JUNCTIONAL] = "Junctional rhythm",
    [FINDING_LEFT_ATRIUM] = "Left atrial enlargement",
    [FINDING_ST_ELEVATION_LATERAL] = "ST elevation (lateral - I, aVL, V5-V6)",
    [FINDING_ATRIAL_PACED] = "Atrial paced",
    [FINDING_RIGHT_HYPERTROPHY] = "Right ventricular hypertrophy",
    [FINDING_DELTA] = "Delta wave",
    [FINDING_PREEXCITATION] = "Wolff-Parkinson-White (Pre-excitation syndrome)",
    [FINDING_LONG_QT] = "Prolonged QT",
    [FINDING_ST_DEPRESSION_ANTERIOR] = "ST depression (anterior - V3-V4)",
    [FINDING_NEGATIVE_III] = "QRS complex negative in III",
    [FINDING_Q_LATERAL] = "Q wave (lateral- I, aVL, V5-V6)",
    [FINDING_SUPRAVENTRICULAR_TACHYCARDIA] = "Supraventricular tachycardia",
    [FINDING_ST_DOWNSLOPING] = "ST downslopping",
    [FINDING_ST_DEPRESSION_LATERAL] = "ST depression (lateral - I, avL, V5-V6)",
    [FINDING_MOBITZ_2] = "2nd degree AV block - mobitz 2",
    [FINDING_U_WAVE] = "U wave",
    [FINDING_R_OVER_S] = "R/S ratio in V1-V2 >1",
    [FINDING_RV1_SV6] = "RV1 + SV6 > 11 mm",
    [FINDING_LEFT_POSTERIOR_FASCICLE] = "Left posterior fascicular block",
    [FINDING_RIGHT_ATRIUM] = "Right atrial enlargement",
    [FINDING_ST_DEPRESSION_SEPTAL] = "ST depression (septal- V1-V2)",
    [FINDING_Q_SEPTAL] = "Q wave (septal- V1-V2)",
    [FINDING_Q_ANTERIOR] = "Q wave (anterior - V3-V4)",
    [FINDING_ST_UPSLOPING] = "ST upslopping",
    [FINDING_RIGHT_SUPERIOR_AXIS] = "Right superior axis",
    [FINDING_VENTRICULAR_TACHYCARDIA] = "Ventricular tachycardia",
    [FINDING_ECTOPIC_ATRIAL] = "Ectopic atrial rhythm (< 100 BPM)",
    [FINDING_LEAD_MISPLACEMENT] = "Lead misplacement",
    [FINDING_THIRD_DEGREE_BLOCK] = "Third Degree AV Block",
    [FINDING_ACUTE_INFARCTION] = "Acute MI",
    [FINDING_EARLY_REPOLARISATION] = "Early repolarization",
    [FINDING_BOTH_ATRIA] = "Bi-atrial enlargement",
    [FINDING_VENTRICULAR_RHYTHM] = "Ventricular Rhythm",
    [FINDING_TACHYCARDIA] = "Tachycardia",
    [FINDING_POOR_R_PROGRESSION] = "Poor R-wave progression",
    [FINDING_POOR_QUALITY] = "Poor data quality",
};

/* What two leads or more of a territory must agree on. */
enum { LEADS_END = -1 };
static const struct {
  int leads[5];
  synth_finding elevation, depression, inversion, q;
} territories[] = {
    {{LEAD_II, LEAD_III, LEAD_AVF, LEADS_END},
     FINDING_ST_ELEVATION_INFERIOR,
     FINDING_ST_DEPRESSION_INFERIOR,
     FINDING_T_INVERSION_INFERIOR,
     FINDING_Q_INFERIOR},
    {{LEAD_I, LEAD_AVL, LEAD_V5, LEAD_V6, LEADS_END},
     FINDING_ST_ELEVATION_LATERAL,
     FINDING_ST_DEPRESSION_LATERAL,
     FINDING_T_INVERSION_LATERAL,
     FINDING_Q_LATERAL},
    {{LEAD_V3, LEAD_V4, LEADS_END},
     FINDING_ST_ELEVATION_ANTERIOR,
     FINDING_ST_DEPRESSION_ANTERIOR,
     FINDING_T_INVERSION_ANTERIOR,
     FINDING_Q_ANTERIOR},
    {{LEAD_V1, LEAD_V2, LEADS_END},
     FINDING_ST_ELEVATION_SEPTAL,
     FINDING_ST_DEPRESSION_SEPTAL,
     FINDING_T_INVERSION_SEPTAL,
     FINDING_Q_SEPTAL},
};
enum { TERRITORIES = sizeof territories / sizeof territories[0] };

typedef bool (*lead_criterion)(const lead_measurement *lead, int which);

static bool in_two_leads(const heart_measurements *m, const int *leads, lead_criterion criterion) {
  int count = 0;
  for (; *leads != LEADS_END; leads++)
    count += criterion(&m->leads[*leads], *leads);
  return count >= 2;
}

static bool st_elevated(const lead_measurement *lead, int which) {
  return lead->st_mv >= (which == LEAD_V2 || which == LEAD_V3 ? 0.20 : 0.10);
}

static bool st_depressed(const lead_measurement *lead, int which) {
  (void)which;
  return lead->st_mv <= -0.05;
}

static bool t_inverted(const lead_measurement *lead, int which) {
  (void)which;
  return lead->t_mv <= -0.10;
}

static bool pathological_q(const lead_measurement *lead, int which) {
  (void)which;
  return lead->q_mv >= 0.1 && lead->q_s >= 0.028 && lead->q_mv >= 0.25 * lead->r_mv;
}

static double p2p(const lead_measurement *lead) {
  double up = fmax(lead->r_mv, lead->r_prime_mv);
  return up + fmax(lead->q_mv, lead->s_mv);
}

static double s_wave(const lead_measurement *lead) {
  return lead->r_mv == 0 ? lead->q_mv : lead->s_mv;
}

static bool drops_beats(heart_rhythm rhythm) {
  return rhythm == RHYTHM_MOBITZ_1 || rhythm == RHYTHM_MOBITZ_2;
}

static void read_rhythm(synth_findings *f, const heart_patient *patient, const heart_measurements *m) {
  heart_rhythm rhythm = patient->rhythm;
  bool sinus_node = rhythm == RHYTHM_SINUS || rhythm == RHYTHM_COMPLETE_BLOCK || drops_beats(rhythm);
  bool atrial_focus = rhythm == RHYTHM_ECTOPIC_ATRIAL;
  f->has[FINDING_SINUS] = sinus_node;
  f->has[FINDING_AFIB] = rhythm == RHYTHM_ATRIAL_FIBRILLATION;
  f->has[FINDING_FLUTTER] = rhythm == RHYTHM_ATRIAL_FLUTTER;
  f->has[FINDING_ATRIAL_TACHYCARDIA] = atrial_focus && m->rate_bpm >= 100;
  f->has[FINDING_ECTOPIC_ATRIAL] = atrial_focus && m->rate_bpm < 100;
  f->has[FINDING_SUPRAVENTRICULAR_TACHYCARDIA] = rhythm == RHYTHM_SUPRAVENTRICULAR_TACHYCARDIA;
  f->has[FINDING_JUNCTIONAL] = rhythm == RHYTHM_JUNCTIONAL;
  f->has[FINDING_MOBITZ_1] = rhythm == RHYTHM_MOBITZ_1;
  f->has[FINDING_MOBITZ_2] = rhythm == RHYTHM_MOBITZ_2;
  f->has[FINDING_THIRD_DEGREE_BLOCK] = rhythm == RHYTHM_COMPLETE_BLOCK;
  f->has[FINDING_ATRIAL_PACED] = rhythm == RHYTHM_ATRIAL_PACED;
  f->has[FINDING_VENTRICULAR_PACED] = rhythm == RHYTHM_VENTRICULAR_PACED;
  f->has[FINDING_VENTRICULAR_TACHYCARDIA] = rhythm == RHYTHM_VENTRICULAR_TACHYCARDIA;
  f->has[FINDING_VENTRICULAR_RHYTHM] =
      heart_beats_are_ventricular(patient) && rhythm == RHYTHM_COMPLETE_BLOCK;
}

static void read_regularity(synth_findings *f, const heart_patient *patient, const heart_measurements *m) {
  heart_rhythm rhythm = patient->rhythm;
  bool chaotic =
      rhythm == RHYTHM_ATRIAL_FIBRILLATION || (rhythm == RHYTHM_ATRIAL_FLUTTER && m->rr_variation > 0.12);
  unsigned premature = m->premature_atrial + m->premature_ventricular;
  f->has[FINDING_IRREGULARLY_IRREGULAR] = chaotic;
  f->has[FINDING_REGULARLY_IRREGULAR] =
      !chaotic && m->rr_variation > 0.10 &&
      (drops_beats(rhythm) || m->ectopy_every_other || m->ectopy_every_third);
  f->has[FINDING_REGULAR] = premature == 0 && m->rr_variation <= 0.10;
  f->has[FINDING_MONOMORPH] = m->premature_ventricular == 0;
  f->has[FINDING_POLYMORPH] = m->two_ectopic_shapes;
  f->has[FINDING_PREMATURE_ATRIAL] = m->premature_atrial > 0;
  f->has[FINDING_PREMATURE_VENTRICULAR] = m->premature_ventricular > 0;
  f->has[FINDING_BRADYCARDIA] = m->rate_bpm < 60;
  f->has[FINDING_TACHYCARDIA] = m->rate_bpm > 100;
}

static void read_conduction(synth_findings *f, const heart_patient *patient, const heart_measurements *m) {
  bool through_bundles = !heart_beats_are_ventricular(patient);
  heart_conduction conduction = patient->conduction;
  double axis = m->qrs_axis_degrees;
  f->has[FINDING_LEFT_BUNDLE_BLOCK] = through_bundles && conduction == CONDUCTION_LEFT_BUNDLE_BLOCK;
  f->has[FINDING_RIGHT_BUNDLE_BLOCK] = through_bundles && conduction == CONDUCTION_RIGHT_BUNDLE_BLOCK;
  f->has[FINDING_NONSPECIFIC_DELAY] = through_bundles && conduction == CONDUCTION_NONSPECIFIC_DELAY;
  f->has[FINDING_DELTA] = f->has[FINDING_PREEXCITATION] =
      through_bundles && conduction == CONDUCTION_PREEXCITATION;
  f->has[FINDING_LEFT_ANTERIOR_FASCICLE] = through_bundles && patient->fascicle == FASCICLE_ANTERIOR_BLOCK;
  f->has[FINDING_LEFT_POSTERIOR_FASCICLE] = through_bundles && patient->fascicle == FASCICLE_POSTERIOR_BLOCK;
  f->has[FINDING_FIRST_DEGREE_BLOCK] = m->p_conducted && m->pr_s > 0.200 && !drops_beats(patient->rhythm);
  f->has[FINDING_LEFT_AXIS] = axis < -30 && axis >= -90;
  f->has[FINDING_RIGHT_AXIS] = axis > 90;
  f->has[FINDING_RIGHT_SUPERIOR_AXIS] = axis < -90;
  f->has[FINDING_NEGATIVE_III] = m->leads[LEAD_III].qrs_area < 0;
  f->has[FINDING_LONG_QT] = m->qtc_s > (patient->male ? 0.450 : 0.460);
}

static void read_shapes(synth_findings *f, const heart_measurements *m) {
  const lead_measurement *l = m->leads;
  bool qs = true, monophasic = true, low = true;
  for (int lead = LEAD_V1; lead <= LEAD_V3; lead++)
    qs = qs && l[lead].q_mv > 0 && l[lead].r_mv == 0;
  for (int lead = LEAD_V5; lead <= LEAD_V6; lead++)
    monophasic = monophasic && l[lead].r_mv > 0 && l[lead].q_mv == 0 && l[lead].s_mv == 0;
  for (int lead = LEAD_I; lead <= LEAD_AVF; lead++)
    low = low && p2p(&l[lead]) < 0.5;
  f->has[FINDING_QS_V1_V3] = qs;
  f->has[FINDING_R_V5_V6] = monophasic;
  f->has[FINDING_QRS_V5_V6] =
      l[LEAD_V6].q_mv > 0 && l[LEAD_V6].r_mv > 0 && l[LEAD_V6].s_mv > 0.05 && l[LEAD_V5].s_mv > 0.05;
  f->has[FINDING_LOW_VOLTAGE] = low;
  f->has[FINDING_RSR] = (l[LEAD_V1].r_mv > 0 && l[LEAD_V1].s_mv > 0 && l[LEAD_V1].r_prime_mv > 0.1) ||
                        (l[LEAD_V2].r_mv > 0 && l[LEAD_V2].s_mv > 0 && l[LEAD_V2].r_prime_mv > 0.1);
  f->has[FINDING_HIGH_R_AVL] = l[LEAD_AVL].r_mv > 1.1;
  f->has[FINDING_SOKOLOW] = s_wave(&l[LEAD_V1]) + fmax(l[LEAD_V5].r_mv, l[LEAD_V6].r_mv) > 3.5;
  double r_v1 = fmax(l[LEAD_V1].r_mv, l[LEAD_V1].r_prime_mv);
  f->has[FINDING_R_OVER_S] = r_v1 > s_wave(&l[LEAD_V1]);
  f->has[FINDING_RV1_SV6] = r_v1 + s_wave(&l[LEAD_V6]) > 1.1;
  f->has[FINDING_POOR_R_PROGRESSION] = l[LEAD_V3].r_mv < 0.3;
  f->has[FINDING_LEFT_ATRIUM] = m->p_s >= 0.120 || l[LEAD_V1].p_force >= 0.004;
  f->has[FINDING_RIGHT_ATRIUM] = l[LEAD_II].p_mv >= 0.25;
  f->has[FINDING_BOTH_ATRIA] = f->has[FINDING_LEFT_ATRIUM] && f->has[FINDING_RIGHT_ATRIUM];
}

/* Not read where the activation alone explains them: bundle branch block on the left, pacing, pre-excitation,
 * ventricular beats. */
static void read_primary_changes(synth_findings *f, const heart_patient *patient,
                                 const heart_measurements *m) {
  const lead_measurement *l = m->leads;
  bool right_block = f->has[FINDING_RIGHT_BUNDLE_BLOCK];
  f->has[FINDING_LEFT_HYPERTROPHY] = f->has[FINDING_SOKOLOW] || f->has[FINDING_HIGH_R_AVL];
  f->has[FINDING_RIGHT_HYPERTROPHY] = !right_block && f->has[FINDING_R_OVER_S] &&
                                      fmax(l[LEAD_V1].r_mv, l[LEAD_V1].r_prime_mv) >= 0.6 &&
                                      m->qrs_axis_degrees > 80;
  bool elevated = false;
  for (size_t i = 0; i < TERRITORIES; i++) {
    const int *leads = territories[i].leads;
    f->has[territories[i].q] = in_two_leads(m, leads, pathological_q);
    f->has[territories[i].inversion] = in_two_leads(m, leads, t_inverted);
    f->has[territories[i].depression] = in_two_leads(m, leads, st_depressed);
    f->has[territories[i].elevation] = in_two_leads(m, leads, st_elevated);
    elevated = elevated || f->has[territories[i].elevation];
  }
  if (right_block)
    f->has[FINDING_T_INVERSION_SEPTAL] = false;
  for (int lead = 0; lead < ECG_LEADS; lead++) {
    bool depressed = lead != LEAD_AVR && l[lead].st_mv <= -0.08;
    f->has[FINDING_ST_DOWNSLOPING] |= depressed && l[lead].st_slope < -1.0;
    f->has[FINDING_ST_UPSLOPING] |= depressed && l[lead].st_slope > 1.0;
  }
  f->has[FINDING_ACUTE_INFARCTION] = elevated && patient->ischaemia == ISCHAEMIA_ACUTE;
  f->has[FINDING_PERICARDITIS] = patient->pericarditis;
  f->has[FINDING_EARLY_REPOLARISATION] = patient->early_repolarisation;
}

synth_findings synth_findings_read(const heart_patient *patient, const heart_measurements *m) {
  synth_findings f = {0};
  read_rhythm(&f, patient, m);
  read_regularity(&f, patient, m);
  read_conduction(&f, patient, m);
  read_shapes(&f, m);
  bool abnormal_activation = heart_beats_are_ventricular(patient) || f.has[FINDING_LEFT_BUNDLE_BLOCK] ||
                             f.has[FINDING_PREEXCITATION];
  if (!abnormal_activation)
    read_primary_changes(&f, patient, m);
  f.has[FINDING_U_WAVE] = patient->u_wave && !heart_beats_are_ventricular(patient);
  f.has[FINDING_LEAD_MISPLACEMENT] = patient->arm_leads_reversed;
  return f;
}
