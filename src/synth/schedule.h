/* When the atria and the ventricles beat during a record. */
#ifndef DEEPECG_SYNTH_SCHEDULE_H
#define DEEPECG_SYNTH_SCHEDULE_H

#include "synth/heart.h"

enum { SCHEDULE_BEATS = 128 };

/* The record begins at 0 s and lasts this long. */
#define RECORD_SECONDS 10.0

typedef struct atrial_beat {
  double onset_s;
  atrial_shape shape;
} atrial_beat;

typedef struct ventricular_beat {
  double onset_s;
  double rr_s; /* since the previous one */
  ventricular_shape shape;
  bool premature_atrial; /* it follows a premature P */
} ventricular_beat;

/* In order of time, from about 2 s before the record to 1 s after it, so that waves that reach into it are
 * there. */
typedef struct heart_schedule {
  atrial_beat atrial[SCHEDULE_BEATS];
  ventricular_beat ventricular[SCHEDULE_BEATS];
  size_t atrial_count, ventricular_count;
} heart_schedule;

heart_schedule heart_schedule_make(const heart *h, const heart_patient *patient, random_stream *random);

/* Whole QRS complexes inside the record: indices [first, *end) of schedule->ventricular. */
size_t heart_schedule_visible(const heart_schedule *schedule, size_t *end);

#endif
