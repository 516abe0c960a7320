/* Operators that only move elements: aliases of what is there already, or copies. */
#include "backend/cpu/lower.h"
#include "backend/cpu/lower_shapes.h"

#include <math.h>
#include <string.h>

enum { ELEMENT_SIZE = 4 }; /* of all types */

/* ---- aliases ---- */

static lower_result alias_row_major(builder *b, const graph_node *n, error *err) {
  buffer_id id;
  if (!builder_read(b, n->inputs[0], LAYOUT_ROW_MAJOR, &id, err))
    return LOWER_FAILED;
  builder_alias(b, n->output, LAYOUT_ROW_MAJOR, id);
  return LOWER_DONE;
}

lower_result lower_reshape_step(builder *b, const graph_node *n, error *err) {
  return alias_row_major(b, n, err);
}

/* Does the permutation leave the axes of more than one element in their order? */
static bool keeps_order(const shape *x, const int64_t *permutation) {
  int64_t last = -1;
  for (int i = 0; i < x->rank; i++) {
    if (x->dims[permutation[i]] == 1)
      continue;
    if (permutation[i] < last)
      return false;
    last = permutation[i];
  }
  return true;
}

/* A signal turned round is the same memory, seen in the other layout. */
lower_result lower_transpose_step(builder *b, const graph_node *n, error *err) {
  const int64_t *permutation = n->attributes.ints;
  value_id x = n->inputs[0];
  if (keeps_order(shape_of_value(b, x), permutation))
    return alias_row_major(b, n, err);
  if (!value_is_signal(b, x) || permutation[0] != 0)
    return LOWER_DECLINED;
  layout at_hand = builder_layout(b, x);
  buffer_id id;
  if (!builder_read(b, x, at_hand, &id, err))
    return LOWER_FAILED;
  builder_alias(b, n->output, at_hand == LAYOUT_ROW_MAJOR ? LAYOUT_CHANNELS_LAST : LAYOUT_ROW_MAJOR, id);
  return LOWER_DONE;
}

/* ---- copies of pieces ---- */

/* `count` pieces of `bytes`, at even distances. */
typedef struct piece_list {
  ptrdiff_t count, bytes;
  ptrdiff_t source_offset, source_distance, target_offset, target_distance;
} piece_list;

typedef struct copy_parameters {
  int lists; /* one per operand */
  ptrdiff_t target_bytes;
  float fill;
  bool fills;
  piece_list pieces[];
} copy_parameters;

static void run_copies(const cpu_step *s, const frame *f) {
  const copy_parameters *p = s->parameters;
  unsigned char *target = step_write(s, f, 0);
  for (ptrdiff_t i = 0; p->fills && i < p->target_bytes / ELEMENT_SIZE; i++)
    memcpy(target + i * ELEMENT_SIZE, &p->fill, ELEMENT_SIZE);
  for (int i = 0; i < p->lists; i++) {
    const piece_list *l = &p->pieces[i];
    const unsigned char *source = step_read(s, f, i);
    for (ptrdiff_t j = 0; j < l->count; j++)
      memcpy(target + l->target_offset + j * l->target_distance,
             source + l->source_offset + j * l->source_distance, (size_t)l->bytes);
  }
}

/* A shape's axes in the order in which they lie in memory. */
static shape stored_shape(const builder *b, value_id v, layout l) {
  shape s = *shape_of_value(b, v);
  if (l == LAYOUT_CHANNELS_LAST) {
    int64_t channels = s.dims[1];
    s.dims[1] = s.dims[2];
    s.dims[2] = channels;
  }
  return s;
}

static int stored_axis(int64_t axis, layout l) {
  return l == LAYOUT_CHANNELS_LAST && axis > 0 ? 3 - (int)axis : (int)axis;
}

static lower_result add_copies(builder *b, const graph_node *n, copy_parameters *p, layout l, error *err) {
  int reads[OP_MAX_INPUTS], write;
  shape target = stored_shape(b, n->output, l);
  p->lists = n->input_count;
  p->target_bytes = elements_between(&target, 0, target.rank) * ELEMENT_SIZE;
  for (int i = 0; i < n->input_count; i++)
    if (!builder_read(b, n->inputs[i], l, &reads[i], err))
      return LOWER_FAILED;
  cpu_step step = {.run = run_copies, .parameters = p, .serial = true};
  return builder_write(b, n->output, l, &write, err) &&
                 builder_step(b, &step, reads, n->input_count, &write, 1, err)
             ? LOWER_DONE
             : LOWER_FAILED;
}

/* The layout in which pieces of the first operand become pieces of the result. */
static layout copy_layout(const builder *b, const graph_node *n) {
  return value_is_signal(b, n->output) ? builder_layout(b, n->inputs[0]) : LAYOUT_ROW_MAJOR;
}

static copy_parameters *copies_of(builder *b, int lists, error *err) {
  return builder_parameters(b, sizeof(copy_parameters) + (size_t)lists * sizeof(piece_list), err);
}

lower_result lower_concat_step(builder *b, const graph_node *n, error *err) {
  copy_parameters *p = copies_of(b, n->input_count, err);
  if (!p)
    return LOWER_FAILED;
  layout l = copy_layout(b, n);
  int axis = stored_axis(n->attributes.axis, l);
  shape target = stored_shape(b, n->output, l);
  ptrdiff_t row = elements_between(&target, axis, target.rank) * ELEMENT_SIZE, done = 0;
  for (int i = 0; i < n->input_count; i++) {
    shape source = stored_shape(b, n->inputs[i], l);
    ptrdiff_t own = elements_between(&source, axis, source.rank) * ELEMENT_SIZE;
    p->pieces[i] = (piece_list){.count = elements_between(&source, 0, axis),
                                .bytes = own,
                                .source_distance = own,
                                .target_offset = done,
                                .target_distance = row};
    done += own;
  }
  return add_copies(b, n, p, l, err);
}

/* The beginning of a buffer needs no copy. Steps other than 1 are copied if the rows are the outermost axis.
 */
lower_result lower_slice_step(builder *b, const graph_node *n, error *err) {
  const op_attributes *a = &n->attributes;
  layout l = copy_layout(b, n);
  int axis = stored_axis(a->axis, l);
  shape source = stored_shape(b, n->inputs[0], l), target = stored_shape(b, n->output, l);
  ptrdiff_t outer = elements_between(&source, 0, axis);
  ptrdiff_t inner = elements_between(&source, axis + 1, source.rank) * ELEMENT_SIZE;
  if (outer == 1 && a->start == 0 && (a->step == 1 || target.dims[axis] == 1)) {
    buffer_id id;
    if (!builder_read(b, n->inputs[0], l, &id, err))
      return LOWER_FAILED;
    builder_alias(b, n->output, l, id);
    return LOWER_DONE;
  }
  if (a->step != 1 && outer != 1)
    return LOWER_DECLINED;
  copy_parameters *p = copies_of(b, 1, err);
  if (!p)
    return LOWER_FAILED;
  p->pieces[0] = (piece_list){.count = outer,
                              .bytes = (ptrdiff_t)target.dims[axis] * inner,
                              .source_offset = (ptrdiff_t)a->start * inner,
                              .source_distance = (ptrdiff_t)source.dims[axis] * inner,
                              .target_distance = (ptrdiff_t)target.dims[axis] * inner};
  if (a->step != 1) {
    p->pieces[0].count = (ptrdiff_t)target.dims[axis];
    p->pieces[0].bytes = p->pieces[0].target_distance = inner;
    p->pieces[0].source_distance = (ptrdiff_t)a->step * inner;
  }
  return add_copies(b, n, p, l, err);
}

/* Padding of one axis. */
lower_result lower_pad_step(builder *b, const graph_node *n, error *err) {
  const op_attributes *a = &n->attributes;
  layout l = copy_layout(b, n);
  int rank = shape_of_value(b, n->output)->rank, padded = -1;
  for (int i = 0; i < a->ints_count; i += 2)
    if (a->ints[i] || a->ints[i + 1]) {
      if (padded >= 0)
        return LOWER_DECLINED;
      padded = i;
    }
  if (padded < 0)
    return alias_row_major(b, n, err);
  copy_parameters *p = copies_of(b, 1, err);
  if (!p)
    return LOWER_FAILED;
  int axis = stored_axis(rank - 1 - padded / 2, l);
  shape source = stored_shape(b, n->inputs[0], l), target = stored_shape(b, n->output, l);
  ptrdiff_t inner = elements_between(&source, axis + 1, rank) * ELEMENT_SIZE;
  p->fills = true;
  p->fill = (float)a->value;
  p->pieces[0] = (piece_list){.count = elements_between(&source, 0, axis),
                              .bytes = (ptrdiff_t)source.dims[axis] * inner,
                              .source_distance = (ptrdiff_t)source.dims[axis] * inner,
                              .target_offset = (ptrdiff_t)a->ints[padded] * inner,
                              .target_distance = (ptrdiff_t)target.dims[axis] * inner};
  return add_copies(b, n, p, l, err);
}

/* ---- embedding ---- */

typedef struct embedding_parameters {
  ptrdiff_t count, rows, width;
} embedding_parameters;

static void run_embedding(const cpu_step *s, const frame *f) {
  const embedding_parameters *p = s->parameters;
  const float *table = step_read(s, f, 0);
  const int32_t *indices = step_read(s, f, 1);
  float *y = step_write(s, f, 0);
  for (ptrdiff_t i = 0; i < p->count; i++, y += p->width) {
    if (indices[i] >= 0 && indices[i] < p->rows)
      memcpy(y, table + indices[i] * p->width, (size_t)p->width * sizeof *y);
    else
      for (ptrdiff_t j = 0; j < p->width; j++)
        y[j] = NAN;
  }
}

lower_result lower_embedding_step(builder *b, const graph_node *n, error *err) {
  embedding_parameters *p = builder_parameters(b, sizeof *p, err);
  int reads[2], write;
  if (!p)
    return LOWER_FAILED;
  const shape *indices = shape_of_value(b, n->inputs[1]);
  p->count = elements_between(indices, 0, indices->rank);
  p->rows = (ptrdiff_t)shape_of_value(b, n->inputs[0])->dims[0];
  p->width = (ptrdiff_t)shape_of_value(b, n->inputs[0])->dims[1];
  cpu_step step = {.run = run_embedding, .parameters = p, .serial = true};
  return builder_read(b, n->inputs[0], LAYOUT_ROW_MAJOR, &reads[0], err) &&
                 builder_read(b, n->inputs[1], LAYOUT_ROW_MAJOR, &reads[1], err) &&
                 builder_write(b, n->output, LAYOUT_ROW_MAJOR, &write, err) &&
                 builder_step(b, &step, reads, 2, &write, 1, err)
             ? LOWER_DONE
             : LOWER_FAILED;
}
