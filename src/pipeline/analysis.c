#include "pipeline/analysis.h"

#include "pipeline/steps.h"
#include "pipeline/summary.h"

#include <stdlib.h>

/* One task of the table. */
typedef struct task_part {
  const input_task *task;
  task_rows rows;
  bool made;
  error problem; /* why its rows could not be made */
  bool has_text;
  text_job text;
  model_job jobs[FAMILY_COUNT];
} task_part;

struct analysis {
  const input_table *table;
  const pipeline_options *options;
  task_part parts[MAX_TASKS];
  step_list steps;
};

/* ---- plan ---- */

static bool enabled(const pipeline_options *options, model_family family) {
  return family == FAMILY_WCR ? options->use_wcr : options->use_efficientnet;
}

/* Is there a signal model that could be compared with what the text model says? */
static bool may_read_texts(const pipeline_options *options, const input_task *task) {
  return task->task->kind == TASK_77_LABELS && task->label_column >= 0 &&
         (enabled(options, FAMILY_WCR) || enabled(options, FAMILY_EFFICIENTNET));
}

static void plan_task(analysis *a, task_part *part, const input_task *task) {
  const pipeline_options *options = a->options;
  part->task = task;
  part->has_text = may_read_texts(options, task);
  part->text.rows = &part->rows;
  part->text.opening.options = options;
  part->text.opening.id = options->bert_model;
  if (part->has_text)
    steps_add_text(&a->steps, &part->text);
  for (model_family family = 0; family < FAMILY_COUNT; family++) {
    model_job *job = &part->jobs[family];
    job->rows = &part->rows;
    job->opening.options = options;
    job->opening.id = task->task->models[family];
    job->opening.task = task->task;
    job->opening.family = family;
    if (enabled(options, family))
      steps_add_model(&a->steps, job);
  }
}

analysis *analysis_begin(const input_table *table, const pipeline_options *options, error *err) {
  analysis *a = calloc(1, sizeof *a);
  if (!a) {
    error_out_of_memory(err);
    return NULL;
  }
  a->table = table;
  a->options = a->steps.options = options;
  for (size_t i = 0; i < table->task_count; i++)
    plan_task(a, &a->parts[i], &table->tasks[i]);
  /* Predictions without diagnoses need no text model; whether there are any is not known yet. */
  if (!a->steps.steps[0].text || !options->predictions_only)
    steps_open(&a->steps, 0);
  return a;
}

/* ---- run ---- */

/* Without a diagnosis predictions need no text model; metrics need one, be there rows or not. */
static void make_rows(analysis *a, task_part *part, const lost_files *lost) {
  part->made = task_rows_make(&part->rows, a->table, part->task, a->options, lost, &part->problem);
  part->text.unwanted = !part->made || (part->rows.text_count == 0 && a->options->predictions_only);
  for (model_family family = 0; family < FAMILY_COUNT; family++)
    part->jobs[family].unwanted = !part->made;
}

static void say_no_row(const analysis *a, const task_part *part, const reporter *r) {
  if (part->rows.row_count == 0)
    report(r, REPORT_WARNING, "%s: no row has %sa file name and a cleaned ECG in %s",
           part->task->task->label_column, a->options->predictions_only ? "" : "a label, ",
           a->options->preprocessing_folder);
}

static void write_text(const analysis *a, text_job *text, const reporter *r, error_list *errors,
                       run_summary *summary) {
  model_opening *o = &text->opening;
  message_log_replay(&o->log, r);
  if (o->opened) {
    o->use.inputs = text->rows->text_count;
    summary_add_model(summary, &o->use);
    summary_add_stage(summary, o->seconds, "open %s", o->id);
    summary_add_stage(summary, text->seconds, "predict %s", o->id);
  }
  if (!text->probabilities)
    error_list_add(errors, o->id,
                   a->options->predictions_only ? "the diagnoses could not be read"
                                                : "no ground truth, so no metrics of the 77 labels",
                   text->problem.message);
}

static void run_task(analysis *a, task_part *part, const reporter *r, error_list *errors,
                     run_summary *summary) {
  if (!part->made) {
    error_list_add(errors, part->task->task->label_column, "no result", part->problem.message);
    return;
  }
  say_no_row(a, part, r);
  if (part->has_text)
    steps_run_text(&a->steps, &part->text, r);
  if (part->text.ended && !part->text.unwanted)
    write_text(a, &part->text, r, errors, summary);
  for (model_family family = 0; family < FAMILY_COUNT; family++) {
    model_job *job = &part->jobs[family];
    if (!enabled(a->options, family))
      continue;
    steps_run_model(&a->steps, job, r);
    if (job->ended)
      model_job_write(job, part->text.probabilities, r, errors, summary);
    model_job_clear(job);
  }
}

void analysis_run(analysis *a, const lost_files *lost, const reporter *r, error_list *errors,
                  run_summary *summary) {
  for (size_t i = 0; i < a->table->task_count; i++)
    make_rows(a, &a->parts[i], lost);
  for (size_t i = 0; i < a->table->task_count; i++)
    run_task(a, &a->parts[i], r, errors, summary);
  summary_add_stage(summary, a->steps.waiting_seconds, "analysis: wait for models");
  summary_add_stage(summary, a->steps.reading_seconds / a->options->threads, "analysis: read cleaned ECGs");
}

void analysis_end(analysis *a) {
  for (size_t i = 0; a && i < a->table->task_count; i++) {
    task_part *part = &a->parts[i];
    model_opening_clear(&part->text.opening);
    free(part->text.probabilities);
    for (model_family family = 0; family < FAMILY_COUNT; family++)
      model_job_clear(&part->jobs[family]);
    task_rows_free(&part->rows);
  }
  free(a);
}
