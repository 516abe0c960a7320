#include "graph/passes/match.h"

const float *constant_f32(const graph *g, value_id id) {
  if (id == VALUE_NONE)
    return NULL;
  const graph_value *v = graph_value_get(g, id);
  return v->type == DTYPE_F32 ? v->data : NULL;
}

bool constant_is_all(const graph *g, value_id id, float value) {
  const float *data = constant_f32(g, id);
  int64_t elements;
  if (!data || !shape_elements(&graph_value_get(g, id)->shape, &elements))
    return false;
  for (int64_t i = 0; i < elements; i++)
    if (data[i] != value)
      return false;
  return true;
}

bool may_add_elements(graph *g, int64_t elements) {
  const size_t most = (size_t)1 << 31;
  return arena_used(graph_arena(g)) + (size_t)elements * sizeof(float) <= most;
}

value_id operand_of(const graph_node *node, int i) {
  return i < node->input_count ? node->inputs[i] : VALUE_NONE;
}

int fusable_producer(const graph *g, value_id id) {
  const graph_value *v = graph_value_get(g, id);
  if (v->producer < 0 || v->uses != 1)
    return -1;
  const graph_node *node = graph_node_get(g, v->producer);
  bool fusable =
      (node->op == &op_conv1d || node->op == &op_linear) && node->attributes.activation == ACTIVATION_NONE;
  return fusable ? v->producer : -1;
}
