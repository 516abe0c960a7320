/* Sums, means, maxima and counts: over axes, over windows of a signal, over its bins; and the softmax. */
#include "backend/cpu/lower.h"
#include "backend/cpu/lower_shapes.h"

#include <math.h>
#include <string.h>

/* ---- over axes ---- */

/* x is (outer, count, inner) in memory, the middle is reduced. */
typedef struct reduction_parameters {
  reduction_kind kind;
  ptrdiff_t outer, count, inner;
  float divisor;
} reduction_parameters;

static void run_reduction(const cpu_step *s, const frame *f) {
  const reduction_parameters *p = s->parameters;
  const cpu_kernels *kernels = f->program->kernels;
  const float *x = step_read(s, f, 0);
  float *y = step_write(s, f, 0);
  ptrdiff_t begin, end;
  if (p->inner == 1) {
    frame_share(f, p->outer, &begin, &end);
    kernels->reduce_rows(p->kind, x + begin * p->count, end - begin, p->count, p->divisor, y + begin);
    return;
  }
  frame_share(f, p->inner, &begin, &end);
  for (ptrdiff_t i = 0; i < p->outer; i++)
    kernels->reduce_columns(p->kind, x + i * p->count * p->inner + begin, p->inner, p->count, end - begin,
                            p->divisor, y + i * p->inner + begin);
}

/* Are the reduced axes neighbours in memory, but for axes of one element? `axes`: as bits, by axis. */
static bool plan_reduction(reduction_parameters *p, const shape *x, layout l, unsigned axes) {
  p->outer = p->count = p->inner = 1;
  for (int i = 0; i < x->rank; i++) {
    int axis = l == LAYOUT_CHANNELS_LAST && i > 0 ? 3 - i : i;
    ptrdiff_t size = (ptrdiff_t)x->dims[axis];
    if (size == 1)
      continue;
    if (!(axes & 1u << axis))
      *(p->count > 1 ? &p->inner : &p->outer) *= size;
    else if (p->inner > 1)
      return false;
    else
      p->count *= size;
  }
  return true;
}

/* Counts, and lengths that are divided by, are exact as floats up to here. */
enum { EXACT_FLOATS = 1 << 24 };

static lower_result lower_axes(builder *b, const graph_node *n, reduction_kind kind, bool mean, unsigned axes,
                               error *err) {
  value_id x = n->inputs[0];
  bool keeps_signal = !(axes & 6u); /* neither channels nor time */
  layout l = keeps_signal ? LAYOUT_ROW_MAJOR : builder_layout(b, x);
  reduction_parameters plan = {.kind = kind}, *p;
  if (!plan_reduction(&plan, shape_of_value(b, x), l, axes) || plan.count > EXACT_FLOATS ||
      graph_value_get(b->graph, x)->type != DTYPE_F32)
    return LOWER_DECLINED;
  plan.divisor = mean ? (float)plan.count : 1;
  int read, write;
  if (!(p = builder_parameters(b, sizeof *p, err)) || !builder_read(b, x, l, &read, err) ||
      !builder_write(b, n->output, LAYOUT_ROW_MAJOR, &write, err))
    return LOWER_FAILED;
  *p = plan;
  cpu_step step = {.run = run_reduction, .parameters = p, .serial = too_small_to_share(shape_of_value(b, x))};
  return builder_step(b, &step, &read, 1, &write, 1, err) ? LOWER_DONE : LOWER_FAILED;
}

lower_result lower_reduce_step(builder *b, const graph_node *n, error *err) {
  static const struct {
    const char *name;
    reduction_kind kind;
    bool mean;
  } operators[] = {{"reduce_sum", REDUCTION_SUM, false},
                   {"reduce_mean", REDUCTION_SUM, true},
                   {"reduce_max", REDUCTION_MAX, false},
                   {"count_nonzero", REDUCTION_COUNT, false}};
  unsigned axes = 0;
  for (int i = 0; i < n->attributes.ints_count; i++)
    axes |= 1u << n->attributes.ints[i];
  for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
    if (strcmp(operators[i].name, n->op->name) == 0)
      return lower_axes(b, n, operators[i].kind, operators[i].mean, axes, err);
  return LOWER_DECLINED;
}

/* ---- over windows of a channels-last signal ---- */

/* The window of output t begins at t * stride - padding; or the bins of adaptive pooling, where bins > 0. */
typedef struct pool_parameters {
  reduction_kind kind;
  ptrdiff_t channels, size, positions;
  ptrdiff_t kernel, stride, padding_left, padding_right, dilation, bins;
  bool mean, count_padding;
} pool_parameters;

/* Rows first, first + dilation, ... of the signal, and what their sum is divided by. */
typedef struct pool_window {
  ptrdiff_t first, count;
  float divisor;
} pool_window;

static pool_window window_of_bin(const pool_parameters *p, ptrdiff_t position) {
  ptrdiff_t begin = position * p->size / p->bins;
  ptrdiff_t end = ((position + 1) * p->size + p->bins - 1) / p->bins;
  return (pool_window){begin, end - begin, p->mean ? (float)(end - begin) : 1};
}

/* PyTorch's rule: a window that hangs over the padded end is divided by its part before that end. */
static pool_window window_at(const pool_parameters *p, ptrdiff_t position) {
  if (p->bins)
    return window_of_bin(p, position);
  ptrdiff_t begin = position * p->stride - p->padding_left, padded_end = p->size + p->padding_right;
  ptrdiff_t skipped = begin < 0 ? (-begin + p->dilation - 1) / p->dilation : 0;
  ptrdiff_t first = begin + skipped * p->dilation;
  ptrdiff_t fitting = first < p->size ? (p->size - 1 - first) / p->dilation + 1 : 0;
  ptrdiff_t count = p->kernel - skipped < fitting ? p->kernel - skipped : fitting;
  ptrdiff_t whole = begin + p->kernel < padded_end ? p->kernel : padded_end - begin;
  return (pool_window){first, count, !p->mean ? 1 : (float)(p->count_padding ? whole : count)};
}

static void run_pool(const cpu_step *s, const frame *f) {
  const pool_parameters *p = s->parameters;
  const float *x = step_read(s, f, 0);
  float *y = step_write(s, f, 0);
  ptrdiff_t begin, end;
  frame_share(f, p->positions, &begin, &end);
  for (ptrdiff_t i = begin; i < end; i++) {
    pool_window w = window_at(p, i);
    if (w.count > 0)
      f->program->kernels->reduce_columns(p->kind, x + w.first * p->channels, p->dilation * p->channels,
                                          w.count, p->channels, w.divisor, y + i * p->channels);
    else
      for (ptrdiff_t c = 0; c < p->channels; c++) /* the maximum, or the mean, of nothing */
        y[i * p->channels + c] = p->kind == REDUCTION_MAX ? -INFINITY : 0 / w.divisor;
  }
}

static lower_result add_pool(builder *b, const graph_node *n, const pool_parameters *plan, error *err) {
  pool_parameters *p = builder_parameters(b, sizeof *p, err);
  int read, write;
  if (!p || !builder_read(b, n->inputs[0], LAYOUT_CHANNELS_LAST, &read, err) ||
      !builder_write(b, n->output, LAYOUT_CHANNELS_LAST, &write, err))
    return LOWER_FAILED;
  *p = *plan;
  p->channels = (ptrdiff_t)shape_of_value(b, n->output)->dims[1];
  p->positions = (ptrdiff_t)shape_of_value(b, n->output)->dims[2];
  p->size = (ptrdiff_t)shape_of_value(b, n->inputs[0])->dims[2];
  cpu_step step = {
      .run = run_pool, .parameters = p, .serial = too_small_to_share(shape_of_value(b, n->inputs[0]))};
  return builder_step(b, &step, &read, 1, &write, 1, err) ? LOWER_DONE : LOWER_FAILED;
}

lower_result lower_pool_step(builder *b, const graph_node *n, error *err) {
  const op_attributes *a = &n->attributes;
  if (!value_is_signal(b, n->inputs[0]))
    return LOWER_DECLINED;
  bool mean = strcmp(n->op->name, "avg_pool1d") == 0;
  return add_pool(b, n,
                  &(pool_parameters){.kind = mean ? REDUCTION_SUM : REDUCTION_MAX,
                                     .kernel = (ptrdiff_t)a->kernel,
                                     .stride = (ptrdiff_t)a->stride,
                                     .padding_left = (ptrdiff_t)a->padding_left,
                                     .padding_right = (ptrdiff_t)a->padding_right,
                                     .dilation = mean ? 1 : (ptrdiff_t)a->dilation,
                                     .mean = mean,
                                     .count_padding = a->count_include_pad == 1},
                  err);
}

/* One bin is a reduction over time, in either layout. */
lower_result lower_adaptive_pool_step(builder *b, const graph_node *n, error *err) {
  bool mean = strcmp(n->op->name, "adaptive_avg_pool1d") == 0;
  reduction_kind kind = mean ? REDUCTION_SUM : REDUCTION_MAX;
  if (n->attributes.output_size == 1)
    return lower_axes(b, n, kind, mean, 1u << 2, err);
  if (!value_is_signal(b, n->inputs[0]))
    return LOWER_DECLINED;
  return add_pool(
      b, n,
      &(pool_parameters){
          .kind = kind, .mean = mean, .dilation = 1, .bins = (ptrdiff_t)n->attributes.output_size},
      err);
}

/* ---- softmax of rows ---- */

typedef struct softmax_parameters {
  ptrdiff_t rows, length;
} softmax_parameters;

static void run_softmax(const cpu_step *s, const frame *f) {
  const softmax_parameters *p = s->parameters;
  const float *x = step_read(s, f, 0);
  float *y = step_write(s, f, 0);
  ptrdiff_t begin, end;
  frame_share(f, p->rows, &begin, &end);
  f->program->kernels->softmax_rows(x + begin * p->length, end - begin, p->length, y + begin * p->length);
}

lower_result lower_softmax_step(builder *b, const graph_node *n, error *err) {
  const shape *x = shape_of_value(b, n->inputs[0]);
  if (n->attributes.axis != x->rank - 1)
    return LOWER_DECLINED;
  softmax_parameters *p = builder_parameters(b, sizeof *p, err);
  int read, write;
  if (!p)
    return LOWER_FAILED;
  *p = (softmax_parameters){1, (ptrdiff_t)x->dims[x->rank - 1]};
  for (int i = 0; i + 1 < x->rank; i++)
    p->rows *= (ptrdiff_t)x->dims[i];
  cpu_step step = {.run = run_softmax, .parameters = p, .serial = too_small_to_share(x)};
  return builder_read(b, n->inputs[0], LAYOUT_ROW_MAJOR, &read, err) &&
                 builder_write(b, n->output, LAYOUT_ROW_MAJOR, &write, err) &&
                 builder_step(b, &step, &read, 1, &write, 1, err)
             ? LOWER_DONE
             : LOWER_FAILED;
}
