/* trace.json of a golden set of preprocessing (golden/README.md): what the published cleaning computed on the
 * way. */
#ifndef DEEPECG_TESTS_TRACE_H
#define DEEPECG_TESTS_TRACE_H

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

static inline json_t *trace_load(const char *set) {
  char path[1024];
  json_error_t problem;
  snprintf(path, sizeof path, "%s/golden/preprocessing/%s/expected/trace.json", DEEPECG_TEST_DATA, set);
  json_t *trace = json_load_file(path, 0, &problem);
  if (!trace) {
    fprintf(stderr, "%s: line %d: %s\n", path, problem.line, problem.text);
    abort();
  }
  return trace;
}

static inline double trace_number(const json_t *trace, const char *key) {
  return json_number_value(json_object_get(trace, key));
}

/* Element `i` of an array of numbers, or number `j` of element `i` of an array of pairs. */
static inline double trace_item(const json_t *array, size_t i) {
  return json_number_value(json_array_get(array, i));
}

static inline double trace_pair(const json_t *array, size_t i, size_t j) {
  return trace_item(json_array_get(array, i), j);
}

#endif
