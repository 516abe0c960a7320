/* What an expression of the model's code stands for while it is followed: tensors are values of the graph in
 * the making, everything else is known at once. */
#ifndef DEEPECG_IMPORT_TORCHSCRIPT_VALUE_H
#define DEEPECG_IMPORT_TORCHSCRIPT_VALUE_H

#include "container/pickle.h"
#include "container/tensor.h"
#include "graph/graph.h"
#include "import/torchscript/parser.h"

#include <stddef.h>
#include <stdint.h>

typedef enum ts_kind {
  TS_UNSET, /* a variable before its assignment */
  TS_NONE,
  TS_BOOL,
  TS_INT, /* also 0-dimensional integer tensors that are known, such as sizes */
  TS_FLOAT,
  TS_STRING,
  TS_TENSOR,
  TS_LIST,
  TS_TUPLE,
  TS_DICT,
  TS_OBJECT,
  TS_FUNCTION,
  TS_OPAQUE /* something nothing can be done with: a device, indices of a maximum */
} ts_kind;

/* A number, or a 0-dimensional tensor whose only element is known. */
typedef struct ts_number {
  bool is_real;
  int64_t integer; /* not is_real */
  double real;     /* always */
} ts_number;

typedef struct ts_value ts_value;

/* A tensor as the code's variables share it: an in-place operation on one name is seen by all. */
typedef struct ts_tensor ts_tensor;
struct ts_tensor {
  value_id id;                 /* VALUE_NONE: in the file, not yet in the graph */
  const stored_tensor *stored; /* the tensor of the file that this still equals, or NULL */
  const char *name;            /* of a stored one */
  const ts_number *scalar;     /* its element, if it is stored and 0-dimensional */
  ts_tensor *alias;            /* ring of the tensors that may share memory with it (views) */
  bool stale;                  /* another of the ring was changed in place: what this holds is unknown */
  bool boolean;                /* stored as booleans, or a view of such a tensor */
  value_id swapped;            /* this is that value with its last two axes swapped; or VALUE_NONE */
};

typedef struct ts_sequence {
  ts_value *items;
  size_t count, capacity;
} ts_sequence; /* LIST, TUPLE; DICT: key, value, key, value ... */

/* A module (or another pickled object) of the archive. */
typedef struct ts_object {
  const pickle_value *pickled;
  const char *path;           /* "features.0.conv" */
  const char *folder;         /* where its tensors' storages are: "data" or "constants" */
  const ts_class *definition; /* found when first called */
  ts_names names;             /* attribute name -> place in `attributes` */
  struct ts_attribute *attributes;
} ts_object;

struct ts_value {
  ts_kind kind;
  union {
    bool boolean;
    int64_t integer;
    double real;
    const char *string; /* also OPAQUE: what it is, for messages */
    ts_tensor *tensor;
    ts_sequence *sequence; /* LIST, TUPLE, DICT */
    ts_object *object;
    const ts_function *function;
  } as;
};

typedef struct ts_attribute {
  const pickle_value *pickled;
  ts_value value; /* UNSET until first read */
} ts_attribute;

static inline ts_value ts_none(void) {
  return (ts_value){.kind = TS_NONE};
}

static inline ts_value ts_bool(bool value) {
  return (ts_value){.kind = TS_BOOL, .as.boolean = value};
}

static inline ts_value ts_int(int64_t value) {
  return (ts_value){.kind = TS_INT, .as.integer = value};
}

static inline ts_value ts_float(double value) {
  return (ts_value){.kind = TS_FLOAT, .as.real = value};
}

static inline ts_value ts_string(const char *value) {
  return (ts_value){.kind = TS_STRING, .as.string = value};
}

static inline ts_value ts_opaque(const char *what) {
  return (ts_value){.kind = TS_OPAQUE, .as.string = what};
}

/* "a tensor", "an int", "None" ..., for messages. */
const char *ts_kind_name(ts_kind kind);

/* The element of a 0-dimensional tensor of the file. */
bool ts_read_scalar(const stored_tensor *t, ts_number *number, arena *memory, error *err);

/* A BOOL, INT, FLOAT, or a tensor whose only element is known. False for anything else. */
bool ts_to_number(const ts_value *value, ts_number *number);

typedef enum ts_arithmetic {
  TS_ADD,
  TS_SUB,
  TS_MUL,
  TS_DIV,
  TS_FLOOR_DIV,
  TS_REMAINDER,
  TS_POWER
} ts_arithmetic;

/* As Python computes with numbers: `/` gives a float, floor division and remainder round down, whole numbers
 * stay whole. Overflow and division by 0 are errors. */
bool ts_compute(ts_arithmetic operation, ts_number a, ts_number b, ts_number *result, error *err);

/* An INT or FLOAT. */
ts_value ts_from_number(ts_number number);

/* Equality as Python's ==, for what sizes, flags and texts need: numbers, texts, None, and flat lists or
 * tuples of them. */
bool ts_equal(const ts_value *a, const ts_value *b);
/* How many steps one comparison with the value takes at most. */
int64_t ts_equal_cost(const ts_value *a);

/* A LIST, TUPLE or DICT with room for `capacity` items, empty. */
bool ts_new_sequence(ts_kind kind, size_t capacity, arena *memory, ts_value *result, error *err);
bool ts_append(ts_value *sequence, ts_value item, arena *memory, error *err);

#endif
