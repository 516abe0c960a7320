/* The named tensors of a checkpoint as float32 arrays, each read when it is first asked for: the pages of
 * others, such as an optimiser's state, are never touched. */
#ifndef DEEPECG_IMPORT_WEIGHTS_H
#define DEEPECG_IMPORT_WEIGHTS_H

#include "base/arena.h"
#include "container/tensor.h"
#include "ops/op.h"

/* The tensor that `source` stands for, checked. */
typedef bool (*weight_reader)(void *context, const void *source, stored_tensor *tensor, error *err);

typedef struct named_weight {
  const char *name;
  const void *source;
  size_t order;      /* of appearance: of weights with the same name the last one counts */
  const float *data; /* NULL until it is read */
} named_weight;

typedef struct weight_table {
  named_weight *items; /* sorted by name, which is unique */
  size_t count;
  weight_reader read;
  void *context;
  arena *memory; /* for what can't be used in place */
  size_t bytes_left;
} weight_table;

/* Sort `count` items, whose `name` and `source` are set; they stay the caller's. Tensors may share storage,
 * so that a small file may claim any size: `byte_limit` bounds the float32 bytes of all weights that are
 * read. */
weight_table weight_table_of(named_weight *items, size_t count, weight_reader read, void *context,
                             arena *memory, size_t byte_limit);

bool weight_table_has(const weight_table *table, const char *name);

/* The elements of the weight, row-major, in place where the file holds them so. NULL and *err, which names
 * the weight, when it is missing, has another shape than `expected`, or can't be read. Once every weight has
 * been read, calls only look: they may come from several threads. */
const float *weight_table_read(weight_table *table, const char *name, const shape *expected, error *err);

/* The shape of a weight that must have `rank` dimensions, none of them 0. */
bool weight_table_shape(weight_table *table, const char *name, int rank, shape *s, error *err);

/* The first weight, by name, that begins with `prefix` and was never read; NULL when there is none. */
const char *weight_table_unread(const weight_table *table, const char *prefix);

#endif
