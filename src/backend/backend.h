/* Compile a graph once, run it often. */
#ifndef DEEPECG_BACKEND_BACKEND_H
#define DEEPECG_BACKEND_BACKEND_H

#include "backend/precision.h"
#include "graph/graph.h"

typedef struct executable executable;

typedef struct compile_options {
  int threads; /* >= 1 */
  precision precision;
  /* A few runs are all that will be asked for: ready soon is better than a little faster in every run. */
  bool brief;
  /* Siblings for other lengths of the input are to come, shorter ones too: weights are packed as suits all.
   */
  bool several_lengths;
} compile_options;

/* One sample for one executable. inputs[i] holds it for graph input i, row-major, outputs likewise. */
typedef struct backend_job {
  executable *executable;
  const void *const *inputs;
  void *const *outputs;
} backend_job;

/* A backend is a constant; the table of backend.c lists them. */
typedef struct backend {
  const char *name; /* "cpu" */
  /* Choose kernels, pack weights, plan memory. The executable keeps no pointer into the graph, which may be
   * destroyed. NULL and *err on failure. */
  executable *(*compile)(const graph *g, const compile_options *options, error *err);
  /* The same for a graph over the weights of the sibling's graph, such as the same network for another length
   * of its input, with the sibling's options: what is packed for one is not packed again for the other
   * (with several_lengths; without it there may be two forms of some weights).
   * Constants must still lie where they lay then. Siblings also share run-time memory, that of the largest:
   * no two of them may be compiled or run at once (run_alone of different workers excepted). Any may be
   * destroyed first. */
  executable *(*compile_sibling)(const graph *g, const executable *sibling, error *err);
  /* inputs[i] holds `batch` samples of graph input i one after the other (each row-major), outputs likewise.
   * Samples are independent runs: the bits of one don't depend on the batch, on its neighbours, or on the
   * number of threads. Allocates nothing. Not to be called twice at once on one executable. */
  bool (*run)(executable *e, const void *const *inputs, void *const *outputs, size_t batch, error *err);
  /* One sample on the calling thread alone, in the run-time memory of number `worker`, which is less than
   * compile's `threads`. The same bits as run's. Calls with different workers may be made at once on one
   * executable, but none while run is at work. */
  bool (*run_alone)(executable *e, int worker, const void *const *inputs, void *const *outputs, error *err);
  /* Samples of siblings, such as texts of different lengths: each with the bits that run gives it, in one
   * batch, so that they may share what takes time for each run, such as reading the weights. Samples that
   * come in the order of falling length are the sooner ready. Executables that aren't siblings, or too
   * different, run one after the other. */
  bool (*run_siblings)(const backend_job *jobs, size_t count, error *err);
  void (*destroy)(executable *e); /* NULL is allowed */
  /* What was chosen at run time, for reports: "avx512", "avx2", "generic"; in bfloat16 "avx512bf16". */
  const char *(*variant)(const executable *e);
  /* Floating-point operations per second of processor time that one thread reaches here, now, with nothing
   * but multiply-adds of the executable's precision on registers: what benchmarks are measured by. Takes some
   * milliseconds. */
  double (*probe_peak)(const executable *e);
  /* Bytes of packed weights and of run-time memory, siblings' included. */
  size_t (*memory)(const executable *e);
} backend;

/* The processor. Kernels are chosen by what it can do; DEEPECG_CPU=generic|avx2|avx512 in the environment
 * chooses otherwise, and compile fails where that name is unknown or the processor lacks the instructions. */
extern const backend cpu_backend;

/* By name; NULL and *err (with what is allowed) if there is none. */
const backend *backend_find(const char *name, error *err);

#endif
