/* What the operators' shape rules and scalar implementations share. Private to this room. */
#ifndef DEEPECG_OPS_CHECK_H
#define DEEPECG_OPS_CHECK_H

#include "ops/op.h"

#include <math.h>

/* Shorthand for attribute tables: ALWAYS means that there is no usual value. */
#define ATTRIBUTE(field, kind, usual)                                                                        \
  { #field, kind, offsetof(op_attributes, field), usual }
#define ATTRIBUTE_NAMED(name, field, kind, usual)                                                            \
  { name, kind, offsetof(op_attributes, field), usual }
#define ATTRIBUTES_END                                                                                       \
  { NULL, ATTRIBUTE_INT, 0, 0 }
#define ALWAYS ((double)NAN)

/* Operand i, or NULL where it is absent or the list ends before it. */
static inline const shape *operand(const shape *const *inputs, int input_count, int i) {
  return i < input_count ? inputs[i] : NULL;
}

static inline const float *operand_f32(const tensor_view *inputs, int input_count, int i) {
  return i < input_count ? inputs[i].data : NULL;
}

/* `name`=value lies in low..high? */
bool check_range(const char *name, int64_t value, int64_t low, int64_t high, error *err);
/* 0 or 1 */
bool check_flag(const char *name, int64_t value, error *err);
/* A finite number, not below `low`. */
bool check_number(const char *name, double value, double low, error *err);
/* All present operands are F32. */
bool check_f32(const shape *const *inputs, const dtype *types, int input_count, error *err);
bool check_rank(const char *name, const shape *s, int low, int high, error *err);
/* A vector of `size` elements (absent is fine). */
bool check_vector(const char *name, const shape *s, int64_t size, error *err);
/* An operand of exactly this shape (absent is fine). */
bool check_same_shape(const char *name, const shape *s, const shape *expected, error *err);
/* A fused activation (none allowed) and its alpha. */
bool check_activation(const op_attributes *attributes, error *err);

/* Product of dims[from..to). The shape is valid, so that it fits. */
int64_t dims_product(const shape *s, int from, int to);

/* Row-major strides, in elements. */
void shape_strides(const shape *s, int64_t strides[TENSOR_MAX_RANK]);

/* The strides with which `s` is read when broadcast to `result`: 0 along repeated axes. s->rank <=
 * result->rank. */
void broadcast_strides(const shape *s, const shape *result, int64_t strides[TENSOR_MAX_RANK]);

/* NumPy's broadcasting rule on the first rank - `skip` axes of both; the last `skip` axes of *result are left
 * alone. */
bool broadcast_shapes(const shape *a, const shape *b, int skip, shape *result, error *err);

/* Sum of index[i] * strides[i] for the row-major position `position` within dims[0..rank). */
int64_t strided_offset(int64_t position, int rank, const int64_t *dims, const int64_t *strides);

/* How often a window fits: convolution and pooling. */
typedef struct window {
  int64_t size; /* of the unpadded axis */
  int64_t kernel, stride, padding_left, padding_right, dilation;
} window;

/* The window described by the attributes, checked. */
bool window_read(const op_attributes *attributes, int64_t size, int64_t dilation, window *w, error *err);
/* Number of positions, at least 1. With `round_up`, PyTorch's ceil_mode: a last window may hang over, if it
 * begins inside the signal or its left padding. */
bool window_positions(const window *w, bool round_up, int64_t *positions, error *err);

static inline int64_t window_reach(const window *w) {
  return w->dilation * (w->kernel - 1) + 1;
}

#endif
