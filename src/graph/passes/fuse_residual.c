/* The sum of a convolution's (or linear layer's) result and another tensor of its shape is computed by the
 * layer itself, which moves to where the sum stood: both operands are there by then. An activation after the
 * sum can then be fused as well; one before it forbids this (activation(conv) + x is not activation(conv +
 * x)). */
#include "graph/passes/match.h"

/* Index of a layer that makes `id` and has no residual yet, or -1. */
static int layer_of(const graph *g, value_id id) {
  int index = fusable_producer(g, id);
  return index >= 0 && operand_of(graph_node_get(g, index), 3) == VALUE_NONE ? index : -1;
}

static bool fuse(graph *g, int layer, value_id residual, int sum, error *err) {
  graph_node fused = *graph_node_get(g, layer);
  value_id inputs[4] = {fused.inputs[0], fused.inputs[1], operand_of(&fused, 2), residual};
  fused.inputs = inputs;
  fused.input_count = 4;
  if (!graph_rewrite_node(g, sum, &fused, err))
    return false;
  graph_remove_node(g, layer);
  return true;
}

static bool run(graph *g, int *changes, error *err) {
  for (int i = 0; i < graph_node_count(g); i++) {
    const graph_node *node = graph_node_get(g, i);
    if (node->op != &op_add || !shape_equal(&graph_value_get(g, node->inputs[0])->shape,
                                            &graph_value_get(g, node->inputs[1])->shape))
      continue;
    int left = layer_of(g, node->inputs[0]), right = layer_of(g, node->inputs[1]);
    if (left < 0 && right < 0)
      continue;
    /* Of two layers the later one: it has the shorter way. */
    bool done =
        left > right ? fuse(g, left, node->inputs[1], i, err) : fuse(g, right, node->inputs[0], i, err);
    if (!done)
      return false;
    ++*changes;
  }
  return true;
}

const graph_pass pass_fuse_residual = {"fuse_residual", run};
