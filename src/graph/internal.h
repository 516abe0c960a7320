/* The inside of a graph, for the files of this folder. */
#ifndef DEEPECG_GRAPH_INTERNAL_H
#define DEEPECG_GRAPH_INTERNAL_H

#include "graph/graph.h"

struct graph {
  arena *memory;
  graph_value *values;
  size_t value_count, value_capacity;
  graph_node *nodes;
  size_t node_count, node_capacity;
  value_id *inputs;
  size_t input_count, input_capacity;
  value_id *outputs;
  size_t output_count, output_capacity;
  const mapped_file *lent; /* where constants may lie; NULL: nowhere that is known */
  int64_t elements;        /* of all results of nodes */
};

/* What the operator's rule says for these operands. Ids must be valid or VALUE_NONE. */
bool graph_infer(const graph *g, const op_descriptor *op, const value_id *inputs, int input_count,
                 const op_attributes *attributes, shape *result, dtype *result_type, error *err);

static inline bool graph_has_value(const graph *g, value_id id) {
  return id >= 0 && (size_t)id < g->value_count;
}

static inline bool graph_is_input(const graph *g, value_id id) {
  return !g->values[id].data && g->values[id].producer < 0;
}

#endif
