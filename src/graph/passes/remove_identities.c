/* Remove nodes that give back an operand unchanged. (A transpose that does so has become a reshape:
 * merge_moves.c.) */
#include "graph/passes/match.h"

#include <stdlib.h>

/* Does a constant `neutral` as operand `at` leave the other operand as it is, its shape too? (x + 0 turns -0
 * into 0: equal.) */
static bool is_neutral(const graph *g, const graph_node *node, int at, float neutral) {
  return constant_is_all(g, node->inputs[at], neutral) &&
         shape_equal(&graph_value_get(g, node->inputs[1 - at])->shape,
                     &graph_value_get(g, node->output)->shape);
}

/* x, if an operator of one operand keeps the shape only when it does nothing. */
static value_id if_shape_kept(const graph *g, const graph_node *node) {
  const graph_value *x = graph_value_get(g, node->inputs[0]), *y = graph_value_get(g, node->output);
  return shape_equal(&x->shape, &y->shape) ? node->inputs[0] : VALUE_NONE;
}

static value_id other_than_neutral(const graph *g, const graph_node *node, float neutral, bool commutes) {
  if (is_neutral(g, node, 1, neutral))
    return node->inputs[0];
  return commutes && is_neutral(g, node, 0, neutral) ? node->inputs[1] : VALUE_NONE;
}

/* The operand that the node gives back, or VALUE_NONE. */
static value_id identity_operand(const graph *g, const graph_node *node) {
  if (node->op == &op_reshape || node->op == &op_pad || node->op == &op_slice ||
      (node->op == &op_concat && node->input_count == 1))
    return if_shape_kept(g, node);
  if (node->op == &op_max_pool1d || node->op == &op_avg_pool1d)
    return node->attributes.kernel == 1 ? if_shape_kept(g, node) : VALUE_NONE;
  if (node->op == &op_add || node->op == &op_mul)
    return other_than_neutral(g, node, node->op == &op_mul ? 1.0F : 0.0F, true);
  if (node->op == &op_sub || node->op == &op_div)
    return other_than_neutral(g, node, node->op == &op_div ? 1.0F : 0.0F, false);
  return VALUE_NONE;
}

static bool run(graph *g, int *changes, error *err) {
  int count = graph_value_count(g), before = *changes;
  value_id *replacement = malloc((size_t)(count + 1) * sizeof *replacement);
  if (!replacement)
    return error_out_of_memory(err);
  for (int i = 0; i < count; i++)
    replacement[i] = i;
  for (int i = 0; i < graph_node_count(g); i++) {
    const graph_node *node = graph_node_get(g, i);
    value_id same = node->op ? identity_operand(g, node) : VALUE_NONE;
    if (same == VALUE_NONE)
      continue;
    replacement[node->output] = replacement[same];
    graph_remove_node(g, i);
    ++*changes;
  }
  if (*changes > before)
    graph_replace_values(g, replacement);
  free(replacement);
  return true;
}

const graph_pass pass_remove_identities = {"remove_identities", run};
