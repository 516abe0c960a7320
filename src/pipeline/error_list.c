#include "pipeline/error_list.h"

#include "base/buffer.h"

#include <stdlib.h>

void error_list_add(error_list *list, const char *source, const char *message, const char *detail) {
  void *lines = list->lines;
  if (array_reserve(&lines, &list->capacity, list->count + 1, sizeof *list->lines, NULL)) {
    list->lines = lines;
    buffer text = {0};
    if (!buffer_printf(&text, NULL, "[%s] %s%s%s", source, message, *detail ? " — " : "", detail))
      buffer_free(&text);
    list->lines[list->count] = text.data;
  } else if (list->count == list->capacity) {
    return; /* no room even for a pointer: the lines so far make the exit status 1 already */
  }
  list->count++;
}

void error_list_free(error_list *list) {
  for (size_t i = 0; i < list->count; i++)
    free(list->lines[i]);
  free(list->lines);
  *list = (error_list){0};
}
