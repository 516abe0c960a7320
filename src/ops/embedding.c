#include "ops/check.h"
#include "ops/ops.h"

static bool infer(const shape *const *inputs, const dtype *types, int input_count, const op_attributes *a,
                  shape *result, dtype *result_type, error *err) {
  (void)a, (void)input_count;
  const shape *table = inputs[0], *indices = inputs[1];
  if (!check_rank("table", table, 2, 2, err) || !check_rank("indices", indices, 0, TENSOR_MAX_RANK - 1, err))
    return false;
  if (types[0] != DTYPE_F32 || types[1] != DTYPE_I32)
    return error_set(err, ERROR_UNSUPPORTED, "table is %s and indices are %s instead of f32 and i32",
                     dtype_name(types[0]), dtype_name(types[1]));
  *result = *indices;
  result->dims[result->rank++] = table->dims[1];
  *result_type = DTYPE_F32;
  return true;
}

static void evaluate(const tensor_view *inputs, int input_count, const op_attributes *a,
                     const shape *result_shape, void *result) {
  (void)input_count, (void)a;
  const float *table = inputs[0].data;
  const int32_t *indices = inputs[1].data;
  int64_t rows = inputs[0].shape.dims[0], width = inputs[0].shape.dims[1];
  float *y = result;
  for (int64_t i = 0; i < dims_product(result_shape, 0, result_shape->rank - 1); i++, y += width)
    for (int64_t j = 0; j < width; j++)
      y[j] = indices[i] >= 0 && indices[i] < rows ? table[indices[i] * width + j] : NAN;
}

const op_descriptor op_embedding = {"embedding", 2, 2, NULL, infer, evaluate, NULL};
