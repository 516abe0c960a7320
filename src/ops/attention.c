#include "ops/check.h"
#include "ops/ops.h"

#include <inttypes.h>

static bool infer(const shape *const *inputs, const dtype *types, int input_count, const op_attributes *a,
                  shape *result, dtype *result_type, error *err) {
  const shape *q = inputs[0];
  if (!check_f32(inputs, types, input_count, err) || !check_rank("q", q, 3, 3, err) ||
      !check_same_shape("k", inputs[1], q, err) || !check_same_shape("v", inputs[2], q, err) ||
      !check_range("heads", a->heads, 1, OP_MAX_EXTENT, err) ||
      !check_number("scale", a->scale, -INFINITY, err))
    return false;
  if (q->dims[2] % a->heads != 0)
    return error_set(err, ERROR_FORMAT, "heads=%" PRId64 " does not divide the width %" PRId64, a->heads,
                     q->dims[2]);
  *result = *q;
  *result_type = DTYPE_F32;
  return true;
}

enum { TILE = 64 };

/* One head: `stride` elements from one step to the next. */
typedef struct head {
  const float *k, *v;
  int64_t steps, width, stride;
  double scale;
} head;

static double score(const head *h, const float *query, int64_t step) {
  const float *key = h->k + step * h->stride;
  double sum = 0;
  for (int64_t i = 0; i < h->width; i++)
    sum += (double)query[i] * (double)key[i];
  return sum * h->scale;
}

/* out = softmax(query k^T * scale) v. Scores are computed again where they are needed, so that no memory is.
 */
static void attend(const head *h, const float *query, float *out) {
  double largest = -INFINITY;
  for (int64_t step = 0; step < h->steps; step++)
    largest = fmax(largest, score(h, query, step));
  for (int64_t first = 0; first < h->width; first += TILE) {
    int64_t count = h->width - first < TILE ? h->width - first : TILE;
    double sums[TILE] = {0}, total = 0;
    for (int64_t step = 0; step < h->steps; step++) {
      double weight = exp(score(h, query, step) - largest);
      const float *value = h->v + step * h->stride + first;
      total += weight;
      for (int64_t i = 0; i < count; i++)
        sums[i] += weight * (double)value[i];
    }
    for (int64_t i = 0; i < count; i++)
      out[first + i] = (float)(sums[i] / total);
  }
}

static void evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                     const shape *result_shape, void *result) {
  (void)input_count;
  int64_t steps = result_shape->dims[1], stride = result_shape->dims[2], width = stride / a->heads;
  for (int64_t sample = 0; sample < result_shape->dims[0]; sample++)
    for (int64_t head_index = 0; head_index < a->heads; head_index++) {
      int64_t base = sample * steps * stride + head_index * width;
      const float *q = (const float *)inputs[0].data + base;
      head h = {.k = (const float *)inputs[1].data + base,
                .v = (const float *)inputs[2].data + base,
                .steps = steps,
                .width = width,
                .stride = stride,
                .scale = a->scale};
      for (int64_t step = 0; step < steps; step++)
        attend(&h, q + step * stride, (float *)result + base + step * stride);
    }
}

static double flops(const shape *const *inputs, int input_count, const op_attributes *a,
                    const shape *result) {
  (void)inputs, (void)input_count, (void)a;
  return 4.0 * (double)dims_product(result, 0, 3) * (double)result->dims[1];
}

static const attribute_spec attributes[] = {
    ATTRIBUTE(heads, ATTRIBUTE_INT, ALWAYS),
    ATTRIBUTE(scale, ATTRIBUTE_FLOAT, 1),
    ATTRIBUTES_END,
};

const op_descriptor op_attention = {"attention", 3, 3, attributes, infer, evaluate, flops};
