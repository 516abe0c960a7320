#include "ops/check.h"
#include "ops/ops.h"

#include <inttypes.h>

static bool check_weight(const shape *x, const shape *weight, const op_attributes *a, error *err) {
  int64_t in_channels = x->dims[1], out_channels = weight->dims[0];
  if (!check_range("groups", a->groups, 1, OP_MAX_EXTENT, err))
    return false;
  if (in_channels % a->groups != 0 || out_channels % a->groups != 0)
    return error_set(err, ERROR_FORMAT,
                     "groups=%" PRId64 " does not divide %" PRId64 " input and %" PRId64 " output channels",
                     a->groups, in_channels, out_channels);
  if (weight->dims[1] == in_channels / a->groups && weight->dims[2] == a->kernel)
    return true;
  char text[SHAPE_TEXT_SIZE];
  return error_set(err, ERROR_FORMAT,
                   "weight has shape %s instead of (%" PRId64 ", %" PRId64 ", %" PRId64 ") for %" PRId64
                   " input channels, groups=%" PRId64 ", kernel=%" PRId64,
                   shape_text(weight, text, sizeof text), out_channels, in_channels / a->groups, a->kernel,
                   in_channels, a->groups, a->kernel);
}

static bool infer(const shape *const *inputs, const dtype *types, int input_count, const op_attributes *a,
                  shape *result, dtype *result_type, error *err) {
  const shape *x = inputs[0], *weight = inputs[1];
  window w;
  int64_t positions;
  if (!check_f32(inputs, types, input_count, err) || !check_rank("x", x, 3, 3, err) ||
      !check_rank("weight", weight, 3, 3, err) || !window_read(a, x->dims[2], a->dilation, &w, err) ||
      !check_weight(x, weight, a, err) || !window_positions(&w, false, &positions, err) ||
      !check_activation(a, err))
    return false;
  *result = (shape){3, {x->dims[0], weight->dims[0], positions}};
  *result_type = DTYPE_F32;
  return check_vector("bias", operand(inputs, input_count, 2), weight->dims[0], err) &&
         check_same_shape("residual", operand(inputs, input_count, 3), result, err);
}

enum { TILE = 256 };

/* accumulators[i] += weight[k] * x[position of output first + i, tap k], for the outputs whose tap lies
 * inside the signal. */
static void accumulate_channel(const float *x, const float *weight, const window *w, int64_t first,
                               int64_t count, double *accumulators) {
  for (int64_t k = 0; k < w->kernel; k++) {
    int64_t shift = k * w->dilation - w->padding_left;
    int64_t low = shift >= 0 ? 0 : (-shift + w->stride - 1) / w->stride;
    int64_t high = w->size <= shift ? 0 : (w->size - shift - 1) / w->stride + 1;
    low = low > first ? low : first;
    high = high < first + count ? high : first + count;
    for (int64_t t = low; t < high; t++)
      accumulators[t - first] += (double)weight[k] * (double)x[t * w->stride + shift];
  }
}

static void evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                     const shape *result_shape, void *result) {
  const float *x = inputs[0].data, *weight = inputs[1].data;
  const float *bias = operand_f32(inputs, input_count, 2), *residual = operand_f32(inputs, input_count, 3);
  int64_t in_channels = inputs[0].shape.dims[1], per_group = inputs[1].shape.dims[1];
  int64_t out_channels = result_shape->dims[1], positions = result_shape->dims[2];
  window w;
  window_read(a, inputs[0].shape.dims[2], a->dilation, &w, NULL);
  double accumulators[TILE];
  for (int64_t row = 0; row < result_shape->dims[0] * out_channels; row++) {
    int64_t sample = row / out_channels, channel = row % out_channels;
    int64_t group = channel / (out_channels / a->groups);
    const float *signal = x + (sample * in_channels + group * per_group) * w.size;
    float *out = (float *)result + row * positions;
    for (int64_t first = 0; first < positions; first += TILE) {
      int64_t count = positions - first < TILE ? positions - first : TILE;
      for (int64_t i = 0; i < count; i++)
        accumulators[i] = bias ? (double)bias[channel] : 0.0;
      for (int64_t c = 0; c < per_group; c++)
        accumulate_channel(signal + c * w.size, weight + (channel * per_group + c) * w.kernel, &w, first,
                           count, accumulators);
      for (int64_t i = 0; i < count; i++) {
        double sum = accumulators[i] + (residual ? (double)residual[row * positions + first + i] : 0.0);
        out[first + i] = activation_apply((activation_kind)a->activation, a->alpha, (float)sum);
      }
    }
  }
}

static double flops(const shape *const *inputs, int input_count, const op_attributes *a,
                    const shape *result) {
  (void)input_count;
  return 2.0 * (double)dims_product(result, 0, 3) * (double)inputs[1]->dims[1] * (double)a->kernel;
}

static const attribute_spec attributes[] = {
    ATTRIBUTE(kernel, ATTRIBUTE_INT, ALWAYS),
    ATTRIBUTE(stride, ATTRIBUTE_INT, 1),
    ATTRIBUTE_NAMED("padding", padding_left, ATTRIBUTE_INT_PAIR, 0),
    ATTRIBUTE(dilation, ATTRIBUTE_INT, 1),
    ATTRIBUTE(groups, ATTRIBUTE_INT, 1),
    ATTRIBUTE(activation, ATTRIBUTE_ACTIVATION, ACTIVATION_NONE),
    ATTRIBUTES_END,
};

const op_descriptor op_conv1d = {"conv1d", 2, 4, attributes, infer, evaluate, flops};
