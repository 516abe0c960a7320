/* Weights in the form that the kernels read, each made once. Executables compiled for different sequence
 * lengths from the same constants can share one store: nothing in it depends on a signal's length. */
#ifndef DEEPECG_BACKEND_CPU_WEIGHT_STORE_H
#define DEEPECG_BACKEND_CPU_WEIGHT_STORE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct weight_store weight_store;

/* What was made of which constants, for which geometry. Compared field by field. */
typedef struct weight_key {
  const void *source, *second, *third; /* the constants' data; NULL if there is none */
  int64_t form;                        /* weight_form */
  int64_t sizes[4];
} weight_key;

typedef enum weight_form {
  WEIGHT_COPY,
  WEIGHT_PACKED,
  WEIGHT_WINOGRAD,
  WEIGHT_DEPTHWISE,
  WEIGHT_SCALE_SHIFT,
  WEIGHT_PADDED,
  WEIGHT_SPECTRUM,
  WEIGHT_BF16
} weight_form;

weight_store *weight_store_create(bool huge_pages, error *err);
void weight_store_destroy(weight_store *s); /* NULL is allowed */

/* The memory stored under the key, or NULL. */
void *weight_store_find(const weight_store *s, const weight_key *key);
/* A WEIGHT_COPY of `source` that has `size` bytes or more, or NULL: networks for shorter inputs use the first
 * rows of a table. */
void *weight_store_find_copy(const weight_store *s, const void *source, size_t size);
/* New memory of `size` bytes under a key that isn't there yet, aligned to cache lines, not initialised. */
void *weight_store_add(weight_store *s, const weight_key *key, size_t size, error *err);

size_t weight_store_bytes(const weight_store *s);

#endif
