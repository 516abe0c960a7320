/* The processor backend: a graph becomes a program of steps. */
#include "backend/cpu/aligned.h"
#include "backend/cpu/builder.h"
#include "backend/cpu/executable.h"
#include "backend/cpu/lower.h"
#include "base/checked.h"

#include <stdlib.h>
#include <time.h>

/* ---- families ---- */

static void family_release(family *f) {
  if (!f || --f->members > 0)
    return;
  weight_store_destroy(f->weights);
  free(f->team);
  free(f->memory);
  free(f);
}

/* With one member to come. */
static family *family_create(const compile_options *options, error *err) {
  family *f = calloc(1, sizeof *f);
  if (!f) {
    error_out_of_memory(err);
    return NULL;
  }
  *f = (family){.members = 1,
                .options = *options,
                .weights = weight_store_create(!options->brief, err),
                .team = aligned_allocate(sizeof *f->team, false, err)};
  if (f->weights && f->team)
    return f;
  family_release(f);
  return NULL;
}

/* Where the weights don't fit into the caches but the activations of several samples do, a thread runs so
 * many in step: it waits for the weights once. */
static void set_in_step(family *f) {
  enum { WEIGHTS = 32 << 20, ACTIVATIONS = 3 << 19 };
  size_t one = f->largest_activations;
  f->in_step = weight_store_bytes(f->weights) < WEIGHTS ? 1 : FRAMES_IN_STEP;
  f->activation_bytes = one > ACTIVATIONS / f->in_step ? ACTIVATIONS : one * f->in_step;
  if (f->activation_bytes < one)
    f->activation_bytes = one;
}

/* Run-time memory in which the executable, too, can run. */
static bool family_make_room(family *f, const executable *e, error *err) {
  family larger = *f;
  size_t scratch, thread, total;
  if (larger.largest_activations < e->activation_bytes)
    larger.largest_activations = e->activation_bytes;
  set_in_step(&larger);
  if (!aligned_size(e->program->scratch_bytes, &scratch))
    return error_out_of_memory(err);
  if (larger.scratch_bytes < scratch)
    larger.scratch_bytes = scratch;
  if (!checked_add(larger.activation_bytes, larger.scratch_bytes, &thread) ||
      !checked_mul(thread, (size_t)f->options.threads, &total))
    return error_out_of_memory(err);
  if (!f->memory || thread > family_thread_bytes(f)) {
    larger.memory = aligned_allocate(total, !f->options.brief, err);
    if (!larger.memory)
      return false;
    free(f->memory);
  }
  *f = larger;
  return true;
}

/* ---- compile ---- */

static void destroy(executable *e) {
  if (!e)
    return;
  program_destroy(e->program);
  family_release(e->family);
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
  bool done = builder_begin(&b, g, e->program, e->family->weights, &e->family->options, err) &&
              lower_graph(&b, err) && program_plan_memory(e->program, err);
  builder_end(&b);
  e->operations = graph_flops(g);
  return done &&
         (aligned_size(e->program->activation_bytes, &e->activation_bytes) || error_out_of_memory(err));
}

/* Takes over one membership of the family, which may be NULL after a failure. */
static executable *compile_into(family *f, const graph *g, error *err) {
  executable *e = f ? calloc(1, sizeof *e) : NULL;
  if (!e) {
    family_release(f);
    error_out_of_memory(err);
    return NULL;
  }
  e->family = f;
  if (create_program(e, f->options.precision, err) && build(e, g, err) && family_make_room(f, e, err))
    return e;
  destroy(e);
  return NULL;
}

static executable *compile(const graph *g, const compile_options *options, error *err) {
  if (options->threads < 1) {
    error_set(err, ERROR_USAGE, "%d threads: at least 1 is needed", options->threads);
    return NULL;
  }
  return compile_into(family_create(options, err), g, err);
}

/* A store knows constants by their address. One that the graph itself has made may lie where another graph's
 * has lain. */
static executable *compile_sibling(const graph *g, const executable *sibling, error *err) {
  if (!graph_constants_borrowed(g))
    return compile(g, &sibling->family->options, err);
  sibling->family->members++;
  return compile_into(sibling->family, g, err);
}

/* ---- what it says of itself ---- */

static const char *variant(const executable *e) {
  return e->program->bf16 ? e->program->bf16->name : e->program->kernels->name;
}

static size_t memory(const executable *e) {
  const family *f = e->family;
  return weight_store_bytes(f->weights) + (size_t)f->options.threads * family_thread_bytes(f);
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

const backend cpu_backend = {.name = "cpu",
                             .compile = compile,
                             .compile_sibling = compile_sibling,
                             .run = executable_run,
                             .run_alone = executable_run_alone,
                             .run_siblings = executable_run_siblings,
                             .destroy = destroy,
                             .variant = variant,
                             .probe_peak = probe_peak,
                             .memory = memory};
