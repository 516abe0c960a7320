/* Batches of samples through compiled graphs: which thread runs what, and in which memory. */
#include "backend/cpu/dealing.h"
#include "backend/cpu/executable.h"

#include <omp.h>
#include <stdlib.h>

typedef struct batch {
  family *family;
  dealing dealing;
  const executable *executable; /* of all samples; NULL: each is a job */
  const void *const *inputs;
  void *const *outputs;
  const backend_job *jobs;
} batch;

/* Samples in step: their activations lie one behind the other in the memory of one thread. */
typedef struct lockstep {
  frame frames[FRAMES_IN_STEP];
  int count;
  size_t bytes;
} lockstep;

/* ---- frames ---- */

/* The memory of a thread, for any sample. */
static frame thread_frame(const family *f, int thread) {
  unsigned char *memory = f->memory + (size_t)thread * family_thread_bytes(f);
  return (frame){.activations = memory, .scratch = memory + f->activation_bytes, .parts = 1};
}

/* One more sample, in the memory of `thread`; false: there is no room beside those before it. */
static bool add_sample(lockstep *l, const batch *b, const frame *thread, size_t sample) {
  const backend_job *job = b->jobs ? &b->jobs[sample] : NULL;
  const executable *e = job ? job->executable : b->executable;
  if (l->count > 0 && ((size_t)l->count == b->family->in_step ||
                       b->family->activation_bytes - l->bytes < e->activation_bytes))
    return false;
  frame *f = &l->frames[l->count++];
  *f = *thread;
  f->program = e->program;
  f->inputs = job ? job->inputs : b->inputs;
  f->outputs = job ? job->outputs : b->outputs;
  f->sample = job ? 0 : sample;
  f->activations += l->bytes;
  l->bytes += e->activation_bytes;
  l->frames[0].in_step = l->count;
  return true;
}

/* ---- samples in step ---- */

static void run_step(const lockstep *l, size_t step) {
  const cpu_step *first = &l->frames[0].program->steps[step];
  if (first->joint) {
    first->run(first, l->frames);
    return;
  }
  for (int k = 0; k < l->count; k++) {
    const cpu_step *s = &l->frames[k].program->steps[step];
    s->run(s, &l->frames[k]);
  }
}

static void run_alone_in_step(const lockstep *l) {
  for (size_t step = 0; step < l->frames[0].program->step_count; step++)
    run_step(l, step);
}

static bool is_serial(const lockstep *l, size_t step) {
  for (int k = 0; k < l->count; k++)
    if (l->frames[k].program->steps[step].serial)
      return true;
  return false;
}

/* This thread's share of samples that the whole team works on. */
static void run_shared_in_step(const lockstep *l, team *t) {
  lockstep undivided = *l;
  for (int k = 0; k < l->count; k++) {
    undivided.frames[k].part = 0;
    undivided.frames[k].parts = 1;
  }
  for (size_t step = 0, end = l->frames[0].program->step_count; step < end; step++) {
    bool serial = is_serial(l, step), next_is_serial = step + 1 < end && is_serial(l, step + 1);
    if (!serial)
      run_step(l, step);
    else if (l->frames[0].part == 0)
      run_step(&undivided, step);
    if (!serial || !next_is_serial)
      team_wait(t);
  }
}

/* ---- batches ---- */

static void run_group(const batch *b, const frame *thread, size_t group) {
  const dealing *d = &b->dealing;
  lockstep l = {.count = 0};
  for (size_t sample, k = 0; (sample = dealing_member(d, group, k)) < d->count; k++)
    add_sample(&l, b, thread, sample); /* dealing has seen to the room */
  if (l.count)
    run_alone_in_step(&l);
}

static void run_shared(const batch *b, const frame *part) {
  for (size_t sample = 0; sample < b->dealing.shared;) {
    lockstep l = {.count = 0};
    while (sample < b->dealing.shared && add_sample(&l, b, part, sample))
      sample++;
    run_shared_in_step(&l, b->family->team);
  }
}

/* Every thread of the parallel region calls this. What a thread runs alone stays in its cache. */
static void run_batch(const batch *b) {
  int thread = omp_get_thread_num(), parts = omp_get_num_threads();
#pragma omp single
  team_init(b->family->team, parts);
  frame own = thread_frame(b->family, thread), part = thread_frame(b->family, 0);
#pragma omp for schedule(dynamic, 1)
  for (size_t group = 0; group < b->dealing.groups; group++)
    run_group(b, &own, group);
  part.scratch = own.scratch;
  part.part = thread;
  part.parts = parts;
  run_shared(b, &part);
}

static void run_in_team(const batch *b) {
  int threads = b->family->options.threads;
#pragma omp parallel num_threads(threads) if (threads > 1)
  run_batch(b);
}

static dealing_limits limits_of(const family *f) {
  return (dealing_limits){
      .threads = (size_t)f->options.threads, .samples = f->in_step, .bytes = f->activation_bytes};
}

bool executable_run(executable *e, const void *const *inputs, void *const *outputs, size_t count,
                    error *err) {
  (void)err;
  dealing_limits limits = limits_of(e->family);
  batch b = {.family = e->family,
             .dealing = deal_equal(count, e->activation_bytes, &limits),
             .executable = e,
             .inputs = inputs,
             .outputs = outputs};
  run_in_team(&b);
  return true;
}

bool executable_run_alone(executable *e, int worker, const void *const *inputs, void *const *outputs,
                          error *err) {
  if (worker < 0 || worker >= e->family->options.threads)
    return error_set(err, ERROR_USAGE, "worker %d of %d", worker, e->family->options.threads);
  batch b = {.family = e->family, .executable = e, .inputs = inputs, .outputs = outputs};
  frame thread = thread_frame(e->family, worker);
  lockstep l = {.count = 0};
  add_sample(&l, &b, &thread, 0);
  run_alone_in_step(&l);
  return true;
}

/* ---- siblings ---- */

/* Can samples of the two be run in step? Networks of other shapes may be lowered to other steps. */
static bool in_step(const executable *a, const executable *b) {
  const cpu_program *p = a->program, *q = b->program;
  if (a->family != b->family || p->kernels != q->kernels || p->step_count != q->step_count)
    return false;
  for (size_t step = 0; p != q && step < p->step_count; step++)
    if (p->steps[step].run != q->steps[step].run)
      return false;
  return true;
}

static bool all_in_step(const backend_job *jobs, size_t count) {
  for (size_t i = 1; i < count; i++)
    if (!in_step(jobs[i].executable, jobs[i - 1].executable))
      return false;
  return true;
}

static bool run_one_by_one(const backend_job *jobs, size_t count, error *err) {
  for (size_t i = 0; i < count; i++)
    if (!executable_run(jobs[i].executable, jobs[i].inputs, jobs[i].outputs, 1, err))
      return false;
  return true;
}

bool executable_run_siblings(const backend_job *jobs, size_t count, error *err) {
  if (!all_in_step(jobs, count) || count == 0)
    return run_one_by_one(jobs, count, err);
  family *f = jobs[0].executable->family;
  dealing_limits limits = limits_of(f);
  sample_cost *costs = malloc(count * sizeof *costs);
  double *loads = malloc(limits.threads * sizeof *loads);
  bool ok = costs && loads;
  if (ok) {
    for (size_t i = 0; i < count; i++)
      costs[i] = (sample_cost){jobs[i].executable->operations, jobs[i].executable->activation_bytes};
    batch b = {.family = f, .dealing = deal(costs, count, &limits, loads), .jobs = jobs};
    run_in_team(&b);
  }
  free(costs);
  free(loads);
  return ok || error_out_of_memory(err);
}
