/* An activation after a convolution or a linear layer becomes part of it. The layer moves to where the
 * activation stood. */
#include "graph/passes/match.h"

static bool fuse(graph *g, int layer, int activation, error *err) {
  graph_node fused = *graph_node_get(g, layer);
  fused.attributes.activation = graph_node_get(g, activation)->attributes.activation;
  fused.attributes.alpha = graph_node_get(g, activation)->attributes.alpha;
  if (!graph_rewrite_node(g, activation, &fused, err))
    return false;
  graph_remove_node(g, layer);
  return true;
}

static bool run(graph *g, int *changes, error *err) {
  for (int i = 0; i < graph_node_count(g); i++) {
    const graph_node *node = graph_node_get(g, i);
    int layer = node->op == &op_activation ? fusable_producer(g, node->inputs[0]) : -1;
    if (layer < 0)
      continue;
    if (!fuse(g, layer, i, err))
      return false;
    ++*changes;
  }
  return true;
}

const graph_pass pass_fuse_activation = {"fuse_activation", run};
