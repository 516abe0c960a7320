#include "backend/cpu/lower.h"

typedef struct scalar_parameters {
  const op_descriptor *op;
  op_attributes attributes;
  shape result_shape;
  int input_count;
  dtype types[OP_MAX_INPUTS];
  shape shapes[OP_MAX_INPUTS];
} scalar_parameters;

static void run_scalar(const cpu_step *s, const frame *f) {
  const scalar_parameters *p = s->parameters;
  tensor_view inputs[OP_MAX_INPUTS];
  for (int i = 0; i < p->input_count; i++)
    inputs[i] = (tensor_view){p->types[i], p->shapes[i], step_read(s, f, i)};
  p->op->evaluate(inputs, p->input_count, &p->attributes, &p->result_shape, step_write(s, f, 0));
}

lower_result lower_scalar(builder *b, const graph_node *n, error *err) {
  scalar_parameters *p = builder_parameters(b, sizeof *p, err);
  if (!p)
    return LOWER_FAILED;
  int reads[OP_MAX_INPUTS], write;
  p->op = n->op;
  p->attributes = n->attributes;
  p->result_shape = graph_value_get(b->graph, n->output)->shape;
  p->input_count = n->input_count;
  for (int i = 0; i < n->input_count; i++) {
    if (n->inputs[i] != VALUE_NONE) {
      const graph_value *v = graph_value_get(b->graph, n->inputs[i]);
      p->types[i] = v->type;
      p->shapes[i] = v->shape;
    }
    if (!builder_read(b, n->inputs[i], LAYOUT_ROW_MAJOR, &reads[i], err))
      return LOWER_FAILED;
  }
  if (!builder_write(b, n->output, LAYOUT_ROW_MAJOR, &write, err))
    return LOWER_FAILED;
  cpu_step step = {.run = run_scalar, .parameters = p, .serial = true};
  return builder_step(b, &step, reads, n->input_count, &write, 1, err) ? LOWER_DONE : LOWER_FAILED;
}
