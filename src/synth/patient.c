#include "synth/patient.h"

static double clamp(double x, double low, double high) {
  return x < low ? low : x > high ? high : x;
}

static double normal(random_stream *random, double mean, double deviation, double low, double high) {
  return clamp(mean + deviation * random_normal(random), low, high);
}

heart_patient heart_patient_healthy(void) {
  return (heart_patient){.age_years = 50,
                         .male = true,
                         .ectopy_period = 5,
                         .rate_bpm = 70,
                         .pr_s = 0.155,
                         .qrs_s = 0.090,
                         .qtc_s = 0.405,
                         .axis_degrees = 45};
}

static double severity(random_stream *random, double chance, double least, double most_when_well) {
  bool ill = random_chance(random, chance);
  return ill ? random_uniform(random, least, 1) : random_uniform(random, 0, most_when_well);
}

static heart_rhythm draw_rhythm(const heart_patient *patient, random_stream *random) {
  double a = patient->atrial_disease, v = patient->ventricular_disease;
  const double weights[RHYTHM_COUNT] = {
      [RHYTHM_SINUS] = a > 0.3 ? 0.58 : 0.87,
      [RHYTHM_ECTOPIC_ATRIAL] = 0.020,
      [RHYTHM_ATRIAL_FIBRILLATION] = a > 0.3 ? 0.22 : 0.02,
      [RHYTHM_ATRIAL_FLUTTER] = a > 0.3 ? 0.070 : 0.010,
      [RHYTHM_SUPRAVENTRICULAR_TACHYCARDIA] = 0.013,
      [RHYTHM_JUNCTIONAL] = 0.015,
      [RHYTHM_MOBITZ_1] = 0.013,
      [RHYTHM_MOBITZ_2] = 0.008,
      [RHYTHM_COMPLETE_BLOCK] = 0.010,
      [RHYTHM_ATRIAL_PACED] = 0.012,
      [RHYTHM_VENTRICULAR_PACED] = v > 0.4 ? 0.07 : 0.015,
      [RHYTHM_VENTRICULAR_TACHYCARDIA] = v > 0.4 ? 0.012 : 0.002,
  };
  return (heart_rhythm)random_weighted(random, weights, RHYTHM_COUNT);
}

static heart_conduction draw_conduction(const heart_patient *patient, random_stream *random) {
  bool ill = patient->ventricular_disease > 0.35;
  bool accessory_path = !ill && patient->rhythm == RHYTHM_SINUS;
  const double weights[CONDUCTION_COUNT] = {
      [CONDUCTION_NORMAL] = ill ? 0.42 : 0.845,
      [CONDUCTION_LEFT_BUNDLE_BLOCK] = ill ? 0.27 : 0.025,
      [CONDUCTION_RIGHT_BUNDLE_BLOCK] = ill ? 0.09 : 0.085,
      [CONDUCTION_NONSPECIFIC_DELAY] = ill ? 0.22 : 0.030,
      [CONDUCTION_PREEXCITATION] = accessory_path ? 0.020 : 0,
  };
  return (heart_conduction)random_weighted(random, weights, CONDUCTION_COUNT);
}

static double draw_rate(const heart_patient *patient, random_stream *random) {
  switch (patient->rhythm) {
  case RHYTHM_ATRIAL_FIBRILLATION:
    return normal(random, 92, 24, 48, 160);
  case RHYTHM_ECTOPIC_ATRIAL:
    return normal(random, 84, 22, 50, 140);
  case RHYTHM_SUPRAVENTRICULAR_TACHYCARDIA:
    return random_uniform(random, 150, 205);
  case RHYTHM_JUNCTIONAL:
    return random_uniform(random, 38, 66);
  case RHYTHM_MOBITZ_1:
  case RHYTHM_MOBITZ_2:
    return random_uniform(random, 62, 96);
  case RHYTHM_COMPLETE_BLOCK:
    return random_uniform(random, 28, 46);
  case RHYTHM_ATRIAL_PACED:
  case RHYTHM_VENTRICULAR_PACED:
    return random_uniform(random, 58, 92);
  case RHYTHM_VENTRICULAR_TACHYCARDIA:
    return random_uniform(random, 135, 190);
  default: {
    const double weights[3] = {0.72, 0.14, 0.14};
    size_t kind = random_weighted(random, weights, 3);
    double drive = 9 * patient->ventricular_disease;
    if (kind == 1)
      return random_uniform(random, 41, 59);
    if (kind == 2)
      return random_uniform(random, 101, 138);
    return normal(random, 74 + drive, 10, 55, 105);
  }
  }
}

static double draw_pr(const heart_patient *patient, random_stream *random) {
  if (patient->conduction == CONDUCTION_PREEXCITATION)
    return random_uniform(random, 0.085, 0.110);
  if (patient->rhythm == RHYTHM_ECTOPIC_ATRIAL)
    return random_uniform(random, 0.110, 0.150);
  double pr_s = normal(random, 0.155 + 0.025 * patient->atrial_disease, 0.016, 0.122, 0.200);
  bool prolonged = random_chance(random, 0.04 + 0.12 * patient->atrial_disease);
  double longer_s = random_uniform(random, 0.045, 0.12);
  return prolonged && patient->rate_bpm < 110 ? pr_s + longer_s : pr_s;
}

static double draw_qrs(const heart_patient *patient, random_stream *random) {
  switch (patient->conduction) {
  case CONDUCTION_LEFT_BUNDLE_BLOCK:
    return random_uniform(random, 0.132, 0.176);
  case CONDUCTION_RIGHT_BUNDLE_BLOCK:
    return random_uniform(random, 0.124, 0.158);
  case CONDUCTION_NONSPECIFIC_DELAY:
    return random_uniform(random, 0.114, 0.146);
  case CONDUCTION_PREEXCITATION:
    return random_uniform(random, 0.114, 0.140);
  default:
    return normal(random, 0.089 + 0.008 * patient->ventricular_disease, 0.006, 0.074, 0.106);
  }
}

static void draw_ventricles(heart_patient *patient, random_stream *random) {
  patient->conduction = draw_conduction(patient, random);
  double fascicle = random_uniform(random, 0, 1);
  bool right = patient->conduction == CONDUCTION_RIGHT_BUNDLE_BLOCK;
  if (patient->conduction == CONDUCTION_NORMAL || right)
    patient->fascicle = fascicle < (right ? 0.16 : 0.05)    ? FASCICLE_ANTERIOR_BLOCK
                        : fascicle < (right ? 0.20 : 0.062) ? FASCICLE_POSTERIOR_BLOCK
                                                            : FASCICLE_NONE;
  double left = random_uniform(random, 0, 1), size = random_uniform(random, 0.35, 1);
  if (left < 0.11 && patient->conduction == CONDUCTION_NORMAL)
    patient->left_hypertrophy = size;
  else if (left < 0.135 && patient->conduction == CONDUCTION_NORMAL)
    patient->right_hypertrophy = size;
  patient->large_right_atrium = random_chance(random, patient->right_hypertrophy > 0 ? 0.6 : 0.015);
  bool low = random_chance(random, 0.04 + 0.04 * patient->ventricular_disease);
  patient->low_voltage = low && patient->left_hypertrophy == 0 && patient->right_hypertrophy == 0;
}

static void draw_ischaemia(heart_patient *patient, random_stream *random) {
  const double weights[ISCHAEMIA_COUNT] = {0.76, 0.06, 0.05, 0.06, 0.07};
  const double territories[TERRITORY_COUNT] = {0.18, 0.30, 0.20, 0.32};
  patient->ischaemia = (heart_ischaemia)random_weighted(random, weights, ISCHAEMIA_COUNT);
  patient->territory = (heart_territory)random_weighted(random, territories, TERRITORY_COUNT);
  const double least_mv[ISCHAEMIA_COUNT] = {0, 0.18, 0.12, 0.30, 0.35};
  const double most_mv[ISCHAEMIA_COUNT] = {0, 0.55, 0.26, 0.60, 0.75};
  patient->ischaemia_mv = random_uniform(random, least_mv[patient->ischaemia], most_mv[patient->ischaemia]);
}

static void draw_repolarisation(heart_patient *patient, random_stream *random) {
  double qtc_s = normal(random, patient->male ? 0.404 : 0.415, 0.017, 0.36, 0.445);
  bool prolonged = random_chance(random, 0.05);
  double longer_s = random_uniform(random, 0.065, 0.13);
  patient->qtc_s = prolonged ? qtc_s + longer_s : qtc_s;
  patient->u_wave = random_chance(random, 0.03) && patient->rate_bpm < 80;
  bool plain = patient->ischaemia == ISCHAEMIA_NONE && patient->conduction == CONDUCTION_NORMAL;
  patient->pericarditis = random_chance(random, 0.015) && plain;
  patient->early_repolarisation =
      random_chance(random, patient->age_years < 50 ? 0.06 : 0.01) && plain && !patient->pericarditis;
}

static void draw_ectopy(heart_patient *patient, random_stream *random) {
  double which = random_uniform(random, 0, 1);
  double atrial = patient->atrial_disease > 0.3 ? 0.42 : 0.035;
  double ventricular = patient->ventricular_disease > 0.35 ? 0.26 : 0.055;
  if (which < atrial)
    patient->ectopy = ECTOPY_ATRIAL;
  else if (which < atrial + ventricular)
    patient->ectopy = random_chance(random, 0.2) ? ECTOPY_POLYMORPHIC : ECTOPY_VENTRICULAR;
  patient->ectopy_period = 2 + (unsigned)random_index(random, 7);
  patient->ectopy_regular = random_chance(random, patient->ectopy_period == 2 ? 0.9 : 0.3);
}

static double draw_axis(const heart_patient *patient, random_stream *random) {
  double degrees = normal(random, 42, 24, -24, 84);
  double left = random_uniform(random, -68, -45), right = random_uniform(random, 100, 128);
  double extreme = random_uniform(random, -150, -110), mild = random_uniform(random, 0, 1);
  if (patient->fascicle == FASCICLE_ANTERIOR_BLOCK)
    return left;
  if (patient->fascicle == FASCICLE_POSTERIOR_BLOCK || patient->right_hypertrophy > 0)
    return right;
  if (patient->conduction == CONDUCTION_LEFT_BUNDLE_BLOCK)
    return degrees - 25;
  if (mild < 0.04)
    return left + 8;
  if (mild < 0.06)
    return right;
  return mild < 0.067 ? extreme : degrees;
}

heart_patient heart_patient_draw(random_stream *random) {
  heart_patient patient = {0};
  patient.age_years = 22 + (unsigned)random_index(random, 69);
  patient.male = random_chance(random, 0.53);
  patient.ventricular_disease = severity(random, 0.42, 0.25, 0.12);
  patient.atrial_disease = severity(random, 0.38, 0.30, 0.20);
  patient.rhythm = draw_rhythm(&patient, random);
  draw_ventricles(&patient, random);
  draw_ischaemia(&patient, random);
  patient.rate_bpm = draw_rate(&patient, random);
  patient.pr_s = draw_pr(&patient, random);
  patient.qrs_s = draw_qrs(&patient, random);
  draw_repolarisation(&patient, random);
  draw_ectopy(&patient, random);
  patient.axis_degrees = draw_axis(&patient, random);
  patient.arm_leads_reversed = random_chance(random, 0.01);
  return patient;
}
