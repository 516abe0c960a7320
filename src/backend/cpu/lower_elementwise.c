/* Activations, and operators on two operands that are broadcast to each other. */
#include "backend/cpu/lower.h"
#include "backend/cpu/lower_shapes.h"

#include <string.h>

/* ---- activations ---- */

typedef struct activation_parameters {
  activation_kind kind;
  float alpha;
  ptrdiff_t elements;
} activation_parameters;

static void run_activation(const cpu_step *s, const frame *f) {
  const activation_parameters *p = s->parameters;
  const float *x = step_read(s, f, 0);
  float *y = step_write(s, f, 0);
  ptrdiff_t begin, end;
  frame_share(f, p->elements, &begin, &end);
  f->program->kernels->activate(p->kind, p->alpha, x + begin, y + begin, end - begin);
}

lower_result lower_activation_step(builder *b, const graph_node *n, error *err) {
  activation_parameters *p = builder_parameters(b, sizeof *p, err);
  layout l = builder_layout(b, n->inputs[0]);
  const shape *y = shape_of_value(b, n->output);
  int read, write;
  if (!p)
    return LOWER_FAILED;
  *p = (activation_parameters){(activation_kind)n->attributes.activation, (float)n->attributes.alpha,
                               elements_between(y, 0, y->rank)};
  cpu_step step = {.run = run_activation, .parameters = p, .serial = too_small_to_share(y)};
  return builder_read(b, n->inputs[0], l, &read, err) && builder_write(b, n->output, l, &write, err) &&
                 builder_step(b, &step, &read, 1, &write, 1, err)
             ? LOWER_DONE
             : LOWER_FAILED;
}

/* ---- two operands ---- */

/* The result's axes in the order in which they lie in memory, those that can be walked as one joined: the
 * last is a row, which a kernel does in one call. An operand's stride is 0 along axes on which it is
 * repeated. */
typedef struct binary_parameters {
  binary_kind kind;
  int rank; /* without the rows' own axis */
  ptrdiff_t sizes[TENSOR_MAX_RANK], strides[2][TENSOR_MAX_RANK];
  ptrdiff_t rows, length;
  int steps[2]; /* along a row */
} binary_parameters;

static void binary_row(const binary_parameters *p, const cpu_kernels *kernels, const float *const operands[2],
                       ptrdiff_t row, ptrdiff_t begin, ptrdiff_t end, float *y) {
  ptrdiff_t offsets[2] = {begin * p->steps[0], begin * p->steps[1]}, left = row;
  for (int i = p->rank - 1; i >= 0; i--) {
    ptrdiff_t index = left % p->sizes[i];
    left /= p->sizes[i];
    offsets[0] += index * p->strides[0][i];
    offsets[1] += index * p->strides[1][i];
  }
  kernels->binary(p->kind, operands[0] + offsets[0], p->steps[0], operands[1] + offsets[1], p->steps[1],
                  y + row * p->length + begin, end - begin);
}

static void run_binary(const cpu_step *s, const frame *f) {
  const binary_parameters *p = s->parameters;
  const float *operands[2] = {step_read(s, f, 0), step_read(s, f, 1)};
  float *y = step_write(s, f, 0);
  ptrdiff_t begin, end;
  if (p->rows == 1) {
    frame_share(f, p->length, &begin, &end);
    binary_row(p, f->program->kernels, operands, 0, begin, end, y);
    return;
  }
  frame_share(f, p->rows, &begin, &end);
  for (ptrdiff_t row = begin; row < end; row++)
    binary_row(p, f->program->kernels, operands, row, 0, p->length, y);
}

/* The strides of an operand of shape `own`, whose elements lie in layout l, along the axes of `result`. */
static void operand_strides(const shape *own, layout l, const shape *result,
                            ptrdiff_t strides[TENSOR_MAX_RANK]) {
  int missing = result->rank - own->rank;
  ptrdiff_t stride = 1;
  for (int i = 0; i < missing; i++)
    strides[i] = 0;
  for (int i = own->rank - 1; i >= 0; i--) {
    strides[missing + i] = own->dims[i] == 1 ? 0 : stride;
    stride *= (ptrdiff_t)own->dims[i];
  }
  if (l == LAYOUT_CHANNELS_LAST) { /* of rank 3 */
    strides[1] = own->dims[1] == 1 ? 0 : 1;
    strides[2] = own->dims[2] == 1 ? 0 : (ptrdiff_t)own->dims[1];
  }
}

/* May the axis be walked as one with the axis p->rank - 1, outside of it? */
static bool joins(const binary_parameters *p, ptrdiff_t size, const ptrdiff_t strides[2]) {
  int last = p->rank - 1;
  return p->rank > 0 && p->strides[0][last] == strides[0] * size && p->strides[1][last] == strides[1] * size;
}

static void add_axis(binary_parameters *p, ptrdiff_t size, const ptrdiff_t strides[2]) {
  if (size == 1)
    return;
  bool joined = joins(p, size, strides);
  if (!joined)
    p->sizes[p->rank++] = 1;
  int last = p->rank - 1;
  p->sizes[last] *= size;
  p->strides[0][last] = strides[0];
  p->strides[1][last] = strides[1];
}

/* The walk over a result whose elements lie in layout l; false where its rows are not rows of the operands.
 */
static bool plan_walk(binary_parameters *p, const shape *result, layout l, const shape own[2],
                      const layout own_layouts[2]) {
  ptrdiff_t strides[2][TENSOR_MAX_RANK];
  p->rank = 0;
  p->rows = 1;
  for (int i = 0; i < 2; i++)
    operand_strides(&own[i], own_layouts[i], result, strides[i]);
  for (int i = 0; i < result->rank; i++) {
    int axis = l == LAYOUT_CHANNELS_LAST && i > 0 ? 3 - i : i;
    add_axis(p, (ptrdiff_t)result->dims[axis], (const ptrdiff_t[]){strides[0][axis], strides[1][axis]});
  }
  if (p->rank == 0)
    p->sizes[p->rank++] = 1; /* strides are 0 */
  p->rank--;
  p->length = p->sizes[p->rank];
  for (int i = 0; i < p->rank; i++)
    p->rows *= p->sizes[i];
  for (int i = 0; i < 2; i++) {
    if (p->strides[i][p->rank] > 1)
      return false;
    p->steps[i] = (int)p->strides[i][p->rank];
  }
  return true;
}

/* Channels-last where an operand that isn't repeated is at hand so. */
static layout result_layout(const builder *b, const graph_node *n) {
  const shape *result = shape_of_value(b, n->output);
  for (int i = 0; i < 2; i++)
    if (value_is_signal(b, n->output) && builder_layout(b, n->inputs[i]) == LAYOUT_CHANNELS_LAST &&
        shape_equal(shape_of_value(b, n->inputs[i]), result))
      return LAYOUT_CHANNELS_LAST;
  return LAYOUT_ROW_MAJOR;
}

/* `shapes`: the operands' as they are broadcast. */
static lower_result lower_walk(builder *b, const graph_node *n, binary_parameters *p, const shape shapes[2],
                               error *err) {
  const shape *result = shape_of_value(b, n->output);
  layout l = result_layout(b, n), own[2] = {LAYOUT_ROW_MAJOR, LAYOUT_ROW_MAJOR};
  int reads[2], write;
  for (int i = 0; i < 2; i++)
    if (value_is_signal(b, n->inputs[i]))
      own[i] = l;
  if (!plan_walk(p, result, l, shapes, own)) {
    l = own[0] = own[1] = LAYOUT_ROW_MAJOR;
    plan_walk(p, result, l, shapes, own);
  }
  for (int i = 0; i < 2; i++)
    if (!builder_read(b, n->inputs[i], own[i], &reads[i], err))
      return LOWER_FAILED;
  cpu_step step = {.run = run_binary, .parameters = p, .serial = too_small_to_share(result)};
  return builder_write(b, n->output, l, &write, err) && builder_step(b, &step, reads, 2, &write, 1, err)
             ? LOWER_DONE
             : LOWER_FAILED;
}

lower_result lower_binary_step(builder *b, const graph_node *n, error *err) {
  static const char *const names[] = {
      [BINARY_ADD] = "add", [BINARY_SUB] = "sub",         [BINARY_MUL] = "mul",
      [BINARY_DIV] = "div", [BINARY_MAXIMUM] = "maximum", [BINARY_MINIMUM] = "minimum"};
  binary_parameters *p = builder_parameters(b, sizeof *p, err);
  if (!p)
    return LOWER_FAILED;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i], n->op->name) == 0)
      p->kind = (binary_kind)i;
  shape shapes[2];
  for (int i = 0; i < 2; i++)
    shapes[i] = graph_value_get(b->graph, n->inputs[i])->shape;
  return lower_walk(b, n, p, shapes, err);
}

/* The slopes are broadcast along axis 1. */
lower_result lower_prelu_step(builder *b, const graph_node *n, error *err) {
  binary_parameters *p = builder_parameters(b, sizeof *p, err);
  if (!p)
    return LOWER_FAILED;
  p->kind = BINARY_PRELU;
  shape x = graph_value_get(b->graph, n->inputs[0])->shape, slopes = {.rank = x.rank - 1};
  slopes.dims[0] = graph_value_get(b->graph, n->inputs[1])->shape.dims[0];
  for (int i = 1; i < slopes.rank; i++)
    slopes.dims[i] = 1;
  return lower_walk(b, n, p, (const shape[]){x, slopes}, err);
}
