/* From a record of any length and rate to the pipeline's 10 s at 250 Hz (spec: length and units). */
#ifndef DEEPECG_ECG_CONFORM_H
#define DEEPECG_ECG_CONFORM_H

#include "ecg/record.h"

enum { ECG_SAMPLES = 2500, ECG_RATE_HZ = 250 };

typedef enum ecg_units {
  ECG_UNITS_STORED,  /* the stored numbers as they are, as the reference does; formats that it lacks are
                        brought to microvolts / 4.88, the count of most GE MUSE files, so that a mixed batch
                        is comparable */
  ECG_UNITS_PHYSICAL /* microvolts wherever the file declares its unit */
} ecg_units;

/* Write `signal` as signal[sample * ECG_LEADS + lead], sample-major, from a complete record.
 *
 * A record that declares no rate, and 10 s at a multiple of 250 Hz: every (samples / 2500)-th sample, which
 * must leave exactly 2500. Otherwise the declared rate decides: the first 10 s, every n-th sample where the
 * rate is a multiple of 250 Hz and resampled where not; up to 0.02 s may be missing at the end, the last
 * sample is held then.
 *
 * `warning` (warning_size bytes; may be NULL) receives "" or what the user should know, joined by "; ":
 * resampled, cut, last sample held, lead I flat. Failure: "Signal too short: n", a length that no rule brings
 * to 2500 samples, a rate outside 50 ... 100000 Hz, a unit that takes values beyond a float. Thread-safe. */
bool ecg_conform(const ecg_record *record, ecg_units units, float signal[ECG_SAMPLES * ECG_LEADS],
                 char *warning, size_t warning_size, error *err);

/* Microvolts that one step of ecg_conform's numbers is; 0 where the file declares no unit. Thread-safe. */
double ecg_conformed_unit(const ecg_record *record, ecg_units units);

/* The same 10 s without the step down to 250 Hz: where the record's rate is a multiple of that, *signal is
 * malloc'ed (free it) and has all *samples of the 10 s, of which every (*samples / 2500)-th is ecg_conform's
 * signal to the bit; where it was resampled, *samples is 2500. */
bool ecg_conform_whole(const ecg_record *record, ecg_units units, float **signal, size_t *samples,
                       char *warning, size_t warning_size, error *err);

#endif
