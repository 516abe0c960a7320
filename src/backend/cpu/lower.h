/* From nodes to steps: one function per operator that has a kernel. */
#ifndef DEEPECG_BACKEND_CPU_LOWER_H
#define DEEPECG_BACKEND_CPU_LOWER_H

#include "backend/cpu/builder.h"

/* LOWER_DECLINED: nothing was added, the kernel doesn't cover this case; the scalar implementation will do
 * it. */
typedef enum lower_result { LOWER_FAILED, LOWER_DONE, LOWER_DECLINED } lower_result;

typedef lower_result lower_function(builder *b, const graph_node *n, error *err);

/* All nodes of the graph, and the copies to its outputs, as steps. */
bool lower_graph(builder *b, error *err);

/* Any operator, by its scalar implementation on row-major operands. */
lower_function lower_scalar;

#endif
