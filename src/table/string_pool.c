#include "table/string_pool.h"

#include "base/buffer.h"
#include "base/checked.h"
#include "base/text_hash.h"

#include <stdlib.h>
#include <string.h>

/* All texts lie one after the other, each with its NUL. The index is an open-addressing hash table of slots:
 * the number plus one in the low half (0: empty), the top of the text's hash in the high half. */
struct string_pool {
  char *texts;
  size_t texts_size, texts_capacity;
  size_t *starts; /* starts[count] = texts_size */
  size_t count, starts_capacity;
  uint64_t *slots;
  size_t slot_count; /* a power of two */
  uint64_t hash_key;
};

enum { FIRST_SLOTS = 1024 };

string_pool *string_pool_create(error *err) {
  string_pool *pool = calloc(1, sizeof *pool);
  if (pool && (pool->slots = calloc(FIRST_SLOTS, sizeof *pool->slots)) &&
      (pool->starts = calloc(16, sizeof *pool->starts))) {
    pool->slot_count = FIRST_SLOTS;
    pool->starts_capacity = 16;
    pool->hash_key = text_hash_key(pool);
    return pool;
  }
  string_pool_destroy(pool);
  error_out_of_memory(err);
  return NULL;
}

void string_pool_destroy(string_pool *pool) {
  if (!pool)
    return;
  free(pool->texts);
  free(pool->starts);
  free(pool->slots);
  free(pool);
}

static uint64_t slot_of(uint64_t h, uint32_t number) {
  return (h & 0xffffffff00000000u) | (number + (uint64_t)1);
}

/* Slots are placed by the high half of the hash, which they keep: growing needs no text. */
static size_t first_place(uint64_t slot, size_t slot_count) {
  return (size_t)(slot >> 32) & (slot_count - 1);
}

static bool grow(string_pool *pool, error *err) {
  size_t slot_count = pool->slot_count * 2;
  uint64_t *slots = calloc(slot_count, sizeof *slots);
  if (!slots)
    return error_out_of_memory(err);
  for (size_t i = 0; i < pool->slot_count; i++) {
    if (!pool->slots[i])
      continue;
    size_t place = first_place(pool->slots[i], slot_count);
    while (slots[place])
      place = (place + 1) & (slot_count - 1);
    slots[place] = pool->slots[i];
  }
  free(pool->slots);
  pool->slots = slots;
  pool->slot_count = slot_count;
  return true;
}

static bool append(string_pool *pool, const char *text, size_t length, error *err) {
  void *texts = pool->texts, *starts = pool->starts;
  size_t size;
  if (!checked_add(pool->texts_size, length, &size) || !checked_add(size, 1, &size))
    return error_out_of_memory(err);
  bool ok = array_reserve(&texts, &pool->texts_capacity, size, 1, err);
  pool->texts = texts;
  ok = ok && array_reserve(&starts, &pool->starts_capacity, pool->count + 2, sizeof *pool->starts, err);
  pool->starts = starts;
  if (!ok)
    return false;
  if (length)
    memcpy(pool->texts + pool->texts_size, text, length);
  pool->texts[size - 1] = '\0';
  pool->texts_size = size;
  pool->starts[++pool->count] = size;
  return true;
}

bool string_pool_add(string_pool *pool, const char *text, size_t length, uint32_t *number, error *err) {
  uint64_t h = text_hash(pool->hash_key, text, length);
  size_t place = first_place(slot_of(h, 0), pool->slot_count);
  for (uint64_t slot; (slot = pool->slots[place]); place = (place + 1) & (pool->slot_count - 1)) {
    if ((slot ^ h) >> 32)
      continue;
    uint32_t candidate = (uint32_t)slot - 1;
    size_t candidate_length;
    const char *candidate_text = string_pool_text(pool, candidate, &candidate_length);
    if (candidate_length == length && memcmp(candidate_text, text, length) == 0) {
      *number = candidate;
      return true;
    }
  }
  if (pool->count >= UINT32_MAX - 1)
    return error_set(err, ERROR_LIMIT, "more than %u different texts", UINT32_MAX - 1);
  *number = (uint32_t)pool->count;
  if (!append(pool, text, length, err))
    return false;
  pool->slots[place] = slot_of(h, *number);
  return pool->count * 4 < pool->slot_count * 3 || grow(pool, err);
}

void string_pool_finish(string_pool *pool) {
  free(pool->slots);
  pool->slots = NULL;
  pool->slot_count = 0;
}

const char *string_pool_text(const string_pool *pool, uint32_t number, size_t *length) {
  *length = pool->starts[number + 1] - pool->starts[number] - 1;
  return pool->texts + pool->starts[number];
}
