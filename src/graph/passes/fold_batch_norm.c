/* batch_norm after a convolution or a linear layer is a factor per output channel and another bias. */
#include "graph/passes/match.h"

#include <math.h>

typedef struct folded_weights {
  float *weight, *bias;
  shape weight_shape, bias_shape;
} folded_weights;

/* Statistics, scale and bias: constants, or absent where that is allowed. */
static bool has_constant_operands(const graph *g, const graph_node *node, int from, int required) {
  for (int i = from; i < node->input_count; i++)
    if (!constant_f32(g, node->inputs[i]) && (node->inputs[i] != VALUE_NONE || i < required))
      return false;
  return true;
}

/* Index of the node that this batch_norm can be folded into, or -1. */
static int foldable_producer(const graph *g, const graph_node *norm) {
  int index = fusable_producer(g, norm->inputs[0]);
  if (index < 0 || !has_constant_operands(g, norm, 1, 3))
    return -1;
  const graph_node *producer = graph_node_get(g, index);
  /* batch_norm's channels are axis 1, linear's features the last one. */
  if (producer->op == &op_linear && graph_value_get(g, norm->inputs[0])->shape.rank != 2)
    return -1;
  bool has_residual = operand_of(producer, 3) != VALUE_NONE;
  return !has_residual && has_constant_operands(g, producer, 1, 2) ? index : -1;
}

static double element_or(const float *values, int64_t i, double otherwise) {
  return values ? (double)values[i] : otherwise;
}

/* False if a number overflows in the folded form; then the nodes stay as they are. */
static bool compute(const graph *g, const graph_node *producer, const graph_node *norm,
                    folded_weights *folded) {
  const float *weight = constant_f32(g, producer->inputs[1]),
              *bias = constant_f32(g, operand_of(producer, 2));
  const float *mean = constant_f32(g, norm->inputs[1]), *variance = constant_f32(g, norm->inputs[2]);
  const float *gamma = constant_f32(g, operand_of(norm, 3)), *beta = constant_f32(g, operand_of(norm, 4));
  int64_t channels = folded->bias_shape.dims[0], elements = 0;
  shape_elements(&folded->weight_shape, &elements);
  int64_t row = elements / channels;
  for (int64_t c = 0; c < channels; c++) {
    double scale = element_or(gamma, c, 1) / sqrt((double)variance[c] + norm->attributes.epsilon);
    double shift = (element_or(bias, c, 0) - (double)mean[c]) * scale + element_or(beta, c, 0);
    folded->bias[c] = (float)shift;
    if (!isfinite(folded->bias[c]))
      return false;
    for (int64_t i = c * row; i < (c + 1) * row; i++) {
      folded->weight[i] = (float)((double)weight[i] * scale);
      if (!isfinite(folded->weight[i]))
        return false;
    }
  }
  return true;
}

static bool allocate(graph *g, const graph_node *producer, folded_weights *folded, error *err) {
  folded->weight_shape = graph_value_get(g, producer->inputs[1])->shape;
  folded->bias_shape = (shape){1, {folded->weight_shape.dims[0]}};
  int64_t elements = 0;
  shape_elements(&folded->weight_shape, &elements);
  folded->weight = arena_alloc_array(graph_arena(g), (size_t)elements, sizeof(float), err);
  folded->bias = arena_alloc_array(graph_arena(g), (size_t)folded->bias_shape.dims[0], sizeof(float), err);
  return folded->weight && folded->bias;
}

/* "features.0.weight" becomes "features.0.weight+bn". */
static value_id add_folded(graph *g, value_id original, const shape *s, const float *data, error *err) {
  const char *name = original == VALUE_NONE ? "" : graph_value_get(g, original)->name;
  if (*name && !(name = arena_printf(graph_arena(g), err, "%s+bn", name)))
    return VALUE_NONE;
  return graph_add_constant(g, name, DTYPE_F32, s, data, err);
}

static bool fits(graph *g, const graph_node *producer) {
  int64_t elements = 0;
  shape_elements(&graph_value_get(g, producer->inputs[1])->shape, &elements);
  return may_add_elements(g, elements);
}

static bool fold(graph *g, int producer_index, int norm_index, int *changes, error *err) {
  graph_node node = *graph_node_get(g, producer_index);
  folded_weights folded;
  if (!fits(g, &node))
    return true;
  if (!allocate(g, &node, &folded, err))
    return false;
  if (!compute(g, &node, graph_node_get(g, norm_index), &folded))
    return true;
  value_id beta = operand_of(graph_node_get(g, norm_index), 4);
  value_id bias = operand_of(&node, 2) != VALUE_NONE ? operand_of(&node, 2) : beta;
  value_id inputs[3] = {node.inputs[0],
                        add_folded(g, node.inputs[1], &folded.weight_shape, folded.weight, err),
                        add_folded(g, bias, &folded.bias_shape, folded.bias, err)};
  node.inputs = inputs;
  node.input_count = 3;
  if (inputs[1] == VALUE_NONE || inputs[2] == VALUE_NONE || !graph_rewrite_node(g, norm_index, &node, err))
    return false;
  graph_remove_node(g, producer_index);
  ++*changes;
  return true;
}

static bool run(graph *g, int *changes, error *err) {
  for (int i = 0; i < graph_node_count(g); i++) {
    const graph_node *node = graph_node_get(g, i);
    int producer = node->op == &op_batch_norm ? foldable_producer(g, node) : -1;
    if (producer >= 0 && !fold(g, producer, i, changes, err))
      return false;
  }
  return true;
}

const graph_pass pass_fold_batch_norm = {"fold_batch_norm", run};
