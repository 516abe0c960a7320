#include "backend/cpu/builder.h"

#include "base/buffer.h"
#include "base/checked.h"

#include <stdlib.h>
#include <string.h>

static size_t value_bytes(const graph_value *v) {
  int64_t elements = 0;
  shape_elements(&v->shape, &elements); /* the graph has checked it */
  return (size_t)elements * dtype_size(v->type);
}

/* The last axis, as rows of pairs have it. */
static ptrdiff_t row_length(const graph_value *v) {
  return (ptrdiff_t)v->shape.dims[v->shape.rank - 1];
}

static ptrdiff_t row_count(const graph_value *v) {
  return (ptrdiff_t)(value_bytes(v) / sizeof(float)) / row_length(v);
}

static size_t bytes_in_layout(const graph_value *v, layout l) {
  return l == LAYOUT_PAIRS ? (size_t)(row_count(v) * bf16_row_stride(row_length(v))) * sizeof(float)
                           : value_bytes(v);
}

static bool add_buffer(builder *b, buffer_place place, size_t bytes, int index, buffer_id *id, error *err) {
  cpu_program *p = b->program;
  if (!array_reserve((void **)&p->buffers, &p->buffer_capacity, p->buffer_count + 1, sizeof *p->buffers, err))
    return false;
  *id = (int)p->buffer_count++;
  p->buffers[*id] = (cpu_buffer){.place = place,
                                 .bytes = bytes,
                                 .index = index,
                                 .first_step = p->step_count,
                                 .last_step = p->step_count};
  return true;
}

bool builder_begin(builder *b, const graph *g, cpu_program *p, weight_store *weights, int threads,
                   error *err) {
  size_t count = (size_t)graph_value_count(g);
  *b = (builder){.graph = g,
                 .program = p,
                 .weights = weights,
                 .threads = threads,
                 .homes = malloc((count + 1) * sizeof *b->homes),
                 .notes = calloc(count + 1, sizeof *b->notes)};
  if (!b->homes || !b->notes)
    return error_out_of_memory(err);
  for (size_t i = 0; i < count; i++) {
    b->notes[i].sums = BUFFER_NONE;
    for (int l = 0; l < LAYOUT_COUNT; l++)
      b->homes[i].buffers[l] = BUFFER_NONE;
  }
  for (int i = 0; i < graph_input_count(g); i++) {
    buffer_id id;
    if (!add_buffer(b, PLACE_INPUT, value_bytes(graph_value_get(g, graph_input(g, i))), i, &id, err))
      return false;
    builder_alias(b, graph_input(g, i), LAYOUT_ROW_MAJOR, id);
  }
  return true;
}

void builder_end(builder *b) {
  free(b->homes);
  free(b->notes);
}

bool value_is_signal(const builder *b, value_id v) {
  const graph_value *value = graph_value_get(b->graph, v);
  return value->type == DTYPE_F32 && value->shape.rank == 3 && value->shape.dims[0] == 1;
}

layout builder_layout(const builder *b, value_id v) {
  bool channels_last = b->notes[v].deferred || b->homes[v].buffers[LAYOUT_CHANNELS_LAST] != BUFFER_NONE;
  return channels_last ? LAYOUT_CHANNELS_LAST : LAYOUT_ROW_MAJOR;
}

void builder_alias(builder *b, value_id v, layout l, buffer_id id) {
  const shape *s = &graph_value_get(b->graph, v)->shape;
  b->homes[v].buffers[l] = id;
  /* With one channel, or one time step, both layouts are the same. */
  if (l != LAYOUT_PAIRS && value_is_signal(b, v) && (s->dims[1] == 1 || s->dims[2] == 1))
    b->homes[v].buffers[l == LAYOUT_ROW_MAJOR ? LAYOUT_CHANNELS_LAST : LAYOUT_ROW_MAJOR] = id;
}

/* ---- constants and conversions ---- */

static bool copy_constant(builder *b, value_id v, error *err) {
  const graph_value *value = graph_value_get(b->graph, v);
  weight_key key = {.source = value->data, .form = WEIGHT_COPY, .sizes = {(int64_t)value_bytes(value)}};
  void *copy = weight_store_find_copy(b->weights, value->data, value_bytes(value));
  if (!copy && (copy = weight_store_add(b->weights, &key, value_bytes(value), err)))
    memcpy(copy, value->data, value_bytes(value));
  buffer_id id;
  if (!copy || !add_buffer(b, PLACE_CONSTANT, value_bytes(value), 0, &id, err))
    return false;
  b->program->buffers[id].constant = copy;
  builder_alias(b, v, LAYOUT_ROW_MAJOR, id);
  return true;
}

/* The matrix (rows, columns) that is turned round. */
typedef struct conversion {
  ptrdiff_t rows, columns;
} conversion;

static void run_conversion(const cpu_step *s, const frame *f) {
  const conversion *c = s->parameters;
  const float *x = step_read(s, f, 0);
  float *y = step_write(s, f, 0);
  ptrdiff_t begin, end;
  frame_share(f, c->columns, &begin, &end);
  f->program->kernels->transpose(x, c->rows, c->columns, begin, end, y);
}

/* Rows of floats that are rounded to pairs. */
typedef struct rounding {
  ptrdiff_t rows, columns;
} rounding;

static void run_rounding(const cpu_step *s, const frame *f) {
  const rounding *r = s->parameters;
  const float *x = step_read(s, f, 0);
  float *y = step_write(s, f, 0);
  ptrdiff_t begin, end, stride = bf16_row_stride(r->columns);
  frame_share(f, r->rows, &begin, &end);
  for (ptrdiff_t row = begin; row < end; row++)
    f->program->bf16->to_pairs(x + row * r->columns, r->columns, y + row * stride);
}

static bool round_to_pairs(builder *b, value_id v, error *err) {
  const graph_value *value = graph_value_get(b->graph, v);
  buffer_id source, target;
  rounding *r = builder_parameters(b, sizeof *r, err);
  if (!r || !builder_read(b, v, LAYOUT_ROW_MAJOR, &source, err) ||
      !builder_write(b, v, LAYOUT_PAIRS, &target, err))
    return false;
  *r = (rounding){row_count(value), row_length(value)};
  cpu_step step = {.run = run_rounding, .parameters = r};
  return builder_step(b, &step, &source, 1, &target, 1, err);
}

static bool convert(builder *b, value_id v, layout to, error *err) {
  if (to == LAYOUT_PAIRS)
    return round_to_pairs(b, v, err);
  layout from = to == LAYOUT_ROW_MAJOR ? LAYOUT_CHANNELS_LAST : LAYOUT_ROW_MAJOR;
  const shape *s = &graph_value_get(b->graph, v)->shape;
  int source, target;
  conversion *c = builder_parameters(b, sizeof *c, err);
  if (!c || !builder_read(b, v, from, &source, err) || !builder_write(b, v, to, &target, err))
    return false;
  c->rows = from == LAYOUT_ROW_MAJOR ? s->dims[1] : s->dims[2];
  c->columns = from == LAYOUT_ROW_MAJOR ? s->dims[2] : s->dims[1];
  cpu_step step = {.run = run_conversion, .parameters = c};
  return builder_step(b, &step, &source, 1, &target, 1, err);
}

const graph_node *builder_deferred(const builder *b, value_id v) {
  const graph_value *value = graph_value_get(b->graph, v);
  return b->notes[v].deferred && value->uses == 1 ? graph_node_get(b->graph, value->producer) : NULL;
}

bool builder_read(builder *b, value_id v, layout l, buffer_id *id, error *err) {
  *id = BUFFER_NONE;
  if (v == VALUE_NONE)
    return true;
  if (b->notes[v].deferred && !b->lower_deferred(b, v, err))
    return false;
  if (graph_value_get(b->graph, v)->data && b->homes[v].buffers[LAYOUT_ROW_MAJOR] == BUFFER_NONE &&
      !copy_constant(b, v, err))
    return false;
  if (b->homes[v].buffers[l] == BUFFER_NONE && !convert(b, v, l, err))
    return false;
  *id = b->homes[v].buffers[l];
  return true;
}

/* ---- what steps write ---- */

bool builder_write(builder *b, value_id v, layout l, buffer_id *id, error *err) {
  if (!builder_temporary(b, bytes_in_layout(graph_value_get(b->graph, v), l), id, err))
    return false;
  builder_alias(b, v, l, *id);
  return true;
}

bool builder_temporary(builder *b, size_t bytes, buffer_id *id, error *err) {
  return add_buffer(b, PLACE_ACTIVATION, bytes, 0, id, err);
}

bool builder_output(builder *b, int index, buffer_id *id, error *err) {
  const graph_value *v = graph_value_get(b->graph, graph_output(b->graph, index));
  return add_buffer(b, PLACE_OUTPUT, value_bytes(v), index, id, err);
}

void *builder_parameters(builder *b, size_t size, error *err) {
  return arena_alloc(b->program->memory, size, err);
}

void builder_scratch(builder *b, size_t bytes) {
  if (b->program->scratch_bytes < bytes)
    b->program->scratch_bytes = bytes;
}

static int *copy_list(builder *b, const int *buffers, int count, error *err) {
  int *copy = arena_alloc_array(b->program->memory, (size_t)count, sizeof *copy, err);
  for (int i = 0; copy && i < count; i++) {
    copy[i] = buffers[i];
    if (buffers[i] != BUFFER_NONE)
      b->program->buffers[buffers[i]].last_step = b->program->step_count;
  }
  return copy;
}

bool builder_step(builder *b, const cpu_step *step, const int *reads, int read_count, const int *writes,
                  int write_count, error *err) {
  cpu_program *p = b->program;
  int *own_reads = copy_list(b, reads, read_count, err), *own_writes = copy_list(b, writes, write_count, err);
  if (!own_reads || !own_writes ||
      !array_reserve((void **)&p->steps, &p->step_capacity, p->step_count + 1, sizeof *p->steps, err))
    return false;
  p->steps[p->step_count] = *step;
  p->steps[p->step_count].reads = own_reads;
  p->steps[p->step_count].read_count = read_count;
  p->steps[p->step_count].writes = own_writes;
  p->steps[p->step_count++].write_count = write_count;
  return true;
}
