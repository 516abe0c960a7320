#include "synth/measure.h"

#include "synth/exact_math.h"
#include "synth/render.h"

#include <math.h>

enum { GRID_SAMPLES = 1400, GRID_ONSET = 450 }; /* 1 ms each; the QRS begins at GRID_ONSET */

/* The dominant beat in three layers on the millisecond grid. */
typedef struct beat_layer {
  double x[GRID_SAMPLES], y[GRID_SAMPLES], z[GRID_SAMPLES];
} beat_layer;

typedef struct span {
  int first, end; /* samples [first, end) */
} span;

static dipole_track track_of(beat_layer *layer) {
  return (dipole_track){layer->x, layer->y, layer->z, GRID_SAMPLES, -GRID_ONSET / 1000.0, 1000.0};
}

static vector at(const beat_layer *layer, int sample) {
  return (vector){layer->x[sample], layer->y[sample], layer->z[sample]};
}

/* From the first to the last sample where the dipole exceeds `fraction` of its largest size. */
static span extent(const beat_layer *layer, double fraction) {
  double largest = 0;
  for (int i = 0; i < GRID_SAMPLES; i++) {
    vector v = at(layer, i);
    double size = vector_dot(v, v);
    largest = size > largest ? size : largest;
  }
  span found = {0, 0};
  for (int i = 0; i < GRID_SAMPLES; i++) {
    vector v = at(layer, i);
    if (largest == 0 || vector_dot(v, v) < fraction * fraction * largest)
      continue;
    if (found.end == 0)
      found.first = i;
    found.end = i + 1;
  }
  return found;
}

static double seconds(span s) {
  return (s.end - s.first) / 1000.0;
}

static void lead_projections(const heart *h, vector projection[ECG_LEADS]) {
  vector i = h->projection[INDEPENDENT_I], ii = h->projection[INDEPENDENT_II];
  projection[LEAD_I] = i;
  projection[LEAD_II] = ii;
  projection[LEAD_III] = vector_add(ii, vector_scale(i, -1));
  projection[LEAD_AVR] = vector_scale(vector_add(i, ii), -0.5);
  projection[LEAD_AVL] = vector_add(i, vector_scale(ii, -0.5));
  projection[LEAD_AVF] = vector_add(ii, vector_scale(i, -0.5));
  for (int k = 0; k < 6; k++)
    projection[LEAD_V1 + k] = h->projection[INDEPENDENT_V1 + k];
}

/* The next run of samples on one side of the baseline whose peak counts as a deflection; false at the end. */
static bool next_deflection(const beat_layer *layer, vector projection, span qrs, int *position,
                            double *peak_mv, double *length_s) {
  const double smallest_mv = 0.03;
  while (*position < qrs.end) {
    int first = *position;
    double peak = 0;
    bool up = vector_dot(at(layer, first), projection) >= 0;
    int i = first;
    for (; i < qrs.end; i++) {
      double v = vector_dot(at(layer, i), projection);
      if ((v >= 0) != up)
        break;
      peak = fabs(v) > fabs(peak) ? v : peak;
    }
    *position = i;
    if (fabs(peak) < smallest_mv)
      continue;
    *peak_mv = peak;
    *length_s = (i - first) / 1000.0;
    return true;
  }
  return false;
}

static void measure_qrs(const beat_layer *layer, vector projection, span qrs, lead_measurement *m) {
  for (int i = qrs.first; i < qrs.end; i++)
    m->qrs_area += vector_dot(at(layer, i), projection) / 1000.0;
  int position = qrs.first;
  double peak = 0, length_s = 0;
  while (next_deflection(layer, projection, qrs, &position, &peak, &length_s)) {
    if (peak < 0 && m->r_mv == 0 && m->q_mv == 0) {
      m->q_mv = -peak;
      m->q_s = length_s;
    } else if (peak > 0 && m->r_mv == 0) {
      m->r_mv = peak;
    } else if (peak < 0 && -peak > m->s_mv) {
      m->s_mv = -peak;
    } else if (peak > 0 && peak > m->r_prime_mv) {
      m->r_prime_mv = peak;
    }
  }
}

static double signed_extreme(const beat_layer *layer, vector projection, span s) {
  double extreme = 0;
  for (int i = s.first; i < s.end; i++) {
    double v = vector_dot(at(layer, i), projection);
    extreme = fabs(v) > fabs(extreme) ? v : extreme;
  }
  return extreme;
}

static double final_dip(const beat_layer *layer, vector projection, span p) {
  double depth = 0;
  int i = p.end;
  for (; i > p.first; i--) {
    double v = vector_dot(at(layer, i - 1), projection);
    if (v >= 0)
      break;
    depth = -v > depth ? -v : depth;
  }
  return depth * (p.end - i) / 1000.0;
}

static void measure_st(const beat_layer *qrs, const beat_layer *recovery, vector projection, int j,
                       lead_measurement *m) {
  double early = vector_dot(vector_add(at(qrs, j + 20), at(recovery, j + 20)), projection);
  double late = vector_dot(vector_add(at(qrs, j + 80), at(recovery, j + 80)), projection);
  m->st_mv = vector_dot(vector_add(at(qrs, j + 60), at(recovery, j + 60)), projection);
  m->st_slope = (late - early) / 0.060;
}

double frontal_axis_degrees(double lead_i, double lead_ii) {
  return 360.0 * exact_angle_turns((2.0 * lead_ii - lead_i) * 0.57735026918962576, lead_i);
}

static void measure_beat(heart_measurements *m, const heart *h) {
  beat_layer p, qrs, recovery;
  dipole_track p_track = track_of(&p), qrs_track = track_of(&qrs), recovery_track = track_of(&recovery);
  dipole_clear(&p_track);
  dipole_clear(&qrs_track);
  dipole_clear(&recovery_track);
  const beat_shape *beat = &h->ventricular[VENTRICULAR_DOMINANT];
  double qt_s = heart_qt(h, beat, m->rr_s);
  dipole_add_beat(&p_track, &h->atrial[ATRIAL_DOMINANT], -m->pr_s, 0, 1, RENDER_P);
  dipole_add_beat(&qrs_track, beat, 0, 0, 1, RENDER_QRS);
  dipole_add_beat(&recovery_track, beat, 0, qt_s, 1, 1u << PART_ST | 1u << PART_T);
  span p_extent = extent(&p, 0.06), qrs_extent = extent(&qrs, 0.03), t_extent = extent(&recovery, 0.10);
  span t_half = {(qrs_extent.end + t_extent.end) / 2, t_extent.end};
  m->p_s = m->p_present ? seconds(p_extent) : 0;
  m->pr_s = m->p_conducted ? (qrs_extent.first - p_extent.first) / 1000.0 : 0;
  m->qrs_s = seconds(qrs_extent);
  m->qt_s = (t_extent.end - qrs_extent.first) / 1000.0;

  vector projection[ECG_LEADS];
  lead_projections(h, projection);
  for (int lead = 0; lead < ECG_LEADS; lead++) {
    lead_measurement *l = &m->leads[lead];
    measure_qrs(&qrs, projection[lead], qrs_extent, l);
    measure_st(&qrs, &recovery, projection[lead], qrs_extent.end, l);
    l->t_mv = signed_extreme(&recovery, projection[lead], t_half);
    if (m->p_present) {
      l->p_mv = signed_extreme(&p, projection[lead], p_extent);
      l->p_force = final_dip(&p, projection[lead], p_extent);
    }
  }
}

static void measure_rhythm(heart_measurements *m, const heart_schedule *schedule) {
  size_t end, first = heart_schedule_visible(schedule, &end);
  const ventricular_beat *beats = schedule->ventricular;
  bool shapes[VENTRICULAR_SHAPES] = {false};
  m->beats = (unsigned)(end - first);
  for (size_t i = first; i < end; i++) {
    m->premature_atrial += beats[i].premature_atrial;
    m->premature_ventricular += beats[i].shape != VENTRICULAR_DOMINANT;
    shapes[beats[i].shape] = true;
  }
  m->two_ectopic_shapes = shapes[VENTRICULAR_ECTOPIC] && shapes[VENTRICULAR_OTHER_ECTOPIC];
  double intervals = (double)(end - first) - 1, sum = 0, squares = 0;
  for (size_t i = first + 1; i < end; i++)
    sum += beats[i].rr_s;
  m->rr_s = intervals > 0 ? sum / intervals : 1.0;
  for (size_t i = first + 1; i < end; i++)
    squares += (beats[i].rr_s - m->rr_s) * (beats[i].rr_s - m->rr_s);
  m->rr_variation = intervals > 1 ? sqrt(squares / (intervals - 1)) / m->rr_s : 0;
  m->rate_bpm = 60.0 / m->rr_s;
}

static double atrial_rate(const heart_schedule *schedule) {
  size_t first = 0, last = 0, count = 0;
  for (size_t i = 0; i < schedule->atrial_count; i++) {
    double onset_s = schedule->atrial[i].onset_s;
    if (onset_s < 0 || onset_s >= RECORD_SECONDS)
      continue;
    first = count == 0 ? i : first;
    last = i;
    count++;
  }
  if (count < 2)
    return 0;
  return 60.0 * (double)(count - 1) / (schedule->atrial[last].onset_s - schedule->atrial[first].onset_s);
}

heart_measurements heart_measure(const heart *h, const heart_patient *patient,
                                 const heart_schedule *schedule) {
  heart_measurements m = {0};
  m.p_present = schedule->atrial_count > 0;
  m.p_conducted = m.p_present && patient->rhythm != RHYTHM_COMPLETE_BLOCK &&
                  patient->rhythm != RHYTHM_VENTRICULAR_TACHYCARDIA;
  m.pr_s = patient->pr_s;
  measure_rhythm(&m, schedule);
  m.atrial_rate_bpm = atrial_rate(schedule);
  bool patterned = patient->ectopy_regular && m.premature_atrial + m.premature_ventricular >= 3;
  m.ectopy_every_other = patterned && patient->ectopy_period == 2;
  m.ectopy_every_third = patterned && patient->ectopy_period == 3;
  measure_beat(&m, h);
  double qrs_extra = m.qrs_s > 0.100 ? 0.7 * (m.qrs_s - 0.100) : 0;
  m.qtc_s = m.qt_s - 0.154 * (m.rr_s - 1.0) - qrs_extra;
  m.qtc_bazett_s = m.qt_s / sqrt(m.rr_s);
  m.p_axis_degrees = frontal_axis_degrees(m.leads[LEAD_I].p_mv, m.leads[LEAD_II].p_mv);
  m.qrs_axis_degrees = frontal_axis_degrees(m.leads[LEAD_I].qrs_area, m.leads[LEAD_II].qrs_area);
  m.t_axis_degrees = frontal_axis_degrees(m.leads[LEAD_I].t_mv, m.leads[LEAD_II].t_mv);
  return m;
}
