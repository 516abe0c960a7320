#include "pipeline/model_job.h"

#include "base/clock.h"
#include "pipeline/operating_points.h"
#include "pipeline/outputs.h"
#include "pipeline/summary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool model_job_join(model_job *job, const ptrdiff_t *own, pass_member *member, error *err) {
  size_t total = job->rows->signal_count;
  job->columns = job->opening.task->kind == TASK_BINARY ? 1 : LABEL_COUNT;
  job->probabilities = calloc(total ? total * job->columns : 1, sizeof *job->probabilities);
  job->usable = calloc(total ? total : 1, 1);
  if (!job->probabilities || !job->usable)
    return error_out_of_memory(err);
  *member = (pass_member){
      .network = job->opening.network, .columns = job->columns, .own = own, .logits = job->probabilities};
  return true;
}

static void leave_out(model_job *job, const char *reason) {
  if (job->left_out++ == 0)
    error_set(&job->first_left_out, ERROR_DATA, "%s", reason);
}

/* One ECG's logits to probabilities, where they stand. NaN and infinities come of weights or signals beyond
 * all measure, and would spoil the metrics of all others. */
static void keep_logits(model_job *job, size_t signal) {
  float logits[LABEL_COUNT], *row = job->probabilities + signal * job->columns;
  memcpy(logits, row, job->columns * sizeof *row);
  for (size_t i = 0; i < job->columns; i++)
    if (!isfinite(logits[i])) {
      error reason;
      error_set(&reason, ERROR_DATA, "%s: the network's result is not a finite number",
                job->rows->signals[signal].name);
      leave_out(job, reason.message);
      return;
    }
  job->usable[signal] = 1;
  family_probabilities(job->opening.family, job->columns, logits, row);
}

void model_job_collect(model_job *job, const pass_member *member, const pass *p, const size_t *place) {
  job->ended = true;
  job->seconds = member->seconds;
  job->problem = member->problem;
  for (size_t i = 0; i < job->rows->signal_count; i++) {
    const char *unreadable = p->problems[place[i]];
    if (unreadable)
      leave_out(job, unreadable);
    else
      keep_logits(job, i);
  }
}

static void say_left_out(const model_job *job, error_list *errors) {
  char message[128];
  snprintf(message, sizeof message, "%zu cleaned ECG%s could not be used", job->left_out,
           job->left_out == 1 ? "" : "s");
  if (job->left_out)
    error_list_add(errors, job->opening.id, message, job->first_left_out.message);
}

static bool write_results(const model_job *job, const float *text_probabilities, const reporter *r,
                          run_summary *summary, error *err) {
  double start = clock_seconds();
  const model_opening *o = &job->opening;
  task_result result = {.task = o->task,
                        .model_id = o->id,
                        .rows = job->rows,
                        .columns = job->columns,
                        .probabilities = job->probabilities,
                        .usable = job->usable,
                        .text_probabilities = text_probabilities};
  bool metrics = job->rows->labelled && !o->options->predictions_only &&
                 (o->task->kind == TASK_BINARY || text_probabilities);
  if (!outputs_write(&result, metrics, o->options, r, summary, err))
    return false;
  if (o->family == FAMILY_WCR && o->task->kind == TASK_77_LABELS)
    report_operating_points(&result, r);
  summary->rows_predicted += job->rows->row_count;
  summary_add_stage(summary, clock_seconds() - start, "write %s", o->id);
  return true;
}

/* False and *err: there is no result. */
static bool write_all(model_job *job, const float *text_probabilities, const reporter *r, error_list *errors,
                      run_summary *summary, error *err) {
  model_opening *o = &job->opening;
  message_log_replay(&o->log, r);
  if (o->opened) {
    o->use.inputs = job->rows->signal_count;
    summary_add_model(summary, &o->use);
    summary_add_stage(summary, o->seconds, "open %s", o->id);
  }
  if (job->problem.code != ERROR_NONE) {
    *err = job->problem;
    return false;
  }
  summary_add_stage(summary, job->seconds / o->options->threads, "predict %s", o->id);
  say_left_out(job, errors);
  return write_results(job, text_probabilities, r, summary, err);
}

void model_job_write(model_job *job, const float *text_probabilities, const reporter *r, error_list *errors,
                     run_summary *summary) {
  error reason;
  if (!write_all(job, text_probabilities, r, errors, summary, &reason))
    error_list_add(errors, job->opening.id, "no result", reason.message);
}

void model_job_clear(model_job *job) {
  model_opening_clear(&job->opening);
  free(job->probabilities);
  free(job->usable);
  job->probabilities = NULL;
  job->usable = NULL;
}
