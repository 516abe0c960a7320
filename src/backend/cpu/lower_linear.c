#include "backend/cpu/lower_linear.h"

#include "backend/cpu/aligned.h"
#include "backend/cpu/lower.h"
#include "backend/cpu/match.h"
#include "backend/cpu/product.h"
#include "backend/cpu/product_bf16.h"

/* ---- linear ---- */

enum { SMALL_WORK = 20000 };

typedef struct linear_step {
  product product;
  ptrdiff_t y_stride;
} linear_step;

static void run_linear(const cpu_step *s, const frame *f) {
  const product *p[FRAMES_IN_STEP];
  product_operands o[FRAMES_IN_STEP];
  int count = f->in_step > 1 ? f->in_step : 1;
  for (int i = 0; i < count; i++) {
    const cpu_step *own = frame_step(&f[i], s, f);
    const linear_step *l = own->parameters;
    p[i] = &l->product;
    o[i] = (product_operands){.x = step_read(own, &f[i], 0),
                              .residual = step_read(own, &f[i], 1),
                              .y = step_write(own, &f[i], 0),
                              .y_stride = l->y_stride,
                              .scratch = f->scratch};
  }
  product_run_joint(p, o, count, f);
}

/* False where they aren't constant. */
static bool linear_weights(const builder *b, const graph_node *n, product_weights *w) {
  value_id bias = node_operand(n, 2);
  w->weight = graph_value_get(b->graph, n->inputs[1])->data;
  w->bias = bias == VALUE_NONE ? NULL : graph_value_get(b->graph, bias)->data;
  return w->weight && (bias == VALUE_NONE || w->bias);
}

/* The product of `count` such layers as n. */
static product linear_product(const builder *b, const graph_node *n, int count) {
  const shape *weight = &graph_value_get(b->graph, n->inputs[1])->shape;
  int64_t elements = 0;
  shape_elements(&graph_value_get(b->graph, n->output)->shape, &elements);
  ptrdiff_t in = weight->dims[1], rows = elements / weight->dims[0];
  return (product){.in_rows = rows,
                   .channels = in,
                   .rows = rows,
                   .columns = count * weight->dims[0],
                   .groups = 1,
                   .group_channels = in,
                   .kernel = 1,
                   .stride = 1,
                   .dilation = 1,
                   .activation = (int)n->attributes.activation,
                   .alpha = (float)n->attributes.alpha};
}

bool linear_reads_pairs(const builder *b, const graph_node *n) {
  product_weights w;
  if (n->op != &op_linear || !linear_weights(b, n, &w))
    return false;
  product p = linear_product(b, n, 1);
  return product_bf16_suits(b, &p, 0);
}

static bool read_input(builder *b, const linear_step *l, value_id v, buffer_id *id, error *err) {
  return builder_read(b, v, l->product.reads_pairs ? LAYOUT_PAIRS : LAYOUT_ROW_MAJOR, id, err);
}

static bool add_linear_step(builder *b, const linear_step *l, const buffer_id reads[2], buffer_id write,
                            error *err) {
  const product *p = &l->product;
  builder_scratch(b, product_scratch(p));
  cpu_step step = {.run = run_linear,
                   .parameters = l,
                   .serial = p->rows * p->columns * p->inner < SMALL_WORK,
                   .joint = true,
                   .weights = p->weights,
                   .weight_bytes = product_weight_bytes(p)};
  return builder_step(b, &step, reads, 2, &write, 1, err);
}

static bool has_projections(const builder *b, const graph_node *n) {
  const graph_node *projections[3];
  return find_projections(b, n, projections);
}

/* In bfloat16 the operand is read as pairs, and so is the result written where nobody wants anything else. */
static void set_linear_step(const builder *b, const graph_node *n, linear_step *l) {
  product *p = &l->product;
  *p = linear_product(b, n, 1);
  p->reads_pairs = product_bf16_suits(b, p, 0);
  p->writes_pairs = p->reads_pairs && find_pairs_use(b, n->output) == PAIRS_ALONE;
  l->y_stride = p->writes_pairs ? bf16_row_stride(p->columns) : p->columns;
}

lower_result lower_linear_layer(builder *b, const graph_node *n, error *err) {
  product_weights w;
  if (!linear_weights(b, n, &w))
    return LOWER_DECLINED;
  if (!b->notes[n->output].kept && find_sole_consumer(b, n->output, has_projections)) {
    b->notes[n->output].deferred = true;
    return LOWER_DONE;
  }
  linear_step *l = builder_parameters(b, sizeof *l, err);
  buffer_id reads[2], write;
  if (!l)
    return LOWER_FAILED;
  set_linear_step(b, n, l);
  return product_prepare(b, &l->product, &w, 0, err) && read_input(b, l, n->inputs[0], &reads[0], err) &&
                 builder_read(b, node_operand(n, 3), LAYOUT_ROW_MAJOR, &reads[1], err) &&
                 builder_write(b, n->output, l->product.writes_pairs ? LAYOUT_PAIRS : LAYOUT_ROW_MAJOR,
                               &write, err) &&
                 add_linear_step(b, l, reads, write, err)
             ? LOWER_DONE
             : LOWER_FAILED;
}

/* An odd number of cache lines: columns of the result, of which others read a few from each row, then don't
 * fall on the same cache sets. */
static ptrdiff_t spread_stride(ptrdiff_t columns) {
  ptrdiff_t line = CACHE_LINE / (ptrdiff_t)sizeof(float);
  return ((columns + line - 1) / line | 1) * line;
}

bool linear_joined(builder *b, const graph_node *const layers[], int count, buffer_id *result,
                   ptrdiff_t *stride, error *err) {
  product_weights w[PRODUCT_MOST_SOURCES];
  linear_step *l = builder_parameters(b, sizeof *l, err);
  buffer_id reads[2] = {BUFFER_NONE, BUFFER_NONE};
  if (!l)
    return false;
  for (int i = 0; i < count; i++)
    linear_weights(b, layers[i], &w[i]);
  l->product = linear_product(b, layers[0], count);
  l->product.reads_pairs = product_bf16_suits(b, &l->product, 0);
  *stride = l->y_stride = spread_stride(l->product.columns);
  return product_prepare_joined(b, &l->product, w, count, err) &&
         read_input(b, l, layers[0]->inputs[0], &reads[0], err) &&
         builder_temporary(b, (size_t)(l->product.rows * *stride) * sizeof(float), result, err) &&
         add_linear_step(b, l, reads, *result, err);
}

/* ---- matmul: both operands are results ---- */

typedef struct matmul_step {
  const cpu_kernels *kernels;
  ptrdiff_t rows, columns, inner;
  ptrdiff_t panels, tiles, matrices;
  int panel_vectors;
  bool transpose_b;
  int rank; /* of the result */
  int64_t dims[TENSOR_MAX_RANK], strides_a[TENSOR_MAX_RANK], strides_b[TENSOR_MAX_RANK];
} matmul_step;

/* The element where matrix `index` begins. */
static ptrdiff_t matrix_offset(const matmul_step *m, const int64_t *strides, ptrdiff_t index) {
  ptrdiff_t offset = 0;
  for (int axis = m->rank - 3; axis >= 0; axis--) {
    offset += index % m->dims[axis] * strides[axis];
    index /= m->dims[axis];
  }
  return offset;
}

static void pack_columns(const matmul_step *m, const float *b, ptrdiff_t first, ptrdiff_t width,
                         float *panel) {
  ptrdiff_t count = m->columns - first < width ? m->columns - first : width;
  for (ptrdiff_t k = 0; k < m->inner; k++, panel += width)
    for (ptrdiff_t i = 0; i < width; i++)
      panel[i] = i >= count       ? 0.0f
                 : m->transpose_b ? b[(first + i) * m->inner + k]
                                  : b[k * m->columns + first + i];
}

static void run_panel(const matmul_step *m, const float *a, const float *b, float *y, ptrdiff_t panel,
                      float *packed) {
  ptrdiff_t lanes = m->kernels->lanes, first = panel * m->panel_vectors * lanes, left = m->columns - first;
  ptrdiff_t vectors = (left + lanes - 1) / lanes;
  vectors = vectors < m->panel_vectors ? vectors : m->panel_vectors;
  ptrdiff_t last_lanes = left - (vectors - 1) * lanes;
  pack_columns(m, b, first, vectors * lanes, packed);
  gemm_tile t = {.a_stride = m->inner,
                 .b = packed,
                 .inner = m->inner,
                 .c_stride = m->columns,
                 .last_lanes = last_lanes < lanes ? last_lanes : lanes,
                 .finish = true};
  for (ptrdiff_t tile = 0; tile < m->tiles; tile++) {
    ptrdiff_t begin = m->rows * tile / m->tiles, end = m->rows * (tile + 1) / m->tiles;
    t.a = a + begin * m->inner;
    t.c = y + begin * m->columns + first;
    m->kernels->gemm_tiles[vectors - 1][end - begin - 1](&t);
  }
}

static void run_matmul(const cpu_step *s, const frame *f) {
  const matmul_step *m = s->parameters;
  const float *a = step_read(s, f, 0), *b = step_read(s, f, 1);
  float *y = step_write(s, f, 0);
  ptrdiff_t begin, end;
  frame_share(f, m->matrices * m->panels, &begin, &end);
  for (ptrdiff_t unit = begin; unit < end; unit++) {
    ptrdiff_t matrix = unit / m->panels;
    run_panel(m, a + matrix_offset(m, m->strides_a, matrix), b + matrix_offset(m, m->strides_b, matrix),
              y + matrix * m->rows * m->columns, unit % m->panels, f->scratch);
  }
}

/* Strides of an operand's matrices along the result's leading axes; 0 where it is repeated. */
static void matrix_strides(const shape *s, const matmul_step *m, int64_t *strides) {
  int64_t stride = s->dims[s->rank - 1] * s->dims[s->rank - 2];
  for (int axis = m->rank - 3; axis >= 0; axis--) {
    int own = axis - (m->rank - s->rank);
    int64_t size = own >= 0 ? s->dims[own] : 1;
    strides[axis] = size == 1 ? 0 : stride;
    stride *= size;
  }
}

static void set_matmul_sizes(const builder *b, const graph_node *n, matmul_step *m) {
  const shape *left = &graph_value_get(b->graph, n->inputs[0])->shape;
  const shape *right = &graph_value_get(b->graph, n->inputs[1])->shape;
  const shape *y = &graph_value_get(b->graph, n->output)->shape;
  ptrdiff_t lanes = b->program->kernels->lanes;
  m->kernels = b->program->kernels;
  m->rank = y->rank;
  m->rows = y->dims[y->rank - 2];
  m->columns = y->dims[y->rank - 1];
  m->inner = left->dims[left->rank - 1];
  m->transpose_b = n->attributes.transpose_b != 0;
  m->panel_vectors = m->columns <= lanes ? 1 : 2;
  m->panels = (m->columns + m->panel_vectors * lanes - 1) / (m->panel_vectors * lanes);
  ptrdiff_t most_rows = m->kernels->gemm_rows[m->panel_vectors - 1];
  m->tiles = (m->rows + most_rows - 1) / most_rows;
  m->matrices = 1;
  for (int axis = 0; axis < y->rank - 2; axis++) {
    m->dims[axis] = y->dims[axis];
    m->matrices *= y->dims[axis];
  }
  matrix_strides(left, m, m->strides_a);
  matrix_strides(right, m, m->strides_b);
}

lower_result lower_matrix_product(builder *b, const graph_node *n, error *err) {
  matmul_step *m = builder_parameters(b, sizeof *m, err);
  buffer_id reads[2], write;
  if (!m)
    return LOWER_FAILED;
  set_matmul_sizes(b, n, m);
  if (!builder_read(b, n->inputs[0], LAYOUT_ROW_MAJOR, &reads[0], err) ||
      !builder_read(b, n->inputs[1], LAYOUT_ROW_MAJOR, &reads[1], err) ||
      !builder_write(b, n->output, LAYOUT_ROW_MAJOR, &write, err))
    return LOWER_FAILED;
  ptrdiff_t lanes = m->kernels->lanes;
  builder_scratch(b, (size_t)(m->inner * m->panel_vectors * lanes) * sizeof(float));
  cpu_step step = {.run = run_matmul,
                   .parameters = m,
                   .serial = m->matrices * m->rows * m->columns * m->inner < SMALL_WORK};
  return builder_step(b, &step, reads, 2, &write, 1, err) ? LOWER_DONE : LOWER_FAILED;
}
