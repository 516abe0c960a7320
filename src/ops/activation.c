#include "ops/check.h"
#include "ops/ops.h"

#include <inttypes.h>

/* Comparisons are written so that NaN comes through, as it does in PyTorch. */
static double clamp_to(double x, double high) {
  return x < 0 ? 0 : x > high ? high : x;
}

static double gelu_tanh(double x) {
  const double sqrt_2_over_pi = 0.79788456080286535588;
  return 0.5 * x * (1 + tanh(sqrt_2_over_pi * (x + 0.044715 * x * x * x)));
}

static double selu(double x) {
  const double scale = 1.0507009873554804934193349852946, alpha = 1.6732632423543772848170429916717;
  return scale * (x > 0 ? x : alpha * expm1(x));
}

static double activation_value(activation_kind kind, double alpha, double x) {
  const double sqrt_half = 0.70710678118654752440;
  switch (kind) {
  case ACTIVATION_NONE:
  case ACTIVATION_COUNT:
    return x;
  case ACTIVATION_RELU:
    return x < 0 ? 0 : x;
  case ACTIVATION_LEAKY_RELU:
    return x > 0 ? x : alpha * x;
  case ACTIVATION_RELU6:
    return clamp_to(x, 6);
  case ACTIVATION_SILU:
    return x / (1 + exp(-x));
  case ACTIVATION_GELU:
    return 0.5 * x * erfc(-x * sqrt_half);
  case ACTIVATION_GELU_TANH:
    return gelu_tanh(x);
  case ACTIVATION_MISH:
    return x * tanh(log1p(exp(x)));
  case ACTIVATION_SELU:
    return selu(x);
  case ACTIVATION_ELU:
    return x > 0 ? x : alpha * expm1(x);
  case ACTIVATION_HARDSWISH:
    return x * clamp_to(x + 3, 6) / 6;
  case ACTIVATION_HARDSIGMOID:
    return clamp_to(x + 3, 6) / 6;
  case ACTIVATION_SIGMOID:
    return 1 / (1 + exp(-x));
  case ACTIVATION_TANH:
    return tanh(x);
  }
  return x;
}

float activation_apply(activation_kind kind, double alpha, float x) {
  return kind == ACTIVATION_NONE ? x : (float)activation_value(kind, alpha, (double)x);
}

const char *activation_name(activation_kind kind) {
  static const char *const names[ACTIVATION_COUNT] = {
      [ACTIVATION_NONE] = "none",
      [ACTIVATION_RELU] = "relu",
      [ACTIVATION_LEAKY_RELU] = "leaky_relu",
      [ACTIVATION_RELU6] = "relu6",
      [ACTIVATION_SILU] = "silu",
      [ACTIVATION_GELU] = "gelu",
      [ACTIVATION_GELU_TANH] = "gelu_tanh",
      [ACTIVATION_MISH] = "mish",
      [ACTIVATION_SELU] = "selu",
      [ACTIVATION_ELU] = "elu",
      [ACTIVATION_HARDSWISH] = "hardswish",
      [ACTIVATION_HARDSIGMOID] = "hardsigmoid",
      [ACTIVATION_SIGMOID] = "sigmoid",
      [ACTIVATION_TANH] = "tanh",
  };
  return names[kind];
}

bool activation_uses_alpha(activation_kind kind) {
  return kind == ACTIVATION_LEAKY_RELU || kind == ACTIVATION_ELU;
}

/* ---- the operator ---- */

static bool activation_infer(const shape *const *inputs, const dtype *types, int input_count,
                             const op_attributes *a, shape *result, dtype *result_type, error *err) {
  if (!check_f32(inputs, types, input_count, err) || !check_activation(a, err))
    return false;
  if (a->activation == ACTIVATION_NONE)
    return error_set(err, ERROR_FORMAT, "activation=none does nothing");
  *result = *inputs[0];
  *result_type = DTYPE_F32;
  return true;
}

static void activation_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                                const shape *result_shape, void *result) {
  (void)input_count;
  const float *x = inputs[0].data;
  float *y = result;
  for (int64_t i = 0; i < dims_product(result_shape, 0, result_shape->rank); i++)
    y[i] = activation_apply((activation_kind)a->activation, a->alpha, x[i]);
}

static const attribute_spec activation_attributes[] = {
    ATTRIBUTE(activation, ATTRIBUTE_ACTIVATION, ALWAYS),
    ATTRIBUTES_END,
};

const op_descriptor op_activation = {"activation",        1,   1, activation_attributes, activation_infer,
                                     activation_evaluate, NULL};

/* ---- prelu: a learned slope ---- */

static bool prelu_infer(const shape *const *inputs, const dtype *types, int input_count,
                        const op_attributes *a, shape *result, dtype *result_type, error *err) {
  (void)a;
  const shape *x = inputs[0], *slope = inputs[1];
  if (!check_f32(inputs, types, input_count, err) || !check_rank("x", x, 2, TENSOR_MAX_RANK, err) ||
      !check_rank("slope", slope, 1, 1, err))
    return false;
  if (slope->dims[0] != 1 && slope->dims[0] != x->dims[1])
    return error_set(err, ERROR_FORMAT, "slope has %" PRId64 " elements for %" PRId64 " channels",
                     slope->dims[0], x->dims[1]);
  *result = *x;
  *result_type = DTYPE_F32;
  return true;
}

static void prelu_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                           const shape *result_shape, void *result) {
  (void)input_count, (void)a;
  const float *x = inputs[0].data, *slope = inputs[1].data;
  int64_t slopes = inputs[1].shape.dims[0], length = dims_product(result_shape, 2, result_shape->rank);
  float *y = result;
  for (int64_t i = 0; i < dims_product(result_shape, 0, result_shape->rank); i++)
    y[i] = x[i] > 0 ? x[i] : slope[slopes == 1 ? 0 : i / length % slopes] * x[i];
}

const op_descriptor op_prelu = {"prelu", 2, 2, NULL, prelu_infer, prelu_evaluate, NULL};
