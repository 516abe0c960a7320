#include "base/buffer.h"

#include "base/checked.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool array_reserve(void **data, size_t *capacity, size_t count, size_t element_size, error *err) {
  if (count <= *capacity)
    return true;
  size_t wanted = *capacity > SIZE_MAX / 2 ? count : *capacity * 2;
  if (wanted < count)
    wanted = count;
  if (wanted < 16)
    wanted = 16;
  size_t bytes;
  if (!checked_mul(wanted, element_size, &bytes))
    return error_out_of_memory(err);
  void *grown = realloc(*data, bytes);
  if (!grown)
    return error_out_of_memory(err);
  *data = grown;
  *capacity = wanted;
  return true;
}

void buffer_free(buffer *b) {
  free(b->data);
  *b = (buffer){0};
}

void buffer_clear(buffer *b) {
  b->size = 0;
  if (b->data)
    b->data[0] = '\0';
}

bool buffer_reserve(buffer *b, size_t extra, error *err) {
  size_t wanted;
  if (!checked_add(b->size, extra, &wanted) || !checked_add(wanted, 1, &wanted))
    return error_out_of_memory(err);
  void *data = b->data;
  if (!array_reserve(&data, &b->capacity, wanted, 1, err))
    return false;
  b->data = data;
  b->data[b->size] = '\0';
  return true;
}

bool buffer_append(buffer *b, const void *bytes, size_t size, error *err) {
  if (!buffer_reserve(b, size, err))
    return false;
  if (size)
    memcpy(b->data + b->size, bytes, size);
  b->size += size;
  b->data[b->size] = '\0';
  return true;
}

bool buffer_append_text(buffer *b, const char *text, error *err) {
  return buffer_append(b, text, strlen(text), err);
}

bool buffer_printf(buffer *b, error *err, const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  bool ok = length >= 0 ? buffer_reserve(b, (size_t)length, err)
                        : error_set(err, ERROR_INTERNAL, "text could not be formatted");
  if (ok) {
    vsnprintf(b->data + b->size, (size_t)length + 1, format, again);
    b->size += (size_t)length;
  }
  va_end(again);
  return ok;
}
