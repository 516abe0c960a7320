/* Compute once what depends on constants only. */
#include "graph/passes/match.h"

/* Operations and elements per run: a hostile file could ask for hours. What is beyond stays in the graph. */
static const double MAX_WORK = 1e9;

static int64_t elements_of(const graph *g, value_id id) {
  int64_t elements = 0;
  if (id != VALUE_NONE)
    shape_elements(&graph_value_get(g, id)->shape, &elements);
  return elements;
}

static bool has_only_constants(const graph *g, const graph_node *node) {
  for (int i = 0; i < node->input_count; i++)
    if (node->inputs[i] != VALUE_NONE && !graph_value_get(g, node->inputs[i])->data)
      return false;
  return node->input_count > 0;
}

static double work_of(const graph *g, const graph_node *node) {
  const shape *shapes[OP_MAX_INPUTS];
  double work = (double)elements_of(g, node->output);
  for (int i = 0; i < node->input_count; i++) {
    shapes[i] = node->inputs[i] == VALUE_NONE ? NULL : &graph_value_get(g, node->inputs[i])->shape;
    work += (double)elements_of(g, node->inputs[i]);
  }
  if (node->op->flops)
    work += node->op->flops(shapes, node->input_count, &node->attributes,
                            &graph_value_get(g, node->output)->shape);
  return work;
}

static bool fold(graph *g, int index, error *err) {
  const graph_node *node = graph_node_get(g, index);
  const graph_value *output = graph_value_get(g, node->output);
  tensor_view views[OP_MAX_INPUTS] = {0};
  for (int i = 0; i < node->input_count; i++)
    if (node->inputs[i] != VALUE_NONE) {
      const graph_value *v = graph_value_get(g, node->inputs[i]);
      views[i] = (tensor_view){v->type, v->shape, v->data};
    }
  void *data =
      arena_alloc_array(graph_arena(g), (size_t)elements_of(g, node->output), dtype_size(output->type), err);
  if (!data)
    return false;
  node->op->evaluate(views, node->input_count, &node->attributes, &output->shape, data);
  graph_replace_by_constant(g, index, data);
  return true;
}

static bool run(graph *g, int *changes, error *err) {
  double work_left = MAX_WORK;
  for (int i = 0; i < graph_node_count(g); i++) {
    const graph_node *node = graph_node_get(g, i);
    if (!node->op || !has_only_constants(g, node))
      continue;
    double work = work_of(g, node);
    if (work > work_left || !may_add_elements(g, elements_of(g, node->output)))
      continue;
    if (!fold(g, i, err))
      return false;
    work_left -= work;
    ++*changes;
  }
  return true;
}

const graph_pass pass_fold_constants = {"fold_constants", run};
