/* A few ECG files, one answer each: read, clean together, ask every model at hand. No table and no labels. */
#ifndef DEEPECG_PREDICTION_PREDICTION_H
#define DEEPECG_PREDICTION_PREDICTION_H

#include "backend/precision.h"
#include "base/arena.h"
#include "base/reporter.h"
#include "ecg/conform.h"
#include "tasks/tasks.h"

#include <signal.h>

/* One of the catalogue's models. */
typedef struct task_model {
  const task_info *task;
  model_family family;
} task_model;

enum { TASK_MODELS_MAX = 16, STANDARD_INPUT_MAX = 1 << 28 /* bytes */ };

typedef struct prediction_options {
  const char *weights_folder; /* one folder per model */
  const char *text_model;     /* the text model's folder in it; NULL: statements are not read */
  task_model models[TASK_MODELS_MAX];
  size_t model_count;
  ecg_units units;
  int threads;
  precision precision;
  /* NULL: paths are ECG files. Else they are cleaned records: fill in signal[lead][sample], each value times
   * `scale`. */
  bool (*read_cleaned)(const char *path, float scale, float *signal, error *err);
  const volatile sig_atomic_t *cancelled; /* stops between a few ECGs; may be NULL */
} prediction_options;

/* What is known of one file. */
typedef struct ecg_answer {
  const char *path;
  const char *problem;                          /* why there is no answer; NULL: there is one */
  const char *format_name;                      /* "GE MUSE XML" */
  double sampling_rate_hz, microvolts_per_unit; /* 0: not declared */
  size_t samples;
  ecg_lead_source source[ECG_LEADS];
  const char *statements; /* of the machine, "" without any */
  const char *warning;    /* of reader and length rule, "" without any */
  /* By model, as in the options: 1 or LABEL_COUNT values in label order; NULL where that model gave nothing.
   */
  const float *probabilities[TASK_MODELS_MAX];
  const float *text; /* LABEL_COUNT values; NULL without statements or text model */
} ecg_answer;

typedef struct prediction {
  arena *memory; /* everything that is pointed to */
  ecg_answer *answers;
  size_t count, answered;
  const char *model_problems[TASK_MODELS_MAX]; /* NULL: the model ran */
  const char *text_problem;
  size_t models_run;
  bool demo; /* the models were made for demonstration: the answers mean nothing for a patient */
} prediction;

/* Is there a folder of the model with this id? */
bool model_folder_present(const char *weights_folder, const char *id);

/* The catalogue's models that have a folder in weights_folder, the text model not counted. Returns how many.
 */
size_t task_models_present(const char *weights_folder, task_model models[TASK_MODELS_MAX]);

/* All of them, or those whose id or task or family is named in `names`, joined by commas. False and *err,
 * naming what is allowed. */
bool task_models_named(const char *names, task_model models[TASK_MODELS_MAX], size_t *count, error *err);

/* "wcr_afib_5y" */
const char *task_model_id(const task_model *m);

/* Answer for paths[0..count); "-" is standard input. Files are cleaned as one batch, which is what the
 * published method asks for. Files and models that fail are named in the result and cost the others nothing.
 * False and *err only when nothing can be done at all (memory). Free with prediction_clear in both cases. */
bool prediction_make(const char *const *paths, size_t count, const prediction_options *options,
                     const reporter *r, prediction *p, error *err);
void prediction_clear(prediction *p);

#endif
