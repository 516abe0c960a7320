#include "ops/check.h"
#include "ops/ops.h"

/* Bin i of n over `size` samples is [floor(i * size / n), ceil((i + 1) * size / n)): bins may overlap and are
 * never empty. */

static bool infer(const shape *const *inputs, const dtype *types, int input_count, const op_attributes *a,
                  shape *result, dtype *result_type, error *err) {
  const shape *x = inputs[0];
  if (!check_f32(inputs, types, input_count, err) || !check_rank("x", x, 3, 3, err) ||
      !check_range("output_size", a->output_size, 1, OP_MAX_EXTENT, err) ||
      !check_range("the length of x", x->dims[2], 1, INT32_MAX, err))
    return false;
  *result = (shape){3, {x->dims[0], x->dims[1], a->output_size}};
  *result_type = DTYPE_F32;
  return true;
}

typedef float (*bin_function)(const float *x, int64_t n);

static float bin_mean(const float *x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++)
    sum += (double)x[i];
  return (float)(sum / (double)n);
}

static float bin_max(const float *x, int64_t n) {
  float largest = -INFINITY;
  for (int64_t i = 0; i < n; i++)
    if (x[i] > largest || isnan(x[i]))
      largest = x[i];
  return largest;
}

static void pool(const tensor_view *x, const shape *result_shape, bin_function bin, float *y) {
  int64_t size = x->shape.dims[2], bins = result_shape->dims[2];
  for (int64_t row = 0; row < dims_product(result_shape, 0, 2); row++)
    for (int64_t i = 0; i < bins; i++) {
      int64_t begin = i * size / bins, end = ((i + 1) * size + bins - 1) / bins;
      *y++ = bin((const float *)x->data + row * size + begin, end - begin);
    }
}

static void avg_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                         const shape *result_shape, void *result) {
  (void)input_count, (void)a;
  pool(&inputs[0], result_shape, bin_mean, result);
}

static void max_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                         const shape *result_shape, void *result) {
  (void)input_count, (void)a;
  pool(&inputs[0], result_shape, bin_max, result);
}

static const attribute_spec attributes[] = {
    ATTRIBUTE(output_size, ATTRIBUTE_INT, ALWAYS),
    ATTRIBUTES_END,
};

const op_descriptor op_adaptive_avg_pool1d = {"adaptive_avg_pool1d", 1,   1, attributes, infer,
                                              avg_evaluate,          NULL};
const op_descriptor op_adaptive_max_pool1d = {"adaptive_max_pool1d", 1,   1, attributes, infer,
                                              max_evaluate,          NULL};
