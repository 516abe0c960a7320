#include "graph/graph.h"

#include <string.h>

/* No early end: a loop without branches runs at the speed of memory. */
static bool all_finite(const float *data, int64_t elements) {
  unsigned infinite = 0;
  for (int64_t i = 0; i < elements; i++) {
    uint32_t bits;
    memcpy(&bits, &data[i], sizeof bits);
    infinite |= (bits & 0x7f800000) == 0x7f800000;
  }
  return !infinite;
}

bool graph_constants_finite(const graph *g, const char **name) {
  for (int i = 0; i < graph_value_count(g); i++) {
    const graph_value *v = graph_value_get(g, i);
    int64_t elements = 0;
    if (!v->data || !*v->name || v->type != DTYPE_F32 || !shape_elements(&v->shape, &elements))
      continue;
    if (!all_finite(v->data, elements)) {
      *name = v->name;
      return false;
    }
  }
  return true;
}
