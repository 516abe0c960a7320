/* The three modes of the reference: preprocessing, analysis, and both. The order of things, reports, outputs,
 * error list. */
#ifndef DEEPECG_PIPELINE_PIPELINE_H
#define DEEPECG_PIPELINE_PIPELINE_H

#include "backend/precision.h"
#include "base/file_hash.h"
#include "base/reporter.h"
#include "ecg/conform.h"
#include "hub/settings.h"
#include "pipeline/error_list.h"

#include <signal.h>

typedef enum pipeline_mode { MODE_FULL_RUN, MODE_PREPROCESSING, MODE_ANALYSIS } pipeline_mode;
extern const char *const pipeline_mode_names[]; /* "full_run", "preprocessing", "analysis" */

typedef struct pipeline_options {
  pipeline_mode mode;
  const char *data_path; /* the table itself, or the folder that holds csv_file_name */
  const char *csv_file_name;
  const char *ecg_signals_path, *preprocessing_folder, *output_folder, *weights_folder;
  const char *bert_model; /* its id, for tasks whose labels are texts */
  precision precision;    /* of the networks' numbers */
  bool use_efficientnet, use_wcr;
  bool predictions_only;    /* neither a file column nor a row needs a label; no metrics */
  bool diagnosis_from_file; /* an empty diagnosis cell takes the file's own statements */
  ecg_units units;
  int batch_size;              /* ECGs per call of a network */
  int threads;                 /* compute */
  int preprocessing_n_workers; /* upper bound of reading threads */
  size_t batch_records;        /* records that share the statistics of the cleaning */
  const hub_settings *hub;     /* where missing models come from; NULL: from nowhere */
  /* Set by a signal handler to stop between two records; may be NULL. What is written by then is whole. */
  const volatile sig_atomic_t *cancelled;
} pipeline_options;

typedef struct stage_time {
  char name[96];
  double seconds;
} stage_time;

typedef struct model_use {
  char id[96];
  char path[512], kind[32], variant[32];
  size_t inputs;      /* distinct ECGs or texts */
  file_hash *hash;    /* being computed; NULL when it is done */
  sha256_text sha256; /* of the file; "" when it could not be read */
} model_use;

enum { MAX_STAGES = 64, MAX_MODEL_USES = 16 };

/* What a run did; filled as it goes, written to {stamp}_run.json at the end. */
typedef struct run_summary {
  char stamp[16];
  size_t files, missing_files, cleaned, failed; /* preprocessing */
  size_t warnings;                              /* records that the detailed report has a warning for */
  size_t rows_predicted;                        /* over all models */
  size_t result_files;
  int stage_count, model_count;
  stage_time stages[MAX_STAGES];
  model_use models[MAX_MODEL_USES];
} run_summary;

/* Run. Whatever fails becomes a line of `errors`; the other steps still run. */
void pipeline_run(const pipeline_options *options, const reporter *r, error_list *errors,
                  run_summary *summary);

#endif
