/* From a record of any length and rate to the pipeline's 10 s at 250 Hz (spec: length and units). */
#ifndef DEEPECG_ECG_CONFORM_H
#define DEEPECG_ECG_CONFORM_H

#include "ecg/record.h"

enum { ECG_SAMPLES = 2500, ECG_RATE_HZ = 250 };

typedef enum ecg_units {
  ECG_UNITS_STORED,  /* the stored numbers as they are, as the reference does */
  ECG_UNITS_PHYSICAL /* microvolts wherever the file declares its unit */
} ecg_units;

/* Write `signal` as signal[sample * ECG_LEADS + lead], sample-major. `warning` (warning_size bytes; may be NULL) receives
 * "" or what the user should know (resampled, cut, padded by less than 0.02 s, lead I flat). Failure: too short
 * ("Signal too short: n"), or a length that neither decimation nor a declared rate brings to 2500 samples. Thread-safe. */
bool ecg_conform(const ecg_record *record, ecg_units units, float signal[ECG_SAMPLES * ECG_LEADS], char *warning,
                 size_t warning_size, error *err);

#endif
