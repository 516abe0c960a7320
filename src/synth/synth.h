/* Synthetic 12-lead ECGs: P-QRS-T as a moving dipole projected on the leads. The same seed gives the same
 * bytes on every machine: only +, -, *, / and sqrt of IEEE doubles are used, no libm transcendental, no fused
 * multiply-add. */
#ifndef DEEPECG_SYNTH_SYNTH_H
#define DEEPECG_SYNTH_SYNTH_H

#include "base/error.h"
#include "base/reporter.h"

#include <stddef.h>
#include <stdint.h>

typedef enum synth_format { SYNTH_MUSE, SYNTH_CARDIOSOFT, SYNTH_NPY, SYNTH_FORMAT_COUNT } synth_format;
extern const char *const synth_format_names[SYNTH_FORMAT_COUNT]; /* "muse", "cardiosoft", "npy" */

typedef struct synth_options {
  size_t count;
  uint64_t seed;
  synth_format format;
  double hum_hz;         /* mains frequency; 0: none */
  double hum_microvolts; /* amplitude */
} synth_options;

/* 60 Hz at 25 uV, MUSE. */
synth_options synth_defaults(void);

/* Write `count` ECG files and `table.csv` (the pipeline's eight columns) into `folder`, which is made. Record
 * i depends on (seed, i) only. */
bool synth_write(const char *folder, const synth_options *options, const reporter *r, error *err);

#endif
