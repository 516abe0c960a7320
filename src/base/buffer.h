/* A growable run of bytes or text, and the one growth rule for every growable array. */
#ifndef DEEPECG_BASE_BUFFER_H
#define DEEPECG_BASE_BUFFER_H

#include "base/error.h"

#include <stddef.h>

/* data[size] is always a NUL when data is not NULL, so that text needs no extra care. Zero-initialise; free
 * with buffer_free. */
typedef struct buffer {
  char *data;
  size_t size, capacity;
} buffer;

void buffer_free(buffer *b);
void buffer_clear(buffer *b); /* empty, memory kept */
bool buffer_reserve(buffer *b, size_t extra, error *err);
bool buffer_append(buffer *b, const void *bytes, size_t size, error *err);
bool buffer_append_text(buffer *b, const char *text, error *err);
bool buffer_printf(buffer *b, error *err, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Make room for `count` elements in a malloc'ed array *data that has room for *capacity; grows by doubling.
 * New room is not initialised. On failure the array stays as it was. */
bool array_reserve(void **data, size_t *capacity, size_t count, size_t element_size, error *err);

#endif
