#include "base/arena.h"

#include "base/checked.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 16, FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20 };

typedef struct block {
  struct block *next;
  size_t size, used;
  _Alignas(ALIGNMENT) unsigned char bytes[];
} block;

struct arena {
  block *head; /* the block being filled */
  size_t next_block_size, used;
};

arena *arena_create(error *err) {
  arena *a = calloc(1, sizeof *a);
  if (!a) {
    error_out_of_memory(err);
    return NULL;
  }
  a->next_block_size = FIRST_BLOCK;
  return a;
}

void arena_destroy(arena *a) {
  if (!a)
    return;
  for (block *b = a->head, *next; b; b = next) {
    next = b->next;
    free(b);
  }
  free(a);
}

static block *new_block(size_t size) {
  size_t total;
  if (!checked_add(sizeof(block), size, &total))
    return NULL;
  block *b = calloc(1, total);
  if (b)
    b->size = size;
  return b;
}

void *arena_alloc(arena *a, size_t size, error *err) {
  size_t rounded;
  if (!checked_add(size ? size : 1, ALIGNMENT - 1, &rounded)) {
    error_out_of_memory(err);
    return NULL;
  }
  rounded &= ~(size_t)(ALIGNMENT - 1);
  if (!a->head || a->head->size - a->head->used < rounded) {
    bool own_block = rounded > a->next_block_size / 4;
    block *b = new_block(own_block ? rounded : a->next_block_size);
    if (!b) {
      error_out_of_memory(err);
      return NULL;
    }
    if (own_block && a->head) { /* keep filling the current block afterwards */
      b->next = a->head->next;
      a->head->next = b;
      b->used = rounded;
      a->used += rounded;
      return b->bytes;
    }
    b->next = a->head;
    a->head = b;
    if (!own_block && a->next_block_size < LARGEST_BLOCK)
      a->next_block_size *= 2;
  }
  void *result = a->head->bytes + a->head->used;
  a->head->used += rounded;
  a->used += rounded;
  return result;
}

void *arena_alloc_array(arena *a, size_t count, size_t element_size, error *err) {
  size_t size;
  if (!checked_mul(count, element_size, &size)) {
    error_out_of_memory(err);
    return NULL;
  }
  return arena_alloc(a, size, err);
}

char *arena_strndup(arena *a, const char *text, size_t length, error *err) {
  size_t size;
  if (!checked_add(length, 1, &size)) {
    error_out_of_memory(err);
    return NULL;
  }
  char *copy = arena_alloc(a, size, err);
  if (copy && length)
    memcpy(copy, text, length);
  return copy;
}

char *arena_strdup(arena *a, const char *text, error *err) {
  return arena_strndup(a, text, strlen(text), err);
}

char *arena_printf(arena *a, error *err, const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  char *text = NULL;
  if (length < 0)
    error_set(err, ERROR_INTERNAL, "text could not be formatted");
  else if ((text = arena_alloc(a, (size_t)length + 1, err)))
    vsnprintf(text, (size_t)length + 1, format, again);
  va_end(again);
  return text;
}

bool arena_owns(const arena *a, const void *memory) {
  for (const block *b = a->head; b; b = b->next)
    if ((uintptr_t)memory >= (uintptr_t)b->bytes && (uintptr_t)memory < (uintptr_t)(b->bytes + b->used))
      return true;
  return false;
}

size_t arena_used(const arena *a) {
  return a->used;
}
