#include "ops/check.h"

#include <inttypes.h>
#include <stdio.h>

bool check_range(const char *name, int64_t value, int64_t low, int64_t high, error *err) {
  if (value >= low && value <= high)
    return true;
  return error_set(err, ERROR_FORMAT, "%s=%" PRId64 " is outside %" PRId64 "..%" PRId64, name, value, low,
                   high);
}

bool check_flag(const char *name, int64_t value, error *err) {
  return check_range(name, value, 0, 1, err);
}

bool check_number(const char *name, double value, double low, error *err) {
  if (isfinite(value) && value >= low)
    return true;
  return error_set(err, ERROR_FORMAT, "%s=%g is not a usable number", name, value);
}

bool check_f32(const shape *const *inputs, const dtype *types, int input_count, error *err) {
  for (int i = 0; i < input_count; i++)
    if (inputs[i] && types[i] != DTYPE_F32)
      return error_set(err, ERROR_UNSUPPORTED, "operand %d is %s, not f32", i, dtype_name(types[i]));
  return true;
}

bool check_rank(const char *name, const shape *s, int low, int high, error *err) {
  if (s->rank >= low && s->rank <= high)
    return true;
  char text[SHAPE_TEXT_SIZE], wanted[32];
  snprintf(wanted, sizeof wanted, low == high ? "%d" : "%d..%d", low, high);
  return error_set(err, ERROR_FORMAT, "%s has shape %s; its rank should be %s", name,
                   shape_text(s, text, sizeof text), wanted);
}

bool check_vector(const char *name, const shape *s, int64_t size, error *err) {
  if (!s || (s->rank == 1 && s->dims[0] == size))
    return true;
  char text[SHAPE_TEXT_SIZE];
  return error_set(err, ERROR_FORMAT, "%s has shape %s instead of (%" PRId64 ")", name,
                   shape_text(s, text, sizeof text), size);
}

bool check_same_shape(const char *name, const shape *s, const shape *expected, error *err) {
  if (!s || shape_equal(s, expected))
    return true;
  char text[SHAPE_TEXT_SIZE], wanted[SHAPE_TEXT_SIZE];
  return error_set(err, ERROR_FORMAT, "%s has shape %s instead of %s", name, shape_text(s, text, sizeof text),
                   shape_text(expected, wanted, sizeof wanted));
}

bool check_activation(const op_attributes *attributes, error *err) {
  if (!check_range("activation", attributes->activation, ACTIVATION_NONE, ACTIVATION_COUNT - 1, err))
    return false;
  return !activation_uses_alpha((activation_kind)attributes->activation) ||
         check_number("alpha", attributes->alpha, -INFINITY, err);
}

int64_t dims_product(const shape *s, int from, int to) {
  int64_t product = 1;
  for (int i = from; i < to; i++)
    product *= s->dims[i];
  return product;
}

void shape_strides(const shape *s, int64_t strides[TENSOR_MAX_RANK]) {
  int64_t stride = 1;
  for (int i = s->rank - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= s->dims[i];
  }
}

void broadcast_strides(const shape *s, const shape *result, int64_t strides[TENSOR_MAX_RANK]) {
  int64_t own[TENSOR_MAX_RANK];
  shape_strides(s, own);
  int shift = result->rank - s->rank;
  for (int i = 0; i < result->rank; i++)
    strides[i] = i < shift || s->dims[i - shift] == 1 ? 0 : own[i - shift];
}

bool broadcast_shapes(const shape *a, const shape *b, int skip, shape *result, error *err) {
  result->rank = a->rank > b->rank ? a->rank : b->rank;
  for (int i = skip + 1; i <= result->rank; i++) {
    int64_t from_a = i <= a->rank ? a->dims[a->rank - i] : 1,
            from_b = i <= b->rank ? b->dims[b->rank - i] : 1;
    if (from_a != from_b && from_a != 1 && from_b != 1) {
      char text_a[SHAPE_TEXT_SIZE], text_b[SHAPE_TEXT_SIZE];
      return error_set(err, ERROR_FORMAT, "shapes %s and %s do not broadcast",
                       shape_text(a, text_a, sizeof text_a), shape_text(b, text_b, sizeof text_b));
    }
    result->dims[result->rank - i] = from_a > from_b ? from_a : from_b;
  }
  return true;
}

int64_t strided_offset(int64_t position, int rank, const int64_t *dims, const int64_t *strides) {
  int64_t offset = 0;
  for (int i = rank - 1; i >= 0; i--) {
    offset += position % dims[i] * strides[i];
    position /= dims[i];
  }
  return offset;
}

bool window_read(const op_attributes *attributes, int64_t size, int64_t dilation, window *w, error *err) {
  *w = (window){.size = size,
                .kernel = attributes->kernel,
                .stride = attributes->stride,
                .padding_left = attributes->padding_left,
                .padding_right = attributes->padding_right,
                .dilation = dilation};
  return check_range("kernel", w->kernel, 1, OP_MAX_EXTENT, err) &&
         check_range("stride", w->stride, 1, OP_MAX_EXTENT, err) &&
         check_range("dilation", w->dilation, 1, OP_MAX_EXTENT, err) &&
         check_range("padding_left", w->padding_left, 0, OP_MAX_EXTENT, err) &&
         check_range("padding_right", w->padding_right, 0, OP_MAX_EXTENT, err);
}

bool window_positions(const window *w, bool round_up, int64_t *positions, error *err) {
  int64_t padded = w->size + w->padding_left + w->padding_right, reach = window_reach(w);
  if (padded < reach)
    return error_set(err, ERROR_FORMAT,
                     "kernel=%" PRId64 " with dilation=%" PRId64
                     " is longer than the padded signal of %" PRId64 " samples",
                     w->kernel, w->dilation, padded);
  int64_t room = padded - reach;
  *positions = room / w->stride + 1;
  if (round_up && room % w->stride != 0 && *positions * w->stride < w->size + w->padding_left)
    ++*positions;
  return true;
}
