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
  /* As numbers: the data may lie in another object than the file. */
  uintptr_t begin = (uintptr_t)v->data, file = (uintptr_t)g->lent->data;
  if (begin >= file && begin - file < g->lent->size)
    mapped_file_release(g->lent, begin - file, begin - file + (size_t)elements * dtype_size(v->type));
}
