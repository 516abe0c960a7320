#include "base/number_text.h"
#include "graph/graph.h"
#include "graph/internal.h"

#include <inttypes.h>
#include <math.h>

static bool print_number(buffer *text, double value, error *err) {
  char digits[NUMBER_TEXT_SIZE];
  format_float64(value, digits);
  return buffer_append_text(text, digits, err);
}

/* Names come from foreign files: a control character would break the line. */
static bool print_foreign(buffer *text, const char *name, error *err) {
  for (const char *c = name; *c; c++) {
    char shown = (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c;
    if (!buffer_append(text, &shown, 1, err))
      return false;
  }
  return true;
}

/* ---- operands ---- */

static bool print_constant(const graph_value *v, value_id id, buffer *text, error *err) {
  int64_t elements = 0;
  if (*v->name)
    return print_foreign(text, v->name, err);
  shape_elements(&v->shape, &elements);
  if (elements != 1)
    return buffer_printf(text, err, "%%%d", id);
  if (v->type == DTYPE_I32)
    return buffer_printf(text, err, "%" PRId32, *(const int32_t *)v->data);
  char digits[NUMBER_TEXT_SIZE];
  format_float32(*(const float *)v->data, digits);
  return buffer_append_text(text, digits, err);
}

static bool print_operands(const graph *g, const graph_node *node, buffer *text, error *err) {
  for (int i = 0; i < node->input_count; i++) {
    value_id id = node->inputs[i];
    if (i && !buffer_append_text(text, ", ", err))
      return false;
    bool done = id == VALUE_NONE     ? buffer_append_text(text, "-", err)
                : g->values[id].data ? print_constant(&g->values[id], id, text, err)
                                     : buffer_printf(text, err, "%%%d", id);
    if (!done)
      return false;
  }
  return true;
}

/* ---- attributes ---- */

static int64_t int_field(const op_attributes *a, size_t offset) {
  return *(const int64_t *)(const void *)((const char *)a + offset);
}

static double float_field(const op_attributes *a, size_t offset) {
  return *(const double *)(const void *)((const char *)a + offset);
}

static bool is_usual(const op_attributes *a, const attribute_spec *spec) {
  switch (spec->kind) {
  case ATTRIBUTE_INT:
  case ATTRIBUTE_ACTIVATION:
    return (double)int_field(a, spec->offset) == spec->usual;
  case ATTRIBUTE_INT_PAIR:
    return (double)int_field(a, spec->offset) == spec->usual &&
           (double)int_field(a, spec->offset + sizeof(int64_t)) == spec->usual;
  case ATTRIBUTE_FLOAT:
    return float_field(a, spec->offset) == spec->usual;
  case ATTRIBUTE_INTS:
    return false;
  }
  return false;
}

static bool print_activation(const op_attributes *a, buffer *text, error *err) {
  activation_kind kind = (activation_kind)a->activation;
  if (!buffer_append_text(text, activation_name(kind), err))
    return false;
  return !activation_uses_alpha(kind) ||
         (buffer_append_text(text, "(", err) && print_number(text, a->alpha, err) &&
          buffer_append_text(text, ")", err));
}

static bool print_ints(const op_attributes *a, buffer *text, error *err) {
  for (int i = 0; i < a->ints_count; i++)
    if (!buffer_printf(text, err, i ? ",%" PRId64 : "%" PRId64, a->ints[i]))
      return false;
  return true;
}

static bool print_attribute(const op_attributes *a, const attribute_spec *spec, buffer *text, error *err) {
  if (!buffer_printf(text, err, " %s=", spec->name))
    return false;
  switch (spec->kind) {
  case ATTRIBUTE_INT:
    return buffer_printf(text, err, "%" PRId64, int_field(a, spec->offset));
  case ATTRIBUTE_INT_PAIR:
    return buffer_printf(text, err, "%" PRId64 ",%" PRId64, int_field(a, spec->offset),
                         int_field(a, spec->offset + sizeof(int64_t)));
  case ATTRIBUTE_FLOAT:
    return print_number(text, float_field(a, spec->offset), err);
  case ATTRIBUTE_INTS:
    return print_ints(a, text, err);
  case ATTRIBUTE_ACTIVATION:
    return print_activation(a, text, err);
  }
  return true;
}

static bool print_attributes(const graph_node *node, buffer *text, error *err) {
  for (const attribute_spec *spec = node->op->attributes; spec && spec->name; spec++)
    if (!is_usual(&node->attributes, spec) && !print_attribute(&node->attributes, spec, text, err))
      return false;
  return true;
}

/* ---- lines ---- */

static bool print_type(const graph_value *v, buffer *text, error *err) {
  char shown[SHAPE_TEXT_SIZE];
  return buffer_printf(text, err, " : %s %s", shape_text(&v->shape, shown, sizeof shown),
                       dtype_name(v->type));
}

static bool print_input(const graph *g, value_id id, buffer *text, error *err) {
  const graph_value *v = &g->values[id];
  return buffer_printf(text, err, "%%%d = input(", id) && print_foreign(text, v->name, err) &&
         buffer_append_text(text, ")", err) && print_type(v, text, err) &&
         buffer_append_text(text, "\n", err);
}

static bool print_origin(const graph_node *node, buffer *text, error *err) {
  return !*node->origin || (buffer_append_text(text, "  [", err) && print_foreign(text, node->origin, err) &&
                            buffer_append_text(text, "]", err));
}

static bool print_node(const graph *g, const graph_node *node, buffer *text, error *err) {
  return buffer_printf(text, err, "%%%d = %s(", node->output, node->op->name) &&
         print_operands(g, node, text, err) && buffer_append_text(text, ")", err) &&
         print_attributes(node, text, err) && print_type(&g->values[node->output], text, err) &&
         print_origin(node, text, err) && buffer_append_text(text, "\n", err);
}

static bool print_outputs(const graph *g, buffer *text, error *err) {
  if (!buffer_append_text(text, "output(", err))
    return false;
  for (size_t i = 0; i < g->output_count; i++)
    if (!buffer_printf(text, err, i ? ", %%%d" : "%%%d", g->outputs[i]))
      return false;
  return buffer_append_text(text, ")\n", err);
}

bool graph_print(const graph *g, buffer *text, error *err) {
  for (size_t i = 0; i < g->input_count; i++)
    if (!print_input(g, g->inputs[i], text, err))
      return false;
  for (size_t i = 0; i < g->node_count; i++)
    if (g->nodes[i].op && !print_node(g, &g->nodes[i], text, err))
      return false;
  return print_outputs(g, text, err);
}
