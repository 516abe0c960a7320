/* Named tensors of a model file, borrowed from the mapped file. */
#ifndef DEEPECG_CONTAINER_TENSOR_H
#define DEEPECG_CONTAINER_TENSOR_H

#include "base/arena.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum { STORED_TENSOR_MAX_RANK = 6 };

typedef enum stored_dtype {
  STORED_F32, STORED_F64, STORED_F16, STORED_BF16, STORED_I64, STORED_I32, STORED_I16, STORED_I8, STORED_U8, STORED_BOOL
} stored_dtype;

size_t stored_dtype_size(stored_dtype type);
const char *stored_dtype_name(stored_dtype type); /* "float32", ... */

/* A view into storage bytes. offset and strides are in elements and have been checked: every element of the view lies inside
 * storage[0..storage_size). */
typedef struct stored_tensor {
  stored_dtype type;
  int rank;
  int64_t dims[STORED_TENSOR_MAX_RANK];
  int64_t strides[STORED_TENSOR_MAX_RANK];
  int64_t offset;
  const uint8_t *storage;
  size_t storage_size; /* bytes */
} stored_tensor;

int64_t stored_tensor_elements(const stored_tensor *t);

/* Check dims, strides, offset and products against storage_size. */
bool stored_tensor_check(const stored_tensor *t, error *err);

/* The elements as contiguous row-major float32: a pointer into the file where they already are that (and aligned to 4), else a
 * converted copy in `memory`. */
const float *stored_tensor_f32(const stored_tensor *t, arena *memory, error *err);

#endif
