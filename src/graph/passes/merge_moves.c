/* Chains of reshape and transpose: one of a kind after another is a single one; a transpose that moves only
 * axes of size 1 is a reshape, which costs nothing. */
#include "graph/passes/match.h"

#include <string.h>

/* The node that makes the operand of this one, if it is the same operator. */
static const graph_node *same_before(const graph *g, const graph_node *node) {
  int producer = graph_value_get(g, node->inputs[0])->producer;
  if (producer < 0 || graph_node_get(g, producer)->op != node->op)
    return NULL;
  return graph_node_get(g, producer);
}

static bool is_reshape(const graph *g, const graph_node *transpose) {
  const shape *x = &graph_value_get(g, transpose->inputs[0])->shape;
  int64_t last = -1;
  for (int i = 0; i < x->rank; i++) {
    int64_t axis = transpose->attributes.ints[i];
    if (x->dims[axis] == 1)
      continue;
    if (axis < last)
      return false;
    last = axis;
  }
  return true;
}

static graph_node reshape_to(const graph_node *node, const shape *s) {
  graph_node result = *node;
  result.op = &op_reshape;
  result.attributes = (op_attributes){.ints_count = s->rank};
  memcpy(result.attributes.ints, s->dims, sizeof s->dims);
  return result;
}

/* The simpler node for this one; false if it is as simple as it gets. */
static bool simplify(const graph *g, const graph_node *node, graph_node *simpler) {
  if (node->op != &op_reshape && node->op != &op_transpose)
    return false;
  *simpler = *node;
  const graph_node *before = same_before(g, node);
  if (before) {
    simpler->inputs = before->inputs;
    for (int i = 0; node->op == &op_transpose && i < node->attributes.ints_count; i++)
      simpler->attributes.ints[i] = before->attributes.ints[node->attributes.ints[i]];
    return true;
  }
  if (node->op != &op_transpose || !is_reshape(g, node))
    return false;
  *simpler = reshape_to(node, &graph_value_get(g, node->output)->shape);
  return true;
}

static bool run(graph *g, int *changes, error *err) {
  for (int i = 0; i < graph_node_count(g); i++) {
    graph_node simpler;
    if (!simplify(g, graph_node_get(g, i), &simpler))
      continue;
    if (!graph_rewrite_node(g, i, &simpler, err))
      return false;
    ++*changes;
  }
  return true;
}

const graph_pass pass_merge_moves = {"merge_moves", run};
