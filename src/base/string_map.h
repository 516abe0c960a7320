/* Texts to numbers: a hash map whose keys are borrowed. Zero-initialise; free with string_map_free. Not
 * thread-safe. */
#ifndef DEEPECG_BASE_STRING_MAP_H
#define DEEPECG_BASE_STRING_MAP_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct string_map_slot {
  const char *key; /* NULL: free */
  uint64_t hash;
  size_t value;
} string_map_slot;

typedef struct string_map {
  string_map_slot *slots;
  size_t capacity, count; /* capacity is a power of two, at most half full */
  uint64_t hash_key;      /* drawn with the first key */
} string_map;

void string_map_free(string_map *map);

/* The value of `key`, or `missing`. */
size_t string_map_get(const string_map *map, const char *key, size_t missing);

/* Add key -> value unless the key is there. *existing (may be NULL) receives the value that the key has
 * afterwards. The key must outlive the map. */
bool string_map_add(string_map *map, const char *key, size_t value, size_t *existing, error *err);

#endif
