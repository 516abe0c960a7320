#include "ops/check.h"
#include "ops/ops.h"

#include <inttypes.h>

typedef struct moments {
  double mean, variance; /* the population variance */
} moments;

static moments moments_of(const float *x, int64_t n) {
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < n; i++)
    sum += (double)x[i];
  double mean = sum / (double)n;
  for (int64_t i = 0; i < n; i++)
    squares += ((double)x[i] - mean) * ((double)x[i] - mean);
  return (moments){mean, squares / (double)n};
}

/* ---- batch_norm, with the statistics of training ---- */

static bool batch_norm_infer(const shape *const *inputs, const dtype *types, int input_count,
                             const op_attributes *a, shape *result, dtype *result_type, error *err) {
  static const char *const names[] = {"x", "mean", "variance", "gamma", "beta"};
  if (!check_f32(inputs, types, input_count, err) || !check_rank("x", inputs[0], 2, TENSOR_MAX_RANK, err) ||
      !check_number("epsilon", a->epsilon, 0, err))
    return false;
  for (int i = 1; i < input_count; i++)
    if (!check_vector(names[i], inputs[i], inputs[0]->dims[1], err))
      return false;
  *result = *inputs[0];
  *result_type = DTYPE_F32;
  return true;
}

static void batch_norm_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                                const shape *result_shape, void *result) {
  const float *x = inputs[0].data, *mean = inputs[1].data, *variance = inputs[2].data;
  const float *gamma = operand_f32(inputs, input_count, 3), *beta = operand_f32(inputs, input_count, 4);
  int64_t channels = result_shape->dims[1], length = dims_product(result_shape, 2, result_shape->rank);
  float *y = result;
  for (int64_t row = 0; row < result_shape->dims[0] * channels; row++) {
    int64_t c = row % channels;
    double scale = (gamma ? (double)gamma[c] : 1.0) / sqrt((double)variance[c] + a->epsilon);
    double shift = beta ? (double)beta[c] : 0.0;
    for (int64_t i = 0; i < length; i++)
      y[row * length + i] = (float)(((double)x[row * length + i] - (double)mean[c]) * scale + shift);
  }
}

static const attribute_spec epsilon_attributes[] = {
    ATTRIBUTE(epsilon, ATTRIBUTE_FLOAT, ALWAYS),
    ATTRIBUTES_END,
};

const op_descriptor op_batch_norm = {"batch_norm",        3,   5, epsilon_attributes, batch_norm_infer,
                                     batch_norm_evaluate, NULL};

/* ---- group_norm ---- */

static bool group_norm_infer(const shape *const *inputs, const dtype *types, int input_count,
                             const op_attributes *a, shape *result, dtype *result_type, error *err) {
  if (!check_f32(inputs, types, input_count, err) || !check_rank("x", inputs[0], 2, TENSOR_MAX_RANK, err) ||
      !check_number("epsilon", a->epsilon, 0, err) ||
      !check_range("groups", a->groups, 1, OP_MAX_EXTENT, err))
    return false;
  int64_t channels = inputs[0]->dims[1];
  if (channels % a->groups != 0)
    return error_set(err, ERROR_FORMAT, "groups=%" PRId64 " does not divide %" PRId64 " channels", a->groups,
                     channels);
  *result = *inputs[0];
  *result_type = DTYPE_F32;
  return check_vector("gamma", operand(inputs, input_count, 1), channels, err) &&
         check_vector("beta", operand(inputs, input_count, 2), channels, err);
}

static void group_norm_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                                const shape *result_shape, void *result) {
  const float *gamma = operand_f32(inputs, input_count, 1), *beta = operand_f32(inputs, input_count, 2);
  int64_t channels = result_shape->dims[1], length = dims_product(result_shape, 2, result_shape->rank);
  int64_t per_group = channels / a->groups, size = per_group * length;
  for (int64_t row = 0; row < result_shape->dims[0] * a->groups; row++) {
    const float *x = (const float *)inputs[0].data + row * size;
    float *y = (float *)result + row * size;
    moments m = moments_of(x, size);
    double scale = 1.0 / sqrt(m.variance + a->epsilon);
    for (int64_t i = 0; i < size; i++) {
      int64_t c = row % a->groups * per_group + i / length;
      y[i] = (float)(((double)x[i] - m.mean) * scale * (gamma ? (double)gamma[c] : 1.0) +
                     (beta ? (double)beta[c] : 0.0));
    }
  }
}

static const attribute_spec group_norm_attributes[] = {
    ATTRIBUTE(groups, ATTRIBUTE_INT, ALWAYS),
    ATTRIBUTE(epsilon, ATTRIBUTE_FLOAT, ALWAYS),
    ATTRIBUTES_END,
};

const op_descriptor op_group_norm = {"group_norm",        1,   3, group_norm_attributes, group_norm_infer,
                                     group_norm_evaluate, NULL};

/* ---- layer_norm ---- */

static bool layer_norm_infer(const shape *const *inputs, const dtype *types, int input_count,
                             const op_attributes *a, shape *result, dtype *result_type, error *err) {
  const shape *x = inputs[0];
  if (!check_f32(inputs, types, input_count, err) || !check_rank("x", x, 1, TENSOR_MAX_RANK, err) ||
      !check_range("axis", a->axis, 0, x->rank - 1, err) || !check_number("epsilon", a->epsilon, 0, err))
    return false;
  shape normalised = {.rank = x->rank - (int)a->axis};
  for (int i = 0; i < normalised.rank; i++)
    normalised.dims[i] = x->dims[a->axis + i];
  *result = *x;
  *result_type = DTYPE_F32;
  return check_same_shape("gamma", operand(inputs, input_count, 1), &normalised, err) &&
         check_same_shape("beta", operand(inputs, input_count, 2), &normalised, err);
}

static void layer_norm_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                                const shape *result_shape, void *result) {
  const float *gamma = operand_f32(inputs, input_count, 1), *beta = operand_f32(inputs, input_count, 2);
  int64_t rows = dims_product(result_shape, 0, (int)a->axis);
  int64_t size = dims_product(result_shape, (int)a->axis, result_shape->rank);
  for (int64_t row = 0; row < rows; row++) {
    const float *x = (const float *)inputs[0].data + row * size;
    float *y = (float *)result + row * size;
    moments m = moments_of(x, size);
    double scale = 1.0 / sqrt(m.variance + a->epsilon);
    for (int64_t i = 0; i < size; i++)
      y[i] = (float)(((double)x[i] - m.mean) * scale * (gamma ? (double)gamma[i] : 1.0) +
                     (beta ? (double)beta[i] : 0.0));
  }
}

static const attribute_spec layer_norm_attributes[] = {
    ATTRIBUTE(axis, ATTRIBUTE_INT, ALWAYS),
    ATTRIBUTE(epsilon, ATTRIBUTE_FLOAT, ALWAYS),
    ATTRIBUTES_END,
};

const op_descriptor op_layer_norm = {"layer_norm",        1,   3, layer_norm_attributes, layer_norm_infer,
                                     layer_norm_evaluate, NULL};
