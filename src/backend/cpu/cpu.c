/* The processor backend: a graph becomes a program of steps; a batch of samples is run through it. */
#include "backend/backend.h"
#include "backend/cpu/aligned.h"
#include "backend/cpu/builder.h"
#include "backend/cpu/lower.h"
#include "backend/cpu/team.h"
#include "base/checked.h"

#include <omp.h>
#include <stdlib.h>
#include <time.h>

struct executable {
  cpu_program *program;
  weight_store *weights;
  team *team;
  compile_options options;
  int in_step;           /* samples that a thread runs in step, at most */
  unsigned char *memory; /* per thread: activations of each sample in step, then scratch */
  size_t activation_stride, thread_stride;
};

/* ---- compile ---- */

static void destroy(executable *e) {
  if (!e)
    return;
  program_destroy(e->program);
  weight_store_release(e->weights);
  free(e->team);
  free(e->memory);
  free(e);
}

static bool create_program(executable *e, precision wanted, error *err) {
  e->program = calloc(1, sizeof *e->program);
  if (!e->program)
    return error_out_of_memory(err);
  e->program->memory = arena_create(err);
  e->program->kernels = cpu_kernels_choose(err);
  if (!e->program->memory || !e->program->kernels)
    return false;
  if (wanted == PRECISION_BF16)
    e->program->bf16 = bf16_kernels_choose(e->program->kernels, err);
  return wanted == PRECISION_FP32 || e->program->bf16;
}

static bool build(executable *e, const graph *g, error *err) {
  builder b;
  bool done = builder_begin(&b, g, e->program, e->weights, e->options.threads, err) && lower_graph(&b, err) &&
              program_plan_memory(e->program, err);
  builder_end(&b);
  return done;
}

/* Where the weights don't fit into the caches but the activations of several samples do, a thread runs so
 * many in step: it waits for the weights once. */
static int samples_in_step(const executable *e) {
  enum { WEIGHTS = 32 << 20, ACTIVATIONS = 4 << 20 };
  size_t room = ACTIVATIONS / (e->program->activation_bytes + 1);
  if (weight_store_bytes(e->weights) < WEIGHTS || room < 1)
    return 1;
  return room < FRAMES_IN_STEP ? (int)room : FRAMES_IN_STEP;
}

/* Threads' memories lie apart by whole cache lines. */
static bool allocate_run_memory(executable *e, error *err) {
  size_t scratch, activations, total;
  e->in_step = samples_in_step(e);
  if (!aligned_size(e->program->activation_bytes, &e->activation_stride) ||
      !aligned_size(e->program->scratch_bytes, &scratch) ||
      !checked_mul(e->activation_stride, (size_t)e->in_step, &activations) ||
      !checked_add(activations, scratch, &e->thread_stride) ||
      !checked_mul(e->thread_stride, (size_t)e->options.threads, &total))
    return error_out_of_memory(err);
  e->memory = aligned_allocate(total, !e->options.brief, err);
  e->team = aligned_allocate(sizeof *e->team, false, err);
  return e->memory && e->team;
}

/* Takes over one reference to the store, which may be NULL after a failure. */
static executable *compile_with(weight_store *weights, const graph *g, const compile_options *options,
                                error *err) {
  executable *e = weights ? calloc(1, sizeof *e) : NULL;
  if (!e) {
    weight_store_release(weights);
    error_out_of_memory(err);
    return NULL;
  }
  e->weights = weights;
  e->options = *options;
  if (create_program(e, options->precision, err) && build(e, g, err) && allocate_run_memory(e, err))
    return e;
  destroy(e);
  return NULL;
}

static executable *compile(const graph *g, const compile_options *options, error *err) {
  if (options->threads < 1) {
    error_set(err, ERROR_USAGE, "%d threads: at least 1 is needed", options->threads);
    return NULL;
  }
  return compile_with(weight_store_create(!options->brief, err), g, options, err);
}

/* A store knows constants by their address. One that the graph itself has made may lie where another graph's
 * has lain. */
static executable *compile_sibling(const graph *g, const executable *sibling, error *err) {
  if (!graph_constants_borrowed(g))
    return compile(g, &sibling->options, err);
  weight_store_retain(sibling->weights);
  return compile_with(sibling->weights, g, &sibling->options, err);
}

/* ---- run ---- */

static frame thread_frame(const executable *e, int thread) {
  unsigned char *memory = e->memory + (size_t)thread * e->thread_stride;
  return (frame){.program = e->program,
                 .activations = memory,
                 .scratch = memory + (size_t)e->in_step * e->activation_stride,
                 .parts = 1};
}

/* `count` whole samples on the calling thread, in step; `first`: the first one's frame. */
static void run_in_step(const executable *e, const frame *first, int count) {
  const cpu_program *p = e->program;
  frame frames[FRAMES_IN_STEP];
  for (int k = 0; k < count; k++) {
    frames[k] = *first;
    frames[k].sample += (size_t)k;
    frames[k].activations += (size_t)k * e->activation_stride;
  }
  frames[0].in_step = count;
  for (size_t i = 0; i < p->step_count; i++) {
    const cpu_step *s = &p->steps[i];
    for (int k = 0; k < (s->joint ? 1 : count); k++)
      s->run(s, &frames[k]);
  }
}

/* This thread's share of a sample that the whole team works on. */
static void run_shared(const frame *f, team *t) {
  const cpu_program *p = f->program;
  frame undivided = *f;
  undivided.part = 0;
  undivided.parts = 1;
  for (size_t i = 0; i < p->step_count; i++) {
    const cpu_step *s = &p->steps[i];
    if (!s->serial)
      s->run(s, f);
    else if (f->part == 0)
      s->run(s, &undivided);
    bool next_is_serial = i + 1 < p->step_count && p->steps[i + 1].serial;
    if (!s->serial || !next_is_serial)
      team_wait(t);
  }
}

/* The size of equal parts of `count`, at most `most`; 1 of none. */
static size_t even_part(size_t count, size_t most) {
  size_t parts = (count + most - 1) / most;
  return parts ? (count + parts - 1) / parts : 1;
}

/* Every thread of the parallel region calls this: as many samples as possible are run by one thread each, in
 * its own memory, which then stays in its cache; the samples left over by all threads together. */
static void run_batch(executable *e, const frame *job, size_t batch) {
  int thread = omp_get_thread_num(), parts = omp_get_num_threads();
  size_t alone = batch - batch % (size_t)parts, share = alone / (size_t)parts;
  size_t in_step = even_part(share, (size_t)e->in_step);
#pragma omp single
  team_init(e->team, parts);
  frame f = thread_frame(e, thread);
  f.inputs = job->inputs;
  f.outputs = job->outputs;
#pragma omp for schedule(dynamic, 1)
  for (size_t sample = 0; sample < alone; sample += in_step) {
    f.sample = sample;
    run_in_step(e, &f, (int)(alone - sample < in_step ? alone - sample : in_step));
  }
  f.activations = e->memory;
  f.part = thread;
  f.parts = parts;
  for (size_t sample = alone; sample < batch; sample++) {
    f.sample = sample;
    run_shared(&f, e->team);
  }
}

static bool run(executable *e, const void *const *inputs, void *const *outputs, size_t batch, error *err) {
  (void)err;
  frame job = {.inputs = inputs, .outputs = outputs};
#pragma omp parallel num_threads(e->options.threads) if (e->options.threads > 1)
  run_batch(e, &job, batch);
  return true;
}

static bool run_alone(executable *e, int worker, const void *const *inputs, void *const *outputs,
                      error *err) {
  if (worker < 0 || worker >= e->options.threads)
    return error_set(err, ERROR_USAGE, "worker %d of %d", worker, e->options.threads);
  frame f = thread_frame(e, worker);
  f.inputs = inputs;
  f.outputs = outputs;
  run_in_step(e, &f, 1);
  return true;
}

static const char *variant(const executable *e) {
  return e->program->bf16 ? e->program->bf16->name : e->program->kernels->name;
}

static size_t memory(const executable *e) {
  return weight_store_bytes(e->weights) + (size_t)e->options.threads * e->thread_stride;
}

static double thread_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double probe_peak(const executable *e) {
  enum { STEPS = 1000000 };
  const cpu_program *p = e->program;
  double start = thread_seconds();
  double operations = p->bf16 ? p->bf16->probe_peak(STEPS) : p->kernels->probe_peak(STEPS);
  return operations / (thread_seconds() - start);
}

bool precision_check(precision p, error *err) {
  if (p == PRECISION_FP32)
    return true;
  const cpu_kernels *kernels = cpu_kernels_choose(err);
  return kernels && bf16_kernels_choose(kernels, err);
}

const backend cpu_backend = {"cpu",   compile, compile_sibling, run,   run_alone,
                             destroy, variant, probe_peak,      memory};
