#include "ops/ops.h"

#include "ops/op.h"

#include <inttypes.h>
#include <string.h>

const op_descriptor *const op_table[] = {
    &op_conv1d,
    &op_linear,
    &op_matmul,
    &op_batch_norm,
    &op_group_norm,
    &op_layer_norm,
    &op_activation,
    &op_prelu,
    &op_softmax,
    &op_max_pool1d,
    &op_avg_pool1d,
    &op_adaptive_avg_pool1d,
    &op_adaptive_max_pool1d,
    &op_reduce_mean,
    &op_reduce_sum,
    &op_reduce_max,
    &op_count_nonzero,
    &op_add,
    &op_sub,
    &op_mul,
    &op_div,
    &op_maximum,
    &op_minimum,
    &op_concat,
    &op_slice,
    &op_pad,
    &op_reshape,
    &op_transpose,
    &op_embedding,
    &op_attention,
};
const size_t op_count = sizeof op_table / sizeof op_table[0];

const op_descriptor *op_find(const char *name) {
  for (size_t i = 0; i < op_count; i++)
    if (!strcmp(op_table[i]->name, name))
      return op_table[i];
  return NULL;
}

static bool check_operands(const op_descriptor *op, const shape *const *inputs, const dtype *types,
                           int input_count, error *err) {
  if (input_count < op->min_inputs || input_count > op->max_inputs)
    return error_set(err, ERROR_FORMAT, "%d operands instead of %d..%d", input_count, op->min_inputs,
                     op->max_inputs);
  for (int i = 0; i < input_count; i++) {
    int64_t elements;
    if (!inputs[i]) {
      if (i < op->min_inputs)
        return error_set(err, ERROR_FORMAT, "operand %d is missing", i);
    } else if (!shape_elements(inputs[i], &elements)) {
      char text[SHAPE_TEXT_SIZE];
      return error_set(err, ERROR_LIMIT, "operand %d has the impossible shape %s", i,
                       shape_text(inputs[i], text, sizeof text));
    } else if (types[i] != DTYPE_F32 && types[i] != DTYPE_I32) {
      return error_set(err, ERROR_UNSUPPORTED, "operand %d has an unknown type", i);
    }
  }
  return true;
}

static bool check_result(const shape *result, error *err) {
  int64_t elements;
  if (shape_elements(result, &elements) && elements <= INT32_MAX)
    return true;
  char text[SHAPE_TEXT_SIZE];
  return error_set(err, ERROR_LIMIT, "a result of shape %s is not accepted",
                   shape_text(result, text, sizeof text));
}

bool op_infer(const op_descriptor *op, const shape *const *inputs, const dtype *types, int input_count,
              const op_attributes *attributes, shape *result, dtype *result_type, error *err) {
  shape inferred = {0};
  dtype type = DTYPE_F32;
  if (!check_operands(op, inputs, types, input_count, err) ||
      !op->infer(inputs, types, input_count, attributes, &inferred, &type, err) ||
      !check_result(&inferred, err))
    return error_prefix(err, "%s", op->name);
  *result = inferred;
  *result_type = type;
  return true;
}
