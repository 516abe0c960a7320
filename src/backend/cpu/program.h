/* A compiled graph: a list of steps over planned memory. Written by the lowering functions, read by the
 * runner. */
#ifndef DEEPECG_BACKEND_CPU_PROGRAM_H
#define DEEPECG_BACKEND_CPU_PROGRAM_H

#include "backend/cpu/kernels/bf16.h"
#include "backend/cpu/kernels/kernels.h"
#include "base/arena.h"

#include <stddef.h>

typedef enum buffer_place {
  PLACE_ACTIVATION, /* memory of the sample being run */
  PLACE_CONSTANT,
  PLACE_INPUT, /* the caller's arrays */
  PLACE_OUTPUT
} buffer_place;

typedef struct cpu_buffer {
  buffer_place place;
  size_t bytes;
  size_t offset;                /* PLACE_ACTIVATION: into the activation memory */
  const void *constant;         /* PLACE_CONSTANT */
  int index;                    /* PLACE_INPUT, PLACE_OUTPUT: which */
  size_t first_step, last_step; /* written first, read or written last */
} cpu_buffer;

typedef int buffer_id;
enum { BUFFER_NONE = -1 };

typedef struct cpu_program cpu_program;

/* What a step sees when it runs: one sample, and which share of the step's work is its own; or several
 * samples in step, whose frames lie side by side. Their programs may differ: those of the same network for
 * inputs of different lengths, with the same kinds of steps. */
typedef struct frame {
  const cpu_program *program;
  const void *const *inputs;
  void *const *outputs;
  size_t sample;
  unsigned char *activations;
  void *scratch;   /* program->scratch_bytes, of this thread alone */
  int part, parts; /* 0 <= part < parts */
  int in_step;     /* frames from this one on that a step may run together; 0 and 1: this one alone */
} frame;

enum { FRAMES_IN_STEP = 4 }; /* at most: of eight short texts the rows fill the second cache */

typedef struct cpu_step cpu_step;

struct cpu_step {
  /* Do share f->part of f->parts. Shares may not depend on each other, and no element's bits on the number of
   * shares. */
  void (*run)(const cpu_step *s, const frame *f);
  const void *parameters; /* the step's own struct */
  int read_count, write_count;
  const buffer_id *reads, *writes; /* buffers; BUFFER_NONE for an absent operand */
  bool serial;                     /* too small or too irregular to share: part 0 does it all */
  const void *weights;             /* constants that the step reads once; earlier steps ask for them */
  size_t weight_bytes;
  bool
      joint; /* runs all frames in step in one call, that of the first's, so that it reads its weights once */
};

struct cpu_program {
  arena *memory; /* steps' parameters and operand lists */
  const cpu_kernels *kernels;
  const bf16_kernels *bf16; /* for large products; NULL: all is float32 */
  cpu_step *steps;
  size_t step_count, step_capacity;
  cpu_buffer *buffers;
  size_t buffer_count, buffer_capacity;
  size_t activation_bytes, scratch_bytes; /* per sample in flight, per thread */
};

/* The data of a buffer; NULL for BUFFER_NONE. */
void *frame_data(const frame *f, buffer_id id);

static inline const void *step_read(const cpu_step *s, const frame *f, int i) {
  return frame_data(f, s->reads[i]);
}

static inline void *step_write(const cpu_step *s, const frame *f, int i) {
  return frame_data(f, s->writes[i]);
}

/* The step of f's program that stands where step s stands in the program of `other`. */
static inline const cpu_step *frame_step(const frame *f, const cpu_step *s, const frame *other) {
  return &f->program->steps[s - other->program->steps];
}

/* [*begin, *end): this part's share of `count` units. */
static inline void frame_share(const frame *f, ptrdiff_t count, ptrdiff_t *begin, ptrdiff_t *end) {
  *begin = count * f->part / f->parts;
  *end = count * (f->part + 1) / f->parts;
}

/* Give every PLACE_ACTIVATION buffer an offset, so that buffers in use at the same time don't overlap. */
bool program_plan_memory(cpu_program *p, error *err);

void program_destroy(cpu_program *p);

#endif
