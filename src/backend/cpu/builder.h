/* What lowering functions use to turn nodes into steps. */
#ifndef DEEPECG_BACKEND_CPU_BUILDER_H
#define DEEPECG_BACKEND_CPU_BUILDER_H

#include "backend/cpu/program.h"
#include "backend/cpu/weight_store.h"
#include "graph/graph.h"

/* How a value lies in memory. Signals (1, C, T) are kept channels-last, (T, C), for the kernels; everything
 * else, and whatever the caller or a scalar implementation sees, is row-major. Products in bfloat16 read
 * rows, along the last axis, of pairs (kernels/bf16.h), bf16_row_stride apart; what is at hand only so is for
 * them alone. A value may have a buffer of each kind. */
typedef enum layout { LAYOUT_ROW_MAJOR, LAYOUT_CHANNELS_LAST, LAYOUT_PAIRS, LAYOUT_COUNT } layout;

typedef struct value_home {
  int buffers[LAYOUT_COUNT]; /* BUFFER_NONE until made */
} value_home;

/* What lowering functions leave for those of later nodes. */
typedef struct value_note {
  bool deferred;  /* its node isn't lowered yet: a consumer may do its work, or builder_read has it done */
  bool kept;      /* it may not be deferred again */
  buffer_id sums; /* sums of the value's columns over rows of blocks, each padded; BUFFER_NONE: none */
  ptrdiff_t sum_blocks; /* rows of `sums` */
} value_note;

typedef struct builder {
  const graph *graph;
  cpu_program *program;
  weight_store *weights;
  int threads;                  /* that large weights are packed with */
  value_home *homes;            /* by value */
  value_note *notes;            /* by value */
  struct product *last_product; /* the last large one (product.h); NULL: none yet */
  bool (*lower_deferred)(struct builder *b, value_id v, error *err);
} builder;

/* Make ready: homes for all values, buffers for the graph's inputs. End with builder_end, whatever happened.
 */
bool builder_begin(builder *b, const graph *g, cpu_program *p, weight_store *weights, int threads,
                   error *err);
void builder_end(builder *b);

/* Can this value be kept channels-last? A signal (1, C, T) of floats. */
bool value_is_signal(const builder *b, value_id v);

/* The node that makes the value, if it is still deferred and no other than the node being lowered uses it;
 * else NULL. */
const graph_node *builder_deferred(const builder *b, value_id v);
/* The layout in which the value is at hand, and which an operator that can do both should use. What is
 * deferred will be channels-last. */
layout builder_layout(const builder *b, value_id v);

/* A buffer that holds the value in that layout; a conversion step is added where there is none yet.
 * VALUE_NONE gives BUFFER_NONE. */
bool builder_read(builder *b, value_id v, layout l, buffer_id *id, error *err);

/* A new buffer for a value that the next step writes. */
bool builder_write(builder *b, value_id v, layout l, buffer_id *id, error *err);

/* A new buffer that belongs to no value. */
bool builder_temporary(builder *b, size_t bytes, buffer_id *id, error *err);

/* Let the value live in a buffer that holds the same elements in the order of that layout. */
void builder_alias(builder *b, value_id v, layout l, buffer_id id);

/* Zeroed memory for a step's parameters, as long-lived as the program. */
void *builder_parameters(builder *b, size_t size, error *err);

/* Each thread's scratch memory must have this size at least. */
void builder_scratch(builder *b, size_t bytes);

/* Append a step; run, parameters and serial are taken from *step, the lists are copied. */
bool builder_step(builder *b, const cpu_step *step, const int *reads, int read_count, const int *writes,
                  int write_count, error *err);

/* A new buffer for the caller's array of graph output `index`. */
bool builder_output(builder *b, int index, buffer_id *id, error *err);

#endif
