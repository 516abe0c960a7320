#include "base/json_text.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

json_t *json_text(const char *text) {
  json_t *value = text ? json_string(text) : json_null();
  char *copy = value ? NULL : strdup(text);
  if (!copy)
    return value;
  utf8_neutralise(copy);
  value = json_string(copy);
  free(copy);
  return value;
}
