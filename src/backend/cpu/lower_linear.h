/* Linear layers for the lowering of other nodes. */
#ifndef DEEPECG_BACKEND_CPU_LOWER_LINEAR_H
#define DEEPECG_BACKEND_CPU_LOWER_LINEAR_H

#include "backend/cpu/builder.h"

/* One product for `count` linear layers (PRODUCT_MOST_SOURCES at most) that read one input, have equally many
 * columns, constant weights, and neither activation nor residual. Its rows, *stride floats apart in *result,
 * hold the layers' rows side by side. */
bool linear_joined(builder *b, const graph_node *const layers[], int count, buffer_id *result,
                   ptrdiff_t *stride, error *err);

#endif
