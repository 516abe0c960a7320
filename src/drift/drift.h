/* How far a precision moves the models' answers on somebody's own records, compared with float32. */
#ifndef DEEPECG_DRIFT_DRIFT_H
#define DEEPECG_DRIFT_DRIFT_H

#include "base/arena.h"
#include "base/reporter.h"
#include "prediction/prediction.h"

#include <signal.h>

typedef struct drift_options {
  precision precision;        /* compared with float32 */
  const char *weights_folder; /* one folder per model */
  const char *text_model;     /* the text model's folder in it */
  task_model models[TASK_MODELS_MAX];
  size_t model_count;
  const char *ecg_signals_path; /* where a table's files are */
  bool cleaned;                 /* records are cleaned already: {stem}.base64 */
  ecg_units units;
  int threads;
  const volatile sig_atomic_t *cancelled; /* stops between a few ECGs; may be NULL */
} drift_options;

/* In float32, and in the precision. */
enum { DRIFT_FP32, DRIFT_REDUCED, DRIFT_SIDES };

/* One output of one model: a binary task, or one of the 77 labels. Probabilities p, over all records that
 * have both. */
typedef struct drift_output {
  const char *name;        /* of the label; the task's for a binary one */
  double largest, mean;    /* |difference of p| */
  double point;            /* from which on it is called; NaN: none is published, nothing is called */
  size_t changed;          /* calls that differ */
  size_t labelled;         /* records with a label; AUC is theirs */
  double auc[DRIFT_SIDES]; /* NaN without both kinds of labels */
} drift_output;

typedef struct drift_model {
  const char *id;
  const char *problem; /* why there is nothing to compare; NULL: there is */
  size_t records;      /* ECGs; texts for the text model */
  drift_output *outputs;
  size_t output_count;
  /* Over all outputs. */
  double largest, mean;
  size_t largest_output;
  size_t calls, changed;   /* outputs with an operating point, times records */
  size_t auc_count;        /* outputs whose AUC is defined */
  double auc[DRIFT_SIDES]; /* their mean; NaN without any */
  double largest_auc_change;
} drift_model;

typedef struct drift {
  arena *memory;          /* everything that is pointed to */
  size_t records, failed; /* of the records that failed: */
  const char **problems;  /* why */
  drift_model *models;    /* in the order of the options; the text model last, where there are texts */
  size_t model_count;
  size_t models_failed;
  bool demo; /* the models were made for demonstration */
} drift;

/* `operands`: one CSV table (a name that ends in .csv) as the pipeline reads it, or ECG files and folders
 * with nothing else in them. Records are read and cleaned as `predict` does, but at most DRIFT_BATCH
 * together. Labels are the table's; of the 77 labels what the text model, in float32, makes of the table's
 * diagnosis or, where there is none, of the file's own statements. False and *err when nothing can be done at
 * all. Free with drift_clear in both cases.
 *
 * Each record is read and cleaned once; each model is opened once per side, and again for every DRIFT_GROUP
 * records more. Memory: one model at a time, 120 kB per record of a group (1 GB for a whole one), and the
 * probabilities. A text model without a folder is left out, and a warning says so. */
enum { DRIFT_BATCH = 1000, DRIFT_GROUP = 8 * DRIFT_BATCH };

bool drift_make(const char *const *operands, size_t count, const drift_options *options, const reporter *r,
                drift *d, error *err);
void drift_clear(drift *d);

#endif
