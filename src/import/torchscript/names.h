/* A map from names to numbers, for symbol tables made from foreign text: look-ups stay fast however many
 * names a file has. */
#ifndef DEEPECG_IMPORT_TORCHSCRIPT_NAMES_H
#define DEEPECG_IMPORT_TORCHSCRIPT_NAMES_H

#include "base/arena.h"
#include "base/error.h"

#include <stddef.h>

typedef struct ts_name_entry {
  const char *name; /* NULL: free */
  int number;
} ts_name_entry;

/* Zero-initialise. Entries live in the arena that is given to ts_names_put; names are borrowed. */
typedef struct ts_names {
  ts_name_entry *entries;
  size_t capacity, count;
} ts_names;

/* The number of a name, or -1. */
int ts_names_get(const ts_names *names, const char *name);

/* Set the number (>= 0) of a name, replacing what it had. */
bool ts_names_put(ts_names *names, const char *name, int number, arena *memory, error *err);

#endif
