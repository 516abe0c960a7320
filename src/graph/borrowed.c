#include "graph/internal.h"

bool graph_constants_borrowed(const graph *g) {
  for (size_t i = 0; i < g->value_count; i++)
    if (g->values[i].data && arena_owns(g->memory, g->values[i].data))
      return false;
  return true;
}

void graph_lend_file(graph *g, const mapped_file *file) {
  g->lent = file;
}

void graph_constant_done(const graph *g, value_id id) {
  const graph_value *v = &g->values[id];
  int64_t elements;
  if (!g->lent || !v->data || !shape_elements(&v->shape, &elements))
    return;
  mapped_file_done(g->lent, v->data, (size_t)elements * dtype_size(v->type));
}
