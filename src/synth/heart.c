#include "synth/heart.h"

#include "synth/exact_math.h"

#include <math.h>

/* One bell of a QRS: times are fractions of the QRS duration. */
typedef struct qrs_bell {
  double centre, width;
  vector dipole_mv;
} qrs_bell;

enum { QRS_BELLS = 6 };

/* How the ventricles are activated, and how they recover. */
typedef struct activation {
  qrs_bell bells[QRS_BELLS]; /* a width of 0 ends the list */
  vector st_mv, t_mv;
} activation;

/* Septum from left to right, apex, free wall, base. */
static const activation normal_activation = {.bells = {{0.13, 0.065, {-0.12, -0.06, -0.24}},
                                                       {0.32, 0.090, {0.42, 0.48, -0.38}},
                                                       {0.48, 0.100, {0.88, 0.66, 0.40}},
                                                       {0.71, 0.095, {-0.06, -0.16, 0.55}}},
                                             .t_mv = {0.32, 0.17, -0.17}};

/* No septal vector to the right; a slow, notched sweep to the left and back; recovery the other way. */
static const activation left_bundle_block = {.bells = {{0.12, 0.070, {0.22, 0.10, 0.00}},
                                                       {0.31, 0.095, {0.72, 0.42, 0.46}},
                                                       {0.54, 0.095, {0.58, 0.14, 0.82}},
                                                       {0.75, 0.090, {0.56, -0.04, 0.60}}},
                                             .st_mv = {-0.06, -0.02, -0.15},
                                             .t_mv = {-0.25, -0.06, -0.40}};

/* The normal sequence, then the right ventricle late and slowly. */
static const activation right_bundle_block = {.bells = {{0.085, 0.042, {-0.12, -0.06, -0.24}},
                                                        {0.205, 0.058, {0.42, 0.48, -0.36}},
                                                        {0.310, 0.064, {0.86, 0.66, 0.42}},
                                                        {0.440, 0.056, {0.02, -0.12, 0.34}},
                                                        {0.730, 0.115, {-0.52, -0.06, -0.56}}},
                                              .t_mv = {0.26, 0.20, 0.10}};

static const activation nonspecific_delay = {.bells = {{0.12, 0.060, {-0.06, -0.04, -0.18}},
                                                       {0.30, 0.085, {0.40, 0.44, -0.30}},
                                                       {0.48, 0.095, {0.80, 0.52, 0.42}},
                                                       {0.66, 0.080, {0.16, 0.02, 0.58}},
                                                       {0.82, 0.070, {0.20, -0.20, 0.30}}},
                                             .t_mv = {0.14, 0.14, -0.16}};

/* A slurred start through the accessory path. */
static const activation preexcitation = {.bells = {{0.20, 0.095, {0.24, 0.18, -0.20}},
                                                   {0.42, 0.080, {0.44, 0.44, -0.36}},
                                                   {0.57, 0.085, {0.92, 0.62, 0.34}},
                                                   {0.76, 0.080, {-0.02, -0.14, 0.46}}},
                                         .t_mv = {0.12, 0.12, -0.06}};

/* From the right ventricle's outflow tract: a left bundle branch block pointing down. */
static const activation outflow_ectopic = {.bells = {{0.28, 0.120, {0.34, 0.86, 0.20}},
                                                     {0.52, 0.120, {0.42, 1.02, 0.92}},
                                                     {0.76, 0.090, {0.10, 0.20, 0.66}}},
                                           .st_mv = {-0.04, -0.12, -0.12},
                                           .t_mv = {-0.16, -0.48, -0.46}};

/* From the left ventricle's apex: a right bundle branch block pointing up. */
static const activation apical_ectopic = {.bells = {{0.28, 0.115, {-0.46, -0.56, -0.52}},
                                                    {0.52, 0.120, {-0.58, -0.92, -0.72}},
                                                    {0.76, 0.090, {-0.36, -0.24, -0.20}}},
                                          .st_mv = {0.06, 0.10, 0.10},
                                          .t_mv = {0.30, 0.44, 0.36}};

/* An electrode in the right ventricle's apex: to the left, up and back. */
static const activation apical_pacing = {.bells = {{0.26, 0.110, {0.42, -0.46, 0.28}},
                                                   {0.50, 0.115, {0.52, -0.88, 0.80}},
                                                   {0.74, 0.095, {0.34, -0.50, 0.56}}},
                                         .st_mv = {-0.06, 0.10, -0.14},
                                         .t_mv = {-0.22, 0.36, -0.42}};

static const vector territory_direction[TERRITORY_COUNT] = {
    [TERRITORY_SEPTAL] = {-0.20, 0.13, -0.97},
    [TERRITORY_ANTERIOR] = {0.72, 0.08, -0.69},
    [TERRITORY_LATERAL] = {0.95, -0.28, 0.12},
    [TERRITORY_INFERIOR] = {-0.10, 0.98, -0.15},
};

static const vector dower[INDEPENDENT_LEADS] = {
    {0.632, -0.235, 0.059}, {0.235, 1.066, -0.132}, {-0.515, 0.157, -0.917}, {0.044, 0.164, -1.387},
    {0.882, 0.098, -1.277}, {1.213, 0.127, -0.601}, {1.125, 0.127, -0.086},  {0.831, 0.076, 0.230},
};

double heart_qt(const heart *h, const beat_shape *shape, double rr_s) {
  double rr = rr_s < 0.33 ? 0.33 : rr_s > 1.6 ? 1.6 : rr_s;
  double qt = h->qtc_s + 0.154 * (rr - 1.0);
  if (shape->qrs_s > 0.100)
    qt += 0.7 * (shape->qrs_s - 0.100);
  return qt;
}

static void add_wave(beat_shape *shape, heart_wave wave) {
  if (shape->wave_count < BEAT_WAVES)
    shape->waves[shape->wave_count++] = wave;
}

/* Every heart is a little different: the sizes along the three axes vary by about a tenth. */
static vector vary(vector v, random_stream *random, double spread) {
  v.x *= 1.0 + spread * random_normal(random);
  v.y *= 1.0 + spread * random_normal(random);
  v.z *= 1.0 + spread * random_normal(random);
  return v;
}

static void add_st(beat_shape *shape, vector level_mv) {
  add_wave(shape, (heart_wave){PART_ST, 0.22, 0.17, 0.24, level_mv});
}

static void add_t(beat_shape *shape, vector peak_mv) {
  add_wave(shape, (heart_wave){PART_T, 0.74, 0.21, 0.13, peak_mv});
}

static beat_shape shape_of(const activation *a, double qrs_s, random_stream *random) {
  beat_shape shape = {.qrs_s = qrs_s};
  for (size_t i = 0; i < QRS_BELLS && a->bells[i].width > 0; i++) {
    const qrs_bell *bell = &a->bells[i];
    double width = bell->width * qrs_s;
    add_wave(&shape,
             (heart_wave){PART_QRS, bell->centre * qrs_s, width, width, vary(bell->dipole_mv, random, 0.11)});
  }
  add_st(&shape, a->st_mv);
  add_t(&shape, vary(a->t_mv, random, 0.16));
  return shape;
}

/* Enlarged walls: larger forces to the left and back (left) or to the right and front (right), with strain.
 */
static void hypertrophy(beat_shape *shape, double left, double right) {
  for (size_t i = 0; i < shape->wave_count; i++) {
    heart_wave *w = &shape->waves[i];
    bool late = w->part == PART_QRS && w->centre > 0.4 * shape->qrs_s;
    if (late) {
      w->dipole_mv.x *= (1.0 + 1.25 * left) * (1.0 - 0.55 * right);
      w->dipole_mv.y *= 1.0 + 0.35 * left;
      w->dipole_mv.z *= (1.0 + 1.25 * left) * (1.0 - 0.90 * right);
    }
    if (w->part == PART_T) {
      double strain = left > 0.6 ? left : 0;
      w->dipole_mv = vector_add(w->dipole_mv, vector_scale((vector){-0.46, -0.08, 0.06}, strain));
      w->dipole_mv = vector_add(w->dipole_mv, vector_scale((vector){0.05, -0.10, 0.42}, right));
    }
  }
  if (left > 0.6)
    add_st(shape, vector_scale((vector){-0.10, -0.03, -0.06}, left));
  if (right > 0)
    add_wave(shape, (heart_wave){PART_QRS, 0.70 * shape->qrs_s, 0.12 * shape->qrs_s, 0.12 * shape->qrs_s,
                                 vector_scale((vector){-0.60, 0.16, -0.88}, 0.45 + 0.55 * right)});
}

/* A failing left ventricle: R waves grow late across the chest, T waves are flat, at worst inverted at the
 * left side. */
static void ventricular_disease(beat_shape *shape, double severity) {
  double lost = severity > 0.25 ? severity : 0;
  for (size_t i = 0; i < shape->wave_count; i++) {
    heart_wave *w = &shape->waves[i];
    if (w->part == PART_QRS && w->dipole_mv.z < 0)
      w->dipole_mv.z *= 1.0 - 0.95 * lost;
    if (w->part == PART_QRS && w->centre < 0.6 * shape->qrs_s)
      w->dipole_mv.x *= 1.0 - 0.38 * lost;
    if (w->part == PART_T && w->dipole_mv.x > 0)
      w->dipole_mv = vector_add(vector_scale(w->dipole_mv, 1.0 - 0.6 * lost), (vector){-0.13 * lost, 0, 0});
  }
}

/* Take away what points along `direction`, and put `replacement` (signed) there. */
static vector redirect(vector v, vector direction, double replacement) {
  double along = vector_dot(v, direction);
  return vector_add(v, vector_scale(direction, replacement - (along > 0 ? along : 0)));
}

static void scar(beat_shape *shape, vector direction, double size_mv) {
  for (size_t i = 0; i < shape->wave_count; i++) {
    heart_wave *w = &shape->waves[i];
    if (w->part == PART_QRS && w->centre < 0.4 * shape->qrs_s)
      w->dipole_mv = redirect(w->dipole_mv, direction, 0);
    if (w->part == PART_T)
      w->dipole_mv = redirect(w->dipole_mv, direction, -0.05);
  }
  add_wave(shape, (heart_wave){PART_QRS, 0.24 * shape->qrs_s, 0.10 * shape->qrs_s, 0.10 * shape->qrs_s,
                               vector_scale(direction, -size_mv)});
}

static void ischaemia(beat_shape *shape, const heart_patient *patient, random_stream *random) {
  const double st_centre[3] = {0.10, 0.22,
                               0.34}; /* what is depressed slopes up, stays level or slopes down */
  vector direction = territory_direction[patient->territory];
  double size_mv = patient->ischaemia_mv;
  double st_mv = patient->ischaemia == ISCHAEMIA_ACUTE            ? size_mv
                 : patient->ischaemia == ISCHAEMIA_SUBENDOCARDIAL ? -size_mv
                                                                  : 0;
  if (patient->ischaemia == ISCHAEMIA_SCAR)
    scar(shape, direction, size_mv);
  size_t slope = random_index(random, 3);
  if (st_mv != 0)
    add_wave(shape, (heart_wave){PART_ST, st_centre[slope], 0.17, 0.24, vector_scale(direction, st_mv)});
  for (size_t i = 0; i < shape->wave_count; i++) {
    heart_wave *w = &shape->waves[i];
    if (w->part != PART_T)
      continue;
    if (patient->ischaemia == ISCHAEMIA_T_INVERSION)
      w->dipole_mv = redirect(w->dipole_mv, direction, -size_mv);
    else
      w->dipole_mv = vector_add(w->dipole_mv, vector_scale(direction, 0.4 * st_mv));
  }
}

/* Areas of the QRS in the frontal plane of the limb leads: x along lead I, y down. */
static vector frontal_area(const beat_shape *shape) {
  double lead_i = 0, lead_ii = 0;
  for (size_t i = 0; i < shape->wave_count; i++) {
    const heart_wave *w = &shape->waves[i];
    if (w->part != PART_QRS)
      continue;
    lead_i += w->rise * vector_dot(w->dipole_mv, dower[INDEPENDENT_I]);
    lead_ii += w->rise * vector_dot(w->dipole_mv, dower[INDEPENDENT_II]);
  }
  return (vector){lead_i, (2.0 * lead_ii - lead_i) * 0.57735026918962576, 0};
}

static void turn_frontal(beat_shape *shape, double turns, double scale) {
  sine_cosine turn = exact_sine_cosine(turns);
  for (size_t i = 0; i < shape->wave_count; i++) {
    vector *v = &shape->waves[i].dipole_mv;
    if (shape->waves[i].part == PART_QRS)
      *v = (vector){scale * (v->x * turn.cosine - v->y * turn.sine),
                    scale * (v->x * turn.sine + v->y * turn.cosine), v->z};
  }
}

/* Turn the QRS in the frontal plane until its mean axis is the wanted one. The limb leads see a vector down
 * twice as large as one to the left, so that a turn of the dipole moves their axis by half to twice as much:
 * small steps, and in the end a scale that keeps what they see about as large as before. */
static void turn_axis(beat_shape *shape, double wanted_degrees) {
  vector before = frontal_area(shape);
  for (int step = 0; step < 14; step++) {
    vector area = frontal_area(shape);
    double missing = wanted_degrees / 360.0 - exact_angle_turns(area.y, area.x);
    missing -= missing > 0.5 ? 1.0 : missing < -0.5 ? -1.0 : 0.0;
    turn_frontal(shape, 0.45 * missing, 1.0);
  }
  vector after = frontal_area(shape);
  double scale = sqrt(vector_dot(before, before) / (vector_dot(after, after) + 1e-12));
  turn_frontal(shape, 0, scale < 0.6 ? 0.6 : scale > 1.15 ? 1.15 : scale);
}

/* A fascicular block starts the QRS opposite to where its axis goes: a small q or r in the limb leads. */
static void fascicular_start(beat_shape *shape, heart_fascicle fascicle) {
  vector start = fascicle == FASCICLE_ANTERIOR_BLOCK ? (vector){-0.10, 0.34, 0} : (vector){0.16, -0.22, 0};
  add_wave(shape,
           (heart_wave){PART_QRS, 0.13 * shape->qrs_s, 0.055 * shape->qrs_s, 0.055 * shape->qrs_s, start});
}

static void special_repolarisation(beat_shape *shape, const heart_patient *patient) {
  if (patient->pericarditis)
    add_st(shape, (vector){0.15, 0.16, -0.08});
  if (patient->early_repolarisation)
    add_wave(shape, (heart_wave){PART_ST, 0.10, 0.09, 0.30, {0.13, 0.11, -0.09}});
  if (patient->u_wave)
    add_wave(shape, (heart_wave){PART_U, 1.20, 0.085, 0.085, {0.07, 0.05, -0.09}});
}

static void scale_shape(beat_shape *shape, double factor) {
  for (size_t i = 0; i < shape->wave_count; i++)
    shape->waves[i].dipole_mv = vector_scale(shape->waves[i].dipole_mv, factor);
}

static void add_spike(beat_shape *shape, double centre_s) {
  add_wave(shape, (heart_wave){PART_SPIKE, centre_s, 0.0016, 0.0016, {0.30, 0.60, 0.30}});
}

static const activation *conduction_activation(heart_conduction conduction) {
  static const activation *const table[CONDUCTION_COUNT] = {
      [CONDUCTION_NORMAL] = &normal_activation,
      [CONDUCTION_LEFT_BUNDLE_BLOCK] = &left_bundle_block,
      [CONDUCTION_RIGHT_BUNDLE_BLOCK] = &right_bundle_block,
      [CONDUCTION_NONSPECIFIC_DELAY] = &nonspecific_delay,
      [CONDUCTION_PREEXCITATION] = &preexcitation,
  };
  return table[conduction];
}

static beat_shape supraventricular_shape(const heart_patient *patient, random_stream *random) {
  beat_shape shape = shape_of(conduction_activation(patient->conduction), patient->qrs_s, random);
  hypertrophy(&shape, patient->left_hypertrophy, patient->right_hypertrophy);
  ventricular_disease(&shape, patient->ventricular_disease);
  turn_axis(&shape, patient->axis_degrees);
  if (patient->fascicle != FASCICLE_NONE)
    fascicular_start(&shape, patient->fascicle);
  ischaemia(&shape, patient, random);
  special_repolarisation(&shape, patient);
  return shape;
}

static bool ventricular_escape(const heart_patient *patient) {
  return patient->rhythm == RHYTHM_COMPLETE_BLOCK && patient->rate_bpm < 36;
}

bool heart_beats_are_ventricular(const heart_patient *patient) {
  return patient->rhythm == RHYTHM_VENTRICULAR_TACHYCARDIA || patient->rhythm == RHYTHM_VENTRICULAR_PACED ||
         ventricular_escape(patient);
}

static void make_ventricles(heart *h, const heart_patient *patient, random_stream *random) {
  bool from_outflow = random_chance(random, 0.55);
  double ectopic_s = random_uniform(random, 0.142, 0.172), other_s = random_uniform(random, 0.142, 0.172);
  h->ventricular[VENTRICULAR_ECTOPIC] =
      shape_of(from_outflow ? &outflow_ectopic : &apical_ectopic, ectopic_s, random);
  h->ventricular[VENTRICULAR_OTHER_ECTOPIC] =
      shape_of(from_outflow ? &apical_ectopic : &outflow_ectopic, other_s, random);
  beat_shape *dominant = &h->ventricular[VENTRICULAR_DOMINANT];
  if (patient->rhythm == RHYTHM_VENTRICULAR_TACHYCARDIA || ventricular_escape(patient)) {
    *dominant = h->ventricular[VENTRICULAR_ECTOPIC];
  } else if (patient->rhythm == RHYTHM_VENTRICULAR_PACED) {
    *dominant = shape_of(&apical_pacing, random_uniform(random, 0.150, 0.184), random);
    add_spike(dominant, 0.002);
  } else {
    *dominant = supraventricular_shape(patient, random);
  }
  double voltage = random_uniform(random, 0.82, 1.22);
  if (patient->low_voltage)
    voltage *= 0.36;
  for (size_t i = 0; i < VENTRICULAR_SHAPES; i++)
    scale_shape(&h->ventricular[i], voltage);
}

/* The right atrium, then the left one, which comes later and larger when it is ill. */
static beat_shape p_shape(const heart_patient *patient, vector right_mv, vector left_mv,
                          random_stream *random) {
  double a = patient->atrial_disease;
  beat_shape shape = {0};
  right_mv = vary(right_mv, random, 0.12);
  left_mv = vary(left_mv, random, 0.12);
  double left_s = 0.057 + 0.029 * a + 0.004 * random_normal(random), width_s = 0.0160 + 0.003 * a;
  left_mv.z *= 1.0 + 2.8 * a;
  if (patient->large_right_atrium)
    right_mv = vector_add(right_mv, (vector){0.02, 0.17, -0.05});
  add_wave(&shape, (heart_wave){PART_P, 0.032, 0.014, 0.014, right_mv});
  add_wave(&shape, (heart_wave){PART_P, left_s, width_s, width_s, left_mv});
  return shape;
}

static void make_atria(heart *h, const heart_patient *patient, random_stream *random) {
  bool ectopic = patient->rhythm == RHYTHM_ECTOPIC_ATRIAL;
  h->atrial[ATRIAL_DOMINANT] =
      p_shape(patient, ectopic ? (vector){0.02, -0.10, 0.03} : (vector){0.05, 0.085, -0.06},
              ectopic ? (vector){0.04, -0.08, 0.02} : (vector){0.08, 0.055, 0.020}, random);
  h->atrial[ATRIAL_PREMATURE] =
      p_shape(patient, (vector){-0.03, 0.05, 0.05}, (vector){0.02, 0.11, -0.04}, random);
  if (patient->rhythm == RHYTHM_ATRIAL_PACED)
    add_spike(&h->atrial[ATRIAL_DOMINANT], 0.001);
}

static atrial_saw fibrillation_saw(vector direction_mv, double coarse, random_stream *random) {
  atrial_saw saw = {.second = 0.35, .third = 0.12};
  saw.direction_mv = vector_scale(vary(direction_mv, random, 0.2), coarse);
  saw.rate_hz = random_uniform(random, 4.8, 7.8);
  saw.phase_turns = random_uniform(random, 0, 1);
  saw.drift_hz = random_uniform(random, 0.3, 0.8);
  saw.drift_turns = random_uniform(random, 0.15, 0.40);
  saw.swell_hz = random_uniform(random, 0.3, 0.9);
  saw.swell = random_uniform(random, 0.3, 0.7);
  return saw;
}

static void make_saws(heart *h, const heart_patient *patient, random_stream *random) {
  double coarse = random_uniform(random, 0.35, 1.5);
  if (patient->rhythm == RHYTHM_ATRIAL_FIBRILLATION) {
    h->saws[0] = fibrillation_saw((vector){-0.010, 0.014, -0.034}, coarse, random);
    h->saws[1] = fibrillation_saw((vector){-0.008, 0.022, -0.010}, coarse, random);
  } else if (patient->rhythm == RHYTHM_ATRIAL_FLUTTER) {
    h->saws[0] = (atrial_saw){.second = 0.5, .third = 0.33, .direction_mv = {0.010, 0.085, -0.028}};
    h->saws[0].direction_mv = vector_scale(h->saws[0].direction_mv, 0.6 + 0.6 * coarse);
    h->saws[0].rate_hz = random_uniform(random, 4.3, 5.4);
    h->saws[0].phase_turns = random_uniform(random, 0, 1);
  }
}

static void make_torso(heart *h, const heart_patient *patient, random_stream *random) {
  for (size_t lead = 0; lead < INDEPENDENT_LEADS; lead++) {
    double gain = random_uniform(random, 0.9, 1.1);
    h->projection[lead] = vector_scale(vary(dower[lead], random, 0.03), gain);
  }
  if (patient->arm_leads_reversed) { /* lead I is upside down, and what is called II is III */
    vector i = h->projection[INDEPENDENT_I];
    h->projection[INDEPENDENT_II] = vector_add(h->projection[INDEPENDENT_II], vector_scale(i, -1));
    h->projection[INDEPENDENT_I] = vector_scale(i, -1);
  }
}

heart heart_of_patient(const heart_patient *patient, random_stream *random) {
  heart h = {.qtc_s = patient->qtc_s};
  make_ventricles(&h, patient, random);
  make_atria(&h, patient, random);
  make_saws(&h, patient, random);
  make_torso(&h, patient, random);
  h.breath_hz = random_uniform(random, 0.19, 0.32);
  h.breath_turns = random_uniform(random, 0, 1);
  h.breath_gain = random_uniform(random, 0.01, 0.06);
  return h;
}
