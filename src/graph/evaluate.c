#include "graph/graph.h"
#include "graph/internal.h"

#include <stdlib.h>
#include <string.h>

/* Where each value's elements are while the graph runs. */
typedef struct run_state {
  const graph *g;
  const void **data; /* per value */
  void **owned;      /* per value: what is ours to free, or NULL */
  int *uses_left;    /* per value */
} run_state;

static size_t value_bytes(const graph_value *v) {
  int64_t elements = 0;
  shape_elements(&v->shape, &elements);
  return (size_t)elements * dtype_size(v->type);
}

static bool state_create(run_state *s, const graph *g, const void *const *inputs, error *err) {
  size_t count = g->value_count + 1;
  *s = (run_state){g, calloc(count, sizeof *s->data), calloc(count, sizeof *s->owned),
                   calloc(count, sizeof *s->uses_left)};
  if (!s->data || !s->owned || !s->uses_left)
    return error_out_of_memory(err);
  for (size_t i = 0; i < g->value_count; i++) {
    s->data[i] = g->values[i].data;
    s->uses_left[i] = g->values[i].uses;
  }
  for (size_t i = 0; i < g->input_count; i++)
    s->data[g->inputs[i]] = inputs[i];
  return true;
}

static void state_destroy(run_state *s) {
  if (s->owned)
    for (size_t i = 0; i < s->g->value_count; i++)
      free(s->owned[i]);
  free(s->data);
  free(s->owned);
  free(s->uses_left);
}

static void release(run_state *s, value_id id) {
  if (id == VALUE_NONE || --s->uses_left[id] > 0)
    return;
  free(s->owned[id]);
  s->owned[id] = NULL;
}

static bool run_node(run_state *s, const graph_node *node, error *err) {
  const graph_value *output = &s->g->values[node->output];
  tensor_view views[OP_MAX_INPUTS] = {0};
  for (int i = 0; i < node->input_count; i++)
    if (node->inputs[i] != VALUE_NONE) {
      const graph_value *v = &s->g->values[node->inputs[i]];
      views[i] = (tensor_view){v->type, v->shape, s->data[node->inputs[i]]};
    }
  void *result = malloc(value_bytes(output));
  if (!result)
    return error_out_of_memory(err);
  node->op->evaluate(views, node->input_count, &node->attributes, &output->shape, result);
  s->data[node->output] = s->owned[node->output] = result;
  for (int i = 0; i < node->input_count; i++)
    release(s, node->inputs[i]);
  if (output->uses == 0)
    release(s, node->output);
  return true;
}

bool graph_evaluate(const graph *g, const void *const *inputs, void *const *outputs, error *err) {
  run_state s;
  bool done = state_create(&s, g, inputs, err);
  for (size_t i = 0; done && i < g->node_count; i++)
    done = !g->nodes[i].op || run_node(&s, &g->nodes[i], err);
  for (size_t i = 0; done && i < g->output_count; i++)
    memcpy(outputs[i], s.data[g->outputs[i]], value_bytes(&g->values[g->outputs[i]]));
  state_destroy(&s);
  return done;
}
