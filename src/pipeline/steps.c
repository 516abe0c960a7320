#include "pipeline/steps.h"

#include "base/clock.h"
#include "pipeline/pass_records.h"
#include "pipeline/text_labels.h"

#include <stdio.h>

static bool is_small(const model_job *job) {
  return job->opening.family == FAMILY_EFFICIENTNET;
}

static step *add_step(step_list *list) {
  return &list->steps[list->count++];
}

void steps_add_text(step_list *list, text_job *job) {
  add_step(list)->text = job;
}

/* The shared step comes before the first large model: it hides the opening of that one. */
void steps_add_model(step_list *list, model_job *job) {
  if (!list->shared && list->options->use_efficientnet)
    list->shared = add_step(list);
  step *s = is_small(job) ? list->shared : add_step(list);
  s->jobs[s->job_count++] = job;
}

void steps_open(step_list *list, size_t index) {
  if (index >= list->count)
    return;
  step *s = &list->steps[index];
  if (s->text && !s->text->unwanted)
    model_opening_start(&s->text->opening);
  for (size_t i = 0; i < s->job_count; i++)
    if (!s->jobs[i]->unwanted)
      model_opening_start(&s->jobs[i]->opening);
}

/* ---- one step ---- */

static void wait_for_models(step_list *list, const step *s) {
  double start = clock_seconds();
  if (s->text)
    model_opening_wait(&s->text->opening);
  for (size_t i = 0; i < s->job_count; i++)
    model_opening_wait(&s->jobs[i]->opening);
  list->waiting_seconds += clock_seconds() - start;
}

static void run_text(const step_list *list, text_job *job, const reporter *r) {
  job->ended = true;
  if (job->unwanted)
    return;
  double start = clock_seconds();
  if (job->opening.opened)
    job->probabilities = text_labels(job->opening.text, job->rows, list->options, r, &job->problem);
  else
    job->problem = job->opening.problem;
  job->seconds = clock_seconds() - start;
  model_opening_close(&job->opening);
}

/* The jobs of a pass with what it asks and what it knows. */
typedef struct signal_step {
  model_job *jobs[MAX_TASKS];
  pass_member members[MAX_TASKS];
  size_t count;
  pass_records records;
  char stage[128];
} signal_step;

/* Jobs that can run; those whose model is not open end here. */
static void pick_jobs(signal_step *g, const step *s) {
  for (size_t i = 0; i < s->job_count; i++) {
    model_job *job = s->jobs[i];
    if (job->opening.opened) {
      g->jobs[g->count++] = job;
    } else {
      job->ended = true;
      job->problem = job->opening.problem;
    }
  }
  const model_opening *first = g->count ? &g->jobs[0]->opening : NULL;
  if (g->count == 1)
    snprintf(g->stage, sizeof g->stage, "Predicting %s", first->id);
  else if (first)
    snprintf(g->stage, sizeof g->stage, "Predicting %s, %zu models", families[first->family].name, g->count);
}

static bool join_jobs(signal_step *g, error *err) {
  const task_rows *rows[MAX_TASKS];
  for (size_t i = 0; i < g->count; i++)
    rows[i] = g->jobs[i]->rows;
  bool ok = pass_records_make(&g->records, rows, g->count, err);
  for (size_t i = 0; ok && i < g->count; i++)
    ok = model_job_join(g->jobs[i], g->records.own[i], &g->members[i], err);
  return ok;
}

static bool run_pass(step_list *list, signal_step *g, const reporter *r, error *err) {
  pass p = {.stage = g->stage,
            .paths = g->records.paths,
            .count = g->records.count,
            .scale = (float)families[g->jobs[0]->opening.family].input_scale,
            .members = g->members,
            .member_count = g->count};
  bool ok = pass_run(&p, list->options, r, err);
  for (size_t i = 0; ok && i < g->count; i++)
    model_job_collect(g->jobs[i], &g->members[i], &p, g->records.place[i]);
  list->reading_seconds += p.reading_seconds;
  pass_clear(&p);
  return ok;
}

static bool interrupted(const step_list *list) {
  return list->options->cancelled && *list->options->cancelled;
}

/* An interruption is said once, not for every model of a pass. */
static void end_jobs(const step_list *list, signal_step *g, const error *reason) {
  size_t count = interrupted(list) ? 1 : g->count;
  for (size_t i = 0; i < count; i++) {
    g->jobs[i]->ended = true;
    g->jobs[i]->problem = *reason;
  }
}

static void run_signals(step_list *list, const step *s, const reporter *r) {
  signal_step g = {.count = 0};
  error reason;
  pick_jobs(&g, s);
  if (g.count && (!join_jobs(&g, &reason) || !run_pass(list, &g, r, &reason)))
    end_jobs(list, &g, &reason);
  pass_records_free(&g.records);
  for (size_t i = 0; i < s->job_count; i++)
    model_opening_close(&s->jobs[i]->opening);
}

static void run_next(step_list *list, const reporter *r) {
  size_t index = list->done++;
  step *s = &list->steps[index];
  steps_open(list, index);
  wait_for_models(list, s);
  if (interrupted(list))
    return;
  steps_open(list, index + 1);
  if (s->text)
    run_text(list, s->text, r);
  else
    run_signals(list, s, r);
}

static bool more_to_run(const step_list *list) {
  return list->done < list->count && !interrupted(list);
}

void steps_run_text(step_list *list, text_job *job, const reporter *r) {
  while (!job->ended && more_to_run(list))
    run_next(list, r);
}

void steps_run_model(step_list *list, model_job *job, const reporter *r) {
  while (!job->ended && more_to_run(list))
    run_next(list, r);
}
