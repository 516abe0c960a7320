#include "ops/check.h"
#include "ops/ops.h"

#include <inttypes.h>

/* ---- linear ---- */

static bool linear_infer(const shape *const *inputs, const dtype *types, int input_count,
                         const op_attributes *a, shape *result, dtype *result_type, error *err) {
  const shape *x = inputs[0], *weight = inputs[1];
  if (!check_f32(inputs, types, input_count, err) || !check_rank("x", x, 1, TENSOR_MAX_RANK, err) ||
      !check_rank("weight", weight, 2, 2, err) || !check_activation(a, err))
    return false;
  int64_t features = x->dims[x->rank - 1];
  if (weight->dims[1] != features)
    return error_set(err, ERROR_FORMAT, "weight has %" PRId64 " columns, x has %" PRId64 " features",
                     weight->dims[1], features);
  *result = *x;
  result->dims[x->rank - 1] = weight->dims[0];
  *result_type = DTYPE_F32;
  return check_vector("bias", operand(inputs, input_count, 2), weight->dims[0], err) &&
         check_same_shape("residual", operand(inputs, input_count, 3), result, err);
}

static double dot(const float *a, const float *b, int64_t n, int64_t stride_b) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++)
    sum += (double)a[i] * (double)b[i * stride_b];
  return sum;
}

static void linear_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                            const shape *result_shape, void *result) {
  const float *x = inputs[0].data, *weight = inputs[1].data;
  const float *bias = operand_f32(inputs, input_count, 2), *residual = operand_f32(inputs, input_count, 3);
  int64_t in = inputs[1].shape.dims[1], out = inputs[1].shape.dims[0];
  int64_t elements = dims_product(result_shape, 0, result_shape->rank);
  float *y = result;
  for (int64_t i = 0; i < elements; i++) {
    double sum = dot(x + i / out * in, weight + i % out * in, in, 1);
    sum += (bias ? (double)bias[i % out] : 0.0) + (residual ? (double)residual[i] : 0.0);
    y[i] = activation_apply((activation_kind)a->activation, a->alpha, (float)sum);
  }
}

static double linear_flops(const shape *const *inputs, int input_count, const op_attributes *a,
                           const shape *result) {
  (void)input_count, (void)a;
  return 2.0 * (double)dims_product(result, 0, result->rank) * (double)inputs[1]->dims[1];
}

static const attribute_spec linear_attributes[] = {
    ATTRIBUTE(activation, ATTRIBUTE_ACTIVATION, ACTIVATION_NONE),
    ATTRIBUTES_END,
};

const op_descriptor op_linear = {"linear",        2,           4, linear_attributes, linear_infer,
                                 linear_evaluate, linear_flops};

/* ---- matmul ---- */

static bool matmul_infer(const shape *const *inputs, const dtype *types, int input_count,
                         const op_attributes *a, shape *result, dtype *result_type, error *err) {
  const shape *left = inputs[0], *right = inputs[1];
  if (!check_f32(inputs, types, input_count, err) || !check_rank("a", left, 2, TENSOR_MAX_RANK, err) ||
      !check_rank("b", right, 2, TENSOR_MAX_RANK, err) || !check_flag("transpose_b", a->transpose_b, err))
    return false;
  int64_t inner = left->dims[left->rank - 1];
  int64_t rows = right->dims[right->rank - 2], columns = right->dims[right->rank - 1];
  if (inner != (a->transpose_b ? columns : rows)) {
    char text_a[SHAPE_TEXT_SIZE], text_b[SHAPE_TEXT_SIZE];
    return error_set(err, ERROR_FORMAT, "a %s and b %s with transpose_b=%" PRId64 " do not fit together",
                     shape_text(left, text_a, sizeof text_a), shape_text(right, text_b, sizeof text_b),
                     a->transpose_b);
  }
  if (!broadcast_shapes(left, right, 2, result, err))
    return false;
  result->dims[result->rank - 2] = left->dims[left->rank - 2];
  result->dims[result->rank - 1] = a->transpose_b ? rows : columns;
  *result_type = DTYPE_F32;
  return true;
}

static void matmul_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                            const shape *result_shape, void *result) {
  (void)input_count;
  const shape *left = &inputs[0].shape, *right = &inputs[1].shape;
  int rank = result_shape->rank;
  int64_t rows = result_shape->dims[rank - 2], columns = result_shape->dims[rank - 1];
  int64_t inner = left->dims[left->rank - 1];
  int64_t strides_a[TENSOR_MAX_RANK], strides_b[TENSOR_MAX_RANK];
  broadcast_strides(left, result_shape, strides_a);
  broadcast_strides(right, result_shape, strides_b);
  int64_t next_column = a->transpose_b ? inner : 1, next_inner = a->transpose_b ? 1 : columns;
  float *y = result;
  for (int64_t matrix = 0; matrix < dims_product(result_shape, 0, rank - 2); matrix++) {
    const float *from_a =
        (const float *)inputs[0].data + strided_offset(matrix, rank - 2, result_shape->dims, strides_a);
    const float *from_b =
        (const float *)inputs[1].data + strided_offset(matrix, rank - 2, result_shape->dims, strides_b);
    for (int64_t r = 0; r < rows; r++)
      for (int64_t c = 0; c < columns; c++)
        *y++ = (float)dot(from_a + r * inner, from_b + c * next_column, inner, next_inner);
  }
}

static double matmul_flops(const shape *const *inputs, int input_count, const op_attributes *a,
                           const shape *result) {
  (void)input_count, (void)a;
  return 2.0 * (double)dims_product(result, 0, result->rank) * (double)inputs[0]->dims[inputs[0]->rank - 1];
}

static const attribute_spec matmul_attributes[] = {
    ATTRIBUTE(transpose_b, ATTRIBUTE_INT, 0),
    ATTRIBUTES_END,
};

const op_descriptor op_matmul = {"matmul",        2,           2, matmul_attributes, matmul_infer,
                                 matmul_evaluate, matmul_flops};
