/* Synthetic 12-lead ECGs: P-QRS-T as a moving dipole projected on the leads, with the findings, statements
 * and labels that belong to them. The same options give the same bytes on every machine: only +, -, *, / and
 * sqrt of IEEE doubles are used, no libm transcendental, no fused multiply-add. docs/synth.md describes the
 * population and the labels' rules.
 *
 *   synth_options options = synth_defaults();
 *   options.count = 200;
 *   if (!synth_write("ecgs", &options, &reporter, &err)) ...   // ecgs/ecg_000000.xml ..., ecgs/table.csv
 */
#ifndef DEEPECG_SYNTH_SYNTH_H
#define DEEPECG_SYNTH_SYNTH_H

#include "base/error.h"
#include "base/reporter.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

typedef enum synth_format {
  SYNTH_MUSE,       /* GE MUSE XML, 4.88 uV per count */
  SYNTH_CARDIOSOFT, /* GE CardioSoft XML, 5 uV per count */
  SYNTH_NPY,        /* NumPy array of int16, (samples, 12), 4.88 uV per count */
  SYNTH_MIXED,      /* record i in the (i mod 3)-th of these */
  SYNTH_FORMAT_COUNT
} synth_format;

extern const char *const synth_format_names[SYNTH_FORMAT_COUNT]; /* "muse", "cardiosoft", "npy", "mixed" */

typedef enum synth_leads {
  SYNTH_LEADS_USUAL, /* as the format does: MUSE stores 8 (I, II, V1 to V6), CardioSoft and NPY 12 */
  SYNTH_LEADS_8,
  SYNTH_LEADS_12,
  SYNTH_LEADS_MIXED, /* 8 or 12, each record its own */
  SYNTH_LEADS_COUNT
} synth_leads;

extern const char *const synth_leads_names[SYNTH_LEADS_COUNT]; /* "usual", "8", "12", "mixed" */

enum { SYNTH_RATE_MIXED = 0, SYNTH_MAX_COUNT = 1000000 };

typedef struct synth_options {
  size_t count; /* 1 to SYNTH_MAX_COUNT */
  uint64_t seed;
  synth_format format;
  synth_leads leads;     /* NPY files always hold 12 */
  unsigned rate_hz;      /* 500, 250, or SYNTH_RATE_MIXED: each record its own. Every record lasts 10 s */
  double hum_hz;         /* mains frequency, 0 to 100; 0: none */
  double hum_microvolts; /* amplitude, 0 to 1000 */
  bool truth;            /* write truth.csv too */
  const volatile sig_atomic_t *cancelled; /* stops between a few ECGs; may be NULL */
} synth_options;

/* 100 MUSE files at 500 Hz, seed 1, 60 Hz at 25 uV, no truth.csv. */
synth_options synth_defaults(void);

/* Write the ECG files ecg_000000.xml (.npy), ecg_000001.xml, ..., and `table.csv` (the pipeline's eight
 * columns) into `folder`, which is made; with options->truth also `truth.csv`: file_name, then a 0/1 column
 * per finding. Files of these names are replaced, others are left alone. Record i depends on the options and
 * i only, not on the count or the number of threads. Uses OpenMP's threads; the reporter is called by the
 * calling thread. False on options out of range (ERROR_USAGE), when a file can't be written, when memory
 * is out, or when cancelled: files made so far stay, table.csv does not appear. */
bool synth_write(const char *folder, const synth_options *options, const reporter *r, error *err);

#endif
