#include "drift/drift_figures.h"

#include "drift/drift_records.h"
#include "metrics/metrics.h"

#include <math.h>
#include <stdlib.h>

/* The rows of one output that have a label. */
typedef struct labelled_rows {
  uint8_t *truth;
  float *scores[DRIFT_SIDES];
  size_t count;
} labelled_rows;

static bool both_there(const drift_values *v, size_t at) {
  return !isnan(v->sides[DRIFT_FP32][at]) && !isnan(v->sides[DRIFT_REDUCED][at]);
}

static void take_row(drift_model *m, size_t column, const drift_values *v, size_t at, labelled_rows *l) {
  drift_output *o = &m->outputs[column];
  double p = (double)v->sides[DRIFT_FP32][at], q = (double)v->sides[DRIFT_REDUCED][at];
  double difference = fabs(p - q);
  o->largest = fmax(o->largest, difference);
  o->mean += difference;
  if (!isnan(o->point)) {
    m->calls++;
    o->changed += (p >= o->point) != (q >= o->point);
  }
  if (!v->truth || v->truth[at] == DRIFT_NO_LABEL)
    return;
  l->truth[l->count] = (uint8_t)v->truth[at];
  for (int side = 0; side < DRIFT_SIDES; side++)
    l->scores[side][l->count] = v->sides[side][at];
  l->count++;
}

static bool areas(drift_output *o, const labelled_rows *l, error *err) {
  o->labelled = l->count;
  for (int side = 0; side < DRIFT_SIDES; side++) {
    binary_metrics metrics;
    if (!binary_metrics_compute(l->truth, l->scores[side], l->count, &metrics, err))
      return false;
    o->auc[side] = metrics.auc;
  }
  return true;
}

static bool compare_output(drift_model *m, size_t column, const drift_values *v, labelled_rows *l,
                           error *err) {
  drift_output *o = &m->outputs[column];
  size_t rows = 0;
  l->count = 0;
  for (size_t row = 0; row < v->rows; row++) {
    size_t at = row * v->columns + column;
    if (!both_there(v, at))
      continue;
    rows++;
    take_row(m, column, v, at, l);
  }
  o->mean = rows ? o->mean / (double)rows : 0;
  m->records = rows; /* the same for all outputs: a row is there or not */
  return areas(o, l, err);
}

static void sum_up(drift_model *m) {
  double areas[DRIFT_SIDES] = {0};
  for (size_t i = 0; i < m->output_count; i++) {
    const drift_output *o = &m->outputs[i];
    if (o->largest > m->outputs[m->largest_output].largest)
      m->largest_output = i;
    m->mean += o->mean / (double)m->output_count;
    m->changed += o->changed;
    if (isnan(o->auc[DRIFT_FP32]) || isnan(o->auc[DRIFT_REDUCED]))
      continue;
    m->auc_count++;
    for (int side = 0; side < DRIFT_SIDES; side++)
      areas[side] += o->auc[side];
    m->largest_auc_change = fmax(m->largest_auc_change, fabs(o->auc[DRIFT_REDUCED] - o->auc[DRIFT_FP32]));
  }
  m->largest = m->outputs[m->largest_output].largest;
  for (int side = 0; side < DRIFT_SIDES; side++)
    m->auc[side] = m->auc_count ? areas[side] / (double)m->auc_count : NAN;
}

bool drift_compare(drift_model *m, const drift_values *values, error *err) {
  size_t rows = values->rows ? values->rows : 1;
  labelled_rows l = {.truth = calloc(rows, sizeof *l.truth),
                     .scores = {calloc(rows, sizeof(float)), calloc(rows, sizeof(float))}};
  bool ok = (l.truth && l.scores[0] && l.scores[1]) || error_out_of_memory(err);
  for (size_t column = 0; ok && column < values->columns; column++)
    ok = compare_output(m, column, values, &l, err);
  if (ok)
    sum_up(m);
  free(l.truth);
  free(l.scores[0]);
  free(l.scores[1]);
  return ok;
}
