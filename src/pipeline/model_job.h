/* One signal model on one task: what it is asked, what it said, and its part of the results. */
#ifndef DEEPECG_PIPELINE_MODEL_JOB_H
#define DEEPECG_PIPELINE_MODEL_JOB_H

#include "pipeline/model_opening.h"
#include "pipeline/pass.h"
#include "pipeline/task_rows.h"

typedef struct model_job {
  model_opening opening;
  const task_rows *rows;
  bool unwanted;         /* the task's rows could not be made */
  bool ended;            /* computed or failed; false: it was not its turn before an interruption */
  error problem;         /* why it failed; code ERROR_NONE: it did not */
  size_t columns;        /* 1 or LABEL_COUNT */
  float *probabilities;  /* rows->signal_count x columns, in label order */
  unsigned char *usable; /* per signal */
  size_t left_out;       /* signals that are not usable, and why the first of them is not */
  error first_left_out;
  double seconds; /* in the network, of all threads together */
} model_job;

/* Make room for the answers and say what a pass is to ask; `own` as pass_member has it. */
bool model_job_join(model_job *job, const ptrdiff_t *own, pass_member *member, error *err);

/* Take the pass's logits. place[i]: the number in the pass of the job's signal i. */
void model_job_collect(model_job *job, const pass_member *member, const pass *p, const size_t *place);

/* Messages, errors, result files, and the job's part of the summary. */
void model_job_write(model_job *job, const float *text_probabilities, const reporter *r, error_list *errors,
                     run_summary *summary);

void model_job_clear(model_job *job);

#endif
