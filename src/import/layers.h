/* Layers of a network as nodes of a graph, their weights taken from a table by name: what importers of
 * checkpoints share.
 *
 * After a failure a builder does nothing more and every function gives VALUE_NONE, so that a network can be
 * written down without a check behind each line: `failed` tells in the end, and *err holds the first failure.
 */
#ifndef DEEPECG_IMPORT_LAYERS_H
#define DEEPECG_IMPORT_LAYERS_H

#include "graph/graph.h"
#include "import/weights.h"

typedef struct layer_builder {
  graph *g;
  weight_table *weights;
  error *err;
  bool failed;
} layer_builder;

enum { LAYER_NAME_SIZE = 192 };

/* A module of the file: its path, "" for the file itself, and what it is called there. Layers name their
 * nodes after it and their weights NAME.weight and NAME.bias. */
typedef struct layer_name {
  char text[LAYER_NAME_SIZE];
} layer_name;

layer_name layer_named(const char *path, const char *name);

/* The result of a node with one or two operands, or of one that takes more. */
value_id layer_unary(layer_builder *b, const char *op, value_id x, const op_attributes *attributes,
                     const char *origin);
value_id layer_binary(layer_builder *b, const char *op, value_id x, value_id y, const char *origin);
value_id layer_node(layer_builder *b, const char *op, const value_id *operands, int count,
                    const op_attributes *attributes, const char *origin);

/* A weight as a constant; it must have this shape. */
value_id layer_constant(layer_builder *b, const char *name, const shape *s);

/* MODULE.weight or .bias with this shape. */
value_id layer_weight(layer_builder *b, layer_name module, const shape *s);
value_id layer_bias(layer_builder *b, layer_name module, int64_t size);

/* x (..., in) -> (..., out), with weight (out, in) and bias (out). */
value_id layer_linear(layer_builder *b, value_id x, layer_name module, int64_t in, int64_t out);

/* Over the last axis of x (B, T, width), with weight and bias (width). */
value_id layer_norm(layer_builder *b, value_id x, layer_name module, int64_t width, double epsilon);

/* softmax(q k^T / sqrt(width / heads)) v for each head; all are (B, T, width). */
value_id layer_attention(layer_builder *b, const value_id qkv[3], int64_t heads, int64_t width,
                         const char *origin);

value_id layer_activation(layer_builder *b, value_id x, activation_kind kind, const char *origin);

/* (B, X, Y) -> (B, Y, X). */
value_id layer_swap(layer_builder *b, value_id x, const char *origin);

#endif
