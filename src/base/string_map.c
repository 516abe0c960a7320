#include "base/string_map.h"

#include "base/text_hash.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hash_of(const string_map *map, const char *key) {
  return text_hash(map->hash_key, key, strlen(key));
}

void string_map_free(string_map *map) {
  free(map->slots);
  *map = (string_map){0};
}

static string_map_slot *find_slot(const string_map *map, const char *key, uint64_t hash) {
  size_t i = hash & (map->capacity - 1);
  while (map->slots[i].key && (map->slots[i].hash != hash || strcmp(map->slots[i].key, key) != 0))
    i = (i + 1) & (map->capacity - 1);
  return &map->slots[i];
}

size_t string_map_get(const string_map *map, const char *key, size_t missing) {
  if (!map->capacity)
    return missing;
  const string_map_slot *slot = find_slot(map, key, hash_of(map, key));
  return slot->key ? slot->value : missing;
}

static bool grow(string_map *map, error *err) {
  string_map larger = {.capacity = map->capacity ? map->capacity * 2 : 64,
                       .count = map->count,
                       .hash_key = map->capacity ? map->hash_key : text_hash_key(map)};
  larger.slots = calloc(larger.capacity, sizeof *larger.slots);
  if (!larger.slots)
    return error_out_of_memory(err);
  for (size_t i = 0; i < map->capacity; i++)
    if (map->slots[i].key)
      *find_slot(&larger, map->slots[i].key, map->slots[i].hash) = map->slots[i];
  free(map->slots);
  *map = larger;
  return true;
}

bool string_map_add(string_map *map, const char *key, size_t value, size_t *existing, error *err) {
  if (map->count * 2 >= map->capacity && !grow(map, err))
    return false;
  uint64_t hash = hash_of(map, key);
  string_map_slot *slot = find_slot(map, key, hash);
  if (!slot->key) {
    *slot = (string_map_slot){key, hash, value};
    map->count++;
  }
  if (existing)
    *existing = slot->value;
  return true;
}
