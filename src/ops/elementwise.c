#include "ops/check.h"
#include "ops/ops.h"

static bool infer(const shape *const *inputs, const dtype *types, int input_count, const op_attributes *a,
                  shape *result, dtype *result_type, error *err) {
  (void)a;
  *result_type = DTYPE_F32;
  return check_f32(inputs, types, input_count, err) && broadcast_shapes(inputs[0], inputs[1], 0, result, err);
}

typedef float (*binary_function)(float a, float b);

static void apply(const tensor_view *inputs, const shape *result_shape, binary_function f, float *y) {
  const float *a = inputs[0].data, *b = inputs[1].data;
  int64_t strides_a[TENSOR_MAX_RANK], strides_b[TENSOR_MAX_RANK];
  broadcast_strides(&inputs[0].shape, result_shape, strides_a);
  broadcast_strides(&inputs[1].shape, result_shape, strides_b);
  int rank = result_shape->rank;
  for (int64_t i = 0; i < dims_product(result_shape, 0, rank); i++)
    y[i] = f(a[strided_offset(i, rank, result_shape->dims, strides_a)],
             b[strided_offset(i, rank, result_shape->dims, strides_b)]);
}

static float add(float a, float b) {
  return a + b;
}

static float subtract(float a, float b) {
  return a - b;
}

static float multiply(float a, float b) {
  return a * b;
}

static float divide(float a, float b) {
  return a / b;
}

/* NaN wins. */
static float larger(float a, float b) {
  return b > a || isnan(b) ? b : a;
}

static float smaller(float a, float b) {
  return b < a || isnan(b) ? b : a;
}

static void add_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                         const shape *result_shape, void *result) {
  (void)input_count, (void)a;
  apply(inputs, result_shape, add, result);
}

static void sub_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                         const shape *result_shape, void *result) {
  (void)input_count, (void)a;
  apply(inputs, result_shape, subtract, result);
}

static void mul_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                         const shape *result_shape, void *result) {
  (void)input_count, (void)a;
  apply(inputs, result_shape, multiply, result);
}

static void div_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                         const shape *result_shape, void *result) {
  (void)input_count, (void)a;
  apply(inputs, result_shape, divide, result);
}

static void maximum_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                             const shape *result_shape, void *result) {
  (void)input_count, (void)a;
  apply(inputs, result_shape, larger, result);
}

static void minimum_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                             const shape *result_shape, void *result) {
  (void)input_count, (void)a;
  apply(inputs, result_shape, smaller, result);
}

const op_descriptor op_add = {"add", 2, 2, NULL, infer, add_evaluate, NULL};
const op_descriptor op_sub = {"sub", 2, 2, NULL, infer, sub_evaluate, NULL};
const op_descriptor op_mul = {"mul", 2, 2, NULL, infer, mul_evaluate, NULL};
const op_descriptor op_div = {"div", 2, 2, NULL, infer, div_evaluate, NULL};
const op_descriptor op_maximum = {"maximum", 2, 2, NULL, infer, maximum_evaluate, NULL};
const op_descriptor op_minimum = {"minimum", 2, 2, NULL, infer, minimum_evaluate, NULL};
