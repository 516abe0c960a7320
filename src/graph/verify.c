#include "graph/graph.h"
#include "graph/internal.h"

#include <stdlib.h>

static bool verify_value(const graph *g, size_t id, error *err) {
  const graph_value *v = &g->values[id];
  int64_t elements;
  if (!shape_elements(&v->shape, &elements))
    return error_set(err, ERROR_INTERNAL, "%%%zu has an impossible shape", id);
  if (v->producer < -1 || v->producer >= (int)g->node_count || (v->producer >= 0 && v->data))
    return error_set(err, ERROR_INTERNAL, "%%%zu has a wrong producer, %d", id, v->producer);
  if (v->producer >= 0 && g->nodes[v->producer].output != (value_id)id)
    return error_set(err, ERROR_INTERNAL, "%%%zu is not what its node %d produces", id, v->producer);
  return true;
}

static bool verify_operands(const graph *g, size_t index, int *uses, error *err) {
  const graph_node *node = &g->nodes[index];
  if (node->input_count < 0 || node->input_count > OP_MAX_INPUTS)
    return error_set(err, ERROR_INTERNAL, "%d operands", node->input_count);
  for (int i = 0; i < node->input_count; i++) {
    value_id id = node->inputs[i];
    if (id == VALUE_NONE)
      continue;
    if (!graph_has_value(g, id))
      return error_set(err, ERROR_INTERNAL, "operand %d is %%%d, which does not exist", i, id);
    const graph_value *v = &g->values[id];
    if (v->producer >= (int)index)
      return error_set(err, ERROR_INTERNAL, "operand %d, %%%d, is made after its use", i, id);
    if (v->producer >= 0 && !g->nodes[v->producer].op)
      return error_set(err, ERROR_INTERNAL, "operand %d, %%%d, comes from a removed node", i, id);
    uses[id]++;
  }
  return true;
}

static bool verify_result(const graph *g, size_t index, error *err) {
  const graph_node *node = &g->nodes[index];
  if (!graph_has_value(g, node->output) || g->values[node->output].producer != (int)index)
    return error_set(err, ERROR_INTERNAL, "the result is not the node's own");
  const graph_value *v = &g->values[node->output];
  shape result;
  dtype type;
  if (!graph_infer(g, node->op, node->inputs, node->input_count, &node->attributes, &result, &type, err))
    return false;
  if (shape_equal(&result, &v->shape) && type == v->type)
    return true;
  char text[SHAPE_TEXT_SIZE], stored[SHAPE_TEXT_SIZE];
  return error_set(err, ERROR_INTERNAL, "the result %%%d is %s %s instead of %s %s", node->output,
                   shape_text(&v->shape, stored, sizeof stored), dtype_name(v->type),
                   shape_text(&result, text, sizeof text), dtype_name(type));
}

static bool verify_nodes(const graph *g, int *uses, error *err) {
  for (size_t i = 0; i < g->node_count; i++) {
    const graph_node *node = &g->nodes[i];
    if (node->op && (!verify_operands(g, i, uses, err) || !verify_result(g, i, err)))
      return error_prefix(err, "node %zu (%s)", i, node->op->name);
  }
  return true;
}

static bool verify_ends(const graph *g, int *uses, error *err) {
  for (size_t i = 0; i < g->input_count; i++)
    if (!graph_has_value(g, g->inputs[i]) || !graph_is_input(g, g->inputs[i]))
      return error_set(err, ERROR_INTERNAL, "graph input %zu is not an input", i);
  if (g->output_count == 0)
    return error_set(err, ERROR_INTERNAL, "the graph has no outputs");
  for (size_t i = 0; i < g->output_count; i++) {
    value_id id = g->outputs[i];
    if (!graph_has_value(g, id) || (g->values[id].producer >= 0 && !g->nodes[g->values[id].producer].op))
      return error_set(err, ERROR_INTERNAL, "graph output %zu does not exist", i);
    uses[id]++;
  }
  return true;
}

static bool verify_uses(const graph *g, const int *uses, error *err) {
  for (size_t i = 0; i < g->value_count; i++)
    if (g->values[i].uses != uses[i])
      return error_set(err, ERROR_INTERNAL, "%%%zu is used %d times, but says %d", i, uses[i],
                       g->values[i].uses);
  return true;
}

static bool verify_cost(const graph *g, error *err) {
  double operations = graph_flops(g);
  return operations <= GRAPH_MAX_FLOPS ||
         error_set(err, ERROR_LIMIT,
                   "one run takes %.3g floating-point operations; at most %.0e are accepted", operations,
                   GRAPH_MAX_FLOPS);
}

bool graph_verify(const graph *g, error *err) {
  for (size_t i = 0; i < g->value_count; i++)
    if (!verify_value(g, i, err))
      return false;
  int *uses = calloc(g->value_count + 1, sizeof *uses);
  if (!uses)
    return error_out_of_memory(err);
  bool sound = verify_nodes(g, uses, err) && verify_ends(g, uses, err) && verify_uses(g, uses, err);
  free(uses);
  return sound && verify_cost(g, err);
}
