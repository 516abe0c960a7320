#include "pipeline/pass.h"

#include "base/clock.h"
#include "pipeline/preprocessed.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum {
  SIGNAL_VALUES = ECG_LEADS * ECG_SAMPLES,
  /* Several networks take turns on this many records, so that a network's weights are fetched into the near
   * caches once for all of them. */
  GROUP = 16,
  GROUPS_LEFT = 4, /* towards the end groups shrink, so that all threads end together */
  WHOLE_TEAM = -1  /* in place of a worker's number */
};

static char no_memory[] = "out of memory";

/* Shared by all threads. */
typedef struct run_state {
  pass *p;
  const pipeline_options *options;
  const reporter *r;
  size_t group, next, end; /* records next ... end - 1 are still to be taken by single threads */
  size_t done;
  bool out_of_memory;
} run_state;

/* What one thread works on. */
typedef struct worker {
  int number; /* or WHOLE_TEAM */
  float *signals;
  bool *readable;
  double reading_seconds;
  double *seconds; /* per member */
} worker;

static bool worker_make(worker *w, int number, const run_state *s) {
  *w = (worker){number, malloc(s->group * SIGNAL_VALUES * sizeof *w->signals),
                calloc(s->group, sizeof *w->readable), 0, calloc(s->p->member_count, sizeof *w->seconds)};
  return w->signals && w->readable && w->seconds;
}

static void worker_free(worker *w) {
  free(w->signals);
  free(w->readable);
  free(w->seconds);
}

static bool cancelled(const run_state *s) {
  return s->options->cancelled && *s->options->cancelled;
}

static void read_record(pass *p, size_t index, float *signal, bool *readable) {
  error reason;
  *readable = preprocessed_read(p->paths[index], p->scale, signal, &reason);
  if (*readable)
    return;
  char *message = strdup(reason.message);
  p->problems[index] = message ? message : no_memory;
}

static void read_group(run_state *s, worker *w, size_t first, size_t n) {
  double start = clock_seconds();
  for (size_t i = 0; i < n && !cancelled(s); i++)
    read_record(s->p, first + i, w->signals + i * SIGNAL_VALUES, &w->readable[i]);
  w->reading_seconds += clock_seconds() - start;
}

static bool predict(const pass_member *m, int number, const float *signal, float *logits, error *err) {
  return number == WHOLE_TEAM ? model_predict(m->network, signal, 1, logits, err)
                              : model_predict_alone(m->network, number, signal, logits, err);
}

static void fail_member(pass_member *m, const error *reason) {
#pragma omp critical(deepecg_pass)
  if (m->problem.code == ERROR_NONE)
    m->problem = *reason;
}

static void predict_group(run_state *s, worker *w, size_t member, size_t first, size_t n) {
  pass_member *m = &s->p->members[member];
  double start = clock_seconds();
  for (size_t i = 0; i < n && !cancelled(s); i++) {
    ptrdiff_t own = m->own[first + i];
    error reason;
    if (own != NOT_WANTED && w->readable[i] &&
        !predict(m, w->number, w->signals + i * SIGNAL_VALUES, m->logits + (size_t)own * m->columns, &reason))
      fail_member(m, &reason);
  }
  w->seconds[member] += clock_seconds() - start;
}

static void run_group(run_state *s, worker *w, size_t first, size_t n) {
  read_group(s, w, first, n);
  for (size_t member = 0; member < s->p->member_count; member++)
    predict_group(s, w, member, first, n);
  if (cancelled(s)) /* whether the group is complete nobody knows */
    return;
  size_t done;
#pragma omp atomic capture
  done = s->done += n;
  /* The reporter is called from one thread; the end is told when all threads are there. */
  if (w->number <= 0 && done < s->p->count)
    report_progress(s->r, s->p->stage, done, s->p->count);
}

/* The next records for a thread; returns how many. */
static size_t take_group(run_state *s, size_t *first) {
  size_t n;
#pragma omp critical(deepecg_pass)
  {
    size_t left = s->end - s->next, share = left / (GROUPS_LEFT * (size_t)s->options->threads);
    n = share > s->group ? s->group : share ? share : left > 0;
    *first = s->next;
    s->next += n;
  }
  return n;
}

static void collect_times(pass *p, const worker *w) {
#pragma omp critical(deepecg_pass)
  {
    p->reading_seconds += w->reading_seconds;
    for (size_t member = 0; member < p->member_count; member++)
      p->members[member].seconds += w->seconds[member];
  }
}

static void run_alone(run_state *s) {
  worker w;
  if (worker_make(&w, omp_get_thread_num(), s)) {
    for (size_t first, n; !cancelled(s) && (n = take_group(s, &first)) > 0;)
      run_group(s, &w, first, n);
    collect_times(s->p, &w);
  } else {
#pragma omp atomic write
    s->out_of_memory = true;
  }
  worker_free(&w);
}

/* Fewer records than threads: all threads work on one record at a time. */
static void run_together(run_state *s) {
  worker w;
  if (worker_make(&w, WHOLE_TEAM, s)) {
    for (size_t i = s->end; i < s->p->count && !cancelled(s); i++)
      run_group(s, &w, i, 1);
    w.reading_seconds *= s->options->threads;
    for (size_t member = 0; member < s->p->member_count; member++)
      w.seconds[member] *= s->options->threads;
    collect_times(s->p, &w);
  } else {
    s->out_of_memory = true;
  }
  worker_free(&w);
}

static size_t group_size(const pass *p, const pipeline_options *options) {
  size_t batch = (size_t)options->batch_size;
  return p->member_count == 1 ? 1 : batch < GROUP ? batch : GROUP;
}

bool pass_run(pass *p, const pipeline_options *options, const reporter *r, error *err) {
  size_t threads = (size_t)options->threads, shared = p->count % threads;
  run_state s = {
      .p = p, .options = options, .r = r, .group = group_size(p, options), .end = p->count - shared};
  p->problems = calloc(p->count ? p->count : 1, sizeof *p->problems);
  if (!p->problems)
    return error_out_of_memory(err);
  if (s.end > 0)
#pragma omp parallel num_threads(options->threads)
    run_alone(&s);
  if (!s.out_of_memory && shared)
    run_together(&s);
  if (s.out_of_memory)
    return error_out_of_memory(err);
  if (s.done < p->count)
    return error_set(err, ERROR_DATA, "interrupted");
  if (p->count)
    report_progress(r, p->stage, p->count, p->count);
  return true;
}

void pass_clear(pass *p) {
  for (size_t i = 0; p->problems && i < p->count; i++)
    if (p->problems[i] != no_memory)
      free(p->problems[i]);
  free(p->problems);
  p->problems = NULL;
}
