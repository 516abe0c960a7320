/* An arena owns many small allocations that die together. Not thread-safe; one arena per owner. */
#ifndef DEEPECG_BASE_ARENA_H
#define DEEPECG_BASE_ARENA_H

#include "base/error.h"

#include <stddef.h>

typedef struct arena arena;

/* A new, empty arena, or NULL (out of memory). Destroy with arena_destroy. */
arena *arena_create(error *err);

/* Free the arena and everything in it. NULL is allowed. */
void arena_destroy(arena *a);

/* `size` bytes, zeroed, aligned to 16; NULL and *err when memory is out. A size of 0 gives a valid pointer.
 */
void *arena_alloc(arena *a, size_t size, error *err);

/* `count` zeroed elements of `element_size` bytes; the product is checked. */
void *arena_alloc_array(arena *a, size_t count, size_t element_size, error *err);

/* A NUL-terminated copy of text[0..length). */
char *arena_strndup(arena *a, const char *text, size_t length, error *err);

/* A copy of a NUL-terminated text. */
char *arena_strdup(arena *a, const char *text, error *err);

/* A formatted text. */
char *arena_printf(arena *a, error *err, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Does this memory come from the arena? */
bool arena_owns(const arena *a, const void *memory);

/* Bytes handed out so far (for limits on what a file may make us allocate). */
size_t arena_used(const arena *a);

#endif
