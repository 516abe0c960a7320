#include "backend/cpu/lower_conv.h"
#include "backend/cpu/lower.h"
#include "backend/cpu/match.h"
#include "backend/cpu/product.h"

/* ---- steps ---- */

typedef struct conv_step {
  product product;
  depthwise_job depthwise; /* sizes and weights, without operands; rows 0: none */
  ptrdiff_t expanded;      /* floats of scratch for a panel of the product that depthwise reads */
} conv_step;

product_operands conv_operands(const cpu_step *s, const frame *f) {
  return (product_operands){.x = step_read(s, f, CONV_READ_X),
                            .residual = step_read(s, f, CONV_READ_RESIDUAL),
                            .gate = step_read(s, f, CONV_READ_GATE),
                            .y = step_write(s, f, CONV_WRITE_Y),
                            .sums = step_write(s, f, CONV_WRITE_SUMS),
                            .scratch = f->scratch};
}

static void run_conv(const cpu_step *s, const frame *f) {
  const conv_step *c = s->parameters;
  product_operands o = conv_operands(s, f);
  coming_weights coming = coming_after(s, f);
  o.coming = &coming;
  o.y_stride = c->product.groups * c->product.columns;
  product_run(&c->product, &o, f);
}

/* A depthwise convolution of channels [first, first + channels) of a signal. */
static void run_depthwise_columns(const conv_step *c, const product_operands *o, const float *x,
                                  ptrdiff_t x_stride, ptrdiff_t first, ptrdiff_t channels) {
  depthwise_job j = c->depthwise;
  j.x = x;
  j.x_stride = x_stride;
  j.weights += first;
  j.bias += first;
  j.y = o->y + first;
  j.residual = o->residual ? o->residual + first : NULL;
  j.column_sums = o->sums ? o->sums + first : NULL;
  j.channels = channels;
  c->product.kernels->depthwise(&j);
}

static void run_depthwise(const cpu_step *s, const frame *f) {
  const conv_step *c = s->parameters;
  product_operands o = conv_operands(s, f);
  ptrdiff_t lanes = c->product.lanes, channels = c->depthwise.channels, begin, end;
  frame_share(f, (channels + lanes - 1) / lanes, &begin, &end);
  ptrdiff_t first = begin * lanes, last = end * lanes < channels ? end * lanes : channels;
  if (first < last)
    run_depthwise_columns(c, &o, o.x + first, channels, first, last - first);
}

/* A panel of the pointwise convolution stays in the first cache until its channels are convolved. */
static void run_expanded_depthwise(const cpu_step *s, const frame *f) {
  const conv_step *c = s->parameters;
  const product *p = &c->product;
  coming_weights coming = coming_after(s, f);
  product_operands o = conv_operands(s, f), expand = {.x = o.x, .y = f->scratch, .coming = &coming};
  expand.scratch = expand.y + c->expanded;
  ptrdiff_t width = (ptrdiff_t)p->panel_vectors * p->lanes, begin, end;
  expand.y_stride = width;
  frame_share(f, p->panels, &begin, &end);
  for (ptrdiff_t panel = begin; panel < end; panel++) {
    ptrdiff_t first = panel * width, left = p->columns - first;
    product_panel(p, &expand, panel);
    run_depthwise_columns(c, &o, expand.y, width, first, left < width ? left : width);
  }
}

/* ---- lowering ---- */

bool conv_weights(const builder *b, const graph_node *n, product_weights *w) {
  const graph_value *weight = graph_value_get(b->graph, n->inputs[1]);
  value_id bias = node_operand(n, 2);
  w->weight = weight->data;
  w->bias = bias == VALUE_NONE ? NULL : graph_value_get(b->graph, bias)->data;
  return w->weight && (bias == VALUE_NONE || w->bias);
}

product conv_product(const builder *b, const graph_node *n) {
  const op_attributes *a = &n->attributes;
  const shape *x = &graph_value_get(b->graph, n->inputs[0])->shape;
  const shape *y = &graph_value_get(b->graph, n->output)->shape;
  return (product){.in_rows = x->dims[2],
                   .channels = x->dims[1],
                   .rows = y->dims[2],
                   .columns = y->dims[1] / a->groups,
                   .groups = a->groups,
                   .group_channels = x->dims[1] / a->groups,
                   .kernel = a->kernel,
                   .stride = a->stride,
                   .padding = a->padding_left,
                   .dilation = a->dilation,
                   .activation = (int)a->activation,
                   .alpha = (float)a->alpha};
}

static bool is_plain_pointwise(const builder *b, const graph_node *n) {
  const op_attributes *a = &n->attributes;
  return n->op == &op_conv1d && a->kernel == 1 && a->stride == 1 && a->groups == 1 && a->padding_left == 0 &&
         a->padding_right == 0 && node_operand(n, 3) == VALUE_NONE && value_is_signal(b, n->output);
}

static bool is_depthwise(const builder *b, const graph_node *n) {
  return n->op == &op_conv1d && n->attributes.groups > 1 && value_is_signal(b, n->output) &&
         n->attributes.groups == graph_value_get(b->graph, n->inputs[0])->shape.dims[1] &&
         n->attributes.groups == graph_value_get(b->graph, n->output)->shape.dims[1];
}

/* Sums of the output's columns, if a later mean can use them. `blocks`: rows of sums. */
static bool write_sums(builder *b, const graph_node *n, ptrdiff_t blocks, ptrdiff_t padded, buffer_id *id,
                       error *err) {
  *id = BUFFER_NONE;
  if (!find_mean_consumer(b, n->output))
    return true;
  if (!builder_temporary(b, (size_t)(blocks * padded) * sizeof(float), id, err))
    return false;
  b->notes[n->output].sums = *id;
  b->notes[n->output].sum_blocks = blocks;
  return true;
}

/* x, where it is the product of a signal and a gate that nobody has computed yet: the gate goes into the
 * weights. */
static bool read_gated(builder *b, const product *p, value_id x, conv_buffers *c, error *err) {
  const graph_node *gate = p->blocked ? NULL : builder_deferred(b, x);
  value_id signal, factor;
  if (!gate || !node_is_gate(b, gate, &signal, &factor))
    return builder_read(b, x, LAYOUT_CHANNELS_LAST, &c->reads[CONV_READ_X], err);
  return builder_read(b, signal, LAYOUT_CHANNELS_LAST, &c->reads[CONV_READ_X], err) &&
         builder_read(b, factor, LAYOUT_CHANNELS_LAST, &c->reads[CONV_READ_GATE], err);
}

bool conv_add_step(builder *b, const conv_buffers *c, const cpu_step *step, error *err) {
  return builder_step(b, step, c->reads, CONV_READ_COUNT, c->writes, CONV_WRITE_COUNT, err);
}

/* The step of a product, with or without a depthwise convolution. */
static cpu_step product_step(void (*run)(const cpu_step *, const frame *), const conv_step *c) {
  return (cpu_step){.run = run,
                    .parameters = c,
                    .weights = c->product.weights,
                    .weight_bytes = product_weight_bytes(&c->product)};
}

/* The result itself is not wanted where its mean, from the sums, is all that is used. */
static bool only_sums_wanted(const builder *b, const graph_node *n, const conv_buffers *c) {
  return c->writes[CONV_WRITE_SUMS] != BUFFER_NONE && graph_use_count(b->graph, n->output) == 1 &&
         n->attributes.activation <= ACTIVATION_LEAKY_RELU;
}

bool conv_write_result(builder *b, const graph_node *n, ptrdiff_t blocks, ptrdiff_t padded_columns,
                       conv_buffers *c, error *err) {
  if (blocks > 0 && !write_sums(b, n, blocks, padded_columns, &c->writes[CONV_WRITE_SUMS], err))
    return false;
  return only_sums_wanted(b, n, c) ||
         builder_write(b, n->output, LAYOUT_CHANNELS_LAST, &c->writes[CONV_WRITE_Y], err);
}

static bool lower_dense(builder *b, const graph_node *n, conv_step *step, error *err) {
  product *p = &step->product;
  conv_buffers c = conv_no_buffers;
  if (!read_gated(b, p, n->inputs[0], &c, err) ||
      !builder_read(b, node_operand(n, 3), LAYOUT_CHANNELS_LAST, &c.reads[CONV_READ_RESIDUAL], err))
    return false;
  ptrdiff_t blocks = p->groups == 1 && !p->blocked ? p->tiles : 0;
  if (!conv_write_result(b, n, blocks, product_padded_columns(p), &c, err))
    return false;
  builder_scratch(b, product_scratch(p));
  cpu_step run = product_step(run_conv, step);
  run.serial = p->rows * p->columns * p->groups * p->inner < CONV_SMALL_WORK;
  return conv_add_step(b, &c, &run, err);
}

/* A pointwise convolution can be left to what comes next: a depthwise one computes it on its way, and the
 * mean of its result is its result for the mean. */
static bool may_defer(const builder *b, const graph_node *n) {
  if (!is_plain_pointwise(b, n) || b->notes[n->output].kept || builder_deferred(b, n->inputs[0]))
    return false;
  return find_sole_consumer(b, n->output, is_depthwise) ||
         (n->attributes.activation == ACTIVATION_NONE && find_sole_consumer(b, n->output, node_is_mean));
}

lower_result lower_conv1d(builder *b, const graph_node *n, error *err) {
  product_weights w;
  if (!conv_weights(b, n, &w) || !value_is_signal(b, n->output))
    return LOWER_DECLINED;
  if (may_defer(b, n)) {
    b->notes[n->output].deferred = true;
    return LOWER_DONE;
  }
  conv_step *step = builder_parameters(b, sizeof *step, err);
  if (!step)
    return LOWER_FAILED;
  step->product = conv_product(b, n);
  if (!product_prepare(b, &step->product, &w, 0, err))
    return LOWER_FAILED;
  return lower_dense(b, n, step, err) ? LOWER_DONE : LOWER_FAILED;
}

/* ---- depthwise ---- */

static bool prepare_depthwise(builder *b, const graph_node *n, const product_weights *w, depthwise_job *j,
                              error *err) {
  const shape *x = &graph_value_get(b->graph, n->inputs[0])->shape;
  const shape *y = &graph_value_get(b->graph, n->output)->shape;
  const op_attributes *a = &n->attributes;
  ptrdiff_t lanes = b->program->kernels->lanes;
  *j = (depthwise_job){.in_rows = x->dims[2],
                       .rows = y->dims[2],
                       .channels = y->dims[1],
                       .y_stride = y->dims[1],
                       .kernel = a->kernel,
                       .stride = a->stride,
                       .padding = a->padding_left,
                       .dilation = a->dilation,
                       .activation = (int)a->activation,
                       .alpha = (float)a->alpha};
  j->weight_stride = (j->channels + lanes - 1) / lanes * lanes;
  weight_key key = {.source = w->weight,
                    .second = w->bias,
                    .form = WEIGHT_DEPTHWISE,
                    .sizes = {j->channels, j->kernel, lanes}};
  float *packed = weight_store_find(b->weights, &key);
  if (!packed) {
    packed = weight_store_add(b->weights, &key, (size_t)((j->kernel + 1) * j->weight_stride) * sizeof *packed,
                              err);
    if (!packed)
      return false;
    for (ptrdiff_t k = 0; k <= j->kernel; k++)
      for (ptrdiff_t c = 0; c < j->weight_stride; c++) {
        float *to = &packed[k * j->weight_stride + c];
        if (c >= j->channels)
          *to = 0;
        else if (k < j->kernel)
          *to = w->weight[c * j->kernel + k];
        else
          *to = w->bias ? w->bias[c] : 0;
      }
  }
  j->weights = packed;
  j->bias = packed + j->kernel * j->weight_stride;
  return true;
}

/* A panel's expanded signal should leave room in the first cache. */
enum { EXPANDED_BYTES = 24 << 10 };

/* The pointwise convolution that makes n's input, where it may be computed on the way. */
static bool prepare_expansion(builder *b, const graph_node *n, conv_step *step, const graph_node **expansion,
                              error *err) {
  product_weights w;
  *expansion = builder_deferred(b, n->inputs[0]);
  if (*expansion && (*expansion)->op != &op_conv1d)
    *expansion = NULL;
  if (!*expansion)
    return true;
  conv_weights(b, *expansion, &w);
  product *p = &step->product;
  *p = conv_product(b, *expansion);
  if (product_is_blocked(p)) {
    *expansion = NULL;
    return true;
  }
  int vectors = p->rows * 2 * b->program->kernels->lanes * (ptrdiff_t)sizeof(float) <= EXPANDED_BYTES ? 2 : 1;
  if (!product_prepare(b, p, &w, vectors, err))
    return false;
  step->expanded = p->rows * p->panel_vectors * p->lanes;
  return true;
}

lower_result lower_depthwise(builder *b, const graph_node *n, error *err) {
  product_weights w;
  const graph_node *expansion;
  if (!is_depthwise(b, n) || !conv_weights(b, n, &w))
    return LOWER_DECLINED;
  conv_step *step = builder_parameters(b, sizeof *step, err);
  conv_buffers c = conv_no_buffers;
  if (!step || !prepare_depthwise(b, n, &w, &step->depthwise, err) ||
      !prepare_expansion(b, n, step, &expansion, err))
    return LOWER_FAILED;
  step->product.kernels = b->program->kernels;
  step->product.lanes = b->program->kernels->lanes;
  value_id x = expansion ? expansion->inputs[0] : n->inputs[0];
  if (!builder_read(b, x, LAYOUT_CHANNELS_LAST, &c.reads[CONV_READ_X], err) ||
      !builder_read(b, node_operand(n, 3), LAYOUT_CHANNELS_LAST, &c.reads[CONV_READ_RESIDUAL], err) ||
      !write_sums(b, n, 1, step->depthwise.weight_stride, &c.writes[CONV_WRITE_SUMS], err) ||
      !builder_write(b, n->output, LAYOUT_CHANNELS_LAST, &c.writes[CONV_WRITE_Y], err))
    return LOWER_FAILED;
  if (expansion)
    builder_scratch(b, (size_t)step->expanded * sizeof(float) + product_scratch(&step->product));
  cpu_step run = expansion ? product_step(run_expanded_depthwise, step)
                           : (cpu_step){.run = run_depthwise, .parameters = step};
  return conv_add_step(b, &c, &run, err) ? LOWER_DONE : LOWER_FAILED;
}

/* ---- the mean of a pointwise convolution ---- */

typedef struct mean_step {
  const cpu_kernels *kernels;
  ptrdiff_t rows, channels;
} mean_step;

static void run_mean(const cpu_step *s, const frame *f) {
  const mean_step *m = s->parameters;
  m->kernels->mean_of_rows(step_read(s, f, 0), m->rows, m->channels, m->channels, 1.0f / (float)m->rows,
                           step_write(s, f, 0));
}

static bool add_mean_step(builder *b, const shape *x, buffer_id read, buffer_id write, error *err) {
  mean_step *m = builder_parameters(b, sizeof *m, err);
  if (!m)
    return false;
  *m = (mean_step){b->program->kernels, x->dims[2], x->dims[1]};
  cpu_step step = {.run = run_mean, .parameters = m, .serial = true};
  return builder_step(b, &step, &read, 1, &write, 1, err);
}

lower_result lower_mean_of_pointwise(builder *b, const graph_node *n, error *err) {
  const graph_node *conv = node_is_mean(b, n) ? builder_deferred(b, n->inputs[0]) : NULL;
  if (!conv || conv->op != &op_conv1d)
    return LOWER_DECLINED;
  product_weights w;
  conv_weights(b, conv, &w);
  conv_step *step = builder_parameters(b, sizeof *step, err);
  conv_buffers c = conv_no_buffers;
  const shape *x = &graph_value_get(b->graph, conv->inputs[0])->shape;
  buffer_id signal;
  if (!step)
    return LOWER_FAILED;
  product *p = &step->product;
  *p = conv_product(b, conv);
  p->in_rows = p->rows = 1;
  if (!product_prepare(b, p, &w, 0, err) ||
      !builder_read(b, conv->inputs[0], LAYOUT_CHANNELS_LAST, &signal, err) ||
      !builder_temporary(b, (size_t)p->channels * sizeof(float), &c.reads[CONV_READ_X], err) ||
      !add_mean_step(b, x, signal, c.reads[CONV_READ_X], err) ||
      !builder_write(b, n->output, LAYOUT_CHANNELS_LAST, &c.writes[CONV_WRITE_Y], err))
    return LOWER_FAILED;
  builder_scratch(b, product_scratch(p));
  cpu_step run = product_step(run_conv, step);
  run.serial = true;
  return conv_add_step(b, &c, &run, err) ? LOWER_DONE : LOWER_FAILED;
}
