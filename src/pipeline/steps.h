/* The order in which the models of an analysis run.
 *
 * A step is the text model of a task, or one pass of signal models over all their ECGs. The small networks
 * (EfficientNet) of all tasks share one pass, so that every cleaned record is read once for all of them; each
 * large one (WCR) has a pass of its own. While a step computes, the models of the next one are opened in the
 * background: no model waits for another's file, and memory holds the models of two steps at most. */
#ifndef DEEPECG_PIPELINE_STEPS_H
#define DEEPECG_PIPELINE_STEPS_H

#include "pipeline/model_job.h"

/* The text model on a task's diagnoses. */
typedef struct text_job {
  model_opening opening;
  const task_rows *rows;
  bool unwanted; /* there is nothing to read */
  bool ended;
  error problem;
  float *probabilities; /* LABEL_COUNT for each of rows->texts; NULL: it failed */
  double seconds;
} text_job;

/* Either a text job or signal jobs. */
typedef struct step {
  text_job *text;
  model_job *jobs[MAX_TASKS];
  size_t job_count;
} step;

enum { MAX_STEPS = 1 + MAX_TASKS * (1 + FAMILY_COUNT) };

/* Zero-initialise. */
typedef struct step_list {
  const pipeline_options *options;
  step steps[MAX_STEPS];
  size_t count;
  step *shared;                            /* of the small networks; NULL: there is none yet */
  size_t done;                             /* steps that are computed */
  double reading_seconds, waiting_seconds; /* for cleaned records, of all threads together; for models */
} step_list;

/* Append what a task wants, in the order in which its results are written. */
void steps_add_text(step_list *list, text_job *job);
void steps_add_model(step_list *list, model_job *job);

/* Begin to open the models of step `index`, but for unwanted ones; nothing if there is no such step. */
void steps_open(step_list *list, size_t index);

/* Compute step by step until the job has ended, or the run is interrupted. */
void steps_run_text(step_list *list, text_job *job, const reporter *r);
void steps_run_model(step_list *list, model_job *job, const reporter *r);

#endif
