/* What passes ask about a graph. Private to this folder. */
#ifndef DEEPECG_GRAPH_PASSES_MATCH_H
#define DEEPECG_GRAPH_PASSES_MATCH_H

#include "graph/graph.h"
#include "ops/ops.h"

extern const graph_pass pass_remove_dead, pass_fold_constants, pass_merge_moves, pass_remove_identities,
    pass_fold_batch_norm, pass_fuse_residual, pass_fuse_activation;

/* The f32 constant's elements, or NULL if `id` is none. */
const float *constant_f32(const graph *g, value_id id);

/* Is it a constant with this value everywhere? */
bool constant_is_all(const graph *g, value_id id, float value);

/* May a pass make another constant of so many elements? Guards against a hostile file that would multiply its
 * weights; what is refused stays as it was in the graph. */
bool may_add_elements(graph *g, int64_t elements);

/* Operand i of the node; VALUE_NONE where it is absent or the list ends before it. */
value_id operand_of(const graph_node *node, int i);

/* Index of the conv1d or linear node that makes `id`, where nothing else uses it and nothing is done to the
 * sum yet: no activation. -1 if there is none. */
int fusable_producer(const graph *g, value_id id);

#endif
