#include "ops/check.h"
#include "ops/ops.h"

#include <inttypes.h>

/* The reduced axes as bits. */
static bool read_axes(const op_attributes *a, int rank, unsigned *axes, error *err) {
  if (!check_range("number of axes", a->ints_count, 1, TENSOR_MAX_RANK, err))
    return false;
  *axes = 0;
  for (int i = 0; i < a->ints_count; i++) {
    if (!check_range("axis", a->ints[i], 0, rank - 1, err))
      return false;
    if (*axes & 1u << a->ints[i])
      return error_set(err, ERROR_FORMAT, "axis=%" PRId64 " is listed twice", a->ints[i]);
    *axes |= 1u << a->ints[i];
  }
  return true;
}

static bool reduce_shape(const shape *x, const op_attributes *a, shape *result, dtype *result_type,
                         error *err) {
  unsigned axes;
  if (!check_flag("keep_dim", a->keep_dim, err) || !read_axes(a, x->rank, &axes, err))
    return false;
  result->rank = 0;
  for (int i = 0; i < x->rank; i++)
    if (!(axes & 1u << i))
      result->dims[result->rank++] = x->dims[i];
    else if (a->keep_dim)
      result->dims[result->rank++] = 1;
  *result_type = DTYPE_F32;
  return true;
}

static bool reduce_infer(const shape *const *inputs, const dtype *types, int input_count,
                         const op_attributes *a, shape *result, dtype *result_type, error *err) {
  return check_f32(inputs, types, input_count, err) && reduce_shape(inputs[0], a, result, result_type, err);
}

static bool count_infer(const shape *const *inputs, const dtype *types, int input_count,
                        const op_attributes *a, shape *result, dtype *result_type, error *err) {
  (void)types, (void)input_count;
  return reduce_shape(inputs[0], a, result, result_type, err);
}

/* x's axes in two groups: those that stay, and those that are reduced. */
typedef struct reduction {
  const tensor_view *x;
  int kept_rank, reduced_rank;
  int64_t kept[TENSOR_MAX_RANK], kept_strides[TENSOR_MAX_RANK];
  int64_t reduced[TENSOR_MAX_RANK], reduced_strides[TENSOR_MAX_RANK];
  int64_t kept_elements, reduced_elements;
} reduction;

static reduction reduction_of(const tensor_view *x, const op_attributes *a) {
  reduction r = {.x = x, .kept_elements = 1, .reduced_elements = 1};
  int64_t strides[TENSOR_MAX_RANK];
  unsigned axes = 0;
  read_axes(a, x->shape.rank, &axes, NULL);
  shape_strides(&x->shape, strides);
  for (int i = 0; i < x->shape.rank; i++) {
    int64_t size = x->shape.dims[i];
    if (axes & 1u << i) {
      r.reduced[r.reduced_rank] = size;
      r.reduced_strides[r.reduced_rank++] = strides[i];
      r.reduced_elements *= size;
    } else {
      r.kept[r.kept_rank] = size;
      r.kept_strides[r.kept_rank++] = strides[i];
      r.kept_elements *= size;
    }
  }
  return r;
}

/* Index into x of reduced element j that belongs to result element i. */
static int64_t reduction_index(const reduction *r, int64_t i, int64_t j) {
  return strided_offset(i, r->kept_rank, r->kept, r->kept_strides) +
         strided_offset(j, r->reduced_rank, r->reduced, r->reduced_strides);
}

static void sum_scaled(const reduction *r, double divisor, float *y) {
  const float *x = r->x->data;
  for (int64_t i = 0; i < r->kept_elements; i++) {
    double sum = 0;
    for (int64_t j = 0; j < r->reduced_elements; j++)
      sum += (double)x[reduction_index(r, i, j)];
    y[i] = (float)(sum / divisor);
  }
}

static void sum_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                         const shape *result_shape, void *result) {
  (void)input_count, (void)result_shape;
  reduction r = reduction_of(&inputs[0], a);
  sum_scaled(&r, 1, result);
}

static void mean_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                          const shape *result_shape, void *result) {
  (void)input_count, (void)result_shape;
  reduction r = reduction_of(&inputs[0], a);
  sum_scaled(&r, (double)r.reduced_elements, result);
}

static void max_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                         const shape *result_shape, void *result) {
  (void)input_count, (void)result_shape;
  reduction r = reduction_of(&inputs[0], a);
  const float *x = inputs[0].data;
  float *y = result;
  for (int64_t i = 0; i < r.kept_elements; i++) {
    y[i] = -INFINITY;
    for (int64_t j = 0; j < r.reduced_elements; j++) {
      float candidate = x[reduction_index(&r, i, j)];
      if (candidate > y[i] || isnan(candidate))
        y[i] = candidate;
    }
  }
}

static bool is_nonzero(const tensor_view *x, int64_t i) {
  return x->type == DTYPE_F32 ? ((const float *)x->data)[i] != 0 : ((const int32_t *)x->data)[i] != 0;
}

static void count_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                           const shape *result_shape, void *result) {
  (void)input_count, (void)result_shape;
  reduction r = reduction_of(&inputs[0], a);
  float *y = result;
  for (int64_t i = 0; i < r.kept_elements; i++) {
    int64_t count = 0;
    for (int64_t j = 0; j < r.reduced_elements; j++)
      count += is_nonzero(&inputs[0], reduction_index(&r, i, j));
    y[i] = (float)count;
  }
}

static const attribute_spec attributes[] = {
    ATTRIBUTE_NAMED("axes", ints, ATTRIBUTE_INTS, ALWAYS),
    ATTRIBUTE(keep_dim, ATTRIBUTE_INT, 0),
    ATTRIBUTES_END,
};

const op_descriptor op_reduce_mean = {"reduce_mean", 1, 1, attributes, reduce_infer, mean_evaluate, NULL};
const op_descriptor op_reduce_sum = {"reduce_sum", 1, 1, attributes, reduce_infer, sum_evaluate, NULL};
const op_descriptor op_reduce_max = {"reduce_max", 1, 1, attributes, reduce_infer, max_evaluate, NULL};
const op_descriptor op_count_nonzero = {"count_nonzero", 1, 1, attributes, count_infer, count_evaluate, NULL};
