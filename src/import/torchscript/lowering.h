/* Follows the model's forward with known shapes and writes down what it does to tensors as a graph. */
#ifndef DEEPECG_IMPORT_TORCHSCRIPT_LOWERING_H
#define DEEPECG_IMPORT_TORCHSCRIPT_LOWERING_H

#include "container/zip.h"
#include "import/torchscript/value.h"

/* A hostile file may recurse or double its work at every level; these end it early. The published networks
 * need a few hundredths of them. */
enum {
  TS_MAX_STEPS = 4000000, /* expressions evaluated and values copied */
  TS_MAX_CALLS = 200,     /* calls inside calls */
  TS_MAX_NESTING = 1000,  /* expressions being evaluated at the same time, through all calls */
  TS_MAX_SOURCE = 8 << 20 /* bytes of code */
};

/* Elements of all constants together: a small file may describe one storage as many large tensors. */
#define TS_MAX_CONSTANT_ELEMENTS ((int64_t)1 << 28)

typedef struct lowering {
  zip_archive *archive;
  const char *root; /* the archive's folder */
  arena *memory;    /* what dies with the import */
  graph *graph;
  const ts_source **sources; /* by index of the archive's entry; NULL until parsed */
  size_t source_bytes;
  ts_value constants;       /* constants.pkl; UNSET until first used */
  ts_names constant_values; /* stored tensor, as text -> value_id */
  int64_t constant_elements;
  int64_t steps_left;
  int calls, nesting;
  const char *path;   /* of the module whose code is followed: names of the values it makes */
  const char *origin; /* "code/__torch__/net.py:12": the statement being followed */
  bool located;       /* the error in flight says where it is */
} lowering;

/* Take `count` steps off the budget. */
bool lowering_charge(lowering *l, int64_t count, error *err);

/* Call a function with these positional arguments (the first is self for a method). `l->path` names its
 * results. */
bool lowering_call(lowering *l, const ts_function *f, const ts_value *arguments, size_t count,
                   ts_value *result, error *err);

/* ---- what the archive holds (archive.c) ---- */

/* A function or class by its qualified name, "__torch__.torch.nn.functional.relu". NULL and *err. */
const ts_function *lowering_find_function(lowering *l, const char *qualified_name, error *err);
const ts_function *lowering_find_method(lowering *l, ts_object *object, const char *name, error *err);

/* The archive's root object, the model. */
ts_object *lowering_root_object(lowering *l, error *err);
/* object.name */
bool lowering_attribute(lowering *l, ts_object *object, const char *name, ts_value *result, error *err);
/* CONSTANTS.cN; `name` is "cN" */
bool lowering_constant(lowering *l, const char *name, ts_value *result, error *err);

/* ---- tensors (tensors.c) ---- */

/* A tensor that shares memory with nothing. */
bool lowering_new_tensor(lowering *l, value_id id, ts_value *result, error *err);
/* A tensor that may share memory with `base`. */
bool lowering_new_view(lowering *l, ts_tensor *base, value_id id, ts_value *result, error *err);
/* The tensor now holds `id`; what shares memory with it is stale from here on. */
void lowering_change_tensor(ts_tensor *tensor, value_id id);

/* The graph's value for a tensor or a number. Stored tensors become constants of the graph when first used,
 * equal views of a storage the same one. */
bool lowering_value_id(lowering *l, const ts_value *value, value_id *id, error *err);
/* A constant made here; `data` lives in the graph's arena. */
bool lowering_add_constant(lowering *l, const char *name, const shape *s, const float *data, value_id *id,
                           error *err);
/* A constant with one value in all places. */
bool lowering_fill(lowering *l, const shape *s, double value, value_id *id, error *err);
/* An operation of the graph. */
bool lowering_append(lowering *l, const char *op, const value_id *inputs, int count,
                     const op_attributes *attributes, value_id *result, error *err);
/* Valid until the next value is added: copy what must last longer. */
const shape *lowering_shape(const lowering *l, value_id id);

#endif
