#include "backend/cpu/lower.h"
#include "backend/cpu/match.h"

/* ---- the mean of a signal whose sums a convolution has left ---- */

typedef struct mean_step {
  const cpu_kernels *kernels;
  ptrdiff_t blocks, stride, channels;
  float scale;
} mean_step;

static void run_mean(const cpu_step *s, const frame *f) {
  const mean_step *m = s->parameters;
  m->kernels->mean_of_rows(step_read(s, f, 0), m->blocks, m->stride, m->channels, m->scale,
                           step_write(s, f, 0));
}

lower_result lower_mean_of_sums(builder *b, const graph_node *n, error *err) {
  if (!node_is_mean(b, n) || b->notes[n->inputs[0]].sums == BUFFER_NONE)
    return LOWER_DECLINED;
  const value_note *note = &b->notes[n->inputs[0]];
  const shape *x = &graph_value_get(b->graph, n->inputs[0])->shape;
  mean_step *m = builder_parameters(b, sizeof *m, err);
  buffer_id write;
  if (!m || !builder_write(b, n->output, LAYOUT_CHANNELS_LAST, &write, err))
    return LOWER_FAILED;
  ptrdiff_t lanes = b->program->kernels->lanes;
  *m = (mean_step){.kernels = b->program->kernels,
                   .blocks = note->sum_blocks,
                   .stride = (x->dims[1] + lanes - 1) / lanes * lanes,
                   .channels = x->dims[1],
                   .scale = 1.0f / (float)x->dims[2]};
  cpu_step step = {.run = run_mean, .parameters = m, .serial = true};
  return builder_step(b, &step, &note->sums, 1, &write, 1, err) ? LOWER_DONE : LOWER_FAILED;
}

/* ---- signal * gate, and + residual ---- */

typedef struct gated_step {
  const cpu_kernels *kernels;
  ptrdiff_t rows, channels;
} gated_step;

static void run_gated_sum(const cpu_step *s, const frame *f) {
  const gated_step *g = s->parameters;
  const float *x = step_read(s, f, 0), *gate = step_read(s, f, 1), *residual = step_read(s, f, 2);
  float *y = step_write(s, f, 0);
  ptrdiff_t begin, end;
  frame_share(f, g->rows, &begin, &end);
  ptrdiff_t offset = begin * g->channels;
  g->kernels->gated_sum(x + offset, gate, residual ? residual + offset : NULL, end - begin, g->channels,
                        y + offset);
}

/* May the result take the signal's place in memory? Its lines are in the cache already. A convolution's
 * result has a buffer of its own, which nobody reads any more when the mean's consumer, the gate, is there.
 */
static bool signal_is_finished(const builder *b, value_id signal) {
  const graph_value *v = graph_value_get(b->graph, signal);
  return v->producer >= 0 && graph_node_get(b->graph, v->producer)->op == &op_conv1d &&
         b->notes[signal].sums != BUFFER_NONE && graph_use_count(b->graph, signal) == 2;
}

static bool add_gated_step(builder *b, value_id signal, value_id gate, value_id residual, value_id result,
                           error *err) {
  const shape *x = &graph_value_get(b->graph, signal)->shape;
  gated_step *g = builder_parameters(b, sizeof *g, err);
  buffer_id reads[3], write;
  if (!g || !builder_read(b, signal, LAYOUT_CHANNELS_LAST, &reads[0], err) ||
      !builder_read(b, gate, LAYOUT_CHANNELS_LAST, &reads[1], err) ||
      !builder_read(b, residual, LAYOUT_CHANNELS_LAST, &reads[2], err))
    return false;
  if (signal_is_finished(b, signal))
    builder_alias(b, result, LAYOUT_CHANNELS_LAST, write = reads[0]);
  else if (!builder_write(b, result, LAYOUT_CHANNELS_LAST, &write, err))
    return false;
  *g = (gated_step){b->program->kernels, x->dims[2], x->dims[1]};
  cpu_step step = {.run = run_gated_sum, .parameters = g};
  return builder_step(b, &step, reads, 3, &write, 1, err);
}

static bool is_convolution(const builder *b, const graph_node *n) {
  return n->op == &op_conv1d && graph_value_get(b->graph, n->inputs[1])->data &&
         value_is_signal(b, n->output);
}

static bool is_sum_of_signals(const builder *b, const graph_node *n) {
  return n->op == &op_add && value_is_signal(b, n->output) &&
         shape_equal(&graph_value_get(b->graph, n->inputs[0])->shape,
                     &graph_value_get(b->graph, n->inputs[1])->shape);
}

lower_result lower_gate(builder *b, const graph_node *n, error *err) {
  value_id signal, gate;
  if (!node_is_gate(b, n, &signal, &gate))
    return LOWER_DECLINED;
  if (!b->notes[n->output].kept && (find_sole_consumer(b, n->output, is_convolution) ||
                                    find_sole_consumer(b, n->output, is_sum_of_signals))) {
    b->notes[n->output].deferred = true;
    return LOWER_DONE;
  }
  return add_gated_step(b, signal, gate, VALUE_NONE, n->output, err) ? LOWER_DONE : LOWER_FAILED;
}

lower_result lower_gated_sum(builder *b, const graph_node *n, error *err) {
  if (!is_sum_of_signals(b, n))
    return LOWER_DECLINED;
  for (int i = 0; i < 2; i++) {
    const graph_node *product = builder_deferred(b, n->inputs[i]);
    value_id signal, gate;
    if (product && node_is_gate(b, product, &signal, &gate))
      return add_gated_step(b, signal, gate, n->inputs[1 - i], n->output, err) ? LOWER_DONE : LOWER_FAILED;
  }
  return LOWER_DECLINED;
}
