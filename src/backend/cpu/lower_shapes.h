/* What lowering functions ask about shapes. */
#ifndef DEEPECG_BACKEND_CPU_LOWER_SHAPES_H
#define DEEPECG_BACKEND_CPU_LOWER_SHAPES_H

#include "backend/cpu/builder.h"

/* With fewer elements than this the threads' meeting costs more than they save: the step is serial. */
enum { SHARED_ELEMENTS = 8192 };

static inline const shape *shape_of_value(const builder *b, value_id v) {
  return &graph_value_get(b->graph, v)->shape;
}

/* Product of dims[from..to). The graph has checked that it fits. */
static inline ptrdiff_t elements_between(const shape *s, int from, int to) {
  ptrdiff_t product = 1;
  for (int i = from; i < to; i++)
    product *= (ptrdiff_t)s->dims[i];
  return product;
}

static inline bool too_small_to_share(const shape *s) {
  return elements_between(s, 0, s->rank) < SHARED_ELEMENTS;
}

#endif
