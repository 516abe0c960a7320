#include "import/torchscript/names.h"

#include <stdint.h>
#include <string.h>

static size_t hash_name(const char *name) { /* FNV-1a */
  uint64_t hash = 0xcbf29ce484222325u;
  for (; *name; name++)
    hash = (hash ^ (uint8_t)*name) * 0x100000001b3u;
  return (size_t)(hash ^ hash >> 32);
}

/* Where the name is, or the free place where it belongs. capacity is a power of two and never full. */
static ts_name_entry *find_place(ts_name_entry *entries, size_t capacity, const char *name) {
  size_t i = hash_name(name) & (capacity - 1);
  while (entries[i].name && strcmp(entries[i].name, name) != 0)
    i = (i + 1) & (capacity - 1);
  return &entries[i];
}

int ts_names_get(const ts_names *names, const char *name) {
  if (!names->capacity)
    return -1;
  const ts_name_entry *place = find_place(names->entries, names->capacity, name);
  return place->name ? place->number : -1;
}

static bool grow(ts_names *names, arena *memory, error *err) {
  size_t capacity = names->capacity ? 2 * names->capacity : 8;
  ts_name_entry *entries = arena_alloc_array(memory, capacity, sizeof *entries, err);
  if (!entries)
    return false;
  for (size_t i = 0; i < names->capacity; i++)
    if (names->entries[i].name)
      *find_place(entries, capacity, names->entries[i].name) = names->entries[i];
  names->entries = entries;
  names->capacity = capacity;
  return true;
}

bool ts_names_put(ts_names *names, const char *name, int number, arena *memory, error *err) {
  if (2 * (names->count + 1) > names->capacity && !grow(names, memory, err))
    return false;
  ts_name_entry *place = find_place(names->entries, names->capacity, name);
  if (!place->name)
    names->count++;
  *place = (ts_name_entry){.name = name, .number = number};
  return true;
}
