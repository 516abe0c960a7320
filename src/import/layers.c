#include "import/layers.h"

#include <math.h>
#include <stdio.h>

layer_name layer_named(const char *path, const char *name) {
  layer_name full;
  snprintf(full.text, sizeof full.text, "%.140s%s%.40s", path, *path ? "." : "", name);
  return full;
}

value_id layer_node(layer_builder *b, const char *op, const value_id *operands, int count,
                    const op_attributes *attributes, const char *origin) {
  if (b->failed)
    return VALUE_NONE;
  value_id result = graph_append(b->g, op, operands, count, attributes, NULL, origin, b->err);
  b->failed = result == VALUE_NONE;
  return result;
}

value_id layer_unary(layer_builder *b, const char *op, value_id x, const op_attributes *attributes,
                     const char *origin) {
  return layer_node(b, op, &x, 1, attributes, origin);
}

value_id layer_binary(layer_builder *b, const char *op, value_id x, value_id y, const char *origin) {
  return layer_node(b, op, (value_id[]){x, y}, 2, &(op_attributes){0}, origin);
}

value_id layer_constant(layer_builder *b, const char *name, const shape *s) {
  if (b->failed)
    return VALUE_NONE;
  const float *data = weight_table_read(b->weights, name, s, b->err);
  value_id constant = data ? graph_add_constant(b->g, name, DTYPE_F32, s, data, b->err) : VALUE_NONE;
  b->failed = constant == VALUE_NONE;
  return constant;
}

value_id layer_weight(layer_builder *b, layer_name module, const shape *s) {
  return layer_constant(b, layer_named(module.text, "weight").text, s);
}

value_id layer_bias(layer_builder *b, layer_name module, int64_t size) {
  return layer_constant(b, layer_named(module.text, "bias").text, &(shape){1, {size}});
}

value_id layer_linear(layer_builder *b, value_id x, layer_name module, int64_t in, int64_t out) {
  value_id weight = layer_weight(b, module, &(shape){2, {out, in}});
  value_id bias = layer_bias(b, module, out);
  return layer_node(b, "linear", (value_id[]){x, weight, bias}, 3, &(op_attributes){0}, module.text);
}

value_id layer_norm(layer_builder *b, value_id x, layer_name module, int64_t width, double epsilon) {
  value_id gamma = layer_weight(b, module, &(shape){1, {width}});
  value_id beta = layer_bias(b, module, width);
  return layer_node(b, "layer_norm", (value_id[]){x, gamma, beta}, 3,
                    &(op_attributes){.axis = 2, .epsilon = epsilon}, module.text);
}

value_id layer_attention(layer_builder *b, const value_id qkv[3], int64_t heads, int64_t width,
                         const char *origin) {
  double head_width = (double)width / (double)heads;
  return layer_node(b, "attention", qkv, 3, &(op_attributes){.heads = heads, .scale = 1 / sqrt(head_width)},
                    origin);
}

value_id layer_activation(layer_builder *b, value_id x, activation_kind kind, const char *origin) {
  return layer_unary(b, "activation", x, &(op_attributes){.activation = kind}, origin);
}

value_id layer_swap(layer_builder *b, value_id x, const char *origin) {
  return layer_unary(b, "transpose", x, &(op_attributes){.ints = {0, 2, 1}, .ints_count = 3}, origin);
}
