#include "graph/internal.h"

bool graph_constants_borrowed(const graph *g) {
  for (size_t i = 0; i < g->value_count; i++)
    if (g->values[i].data && arena_owns(g->memory, g->values[i].data))
      return false;
  return true;
}
