/* A compiled graph, and what it has in common with its siblings. */
#ifndef DEEPECG_BACKEND_CPU_EXECUTABLE_H
#define DEEPECG_BACKEND_CPU_EXECUTABLE_H

#include "backend/backend.h"
#include "backend/cpu/program.h"
#include "backend/cpu/team.h"
#include "backend/cpu/weight_store.h"

/* Weights, and run-time memory that is enough for the largest of the siblings: only one of them runs at a
 * time. */
typedef struct family {
  int members;
  compile_options options;
  weight_store *weights;
  team *team;
  unsigned char *memory;                  /* per thread: activations of the samples in step, then scratch */
  size_t largest_activations;             /* of a sample of any sibling, in whole cache lines */
  size_t activation_bytes, scratch_bytes; /* of a thread, in whole cache lines */
  size_t in_step;                         /* samples that a thread runs in step, at most */
} family;

struct executable {
  cpu_program *program;
  family *family;
  size_t activation_bytes; /* of a sample, in whole cache lines */
  double operations;       /* of a sample */
};

static inline size_t family_thread_bytes(const family *f) {
  return f->activation_bytes + f->scratch_bytes;
}

/* backend.h's functions of these names. */
bool executable_run(executable *e, const void *const *inputs, void *const *outputs, size_t batch, error *err);
bool executable_run_alone(executable *e, int worker, const void *const *inputs, void *const *outputs,
                          error *err);
bool executable_run_siblings(const backend_job *jobs, size_t count, error *err);

#endif
