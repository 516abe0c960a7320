/* The catalogue: labels, categories, thresholds, tasks and models, as data. tables.c is made by
 * tools/make_tasks.py. */
#ifndef DEEPECG_TASKS_TASKS_H
#define DEEPECG_TASKS_TASKS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { LABEL_COUNT = 77, CATEGORY_COUNT = 6 };

/* Operating points; NaN where none is published. */
typedef struct operating_points {
  double wcr_youden, efficientnet_sens_spec, wcr_sens_spec;
} operating_points;

typedef struct label_info {
  const char *name;
  double bert_threshold; /* label present when the BERT's probability is >= this */
  int wcr_raw_column;    /* column of the WCR network's output that holds this label */
  operating_points points;
} label_info;

typedef struct category_info {
  const char *name;
  size_t label_count;
  const unsigned char *labels; /* indices into labels[], in report order */
} category_info;

typedef enum model_family { FAMILY_WCR, FAMILY_EFFICIENTNET, FAMILY_COUNT } model_family;

typedef enum task_kind { TASK_BINARY, TASK_77_LABELS } task_kind;

typedef struct task_info {
  const char *label_column; /* "afib_5y", ...; also the task's name in output files */
  const char *file_column;
  const char *title; /* for people: "AF within 5 years" */
  task_kind kind;
  const char *models[FAMILY_COUNT]; /* model ids = folder names under the weights folder */
  operating_points points;          /* binary tasks */
} task_info;

/* How a family's input and output relate to a cleaned record. */
typedef struct family_info {
  const char *name;   /* "wcr", "efficientnetv2" */
  double input_scale; /* the cleaned signal is multiplied by this */
  const char *kind;   /* of its model files, as model_kind calls it */
} family_info;

extern const label_info labels[LABEL_COUNT];
extern const category_info categories[CATEGORY_COUNT];
extern const task_info tasks[];
extern const size_t task_count;
extern const family_info families[FAMILY_COUNT];
extern const char *const bert_models[]; /* default first; NULL-terminated */

/* Is the model that was found under the family's name for the task one of the family, with as many outputs as
 * the task wants? One of the other family would run and be wrong in silence: its input is scaled otherwise,
 * its outputs stand in another order. *err names `path`. */
bool family_check_model(model_family family, const task_info *task, const char *path, const char *kind,
                        size_t outputs, error *err);

/* The sigmoid, rounded once. */
float logit_probability(float logit);

/* One ECG's logits, as the family's network gives them, to probabilities in label order (sigmoid; WCR's 77
 * columns are reordered by wcr_raw_column). columns is 1 or LABEL_COUNT; the arrays must not overlap. */
void family_probabilities(model_family family, size_t columns, const float *logits, float *probabilities);

/* The probability from which on a family's model calls a finding: sens_spec, and where that isn't published
 * Youden's for WCR; NaN where there is none. */
double family_operating_point(model_family family, const operating_points *points);

/* The task with this label column, or NULL. */
const task_info *task_find(const char *label_column);

#endif
