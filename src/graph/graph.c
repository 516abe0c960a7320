#include "graph/graph.h"

#include "graph/internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

graph *graph_create(error *err) {
  graph *g = calloc(1, sizeof *g);
  if (!g) {
    error_out_of_memory(err);
    return NULL;
  }
  g->memory = arena_create(err);
  if (!g->memory) {
    free(g);
    return NULL;
  }
  return g;
}

void graph_destroy(graph *g) {
  if (!g)
    return;
  arena_destroy(g->memory);
  free(g->values);
  free(g->nodes);
  free(g->inputs);
  free(g->outputs);
  free(g);
}

arena *graph_arena(graph *g) {
  return g->memory;
}

int graph_value_count(const graph *g) {
  return (int)g->value_count;
}

int graph_node_count(const graph *g) {
  return (int)g->node_count;
}

const graph_value *graph_value_get(const graph *g, value_id id) {
  return &g->values[id];
}

const graph_node *graph_node_get(const graph *g, int index) {
  return &g->nodes[index];
}

int graph_input_count(const graph *g) {
  return (int)g->input_count;
}

value_id graph_input(const graph *g, int index) {
  return g->inputs[index];
}

int graph_output_count(const graph *g) {
  return (int)g->output_count;
}

value_id graph_output(const graph *g, int index) {
  return g->outputs[index];
}

int graph_use_count(const graph *g, value_id id) {
  return g->values[id].uses;
}

/* ---- building ---- */

static const char *copy_text(graph *g, const char *text, error *err) {
  return text && *text ? arena_strdup(g->memory, text, err) : "";
}

static value_id add_value(graph *g, const char *name, dtype type, const shape *s, const void *data,
                          int producer, error *err) {
  int64_t elements;
  if (!shape_elements(s, &elements) || elements > INT32_MAX) {
    char text[SHAPE_TEXT_SIZE];
    error_set(err, ERROR_LIMIT, "a tensor of shape %s is not accepted", shape_text(s, text, sizeof text));
    return VALUE_NONE;
  }
  if (g->value_count >= GRAPH_MAX_VALUES) {
    error_set(err, ERROR_LIMIT, "more than %d values in one graph", GRAPH_MAX_VALUES);
    return VALUE_NONE;
  }
  const char *own_name = copy_text(g, name, err);
  if (!own_name ||
      !array_reserve((void **)&g->values, &g->value_capacity, g->value_count + 1, sizeof *g->values, err))
    return VALUE_NONE;
  g->values[g->value_count] = (graph_value){own_name, type, *s, data, producer, 0};
  return (value_id)g->value_count++;
}

value_id graph_add_input(graph *g, const char *name, dtype type, const shape *s, error *err) {
  if (!array_reserve((void **)&g->inputs, &g->input_capacity, g->input_count + 1, sizeof *g->inputs, err))
    return VALUE_NONE;
  value_id id = add_value(g, name, type, s, NULL, -1, err);
  if (id != VALUE_NONE)
    g->inputs[g->input_count++] = id;
  return id;
}

value_id graph_add_constant(graph *g, const char *name, dtype type, const shape *s, const void *data,
                            error *err) {
  if (!data) {
    error_set(err, ERROR_INTERNAL, "a constant without data");
    return VALUE_NONE;
  }
  return add_value(g, name, type, s, data, -1, err);
}

bool graph_infer(const graph *g, const op_descriptor *op, const value_id *inputs, int input_count,
                 const op_attributes *attributes, shape *result, dtype *result_type, error *err) {
  const shape *shapes[OP_MAX_INPUTS];
  dtype types[OP_MAX_INPUTS];
  if (input_count < 0 || input_count > OP_MAX_INPUTS)
    return error_set(err, ERROR_LIMIT, "%s: %d operands", op->name, input_count);
  for (int i = 0; i < input_count; i++) {
    if (inputs[i] != VALUE_NONE && !graph_has_value(g, inputs[i]))
      return error_set(err, ERROR_INTERNAL, "%s: operand %d is %%%d, which does not exist", op->name, i,
                       inputs[i]);
    const graph_value *v = inputs[i] == VALUE_NONE ? NULL : &g->values[inputs[i]];
    shapes[i] = v ? &v->shape : NULL;
    types[i] = v ? v->type : DTYPE_F32;
  }
  return op_infer(op, shapes, types, input_count, attributes, result, result_type, err);
}

static void count_uses(graph *g, const value_id *ids, int count, int change) {
  for (int i = 0; i < count; i++)
    if (ids[i] != VALUE_NONE)
      g->values[ids[i]].uses += change;
}

static value_id *copy_ids(graph *g, const value_id *ids, int count, error *err) {
  value_id *copy = arena_alloc_array(g->memory, (size_t)count, sizeof *copy, err);
  if (copy && count)
    memcpy(copy, ids, (size_t)count * sizeof *copy);
  return copy;
}

/* The rule for a new node, and the limits on the graph as a whole. */
static bool check_append(const graph *g, const op_descriptor *op, const value_id *inputs, int input_count,
                         const op_attributes *attributes, shape *result, dtype *result_type,
                         int64_t *elements, error *err) {
  if (g->node_count >= GRAPH_MAX_NODES)
    return error_set(err, ERROR_LIMIT, "more than %d operations in one graph", GRAPH_MAX_NODES);
  if (!graph_infer(g, op, inputs, input_count, attributes, result, result_type, err))
    return false;
  shape_elements(result, elements);
  if (*elements <= GRAPH_MAX_ELEMENTS - g->elements)
    return true;
  return error_set(err, ERROR_LIMIT, "%s: the graph's results come to more than %" PRId64 " elements",
                   op->name, GRAPH_MAX_ELEMENTS);
}

static value_id append(graph *g, const op_descriptor *op, const value_id *inputs, int input_count,
                       const op_attributes *attributes, const char *name, const char *origin, error *err) {
  shape result;
  dtype result_type;
  int64_t elements;
  if (!check_append(g, op, inputs, input_count, attributes, &result, &result_type, &elements, err))
    return VALUE_NONE;
  graph_node node = {.op = op,
                     .attributes = *attributes,
                     .input_count = input_count,
                     .inputs = copy_ids(g, inputs, input_count, err),
                     .origin = copy_text(g, origin, err)};
  if (!node.inputs || !node.origin ||
      !array_reserve((void **)&g->nodes, &g->node_capacity, g->node_count + 1, sizeof *g->nodes, err))
    return VALUE_NONE;
  node.output = add_value(g, name, result_type, &result, NULL, (int)g->node_count, err);
  if (node.output == VALUE_NONE)
    return VALUE_NONE;
  count_uses(g, inputs, input_count, 1);
  g->nodes[g->node_count++] = node;
  g->elements += elements;
  return node.output;
}

value_id graph_append(graph *g, const char *op_name, const value_id *inputs, int input_count,
                      const op_attributes *attributes, const char *name, const char *origin, error *err) {
  const op_descriptor *op = op_find(op_name);
  value_id id = VALUE_NONE;
  if (!op)
    error_set(err, ERROR_UNSUPPORTED, "there is no operator %s", op_name);
  else
    id = append(g, op, inputs, input_count, attributes, name, origin, err);
  if (id == VALUE_NONE && origin && *origin)
    error_prefix(err, "%s", origin);
  return id;
}

bool graph_set_outputs(graph *g, const value_id *outputs, int count, error *err) {
  if (count < 1)
    return error_set(err, ERROR_FORMAT, "a graph without outputs");
  if (count > GRAPH_MAX_VALUES)
    return error_set(err, ERROR_LIMIT, "%d graph outputs", count);
  for (int i = 0; i < count; i++)
    if (!graph_has_value(g, outputs[i]))
      return error_set(err, ERROR_INTERNAL, "graph output %d is %%%d, which does not exist", i, outputs[i]);
  if (!array_reserve((void **)&g->outputs, &g->output_capacity, (size_t)count, sizeof *g->outputs, err))
    return false;
  count_uses(g, g->outputs, (int)g->output_count, -1);
  count_uses(g, outputs, count, 1);
  memcpy(g->outputs, outputs, (size_t)count * sizeof *outputs);
  g->output_count = (size_t)count;
  return true;
}

/* ---- rewriting ---- */

static bool check_rewrite(const graph *g, int index, const graph_node *replacement, error *err) {
  const graph_value *output = &g->values[g->nodes[index].output];
  shape result;
  dtype result_type;
  if (!graph_infer(g, replacement->op, replacement->inputs, replacement->input_count,
                   &replacement->attributes, &result, &result_type, err))
    return false;
  for (int i = 0; i < replacement->input_count; i++)
    if (replacement->inputs[i] != VALUE_NONE && g->values[replacement->inputs[i]].producer >= index)
      return error_set(err, ERROR_INTERNAL, "%s: operand %d is made after its use", replacement->op->name, i);
  if (result_type == output->type && shape_equal(&result, &output->shape))
    return true;
  return error_set(err, ERROR_INTERNAL, "rewriting %%%d as %s would change its shape", g->nodes[index].output,
                   replacement->op->name);
}

bool graph_rewrite_node(graph *g, int index, const graph_node *replacement, error *err) {
  if (!check_rewrite(g, index, replacement, err))
    return false;
  graph_node node = *replacement;
  node.inputs = copy_ids(g, replacement->inputs, replacement->input_count, err);
  if (!node.inputs)
    return false;
  node.output = g->nodes[index].output;
  count_uses(g, node.inputs, node.input_count, 1);
  count_uses(g, g->nodes[index].inputs, g->nodes[index].input_count, -1);
  g->nodes[index] = node;
  return true;
}

void graph_remove_node(graph *g, int index) {
  graph_node *node = &g->nodes[index];
  int64_t elements = 0;
  if (!node->op)
    return;
  count_uses(g, node->inputs, node->input_count, -1);
  node->op = NULL;
  node->input_count = 0;
  if (shape_elements(&g->values[node->output].shape, &elements))
    g->elements -= elements;
}

void graph_replace_by_constant(graph *g, int index, const void *data) {
  graph_value *output = &g->values[g->nodes[index].output];
  graph_remove_node(g, index);
  output->data = data;
  output->producer = -1;
}

static void replace_ids(graph *g, value_id *ids, size_t count, const value_id *replacement) {
  for (size_t i = 0; i < count; i++) {
    if (ids[i] == VALUE_NONE || replacement[ids[i]] == ids[i])
      continue;
    g->values[ids[i]].uses--;
    ids[i] = replacement[ids[i]];
    g->values[ids[i]].uses++;
  }
}

void graph_replace_values(graph *g, const value_id *replacement) {
  for (size_t i = 0; i < g->node_count; i++)
    replace_ids(g, g->nodes[i].inputs, (size_t)g->nodes[i].input_count, replacement);
  replace_ids(g, g->outputs, g->output_count, replacement);
}

/* New ids for the values that stay: graph inputs, results of nodes that stay, constants in use. */
static void number_values(const graph *g, value_id *numbers) {
  value_id next = 0;
  for (size_t i = 0; i < g->value_count; i++) {
    const graph_value *v = &g->values[i];
    bool stays = v->producer >= 0 ? g->nodes[v->producer].op != NULL : !v->data || v->uses > 0;
    numbers[i] = stays ? next++ : VALUE_NONE;
  }
}

static void renumber(value_id *ids, size_t count, const value_id *numbers) {
  for (size_t i = 0; i < count; i++)
    if (ids[i] != VALUE_NONE)
      ids[i] = numbers[ids[i]];
}

static bool uses_only_what_stays(const graph *g, const value_id *numbers, error *err) {
  for (size_t i = 0; i < g->value_count; i++)
    if (numbers[i] == VALUE_NONE && g->values[i].uses > 0)
      return error_set(err, ERROR_INTERNAL, "%%%zu is used, but its node is removed", i);
  return true;
}

static void drop_values(graph *g, const value_id *numbers) {
  size_t kept = 0;
  for (size_t i = 0; i < g->value_count; i++)
    if (numbers[i] != VALUE_NONE)
      g->values[kept++] = g->values[i];
  g->value_count = kept;
}

static void drop_nodes(graph *g, const value_id *numbers) {
  size_t kept = 0;
  for (size_t i = 0; i < g->node_count; i++) {
    graph_node node = g->nodes[i];
    if (!node.op)
      continue;
    renumber(node.inputs, (size_t)node.input_count, numbers);
    renumber(&node.output, 1, numbers);
    g->values[node.output].producer = (int)kept;
    g->nodes[kept++] = node;
  }
  g->node_count = kept;
}

bool graph_compact(graph *g, error *err) {
  value_id *numbers = malloc((g->value_count + 1) * sizeof *numbers);
  if (!numbers)
    return error_out_of_memory(err);
  number_values(g, numbers);
  bool possible = uses_only_what_stays(g, numbers, err);
  if (possible) {
    drop_values(g, numbers);
    drop_nodes(g, numbers);
    renumber(g->inputs, g->input_count, numbers);
    renumber(g->outputs, g->output_count, numbers);
  }
  free(numbers);
  return possible;
}

/* ---- figures ---- */

int64_t graph_parameter_count(const graph *g) {
  int64_t total = 0;
  for (size_t i = 0; i < g->value_count; i++) {
    int64_t elements;
    if (g->values[i].data && g->values[i].type == DTYPE_F32 && shape_elements(&g->values[i].shape, &elements))
      total += elements;
  }
  return total;
}

static double node_flops(const graph *g, const graph_node *node) {
  if (!node->op || !node->op->flops)
    return 0;
  const shape *shapes[OP_MAX_INPUTS];
  for (int i = 0; i < node->input_count; i++)
    shapes[i] = node->inputs[i] == VALUE_NONE ? NULL : &g->values[node->inputs[i]].shape;
  return node->op->flops(shapes, node->input_count, &node->attributes, &g->values[node->output].shape);
}

double graph_flops(const graph *g) {
  double total = 0;
  for (size_t i = 0; i < g->node_count; i++)
    total += node_flops(g, &g->nodes[i]);
  return total;
}
