#include "ops/check.h"
#include "ops/ops.h"

static bool infer(const shape *const *inputs, const dtype *types, int input_count, const op_attributes *a,
                  shape *result, dtype *result_type, error *err) {
  if (!check_f32(inputs, types, input_count, err) || !check_rank("x", inputs[0], 1, TENSOR_MAX_RANK, err) ||
      !check_range("axis", a->axis, 0, inputs[0]->rank - 1, err))
    return false;
  *result = *inputs[0];
  *result_type = DTYPE_F32;
  return true;
}

static void softmax_row(const float *x, float *y, int64_t n, int64_t stride) {
  double largest = -INFINITY, sum = 0;
  for (int64_t i = 0; i < n; i++)
    largest = fmax(largest, (double)x[i * stride]);
  for (int64_t i = 0; i < n; i++)
    sum += exp((double)x[i * stride] - largest);
  for (int64_t i = 0; i < n; i++)
    y[i * stride] = (float)(exp((double)x[i * stride] - largest) / sum);
}

static void evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                     const shape *result_shape, void *result) {
  (void)input_count;
  int axis = (int)a->axis;
  int64_t outer = dims_product(result_shape, 0, axis), n = result_shape->dims[axis];
  int64_t inner = dims_product(result_shape, axis + 1, result_shape->rank);
  for (int64_t i = 0; i < outer; i++)
    for (int64_t j = 0; j < inner; j++) {
      int64_t base = i * n * inner + j;
      softmax_row((const float *)inputs[0].data + base, (float *)result + base, n, inner);
    }
}

static const attribute_spec attributes[] = {
    ATTRIBUTE(axis, ATTRIBUTE_INT, ALWAYS),
    ATTRIBUTES_END,
};

const op_descriptor op_softmax = {"softmax", 1, 1, attributes, infer, evaluate, NULL};
