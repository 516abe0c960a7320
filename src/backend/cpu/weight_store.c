#include "backend/cpu/weight_store.h"

#include "backend/cpu/aligned.h"

#include <stdlib.h>

typedef struct entry {
  weight_key key;
  void *data; /* NULL: an empty slot */
  size_t size;
} entry;

/* Weights lie one behind the other in large blocks: of huge pages only the last of a block is not full, and
 * what was never written takes no memory. */
typedef struct block {
  struct block *next;
  unsigned char *bytes;
  size_t size, used;
} block;

/* An open-addressed table, at most half full. */
struct weight_store {
  entry *slots;
  size_t slot_count, used; /* slot_count is a power of two */
  block *blocks;           /* the one being filled first */
  size_t next_block_size;
  size_t bytes;
  bool huge_pages;
};

enum { FIRST_SLOTS = 256, FIRST_BLOCK = 2 << 20, LARGEST_BLOCK = 64 << 20 };

weight_store *weight_store_create(bool huge_pages, error *err) {
  weight_store *s = calloc(1, sizeof *s);
  entry *slots = calloc(FIRST_SLOTS, sizeof *slots);
  if (!s || !slots) {
    free(s);
    free(slots);
    error_out_of_memory(err);
    return NULL;
  }
  *s = (weight_store){
      .huge_pages = huge_pages, .slots = slots, .slot_count = FIRST_SLOTS, .next_block_size = FIRST_BLOCK};
  return s;
}

void weight_store_destroy(weight_store *s) {
  if (!s)
    return;
  for (block *b = s->blocks, *next; b; b = next) {
    next = b->next;
    free(b->bytes);
    free(b);
  }
  free(s->slots);
  free(s);
}

static uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
  return hash ^ hash >> 29;
}

static size_t hash_key(const weight_key *key) {
  uint64_t hash = mix(mix((uint64_t)key->form, (uintptr_t)key->source), (uintptr_t)key->second);
  hash = mix(hash, (uintptr_t)key->third);
  for (int i = 0; i < 4; i++)
    hash = mix(hash, (uint64_t)key->sizes[i]);
  return (size_t)hash;
}

static bool keys_equal(const weight_key *a, const weight_key *b) {
  bool equal = a->source == b->source && a->second == b->second && a->third == b->third && a->form == b->form;
  for (int i = 0; i < 4; i++)
    equal = equal && a->sizes[i] == b->sizes[i];
  return equal;
}

/* The slot that holds the key, or the empty one where it belongs. */
static entry *find_slot(entry *slots, size_t slot_count, const weight_key *key) {
  size_t at = hash_key(key) & (slot_count - 1);
  while (slots[at].data && !keys_equal(&slots[at].key, key))
    at = (at + 1) & (slot_count - 1);
  return &slots[at];
}

static bool grow(weight_store *s, error *err) {
  size_t slot_count = 2 * s->slot_count;
  entry *slots = calloc(slot_count, sizeof *slots);
  if (!slots)
    return error_out_of_memory(err);
  for (size_t i = 0; i < s->slot_count; i++)
    if (s->slots[i].data)
      *find_slot(slots, slot_count, &s->slots[i].key) = s->slots[i];
  free(s->slots);
  s->slots = slots;
  s->slot_count = slot_count;
  return true;
}

void *weight_store_find(const weight_store *s, const weight_key *key) {
  return find_slot(s->slots, s->slot_count, key)->data;
}

void *weight_store_find_copy(const weight_store *s, const void *source, size_t size) {
  for (size_t i = 0; i < s->slot_count; i++) {
    const entry *e = &s->slots[i];
    if (e->data && e->key.form == WEIGHT_COPY && e->key.source == source && e->size >= size)
      return e->data;
  }
  return NULL;
}

static bool add_block(weight_store *s, size_t size, error *err) {
  block *b = malloc(sizeof *b);
  if (!b)
    return error_out_of_memory(err);
  *b = (block){.next = s->blocks, .bytes = aligned_allocate(size, s->huge_pages, err), .size = size};
  if (!b->bytes) {
    free(b);
    return false;
  }
  s->blocks = b;
  if (s->next_block_size < LARGEST_BLOCK)
    s->next_block_size *= 2;
  return true;
}

static void *take(weight_store *s, size_t size, error *err) {
  size_t rounded;
  if (!aligned_size(size, &rounded)) {
    error_out_of_memory(err);
    return NULL;
  }
  block *b = s->blocks;
  if ((!b || b->size - b->used < rounded) &&
      !add_block(s, rounded > s->next_block_size ? rounded : s->next_block_size, err))
    return NULL;
  b = s->blocks;
  void *data = b->bytes + b->used;
  b->used += rounded;
  return data;
}

void *weight_store_add(weight_store *s, const weight_key *key, size_t size, error *err) {
  if (2 * (s->used + 1) > s->slot_count && !grow(s, err))
    return NULL;
  void *data = take(s, size, err);
  if (!data)
    return NULL;
  *find_slot(s->slots, s->slot_count, key) = (entry){*key, data, size};
  s->used++;
  s->bytes += size;
  return data;
}

size_t weight_store_bytes(const weight_store *s) {
  return s->bytes;
}
