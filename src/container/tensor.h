/* Named tensors of a model file, borrowed from the mapped file. */
#ifndef DEEPECG_CONTAINER_TENSOR_H
#define DEEPECG_CONTAINER_TENSOR_H

#include "base/arena.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum { STORED_TENSOR_MAX_RANK = 6 };

/* A view that repeats its storage's elements (stride 0, overlapping strides) may have at most this many, so
 * that a small file can't ask for a huge copy. */
enum { STORED_TENSOR_MAX_REPEATED = 1 << 24 };

typedef enum stored_dtype {
  STORED_F32,
  STORED_F64,
  STORED_F16,
  STORED_BF16,
  STORED_I64,
  STORED_I32,
  STORED_I16,
  STORED_I8,
  STORED_U8,
  STORED_BOOL
} stored_dtype;

size_t stored_dtype_size(stored_dtype type);      /* bytes */
const char *stored_dtype_name(stored_dtype type); /* "float32", ... as torch and numpy call them */

/* A view into storage bytes, which are little-endian. offset and strides are in elements and have been
 * checked: every element of the view lies inside storage[0..storage_size). */
typedef struct stored_tensor {
  stored_dtype type;
  int rank; /* 0: a scalar */
  int64_t dims[STORED_TENSOR_MAX_RANK];
  int64_t strides[STORED_TENSOR_MAX_RANK];
  int64_t offset;
  const uint8_t *storage;
  size_t storage_size; /* bytes */
} stored_tensor;

/* Of a checked tensor: the product of its dims, 1 for a scalar. */
int64_t stored_tensor_elements(const stored_tensor *t);

/* Set the strides of a row-major tensor without gaps; false when the product of the dims overflows or one is
 * negative. */
bool stored_tensor_set_contiguous(stored_tensor *t, error *err);

/* Check rank, dims, strides (none negative), offset and their products against storage_size. */
bool stored_tensor_check(const stored_tensor *t, error *err);

/* The elements of a checked tensor as contiguous row-major float32: a pointer into the file where they
 * already are that (and aligned to 4), else a converted copy in `memory`. float64 and integers are rounded to
 * nearest; a float64 beyond float32's range becomes infinite; true becomes 1. NULL and *err when memory is
 * out. Thread-safe with separate arenas. */
const float *stored_tensor_f32(const stored_tensor *t, arena *memory, error *err);

#endif
