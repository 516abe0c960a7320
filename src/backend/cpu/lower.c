#include "backend/cpu/lower.h"

#include <string.h>

typedef struct lowering {
  const char *op;
  lower_function *lower;
} lowering;

static const lowering lowerings[] = {
    {"conv1d", lower_depthwise},
    {"conv1d", lower_winograd},
    {"conv1d", lower_spectral_conv},
    {"conv1d", lower_conv1d},
    {"linear", lower_linear_layer},
    {"matmul", lower_matrix_product},
    {"adaptive_avg_pool1d", lower_mean_of_pointwise},
    {"adaptive_avg_pool1d", lower_mean_of_sums},
    {"mul", lower_gate},
    {"add", lower_gated_sum},
    {"activation", lower_activation_step},
    {"adaptive_avg_pool1d", lower_adaptive_pool_step},
    {"adaptive_max_pool1d", lower_adaptive_pool_step},
    {"add", lower_binary_step},
    {"attention", lower_attention_step},
    {"avg_pool1d", lower_pool_step},
    {"batch_norm", lower_batch_norm_step},
    {"concat", lower_concat_step},
    {"count_nonzero", lower_reduce_step},
    {"div", lower_binary_step},
    {"embedding", lower_embedding_step},
    {"group_norm", lower_group_norm_step},
    {"layer_norm", lower_layer_norm_step},
    {"max_pool1d", lower_pool_step},
    {"maximum", lower_binary_step},
    {"minimum", lower_binary_step},
    {"mul", lower_binary_step},
    {"pad", lower_pad_step},
    {"prelu", lower_prelu_step},
    {"reduce_max", lower_reduce_step},
    {"reduce_mean", lower_reduce_step},
    {"reduce_sum", lower_reduce_step},
    {"reshape", lower_reshape_step},
    {"slice", lower_slice_step},
    {"softmax", lower_softmax_step},
    {"sub", lower_binary_step},
    {"transpose", lower_transpose_step},
    {NULL, NULL},
};

static lower_result choose_lowering(builder *b, const graph_node *n, error *err) {
  for (const lowering *l = lowerings; l->op; l++)
    if (strcmp(l->op, n->op->name) == 0) {
      lower_result result = l->lower(b, n, err);
      if (result != LOWER_DECLINED)
        return result;
    }
  return lower_scalar(b, n, err);
}

/* The node has read its constants, and those of the deferred nodes whose work it has done. */
static void constants_done(const builder *b, const graph_node *n) {
  for (int i = 0; i < n->input_count; i++) {
    if (n->inputs[i] == VALUE_NONE)
      continue;
    if (b->notes[n->inputs[i]].deferred)
      constants_done(b, graph_node_get(b->graph, graph_value_get(b->graph, n->inputs[i])->producer));
    else
      graph_constant_done(b->graph, n->inputs[i]);
  }
}

static lower_result lower_node(builder *b, const graph_node *n, error *err) {
  lower_result result = choose_lowering(b, n, err);
  if (!b->notes[n->output].deferred)
    constants_done(b, n);
  return result;
}

static bool lower_deferred(builder *b, value_id v, error *err) {
  b->notes[v].deferred = false;
  b->notes[v].kept = true;
  return lower_node(b, graph_node_get(b->graph, graph_value_get(b->graph, v)->producer), err) != LOWER_FAILED;
}

static void run_copy(const cpu_step *s, const frame *f) {
  memcpy(step_write(s, f, 0), step_read(s, f, 0), *(const size_t *)s->parameters);
}

static bool copy_to_output(builder *b, int index, error *err) {
  const graph_value *v = graph_value_get(b->graph, graph_output(b->graph, index));
  size_t *bytes = builder_parameters(b, sizeof *bytes, err);
  int from, to;
  if (!bytes || !builder_read(b, graph_output(b->graph, index), LAYOUT_ROW_MAJOR, &from, err) ||
      !builder_output(b, index, &to, err))
    return false;
  int64_t elements = 0;
  shape_elements(&v->shape, &elements);
  *bytes = (size_t)elements * dtype_size(v->type);
  cpu_step step = {.run = run_copy, .parameters = bytes, .serial = true};
  return builder_step(b, &step, &from, 1, &to, 1, err);
}

bool lower_graph(builder *b, error *err) {
  b->lower_deferred = lower_deferred;
  for (int i = 0; i < graph_node_count(b->graph); i++) {
    const graph_node *n = graph_node_get(b->graph, i);
    if (n->op && lower_node(b, n, err) == LOWER_FAILED)
      return error_prefix(err, "%s %s", n->op->name, n->origin);
  }
  for (int i = 0; i < graph_output_count(b->graph); i++)
    if (!copy_to_output(b, i, err))
      return false;
  return true;
}
