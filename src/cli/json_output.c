#include "cli/json_output.h"

#include <stdio.h>
#include <stdlib.h>

bool json_print(json_t *answer, size_t digits, error *err) {
  char *text = answer ? json_dumps(answer, JSON_INDENT(2) | JSON_REAL_PRECISION(digits)) : NULL;
  json_decref(answer);
  if (!text)
    return error_out_of_memory(err);
  puts(text);
  free(text);
  return true;
}
