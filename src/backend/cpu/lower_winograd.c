/* Convolutions that fast convolution serves better than the product of their windows. */
#include "backend/cpu/lower.h"
#include "backend/cpu/lower_conv.h"
#include "backend/cpu/match.h"
#include "backend/cpu/winograd.h"

static void run_winograd(const cpu_step *s, const frame *f) {
  const winograd *w = s->parameters;
  product_operands o = conv_operands(s, f);
  coming_weights coming = coming_after(s, f);
  o.coming = &coming;
  o.y_stride = w->columns;
  winograd_run(w, &o, f);
}

lower_result lower_winograd(builder *b, const graph_node *n, error *err) {
  product_weights weights;
  if (!conv_weights(b, n, &weights) || !value_is_signal(b, n->output))
    return LOWER_DECLINED;
  product p = conv_product(b, n);
  if (b->program->bf16 || !winograd_suits(&p))
    return LOWER_DECLINED;
  winograd *w = builder_parameters(b, sizeof *w, err);
  conv_buffers c = conv_no_buffers;
  if (!w || !winograd_prepare(b, w, &p, &weights, err) ||
      !builder_read(b, n->inputs[0], LAYOUT_CHANNELS_LAST, &c.reads[CONV_READ_X], err) ||
      !builder_read(b, node_operand(n, 3), LAYOUT_CHANNELS_LAST, &c.reads[CONV_READ_RESIDUAL], err) ||
      !conv_write_result(b, n, w->blocks, w->vectors * w->lanes, &c, err))
    return LOWER_FAILED;
  builder_scratch(b, winograd_scratch(w));
  cpu_step step = {
      .run = run_winograd, .parameters = w, .weights = w->weights, .weight_bytes = winograd_weight_bytes(w)};
  return conv_add_step(b, &c, &step, err) ? LOWER_DONE : LOWER_FAILED;
}
