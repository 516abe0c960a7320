#include "ecg/facts.h"

#include <math.h>

const double ecg_usual_lowest_mv = 0.3, ecg_usual_highest_mv = 3;
enum { PARTS = 5 };

typedef struct range {
  float lowest, highest;
} range;

/* samples[first..end), not empty. */
static range range_of(const float *samples, size_t first, size_t end) {
  range r = {samples[first], samples[first]};
  for (size_t i = first; i < end; i++) {
    r.lowest = fminf(r.lowest, samples[i]);
    r.highest = fmaxf(r.highest, samples[i]);
  }
  return r;
}

static double median_of_parts(double values[PARTS]) {
  for (int i = 1; i < PARTS; i++)
    for (int k = i; k > 0 && values[k - 1] > values[k]; k--) {
      double moved = values[k];
      values[k] = values[k - 1];
      values[k - 1] = moved;
    }
  return values[PARTS / 2];
}

static double typical_amplitude(const float *samples, size_t count) {
  double heights[PARTS];
  for (size_t i = 0; i < PARTS; i++) {
    size_t first = count * i / PARTS, end = count * (i + 1) / PARTS;
    range r = range_of(samples, first, end > first ? end : first + 1);
    heights[i] = (double)r.highest - (double)r.lowest;
  }
  return median_of_parts(heights);
}

static ecg_lead_facts lead_facts_of(const ecg_record *record, int lead, double unit) {
  const float *samples = record->leads[lead];
  range r = range_of(samples, 0, record->samples);
  ecg_lead_facts facts = {.lowest = (double)r.lowest * unit,
                          .highest = (double)r.highest * unit,
                          .amplitude = typical_amplitude(samples, record->samples) * unit};
  facts.unusual = record->microvolts_per_unit > 0 &&
                  !(facts.amplitude >= ecg_usual_lowest_mv && facts.amplitude <= ecg_usual_highest_mv);
  return facts;
}

static double largest_residual(const ecg_record *record) {
  double largest = 0;
  for (size_t i = 0; i < record->samples; i++)
    largest = fmax(largest, fabs((double)record->leads[LEAD_II][i] - (double)record->leads[LEAD_I][i] -
                                 (double)record->leads[LEAD_III][i]));
  return largest;
}

ecg_facts ecg_facts_of(const ecg_record *record) {
  ecg_facts facts = {.in_millivolts = record->microvolts_per_unit > 0,
                     .residual_known = record->source[LEAD_III] == LEAD_STORED};
  double unit = facts.in_millivolts ? record->microvolts_per_unit / 1000 : 1;
  for (int lead = 0; lead < ECG_LEADS; lead++) {
    facts.leads[lead] = lead_facts_of(record, lead, unit);
    facts.unusual += facts.leads[lead].unusual;
  }
  facts.residual = largest_residual(record) * unit;
  return facts;
}
