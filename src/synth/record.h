/* One synthetic record, ready to be written in any format. */
#ifndef DEEPECG_SYNTH_RECORD_H
#define DEEPECG_SYNTH_RECORD_H

#include "synth/labels.h"
#include "synth/noise.h"
#include "synth/statements.h"
#include "synth/synth.h"

enum {
  SYNTH_MAX_SAMPLES = 5000,
  SYNTH_MEDIAN_MS = 1200,      /* length of the averaged beat */
  SYNTH_MEDIAN_ONSET_MS = 440, /* its QRS begins here */
  SYNTH_MAX_MEDIAN = SYNTH_MEDIAN_MS * SYNTH_MAX_SAMPLES / 10000
};

/* Made-up time of acquisition. */
typedef struct synth_time {
  unsigned year, month, day, hour, minute, second;
} synth_time;

/* What the random streams decide about a record. */
typedef struct synth_record {
  size_t index;
  synth_format format; /* never SYNTH_MIXED */
  unsigned leads;      /* to store: 8 or 12 */
  unsigned rate_hz;
  size_t samples, median_samples;
  synth_time acquired;
  mains_hum hum;
  heart_patient patient;
  heart heart;
  heart_schedule schedule;
  heart_measurements measurements;
  synth_findings findings;
  synth_labels labels;
  synth_statements statements;
  /* Microvolts of the eight independent leads: the 10 s with all noise, and the dominant beat without any. */
  double rhythm[INDEPENDENT_LEADS][SYNTH_MAX_SAMPLES];
  double median[INDEPENDENT_LEADS][SYNTH_MAX_MEDIAN];
  /* Work space: dipole and noise; counts of the writers. */
  double x[SYNTH_MAX_SAMPLES], y[SYNTH_MAX_SAMPLES], z[SYNTH_MAX_SAMPLES], scratch[2 * SYNTH_MAX_SAMPLES];
  int16_t counts[ECG_LEADS][SYNTH_MAX_SAMPLES];
} synth_record;

/* Make record `index` of a set. About 800 KB: allocate it once per thread and use it again. Nothing to free.
 */
void synth_record_make(synth_record *record, const synth_options *options, size_t index);

/* The same for a chosen patient; record `index` draws everything else. */
void synth_record_of_patient(synth_record *record, const synth_options *options, size_t index,
                             const heart_patient *patient);

typedef enum synth_part { SYNTH_RHYTHM, SYNTH_MEDIAN } synth_part;

/* Fill record->counts[k] for the k-th of record->leads stored leads, in units of microvolts_per_count, and
 * return the samples per lead. Limb leads that aren't independent follow from the counts of I and II, halves
 * rounded away from zero. */
size_t synth_record_count(synth_record *record, synth_part part, double microvolts_per_count);

/* Which lead the k-th stored one is. */
ecg_lead synth_stored_lead(const synth_record *record, size_t k);

#endif
