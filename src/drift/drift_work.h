/* A comparison while it is being made: what the parts of drift.h hand to each other. */
#ifndef DEEPECG_DRIFT_DRIFT_WORK_H
#define DEEPECG_DRIFT_DRIFT_WORK_H

#include "drift/drift.h"
#include "drift/drift_records.h"

/* What is gathered, by record. */
typedef struct drift_work {
  const drift_options *options;
  const reporter *r;
  drift *d;
  drift_records records;
  float *probabilities[TASK_MODELS_MAX][DRIFT_SIDES]; /* (records, columns); NaN where there is none */
  float *text[DRIFT_SIDES];                           /* (records, LABEL_COUNT), likewise */
  signed char *truth;                                 /* of a task: (records, columns) */
} drift_work;

precision drift_precision(const drift_options *options, int side);

enum { DRIFT_STAGE_SIZE = 160 };
/* "wcr_afib_5y in bf16", for progress */
void drift_stage(const drift_options *options, const char *id, int side, char stage[DRIFT_STAGE_SIZE]);

/* Read and clean all records, ask every signal model on both sides. Fills in probabilities, and what is known
 * of records and models that fail. False and *err: out of memory, interrupted. */
bool drift_run_signal_models(drift_work *w, error *err);

/* The same for the text model, where it and texts are there. */
bool drift_run_text_model(drift_work *w, error *err);

#endif
