/* Operators that move elements and compute nothing. All types are 4 bytes wide, and are copied as bytes. */
#include "ops/check.h"
#include "ops/ops.h"

#include <inttypes.h>
#include <string.h>

enum { ELEMENT_SIZE = 4 };

static void copy_elements(void *to, int64_t to_index, const void *from, int64_t from_index, int64_t count) {
  memcpy((char *)to + to_index * ELEMENT_SIZE, (const char *)from + from_index * ELEMENT_SIZE,
         (size_t)count * ELEMENT_SIZE);
}

/* ---- concat ---- */

static bool concat_fits(const shape *first, const shape *s, int64_t axis) {
  if (s->rank != first->rank)
    return false;
  for (int i = 0; i < s->rank; i++)
    if (i != axis && s->dims[i] != first->dims[i])
      return false;
  return true;
}

static bool concat_infer(const shape *const *inputs, const dtype *types, int input_count,
                         const op_attributes *a, shape *result, dtype *result_type, error *err) {
  const shape *first = inputs[0];
  if (!check_range("axis", a->axis, 0, first->rank - 1, err))
    return false;
  int64_t total = 0;
  for (int i = 0; i < input_count; i++) {
    if (!inputs[i])
      return error_set(err, ERROR_FORMAT, "operand %d is missing", i);
    if (types[i] != types[0])
      return error_set(err, ERROR_FORMAT, "operand %d is %s, operand 0 is %s", i, dtype_name(types[i]),
                       dtype_name(types[0]));
    if (!concat_fits(first, inputs[i], a->axis)) {
      char text[SHAPE_TEXT_SIZE], text_first[SHAPE_TEXT_SIZE];
      return error_set(err, ERROR_FORMAT, "operand %d of shape %s does not join %s along axis=%" PRId64, i,
                       shape_text(inputs[i], text, sizeof text),
                       shape_text(first, text_first, sizeof text_first), a->axis);
    }
    total += inputs[i]->dims[a->axis];
  }
  *result = *first;
  result->dims[a->axis] = total;
  *result_type = types[0];
  return true;
}

static void concat_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                            const shape *result_shape, void *result) {
  int axis = (int)a->axis, rank = result_shape->rank;
  int64_t outer = dims_product(result_shape, 0, axis), row = dims_product(result_shape, axis, rank), done = 0;
  for (int i = 0; i < input_count; i++) {
    int64_t own = dims_product(&inputs[i].shape, axis, rank);
    for (int64_t r = 0; r < outer; r++)
      copy_elements(result, r * row + done, inputs[i].data, r * own, own);
    done += own;
  }
}

static const attribute_spec concat_attributes[] = {
    ATTRIBUTE(axis, ATTRIBUTE_INT, ALWAYS),
    ATTRIBUTES_END,
};

const op_descriptor op_concat = {"concat",        1,   OP_MAX_INPUTS, concat_attributes, concat_infer,
                                 concat_evaluate, NULL};

/* ---- slice ---- */

static bool slice_infer(const shape *const *inputs, const dtype *types, int input_count,
                        const op_attributes *a, shape *result, dtype *result_type, error *err) {
  (void)input_count;
  const shape *x = inputs[0];
  if (!check_range("axis", a->axis, 0, x->rank - 1, err))
    return false;
  int64_t size = x->dims[a->axis];
  if (!check_range("step", a->step, 1, INT64_MAX, err) || !check_range("start", a->start, 0, size - 1, err) ||
      !check_range("stop", a->stop, a->start + 1, size, err))
    return false;
  *result = *x;
  result->dims[a->axis] = (a->stop - a->start - 1) / a->step + 1;
  *result_type = types[0];
  return true;
}

static void slice_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                           const shape *result_shape, void *result) {
  (void)input_count;
  int axis = (int)a->axis, rank = result_shape->rank;
  int64_t outer = dims_product(result_shape, 0, axis), inner = dims_product(result_shape, axis + 1, rank);
  int64_t size = inputs[0].shape.dims[axis], count = result_shape->dims[axis];
  for (int64_t r = 0; r < outer; r++)
    for (int64_t i = 0; i < count; i++)
      copy_elements(result, (r * count + i) * inner, inputs[0].data,
                    (r * size + a->start + i * a->step) * inner, inner);
}

static const attribute_spec slice_attributes[] = {
    ATTRIBUTE(axis, ATTRIBUTE_INT, ALWAYS),
    ATTRIBUTE(start, ATTRIBUTE_INT, ALWAYS),
    ATTRIBUTE(stop, ATTRIBUTE_INT, ALWAYS),
    ATTRIBUTE(step, ATTRIBUTE_INT, 1),
    ATTRIBUTES_END,
};

const op_descriptor op_slice = {"slice", 1, 1, slice_attributes, slice_infer, slice_evaluate, NULL};

/* ---- pad ---- */

static bool pad_infer(const shape *const *inputs, const dtype *types, int input_count, const op_attributes *a,
                      shape *result, dtype *result_type, error *err) {
  const shape *x = inputs[0];
  int limit = x->rank < TENSOR_MAX_RANK / 2 ? x->rank : TENSOR_MAX_RANK / 2;
  if (!check_f32(inputs, types, input_count, err) ||
      !check_range("number of paddings", a->ints_count, 2, 2 * limit, err))
    return false;
  if (a->ints_count % 2 != 0)
    return error_set(err, ERROR_FORMAT, "an odd number of paddings, %" PRId64, a->ints_count);
  *result = *x;
  *result_type = DTYPE_F32;
  for (int i = 0; i < a->ints_count; i++) {
    if (!check_range("padding", a->ints[i], 0, OP_MAX_EXTENT, err))
      return false;
    result->dims[x->rank - 1 - i / 2] += a->ints[i];
  }
  return true;
}

/* Row-major position in the padded result of x's element `position`. */
static int64_t padded_position(const tensor_view *x, int64_t position, const op_attributes *a,
                               const int64_t *strides) {
  int64_t result = 0;
  for (int i = x->shape.rank - 1, pair = 0; i >= 0; i--, pair += 2) {
    int64_t index = position % x->shape.dims[i] + (pair < a->ints_count ? a->ints[pair] : 0);
    result += index * strides[i];
    position /= x->shape.dims[i];
  }
  return result;
}

static void pad_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                         const shape *result_shape, void *result) {
  (void)input_count;
  const float *x = inputs[0].data;
  float *y = result;
  int64_t strides[TENSOR_MAX_RANK];
  shape_strides(result_shape, strides);
  for (int64_t i = 0; i < dims_product(result_shape, 0, result_shape->rank); i++)
    y[i] = (float)a->value;
  for (int64_t i = 0; i < dims_product(&inputs[0].shape, 0, inputs[0].shape.rank); i++)
    y[padded_position(&inputs[0], i, a, strides)] = x[i];
}

static const attribute_spec pad_attributes[] = {
    ATTRIBUTE_NAMED("padding", ints, ATTRIBUTE_INTS, ALWAYS),
    ATTRIBUTE(value, ATTRIBUTE_FLOAT, 0),
    ATTRIBUTES_END,
};

const op_descriptor op_pad = {"pad", 1, 1, pad_attributes, pad_infer, pad_evaluate, NULL};

/* ---- reshape ---- */

static bool reshape_infer(const shape *const *inputs, const dtype *types, int input_count,
                          const op_attributes *a, shape *result, dtype *result_type, error *err) {
  (void)input_count;
  if (!check_range("rank of the target shape", a->ints_count, 0, TENSOR_MAX_RANK, err))
    return false;
  result->rank = (int)a->ints_count;
  for (int i = 0; i < result->rank; i++)
    result->dims[i] = a->ints[i];
  *result_type = types[0];
  int64_t wanted;
  if (shape_elements(result, &wanted) && wanted == dims_product(inputs[0], 0, inputs[0]->rank))
    return true;
  char text[SHAPE_TEXT_SIZE], target[SHAPE_TEXT_SIZE];
  return error_set(err, ERROR_FORMAT, "shape %s cannot become %s", shape_text(inputs[0], text, sizeof text),
                   shape_text(result, target, sizeof target));
}

static void reshape_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                             const shape *result_shape, void *result) {
  (void)input_count, (void)a;
  copy_elements(result, 0, inputs[0].data, 0, dims_product(result_shape, 0, result_shape->rank));
}

static const attribute_spec reshape_attributes[] = {
    ATTRIBUTE_NAMED("shape", ints, ATTRIBUTE_INTS, ALWAYS),
    ATTRIBUTES_END,
};

const op_descriptor op_reshape = {"reshape", 1, 1, reshape_attributes, reshape_infer, reshape_evaluate, NULL};

/* ---- transpose ---- */

static bool transpose_infer(const shape *const *inputs, const dtype *types, int input_count,
                            const op_attributes *a, shape *result, dtype *result_type, error *err) {
  (void)input_count;
  const shape *x = inputs[0];
  if (a->ints_count != x->rank)
    return error_set(err, ERROR_FORMAT, "a permutation of %" PRId64 " axes for a tensor of rank %d",
                     a->ints_count, x->rank);
  unsigned seen = 0;
  result->rank = x->rank;
  for (int i = 0; i < x->rank; i++) {
    if (!check_range("axis", a->ints[i], 0, x->rank - 1, err))
      return false;
    if (seen & 1u << a->ints[i])
      return error_set(err, ERROR_FORMAT, "axis=%" PRId64 " is listed twice", a->ints[i]);
    seen |= 1u << a->ints[i];
    result->dims[i] = x->dims[a->ints[i]];
  }
  *result_type = types[0];
  return true;
}

static void transpose_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                               const shape *result_shape, void *result) {
  (void)input_count;
  int rank = result_shape->rank;
  int64_t own[TENSOR_MAX_RANK], strides[TENSOR_MAX_RANK];
  shape_strides(&inputs[0].shape, own);
  for (int i = 0; i < rank; i++)
    strides[i] = own[a->ints[i]];
  for (int64_t i = 0; i < dims_product(result_shape, 0, rank); i++)
    copy_elements(result, i, inputs[0].data, strided_offset(i, rank, result_shape->dims, strides), 1);
}

static const attribute_spec transpose_attributes[] = {
    ATTRIBUTE_NAMED("permutation", ints, ATTRIBUTE_INTS, ALWAYS),
    ATTRIBUTES_END,
};

const op_descriptor op_transpose = {"transpose",        1,   1, transpose_attributes, transpose_infer,
                                    transpose_evaluate, NULL};
