/* What moves elements: views, joins, padding, and tensors that the code makes. */
#include "import/torchscript/aten.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- the same elements ---- */

bool lower_same(aten_call *call, ts_value *result, error *err) {
  (void)err;
  *result = call->arguments[0];
  return true;
}

/* What may or may not be a copy: taken for a view, so that a later change in place of either is noticed. */
bool lower_alias(aten_call *call, ts_value *result, error *err) {
  value_id id;
  const ts_value *self = &call->arguments[0];
  if (self->kind != TS_TENSOR || self->as.tensor->stored) /* weights are never changed in place */
    return lower_same(call, result, err);
  return aten_tensor(call, "self", &id, err) && aten_view_result(call, "self", id, result, err);
}

bool lower_copy(aten_call *call, ts_value *result, error *err) {
  value_id id;
  return aten_tensor(call, "self", &id, err) && aten_result(call, id, result, err);
}

/* torch's numbers of its types: half, float, double, bfloat16 */
static bool is_float_type(int64_t type) {
  return type == 5 || type == 6 || type == 7 || type == 15;
}

/* Everything is computed in float32, so that casts between floats do nothing. Types come as ints; a first
 * argument that is a device or a tensor moves the type to the second place or gives none. */
bool lower_cast(aten_call *call, ts_value *result, error *err) {
  const ts_value *type = aten_argument(call, "dtype");
  if (type->kind != TS_INT)
    type = aten_argument(call, "second");
  if (type->kind != TS_INT || is_float_type(type->as.integer))
    return lower_alias(call, result, err);
  ts_number number;
  if (!ts_to_number(&call->arguments[0], &number) || !(fabs(number.real) < 9.2e18))
    return error_set(err, ERROR_UNSUPPORTED, "a cast of a tensor to type %" PRId64 ", which is no float",
                     type->as.integer);
  *result = ts_int(number.is_real ? (int64_t)number.real : number.integer);
  return true;
}

/* ---- shapes ---- */

/* Fill in the -1 of a target shape. */
static bool complete_shape(const shape *from, shape *target, error *err) {
  int64_t elements, known = 1;
  int unknown = -1;
  if (!shape_elements(from, &elements))
    return error_set(err, ERROR_INTERNAL, "a value with an impossible shape");
  for (int i = 0; i < target->rank; i++) {
    if (target->dims[i] == -1 && unknown < 0)
      unknown = i;
    else if (__builtin_mul_overflow(known, target->dims[i], &known))
      return error_set(err, ERROR_FORMAT, "the product of the target shape overflows");
  }
  if (unknown < 0)
    return true;
  if (known <= 0 || elements % known != 0)
    return error_set(err, ERROR_FORMAT, "%" PRId64 " elements don't fit the target shape", elements);
  target->dims[unknown] = elements / known;
  return true;
}

static bool reshape_to(aten_call *call, shape *target, ts_value *result, error *err) {
  value_id x, id;
  return aten_tensor(call, "self", &x, err) && complete_shape(lowering_shape(call->l, x), target, err) &&
         aten_reshape(call, x, target, &id, err) && aten_view_result(call, "self", id, result, err);
}

bool lower_reshape(aten_call *call, ts_value *result, error *err) {
  shape target;
  return aten_ints(call, "size", TENSOR_MAX_RANK, target.dims, &target.rank, err) &&
         reshape_to(call, &target, result, err);
}

bool lower_reshape_as(aten_call *call, ts_value *result, error *err) {
  value_id other;
  if (!aten_tensor(call, "other", &other, err))
    return false;
  shape target = *lowering_shape(call->l, other);
  return reshape_to(call, &target, result, err);
}

/* `count` axes from `axis` on become the axes of `middle`. */
static bool replace_axes(const shape *s, int axis, int count, const shape *middle, shape *target,
                         error *err) {
  int tail = s->rank - axis - count;
  target->rank = axis + middle->rank + tail;
  if (target->rank > TENSOR_MAX_RANK)
    return error_set(err, ERROR_UNSUPPORTED, "a tensor of rank %d: at most %d is supported", target->rank,
                     TENSOR_MAX_RANK);
  memcpy(target->dims, s->dims, (size_t)axis * sizeof *s->dims);
  memcpy(target->dims + axis, middle->dims, (size_t)middle->rank * sizeof *s->dims);
  memcpy(target->dims + axis + middle->rank, s->dims + axis + count, (size_t)tail * sizeof *s->dims);
  return true;
}

bool lower_flatten(aten_call *call, ts_value *result, error *err) {
  value_id x;
  int start, end;
  if (!aten_tensor(call, "self", &x, err))
    return false;
  const shape *s = lowering_shape(call->l, x);
  shape target = {1, {1}}, middle = {1, {1}};
  if (s->rank == 0)
    return reshape_to(call, &target, result, err);
  if (!aten_axis(call, "start_dim", s->rank, &start, err) || !aten_axis(call, "end_dim", s->rank, &end, err))
    return false;
  if (start > end)
    return error_set(err, ERROR_FORMAT, "start_dim=%d lies behind end_dim=%d", start, end);
  for (int i = start; i <= end; i++)
    middle.dims[0] *= s->dims[i];
  return replace_axes(s, start, end - start + 1, &middle, &target, err) &&
         reshape_to(call, &target, result, err);
}

bool lower_unflatten(aten_call *call, ts_value *result, error *err) {
  value_id x;
  int axis;
  shape middle, target;
  if (!aten_tensor(call, "self", &x, err) ||
      !aten_axis(call, "dim", lowering_shape(call->l, x)->rank, &axis, err) ||
      !aten_ints(call, "sizes", TENSOR_MAX_RANK, middle.dims, &middle.rank, err))
    return false;
  const shape *s = lowering_shape(call->l, x);
  shape whole = {1, {s->dims[axis]}};
  return complete_shape(&whole, &middle, err) && replace_axes(s, axis, 1, &middle, &target, err) &&
         reshape_to(call, &target, result, err);
}

/* Without dim all axes of size 1 go, else those of dim whose size is 1. */
bool lower_squeeze(aten_call *call, ts_value *result, error *err) {
  value_id x;
  int64_t axes[TENSOR_MAX_RANK];
  int count;
  if (!aten_tensor(call, "self", &x, err) || !aten_ints(call, "dim", TENSOR_MAX_RANK, axes, &count, err))
    return false;
  const shape *s = lowering_shape(call->l, x);
  bool all = !aten_is_given(call, "dim"), chosen[TENSOR_MAX_RANK] = {false};
  for (int i = 0; i < count; i++) {
    int axis;
    if (!aten_wrap_axis(axes[i], s->rank, &axis, err))
      return false;
    chosen[axis] = true;
  }
  shape target = {.rank = 0};
  for (int i = 0; i < s->rank; i++)
    if (s->dims[i] != 1 || !(all || chosen[i]))
      target.dims[target.rank++] = s->dims[i];
  return reshape_to(call, &target, result, err);
}

bool lower_unsqueeze(aten_call *call, ts_value *result, error *err) {
  value_id x;
  int axis;
  shape target, one = {1, {1}};
  if (!aten_tensor(call, "self", &x, err))
    return false;
  const shape *s = lowering_shape(call->l, x);
  return aten_axis(call, "dim", s->rank + 1, &axis, err) && replace_axes(s, axis, 0, &one, &target, err) &&
         reshape_to(call, &target, result, err);
}

/* ---- permutations ---- */

static bool permute(aten_call *call, value_id x, const int64_t *permutation, ts_value *result, error *err) {
  int rank = lowering_shape(call->l, x)->rank;
  value_id id;
  bool moves = false, swaps = rank >= 2;
  for (int i = 0; i < rank; i++) {
    moves |= permutation[i] != i;
    swaps &= permutation[i] == (i < rank - 2 ? i : 2 * rank - 3 - i);
  }
  if (!moves)
    return aten_view_result(call, "self", x, result, err);
  if (!aten_transpose(call, x, permutation, &id, err) || !aten_view_result(call, "self", id, result, err))
    return false;
  result->as.tensor->swapped = swaps ? x : VALUE_NONE;
  return true;
}

static bool swap_axes(aten_call *call, value_id x, int a, int b, ts_value *result, error *err) {
  int64_t permutation[TENSOR_MAX_RANK];
  for (int i = 0; i < TENSOR_MAX_RANK; i++)
    permutation[i] = i == a ? b : i == b ? a : i;
  return permute(call, x, permutation, result, err);
}

bool lower_transpose(aten_call *call, ts_value *result, error *err) {
  value_id x;
  int a, b;
  if (!aten_tensor(call, "self", &x, err))
    return false;
  int rank = lowering_shape(call->l, x)->rank;
  return aten_axis(call, "dim0", rank, &a, err) && aten_axis(call, "dim1", rank, &b, err) &&
         swap_axes(call, x, a, b, result, err);
}

/* t(), .mT: the last two axes */
bool lower_matrix_transpose(aten_call *call, ts_value *result, error *err) {
  value_id x;
  if (!aten_tensor(call, "self", &x, err))
    return false;
  int rank = lowering_shape(call->l, x)->rank;
  return rank < 2 ? aten_view_result(call, "self", x, result, err)
                  : swap_axes(call, x, rank - 2, rank - 1, result, err);
}

bool lower_permute(aten_call *call, ts_value *result, error *err) {
  value_id x;
  int64_t permutation[TENSOR_MAX_RANK];
  int count;
  if (!aten_tensor(call, "self", &x, err) ||
      !aten_ints(call, "dims", TENSOR_MAX_RANK, permutation, &count, err))
    return false;
  int rank = lowering_shape(call->l, x)->rank;
  if (count != rank)
    return error_set(err, ERROR_FORMAT, "%d dims for a tensor of rank %d", count, rank);
  for (int i = 0; i < rank; i++) {
    int axis;
    if (!aten_wrap_axis(permutation[i], rank, &axis, err))
      return false;
    permutation[i] = axis;
  }
  return permute(call, x, permutation, result, err);
}

/* ---- parts ---- */

bool lower_select(aten_call *call, ts_value *result, error *err) {
  value_id x, part, id;
  int axis, index;
  int64_t place;
  shape target, nothing = {.rank = 0};
  if (!aten_tensor(call, "self", &x, err) ||
      !aten_axis(call, "dim", lowering_shape(call->l, x)->rank, &axis, err) ||
      !aten_int(call, "index", &place, err))
    return false;
  const shape *s = lowering_shape(call->l, x);
  if (!replace_axes(s, axis, 1, &nothing, &target, err))
    return false;
  if (s->dims[axis] > INT32_MAX || !aten_wrap_axis(place, (int)s->dims[axis], &index, NULL))
    return error_set(err, ERROR_FORMAT, "index=%" PRId64 " of %" PRId64, place, s->dims[axis]);
  return aten_slice(call, x, axis, index, index + 1, 1, &part, err) &&
         aten_reshape(call, part, &target, &id, err) && aten_view_result(call, "self", id, result, err);
}

/* Python's rule for a bound of a slice. */
static int64_t clamp_bound(int64_t bound, int64_t size) {
  if (bound < 0)
    bound = bound < -size ? 0 : bound + size;
  return bound > size ? size : bound;
}

/* The bounds `start` and `stop` of something of that size; None means an end. */
static bool read_bounds(const ts_value *start, const ts_value *stop, int64_t size, int64_t bounds[2],
                        error *err) {
  const ts_value *values[2] = {start, stop};
  for (int i = 0; i < 2; i++) {
    ts_number number = {.integer = i == 0 ? 0 : size};
    if (values[i]->kind != TS_NONE && (!ts_to_number(values[i], &number) || number.is_real))
      return error_set(err, ERROR_UNSUPPORTED, "a bound is %s", ts_kind_name(values[i]->kind));
    bounds[i] = clamp_bound(number.integer, size);
  }
  return true;
}

/* slice.t(list, start, end, step): other parameters in the same places. */
static bool slice_list(aten_call *call, ts_value *result, error *err) {
  const ts_sequence *list = call->arguments[0].as.sequence;
  const ts_value *start = aten_argument(call, "dim"), *stop = aten_argument(call, "start");
  bool from_front = start->kind == TS_INT || start->kind == TS_NONE;
  int64_t bounds[2];
  if (aten_argument(call, "end")->kind != TS_NONE &&
      !ts_equal(aten_argument(call, "end"), &(ts_value){.kind = TS_INT, .as.integer = 1}))
    return error_set(err, ERROR_UNSUPPORTED, "a step through a list");
  if (!from_front || !read_bounds(start, stop, (int64_t)list->count, bounds, err) ||
      !lowering_charge(call->l, (int64_t)list->count, err) ||
      !ts_new_sequence(TS_LIST, list->count, call->l->memory, result, err))
    return from_front ? false : error_set(err, ERROR_UNSUPPORTED, "a bound is %s", ts_kind_name(start->kind));
  for (int64_t i = bounds[0]; i < bounds[1]; i++)
    if (!ts_append(result, list->items[i], call->l->memory, err))
      return false;
  return true;
}

bool lower_slice(aten_call *call, ts_value *result, error *err) {
  value_id x, id;
  int axis;
  int64_t bounds[2], step;
  if (call->arguments[0].kind == TS_LIST)
    return slice_list(call, result, err);
  if (!aten_tensor(call, "self", &x, err) ||
      !aten_axis(call, "dim", lowering_shape(call->l, x)->rank, &axis, err) ||
      !aten_int(call, "step", &step, err))
    return false;
  int64_t size = lowering_shape(call->l, x)->dims[axis];
  if (!read_bounds(aten_argument(call, "start"), aten_argument(call, "end"), size, bounds, err))
    return false;
  if (bounds[0] >= bounds[1])
    return error_set(err, ERROR_UNSUPPORTED, "an empty slice");
  return aten_slice(call, x, axis, bounds[0], bounds[1], step, &id, err) &&
         aten_view_result(call, "self", id, result, err);
}

static bool slice_view(aten_call *call, value_id x, int axis, int64_t start, int64_t stop, ts_value *result,
                       error *err) {
  value_id id;
  return aten_slice(call, x, axis, start, stop, 1, &id, err) &&
         aten_view_result(call, "self", id, result, err);
}

bool lower_narrow(aten_call *call, ts_value *result, error *err) {
  value_id x;
  int axis;
  int64_t start, length, stop;
  if (!aten_tensor(call, "self", &x, err) ||
      !aten_axis(call, "dim", lowering_shape(call->l, x)->rank, &axis, err) ||
      !aten_int(call, "start", &start, err) || !aten_int(call, "length", &length, err))
    return false;
  if (start < 0)
    start += lowering_shape(call->l, x)->dims[axis];
  if (__builtin_add_overflow(start, length, &stop))
    return error_set(err, ERROR_FORMAT, "length=%" PRId64, length);
  return slice_view(call, x, axis, start, stop, result, err);
}

/* Pieces of `size` along an axis; the last may be smaller. */
static bool split_evenly(aten_call *call, value_id x, int axis, int64_t size, ts_value *result, error *err) {
  int64_t whole = lowering_shape(call->l, x)->dims[axis];
  if (size < 1)
    return error_set(err, ERROR_FORMAT, "pieces of %" PRId64, size);
  if (!ts_new_sequence(TS_LIST, 0, call->l->memory, result, err))
    return false;
  for (int64_t start = 0; start < whole;) {
    int64_t stop = size < whole - start ? start + size : whole;
    ts_value piece;
    if (!lowering_charge(call->l, 10, err) || !slice_view(call, x, axis, start, stop, &piece, err) ||
        !ts_append(result, piece, call->l->memory, err))
      return false;
    start = stop;
  }
  return true;
}

static bool split_operands(aten_call *call, value_id *x, int *axis, error *err) {
  return aten_tensor(call, "self", x, err) &&
         aten_axis(call, "dim", lowering_shape(call->l, *x)->rank, axis, err);
}

bool lower_chunk(aten_call *call, ts_value *result, error *err) {
  value_id x;
  int axis;
  int64_t chunks;
  if (!split_operands(call, &x, &axis, err) || !aten_int(call, "chunks", &chunks, err))
    return false;
  if (chunks < 1)
    return error_set(err, ERROR_FORMAT, "chunks=%" PRId64, chunks);
  int64_t whole = lowering_shape(call->l, x)->dims[axis];
  return split_evenly(call, x, axis, (whole - 1) / chunks + 1, result, err);
}

bool lower_split_with_sizes(aten_call *call, ts_value *result, error *err) {
  const ts_value *sizes = aten_argument(call, "split_size");
  value_id x;
  int axis;
  if (sizes->kind != TS_LIST)
    return error_set(err, ERROR_FORMAT, "split_sizes is %s", ts_kind_name(sizes->kind));
  if (!split_operands(call, &x, &axis, err) || !ts_new_sequence(TS_LIST, 0, call->l->memory, result, err))
    return false;
  int64_t whole = lowering_shape(call->l, x)->dims[axis], start = 0;
  for (size_t i = 0; i < sizes->as.sequence->count; i++) {
    ts_number size;
    ts_value piece;
    bool known = ts_to_number(&sizes->as.sequence->items[i], &size) && !size.is_real;
    if (!known || size.integer < 1 || size.integer > whole - start)
      return error_set(err, ERROR_FORMAT, "the sizes don't add up to %" PRId64, whole);
    if (!lowering_charge(call->l, 10, err) ||
        !slice_view(call, x, axis, start, start + size.integer, &piece, err) ||
        !ts_append(result, piece, call->l->memory, err))
      return false;
    start += size.integer;
  }
  return start == whole || error_set(err, ERROR_FORMAT, "the sizes don't add up to %" PRId64, whole);
}

bool lower_split(aten_call *call, ts_value *result, error *err) {
  value_id x;
  int axis;
  int64_t size;
  if (aten_argument(call, "split_size")->kind == TS_LIST)
    return lower_split_with_sizes(call, result, err);
  return split_operands(call, &x, &axis, err) && aten_int(call, "split_size", &size, err) &&
         split_evenly(call, x, axis, size, result, err);
}

bool lower_unbind(aten_call *call, ts_value *result, error *err) {
  value_id x, id;
  int axis;
  shape target, nothing = {.rank = 0};
  if (!split_operands(call, &x, &axis, err) || !split_evenly(call, x, axis, 1, result, err) ||
      !replace_axes(lowering_shape(call->l, x), axis, 1, &nothing, &target, err))
    return false;
  for (size_t i = 0; i < result->as.sequence->count; i++) {
    ts_value *piece = &result->as.sequence->items[i];
    if (!aten_reshape(call, piece->as.tensor->id, &target, &id, err) ||
        !aten_view_result(call, "self", id, piece, err))
      return false;
  }
  return true;
}

/* ---- joins ---- */

/* The tensors of a list, as ids in the arena. */
static value_id *read_tensors(aten_call *call, size_t *count, error *err) {
  const ts_value *list = aten_argument(call, "tensors");
  if (list->kind != TS_LIST && list->kind != TS_TUPLE) {
    error_set(err, ERROR_FORMAT, "tensors is %s", ts_kind_name(list->kind));
    return NULL;
  }
  const ts_sequence *s = list->as.sequence;
  value_id *ids = arena_alloc_array(call->l->memory, s->count, sizeof *ids, err);
  *count = s->count;
  if (s->count == 0) {
    error_set(err, ERROR_FORMAT, "an empty list of tensors");
    return NULL;
  }
  for (size_t i = 0; ids && i < s->count; i++)
    if (!lowering_charge(call->l, 1, err) || !lowering_value_id(call->l, &s->items[i], &ids[i], err))
      return NULL;
  return ids;
}

bool lower_cat(aten_call *call, ts_value *result, error *err) {
  size_t count;
  int axis;
  value_id id, *ids = read_tensors(call, &count, err);
  return ids && aten_axis(call, "dim", lowering_shape(call->l, ids[0])->rank, &axis, err) &&
         aten_concat(call, ids, count, axis, &id, err) && aten_result(call, id, result, err);
}

bool lower_stack(aten_call *call, ts_value *result, error *err) {
  size_t count;
  int axis;
  shape target, one = {1, {1}};
  value_id id, *ids = read_tensors(call, &count, err);
  if (!ids || !aten_axis(call, "dim", lowering_shape(call->l, ids[0])->rank + 1, &axis, err))
    return false;
  const shape first = *lowering_shape(call->l, ids[0]);
  for (size_t i = 0; i < count; i++) {
    if (!shape_equal(lowering_shape(call->l, ids[i]), &first))
      return error_set(err, ERROR_FORMAT, "tensors of different shapes");
    if (!replace_axes(&first, axis, 0, &one, &target, err) ||
        !aten_reshape(call, ids[i], &target, &ids[i], err))
      return false;
  }
  return aten_concat(call, ids, count, axis, &id, err) && aten_result(call, id, result, err);
}

/* ---- padding ---- */

enum { MAX_MIRRORED_PADDING = 64 };

static bool pad_constant(aten_call *call, value_id x, const int64_t *padding, int count, ts_value *result,
                         error *err) {
  value_id id;
  op_attributes a = {.ints_count = count};
  memcpy(a.ints, padding, (size_t)count * sizeof *padding);
  if (aten_is_given(call, "value") && !aten_real(call, "value", &a.value, err))
    return false;
  return aten_unary(call, "pad", x, &a, &id, err) && aten_result(call, id, result, err);
}

/* Which sample stands at `place`, before or behind the signal. */
static int64_t source_of(const char *mode, int64_t place, int64_t size) {
  if (strcmp(mode, "reflect") == 0)
    return place < 0 ? -place : 2 * (size - 1) - place;
  if (strcmp(mode, "circular") == 0)
    return place < 0 ? place + size : place - size;
  return place < 0 ? 0 : size - 1;
}

/* The signal between copies of single samples of itself. */
static bool pad_with_samples(aten_call *call, value_id x, const char *mode, const int64_t padding[2],
                             ts_value *result, error *err) {
  value_id parts[2 * MAX_MIRRORED_PADDING + 1], id;
  size_t count = 0;
  const shape *s = lowering_shape(call->l, x);
  int axis = s->rank - 1;
  int64_t size = axis >= 0 ? s->dims[axis] : 0;
  for (int i = 0; i < 2; i++)
    if (padding[i] < 0 || padding[i] > MAX_MIRRORED_PADDING || padding[i] >= size)
      return error_set(err, ERROR_UNSUPPORTED, "a %s padding of %" PRId64, mode, padding[i]);
  for (int64_t place = -padding[0]; place < size + padding[1]; place++) {
    bool inside = place >= 0 && place < size;
    int64_t source = inside ? 0 : source_of(mode, place, size);
    if (!aten_slice(call, x, axis, source, inside ? size : source + 1, 1, &parts[count++], err))
      return false;
    if (inside)
      place = size - 1;
  }
  return aten_concat(call, parts, count, axis, &id, err) && aten_result(call, id, result, err);
}

bool lower_pad(aten_call *call, ts_value *result, error *err) {
  static const char *const modes[] = {"reflect", "replicate", "circular"};
  const ts_value *mode = aten_argument(call, "mode");
  value_id x;
  int64_t padding[TENSOR_MAX_RANK];
  int count;
  if (!aten_tensor(call, "self", &x, err) || !aten_ints(call, "pad", TENSOR_MAX_RANK, padding, &count, err))
    return false;
  if (mode->kind == TS_STRING && strcmp(mode->as.string, "constant") == 0)
    return pad_constant(call, x, padding, count, result, err);
  for (size_t i = 0; mode->kind == TS_STRING && count == 2 && i < sizeof modes / sizeof *modes; i++)
    if (strcmp(mode->as.string, modes[i]) == 0)
      return pad_with_samples(call, x, modes[i], padding, result, err);
  return error_set(err, ERROR_UNSUPPORTED, "mode='%.40s' with %d paddings",
                   mode->kind == TS_STRING ? mode->as.string : "?", count);
}

/* ---- repetition ---- */

/* Put axes of size 1 in front. */
static bool raise_rank(aten_call *call, value_id x, int rank, value_id *result, error *err) {
  const shape *s = lowering_shape(call->l, x);
  shape target, ones = {rank - s->rank, {1, 1, 1, 1, 1, 1}};
  if (ones.rank < 0)
    return error_set(err, ERROR_FORMAT, "%d sizes for a tensor of rank %d", rank, s->rank);
  return replace_axes(s, 0, 0, &ones, &target, err) && aten_reshape(call, x, &target, result, err);
}

/* By broadcasting: times ones where an axis of size 1 is to be repeated. */
static bool expand_to(aten_call *call, shape target, ts_value *result, error *err) {
  value_id x, ones;
  if (!aten_tensor(call, "self", &x, err) || !raise_rank(call, x, target.rank, &x, err))
    return false;
  const shape s = *lowering_shape(call->l, x);
  shape repeated = {.rank = target.rank};
  bool grows = false;
  for (int i = 0; i < target.rank; i++) {
    int64_t size = target.dims[i] == -1 ? s.dims[i] : target.dims[i];
    if (size != s.dims[i] && s.dims[i] != 1)
      return error_set(err, ERROR_FORMAT, "size %" PRId64 " is expanded to %" PRId64, s.dims[i], size);
    repeated.dims[i] = size == s.dims[i] ? 1 : size;
    grows |= repeated.dims[i] != 1;
  }
  if (!grows)
    return aten_view_result(call, "self", x, result, err);
  return lowering_fill(call->l, &repeated, 1, &ones, err) && aten_binary(call, "mul", x, ones, &x, err) &&
         aten_view_result(call, "self", x, result, err);
}

bool lower_expand(aten_call *call, ts_value *result, error *err) {
  shape target;
  return aten_ints(call, "size", TENSOR_MAX_RANK, target.dims, &target.rank, err) &&
         expand_to(call, target, result, err);
}

bool lower_expand_as(aten_call *call, ts_value *result, error *err) {
  value_id other;
  return aten_tensor(call, "other", &other, err) &&
         expand_to(call, *lowering_shape(call->l, other), result, err);
}

bool lower_repeat(aten_call *call, ts_value *result, error *err) {
  value_id x, copies[64];
  int64_t repeats[TENSOR_MAX_RANK];
  int count;
  if (!aten_tensor(call, "self", &x, err) ||
      !aten_ints(call, "repeats", TENSOR_MAX_RANK, repeats, &count, err) ||
      !raise_rank(call, x, count, &x, err))
    return false;
  for (int axis = 0; axis < count; axis++) {
    if (repeats[axis] < 1 || repeats[axis] > (int64_t)(sizeof copies / sizeof *copies))
      return error_set(err, ERROR_UNSUPPORTED, "%" PRId64 " repeats", repeats[axis]);
    for (int64_t i = 0; i < repeats[axis]; i++)
      copies[i] = x;
    if (!aten_concat(call, copies, (size_t)repeats[axis], axis, &x, err))
      return false;
  }
  return aten_result(call, x, result, err);
}

/* ---- tensors that the code makes; detail: the value, or -1 to ask the argument fill_value ---- */

static bool fill(aten_call *call, const shape *s, ts_value *result, error *err) {
  double value = call->op->detail;
  value_id id;
  if (call->op->detail < 0 && !aten_real(call, "fill_value", &value, err))
    return false;
  return lowering_fill(call->l, s, value, &id, err) && aten_result(call, id, result, err);
}

bool lower_fill(aten_call *call, ts_value *result, error *err) {
  shape s;
  return aten_ints(call, "size", TENSOR_MAX_RANK, s.dims, &s.rank, err) && fill(call, &s, result, err);
}

bool lower_fill_like(aten_call *call, ts_value *result, error *err) {
  value_id x;
  if (!aten_tensor(call, "self", &x, err))
    return false;
  shape s = *lowering_shape(call->l, x);
  return fill(call, &s, result, err);
}
