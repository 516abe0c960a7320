#include "ops/check.h"
#include "ops/ops.h"

#include <inttypes.h>

/* PyTorch's rule, which keeps every window of a maximum on at least one sample. */
static bool check_padding(const char *name, int64_t padding, const window *w, error *err) {
  if (padding <= window_reach(w) / 2)
    return true;
  return error_set(err, ERROR_FORMAT, "%s=%" PRId64 " is more than half of the window (kernel=%" PRId64 ")",
                   name, padding, w->kernel);
}

static bool pool_infer(const shape *const *inputs, const dtype *types, int input_count,
                       const op_attributes *a, int64_t dilation, shape *result, dtype *result_type,
                       error *err) {
  const shape *x = inputs[0];
  window w;
  int64_t positions;
  if (!check_f32(inputs, types, input_count, err) || !check_rank("x", x, 3, 3, err) ||
      !window_read(a, x->dims[2], dilation, &w, err) ||
      !check_padding("padding_left", w.padding_left, &w, err) ||
      !check_padding("padding_right", w.padding_right, &w, err) ||
      !check_flag("ceil_mode", a->ceil_mode, err) ||
      !window_positions(&w, a->ceil_mode == 1, &positions, err))
    return false;
  *result = (shape){3, {x->dims[0], x->dims[1], positions}};
  *result_type = DTYPE_F32;
  return true;
}

static double pool_flops(const shape *const *inputs, int input_count, const op_attributes *a,
                         const shape *result) {
  (void)inputs, (void)input_count;
  return (double)dims_product(result, 0, 3) * (double)a->kernel;
}

/* ---- max_pool1d ---- */

static bool max_infer(const shape *const *inputs, const dtype *types, int input_count, const op_attributes *a,
                      shape *result, dtype *result_type, error *err) {
  return pool_infer(inputs, types, input_count, a, a->dilation, result, result_type, err);
}

/* Padding counts as minus infinity; NaN wins. */
static float window_max(const float *x, const window *w, int64_t begin) {
  float largest = -INFINITY;
  for (int64_t k = 0; k < w->kernel; k++) {
    int64_t t = begin + k * w->dilation;
    if (t >= 0 && t < w->size && (x[t] > largest || isnan(x[t])))
      largest = x[t];
  }
  return largest;
}

static void max_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                         const shape *result_shape, void *result) {
  (void)input_count;
  window w;
  window_read(a, inputs[0].shape.dims[2], a->dilation, &w, NULL);
  float *y = result;
  for (int64_t row = 0; row < dims_product(result_shape, 0, 2); row++)
    for (int64_t i = 0; i < result_shape->dims[2]; i++)
      *y++ = window_max((const float *)inputs[0].data + row * w.size, &w, i * w.stride - w.padding_left);
}

static const attribute_spec max_attributes[] = {
    ATTRIBUTE(kernel, ATTRIBUTE_INT, ALWAYS),
    ATTRIBUTE(stride, ATTRIBUTE_INT, 1),
    ATTRIBUTE_NAMED("padding", padding_left, ATTRIBUTE_INT_PAIR, 0),
    ATTRIBUTE(dilation, ATTRIBUTE_INT, 1),
    ATTRIBUTE(ceil_mode, ATTRIBUTE_INT, 0),
    ATTRIBUTES_END,
};

const op_descriptor op_max_pool1d = {"max_pool1d", 1, 1, max_attributes, max_infer, max_evaluate, pool_flops};

/* ---- avg_pool1d ---- */

static bool avg_infer(const shape *const *inputs, const dtype *types, int input_count, const op_attributes *a,
                      shape *result, dtype *result_type, error *err) {
  return check_flag("count_include_pad", a->count_include_pad, err) &&
         pool_infer(inputs, types, input_count, a, 1, result, result_type, err);
}

/* A window that hangs over the padded end (ceil_mode) is divided by its part before that end. */
static float window_mean(const float *x, const window *w, int64_t begin, bool count_padding) {
  int64_t padded_end = w->size + w->padding_right;
  int64_t end = begin + w->kernel < padded_end ? begin + w->kernel : padded_end;
  int64_t low = begin > 0 ? begin : 0, high = end < w->size ? end : w->size;
  double sum = 0;
  for (int64_t t = low; t < high; t++)
    sum += (double)x[t];
  return (float)(sum / (double)(count_padding ? end - begin : high - low));
}

static void avg_evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                         const shape *result_shape, void *result) {
  (void)input_count;
  window w;
  window_read(a, inputs[0].shape.dims[2], 1, &w, NULL);
  float *y = result;
  for (int64_t row = 0; row < dims_product(result_shape, 0, 2); row++)
    for (int64_t i = 0; i < result_shape->dims[2]; i++)
      *y++ = window_mean((const float *)inputs[0].data + row * w.size, &w, i * w.stride - w.padding_left,
                         a->count_include_pad == 1);
}

static const attribute_spec avg_attributes[] = {
    ATTRIBUTE(kernel, ATTRIBUTE_INT, ALWAYS),
    ATTRIBUTE(stride, ATTRIBUTE_INT, 1),
    ATTRIBUTE_NAMED("padding", padding_left, ATTRIBUTE_INT_PAIR, 0),
    ATTRIBUTE(ceil_mode, ATTRIBUTE_INT, 0),
    ATTRIBUTE(count_include_pad, ATTRIBUTE_INT, 0),
    ATTRIBUTES_END,
};

const op_descriptor op_avg_pool1d = {"avg_pool1d", 1, 1, avg_attributes, avg_infer, avg_evaluate, pool_flops};
