#include "backend/cpu/lower.h"
#include "backend/cpu/lower_shapes.h"
#include "backend/cpu/match.h"

#include <math.h>

/* `count` floats of one value, where a network has no gamma or beta. */
static const float *constant_of(builder *b, ptrdiff_t count, float value, error *err) {
  float *constant = arena_alloc_array(b->program->memory, (size_t)count, sizeof *constant, err);
  for (ptrdiff_t i = 0; constant && i < count; i++)
    constant[i] = value;
  return constant;
}

/* ---- layer_norm, group_norm ---- */

typedef struct norm_parameters {
  const float *ones, *zeros; /* NULL where there is a gamma, a beta */
  float epsilon;
  ptrdiff_t rows, size;                           /* layer_norm */
  ptrdiff_t samples, channels, length, per_group; /* group_norm */
} norm_parameters;

static const float *gamma_of(const cpu_step *s, const frame *f) {
  const norm_parameters *p = s->parameters;
  return p->ones ? p->ones : step_read(s, f, 1);
}

static const float *beta_of(const cpu_step *s, const frame *f) {
  const norm_parameters *p = s->parameters;
  return p->zeros ? p->zeros : step_read(s, f, 2);
}

static void run_layer_norm(const cpu_step *s, const frame *f) {
  const norm_parameters *p = s->parameters;
  const float *x = step_read(s, f, 0);
  float *y = step_write(s, f, 0), *pairs = step_write(s, f, 1);
  ptrdiff_t begin, end, pairs_stride = bf16_row_stride(p->size);
  frame_share(f, p->rows, &begin, &end);
  for (ptrdiff_t row = begin; row < end; row++) {
    f->program->kernels->layer_norm(x + row * p->size, gamma_of(s, f), beta_of(s, f), p->epsilon, 1, p->size,
                                    y + row * p->size);
    if (pairs)
      f->program->bf16->to_pairs(y + row * p->size, p->size, pairs + row * pairs_stride);
  }
}

/* Groups of a row-major signal lie together. */
static void run_group_norm(const cpu_step *s, const frame *f) {
  const norm_parameters *p = s->parameters;
  const float *x = step_read(s, f, 0), *gamma = gamma_of(s, f), *beta = beta_of(s, f);
  float *y = step_write(s, f, 0);
  ptrdiff_t begin, end, size = p->per_group * p->length;
  frame_share(f, p->samples * p->channels / p->per_group, &begin, &end);
  for (ptrdiff_t group = begin; group < end; group++) {
    ptrdiff_t c = group * p->per_group % p->channels;
    f->program->kernels->group_norm(x + group * size, gamma + c, beta + c, p->epsilon, p->per_group,
                                    p->length, y + group * size);
  }
}

/* One channel per group, channels-last. */
static void run_instance_norm(const cpu_step *s, const frame *f) {
  const norm_parameters *p = s->parameters;
  const float *x = step_read(s, f, 0), *gamma = gamma_of(s, f), *beta = beta_of(s, f);
  float *y = step_write(s, f, 0);
  ptrdiff_t begin, end;
  frame_share(f, p->channels, &begin, &end);
  f->program->kernels->instance_norm(x + begin, gamma + begin, beta + begin, p->epsilon, p->channels,
                                     p->length, end - begin, y + begin);
}

/* The step, with gamma and beta of `count` elements. Where it can write the result as rows of pairs too,
 * `pairs` says whether that is wanted. */
static lower_result add_norm(builder *b, const graph_node *n, const norm_parameters *plan, ptrdiff_t count,
                             layout l, bool pairs, void (*run)(const cpu_step *, const frame *), error *err) {
  norm_parameters *p = builder_parameters(b, sizeof *p, err);
  int reads[3] = {BUFFER_NONE, BUFFER_NONE, BUFFER_NONE}, writes[2] = {BUFFER_NONE, BUFFER_NONE};
  if (!p)
    return LOWER_FAILED;
  *p = *plan;
  p->epsilon = (float)n->attributes.epsilon;
  for (int i = 0; i < n->input_count; i++)
    if (!builder_read(b, n->inputs[i], i == 0 ? l : LAYOUT_ROW_MAJOR, &reads[i], err))
      return LOWER_FAILED;
  if ((reads[1] == BUFFER_NONE && !(p->ones = constant_of(b, count, 1, err))) ||
      (reads[2] == BUFFER_NONE && !(p->zeros = constant_of(b, count, 0, err))))
    return LOWER_FAILED;
  const shape *x = shape_of_value(b, n->output);
  cpu_step step = {.run = run, .parameters = p, .serial = too_small_to_share(x)};
  return builder_write(b, n->output, l, &writes[0], err) &&
                 (!pairs || builder_write(b, n->output, LAYOUT_PAIRS, &writes[1], err)) &&
                 builder_step(b, &step, reads, 3, writes, 2, err)
             ? LOWER_DONE
             : LOWER_FAILED;
}

lower_result lower_layer_norm_step(builder *b, const graph_node *n, error *err) {
  const shape *x = shape_of_value(b, n->inputs[0]);
  int axis = (int)n->attributes.axis;
  norm_parameters plan = {.rows = elements_between(x, 0, axis), .size = elements_between(x, axis, x->rank)};
  bool pairs = axis + 1 == x->rank && find_pairs_use(b, n->output) != PAIRS_UNUSED;
  return add_norm(b, n, &plan, plan.size, LAYOUT_ROW_MAJOR, pairs, run_layer_norm, err);
}

lower_result lower_group_norm_step(builder *b, const graph_node *n, error *err) {
  const shape *x = shape_of_value(b, n->inputs[0]);
  norm_parameters plan = {.samples = (ptrdiff_t)x->dims[0],
                          .channels = (ptrdiff_t)x->dims[1],
                          .length = elements_between(x, 2, x->rank),
                          .per_group = (ptrdiff_t)(x->dims[1] / n->attributes.groups)};
  bool channels_last = plan.per_group == 1 && builder_layout(b, n->inputs[0]) == LAYOUT_CHANNELS_LAST;
  return add_norm(b, n, &plan, plan.channels, channels_last ? LAYOUT_CHANNELS_LAST : LAYOUT_ROW_MAJOR, false,
                  channels_last ? run_instance_norm : run_group_norm, err);
}

/* ---- batch_norm that no product before it has taken in ---- */

typedef struct batch_norm_parameters {
  const float *mean, *scale, *shift; /* by channel */
  ptrdiff_t samples, channels, length;
  bool channels_last;
} batch_norm_parameters;

static void run_batch_norm(const cpu_step *s, const frame *f) {
  const batch_norm_parameters *p = s->parameters;
  const cpu_kernels *kernels = f->program->kernels;
  const float *x = step_read(s, f, 0);
  float *y = step_write(s, f, 0);
  ptrdiff_t begin, end, length = p->channels_last ? p->channels : p->length;
  frame_share(f, p->channels_last ? p->length : p->samples * p->channels, &begin, &end);
  for (ptrdiff_t row = begin; row < end; row++) {
    ptrdiff_t c = p->channels_last ? 0 : row % p->channels;
    kernels->scale_shift(x + row * length, p->mean + c, p->scale + c, p->shift + c, p->channels_last, length,
                         y + row * length);
  }
}

/* The statistics are constants of all networks that were trained. */
static bool read_statistics(const builder *b, const graph_node *n, const float *operands[5]) {
  for (int i = 1; i < 5; i++) {
    bool present = i < n->input_count && n->inputs[i] != VALUE_NONE;
    operands[i] = present ? graph_value_get(b->graph, n->inputs[i])->data : NULL;
    if (present && !operands[i])
      return false;
  }
  return true;
}

static bool make_scales(builder *b, const graph_node *n, const float *const operands[5],
                        batch_norm_parameters *p, error *err) {
  size_t count = (size_t)p->channels;
  float *mean = arena_alloc_array(b->program->memory, count, sizeof *mean, err);
  float *scale = arena_alloc_array(b->program->memory, count, sizeof *scale, err);
  float *shift = arena_alloc_array(b->program->memory, count, sizeof *shift, err);
  if (!mean || !scale || !shift)
    return false;
  for (size_t c = 0; c < count; c++) {
    double gamma = operands[3] ? (double)operands[3][c] : 1;
    mean[c] = operands[1][c];
    scale[c] = (float)(gamma / sqrt((double)operands[2][c] + n->attributes.epsilon));
    shift[c] = operands[4] ? operands[4][c] : 0;
  }
  p->mean = mean;
  p->scale = scale;
  p->shift = shift;
  return true;
}

lower_result lower_batch_norm_step(builder *b, const graph_node *n, error *err) {
  const float *operands[5];
  const shape *x = shape_of_value(b, n->inputs[0]);
  layout l = builder_layout(b, n->inputs[0]);
  if (!read_statistics(b, n, operands))
    return LOWER_DECLINED;
  batch_norm_parameters *p = builder_parameters(b, sizeof *p, err);
  int read, write;
  if (!p)
    return LOWER_FAILED;
  p->samples = (ptrdiff_t)x->dims[0];
  p->channels = (ptrdiff_t)x->dims[1];
  p->length = elements_between(x, 2, x->rank);
  p->channels_last = l == LAYOUT_CHANNELS_LAST;
  cpu_step step = {.run = run_batch_norm, .parameters = p, .serial = too_small_to_share(x)};
  return make_scales(b, n, operands, p, err) && builder_read(b, n->inputs[0], l, &read, err) &&
                 builder_write(b, n->output, l, &write, err) &&
                 builder_step(b, &step, &read, 1, &write, 1, err)
             ? LOWER_DONE
             : LOWER_FAILED;
}
