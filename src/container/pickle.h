/* A pickle as plain data: nothing is ever imported, called or executed.
 *
 * Classes and the results of calling them become opaque values that carry the callable's name and arguments;
 * the few that mean data (OrderedDict, torch's _rebuild_tensor_v2 and _rebuild_parameter) are understood by
 * whoever reads the tree. Method: the opcodes as documented in Python's pickletools, protocols 0 to 5. */
#ifndef DEEPECG_CONTAINER_PICKLE_H
#define DEEPECG_CONTAINER_PICKLE_H

#include "base/arena.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum {
  PICKLE_MAX_VALUES = 4000000,  /* also of the stack's and the memo's places */
  PICKLE_MAX_MARKS = 10000,     /* containers open at the same time */
  PICKLE_MAX_INTEGER = 256,     /* bytes of one integer */
  PICKLE_MAX_MEMORY = 256 << 20 /* bytes taken from the arena */
};

typedef enum pickle_kind {
  PICKLE_NONE,
  PICKLE_BOOL,
  PICKLE_INT,
  PICKLE_BIG_INT, /* an integer that doesn't fit in 64 bits: its decimal, in as.text */
  PICKLE_FLOAT,
  PICKLE_BYTES,
  PICKLE_TEXT,
  PICKLE_TUPLE,
  PICKLE_LIST,
  PICKLE_DICT,
  PICKLE_SET,
  PICKLE_GLOBAL,    /* a name: "torch._utils", "_rebuild_tensor_v2" */
  PICKLE_REDUCE,    /* what a callable would return: callable, arguments, state (BUILD), items added later */
  PICKLE_PERSISTENT /* a persistent id: torch's storages */
} pickle_kind;

typedef struct pickle_value pickle_value;
struct pickle_value {
  pickle_kind kind;
  union {
    int64_t integer; /* also booleans: 0, 1 */
    double real;
    struct {
      const char *text; /* NUL-terminated besides; may hold NULs; TEXT should be UTF-8, which isn't checked */
      size_t length;
    } text; /* TEXT, BYTES, BIG_INT */
    struct {
      pickle_value **items;
      size_t count, capacity;
    } list; /* TUPLE, LIST, SET; DICT: key, value, key, value ... (a later pair with the same key replaces an
               earlier) */
    struct {
      const char *module, *name;
    } global;
    struct {
      pickle_value *callable, *arguments; /* arguments: a TUPLE */
      pickle_value *keywords, *state;     /* may be NULL; keywords: a DICT */
      pickle_value *items;                /* may be NULL; a DICT, LIST or SET */
    } reduce;
    pickle_value *persistent_id;
  } as;
};

/* Parse protocols 0 to 5. `data` need not outlive the call: values and their texts live in `memory`. What
 * follows STOP is ignored. NULL and *err, with the offset, for damage, for the limits above, for extension
 * codes (copyreg) and out-of-band buffers. A value may be reached on several ways and be its own descendant
 * (memo), and be nested as deep as the file is long: who walks the tree bounds the steps and the depth. */
pickle_value *pickle_parse(const uint8_t *data, size_t size, arena *memory, error *err);

/* The value under a text key of a DICT, or of the items of a REDUCE (OrderedDict and its like); NULL when
 * there is none or `dict` is NULL or of another kind. */
const pickle_value *pickle_get(const pickle_value *dict, const char *key);

/* An attribute of an object: the value under `name` in a REDUCE's state, which is a DICT or, for classes with
 * slots, a TUPLE of two. NULL when there is none or `object` is NULL or of another kind. */
const pickle_value *pickle_attribute(const pickle_value *object, const char *name);

/* Is this a REDUCE whose callable is the global module.name? False for NULL. */
bool pickle_is_call(const pickle_value *value, const char *module, const char *name);

/* Is this the TEXT `text`? False for NULL. */
bool pickle_is_text(const pickle_value *value, const char *text);

#endif
