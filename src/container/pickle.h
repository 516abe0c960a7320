/* A pickle as plain data: nothing is ever imported, called or executed.
 *
 * Classes and the results of calling them become opaque values that carry the callable's name and arguments; the few that mean data
 * (OrderedDict, torch's _rebuild_tensor_v2 and _rebuild_parameter) are understood by whoever reads the tree. */
#ifndef DEEPECG_CONTAINER_PICKLE_H
#define DEEPECG_CONTAINER_PICKLE_H

#include "base/arena.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef enum pickle_kind {
  PICKLE_NONE, PICKLE_BOOL, PICKLE_INT, PICKLE_FLOAT, PICKLE_BYTES, PICKLE_TEXT, PICKLE_TUPLE, PICKLE_LIST, PICKLE_DICT,
  PICKLE_SET, PICKLE_GLOBAL, /* a name: "torch._utils _rebuild_tensor_v2" */
  PICKLE_REDUCE,             /* callable, arguments, state (BUILD), items added later */
  PICKLE_PERSISTENT          /* a persistent id: torch's storages */
} pickle_kind;

typedef struct pickle_value pickle_value;
struct pickle_value {
  pickle_kind kind;
  union {
    int64_t integer; /* also booleans; an integer that doesn't fit is kept as PICKLE_TEXT of its decimal... never silently cut */
    double real;
    struct { const char *text; size_t length; } text; /* TEXT, BYTES: NUL-terminated besides */
    struct { pickle_value **items; size_t count, capacity; } list; /* TUPLE, LIST, SET; DICT: key, value, key, value ... */
    struct { const char *module, *name; } global;
    struct { pickle_value *callable, *arguments, *state, *items; } reduce; /* state, items may be NULL; items is a DICT or LIST */
    pickle_value *persistent_id;
  } as;
};

/* Parse protocols 0-5 (2-5 as torch writes). Limits: nesting of the stack, number of values, memo size, bytes allocated. A cycle in the data
 * is representable (memo): readers bound their own recursion. Values live in `memory`. Text that remains after STOP is ignored. */
pickle_value *pickle_parse(const uint8_t *data, size_t size, arena *memory, error *err);

/* The value under a text key of a DICT (or of a REDUCE that is an OrderedDict), or NULL. */
const pickle_value *pickle_get(const pickle_value *dict, const char *key);
/* Is this REDUCE's callable the global module.name? */
bool pickle_is_call(const pickle_value *value, const char *module, const char *name);

#endif
