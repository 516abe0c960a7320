/* The safetensors format: a length, a JSON header, then the tensors' bytes, little-endian and without gaps.
 * Source: https://github.com/huggingface/safetensors (README, "Format"). */
#ifndef DEEPECG_CONTAINER_SAFETENSORS_H
#define DEEPECG_CONTAINER_SAFETENSORS_H

#include "base/error.h"
#include "container/tensor.h"

#include <stddef.h>
#include <stdint.h>

enum { SAFETENSORS_MAX_HEADER = 100000000 /* bytes, as the format's own library */ };

typedef struct safetensors safetensors;

/* Read the header. `data` is borrowed and must outlive the result; no tensor's page is touched. NULL and *err
 * for what the format forbids: a header that is too long, no JSON object or has a name twice; tensors that
 * overlap, leave gaps, leave the file or whose size isn't that of their shape; and for a dtype or rank that
 * isn't read here. Destroy with safetensors_close. */
safetensors *safetensors_open(const uint8_t *data, size_t size, error *err);

/* NULL is allowed. */
void safetensors_close(safetensors *file);

/* Tensors are in the order of their bytes in the file. Names are valid until safetensors_close. */
size_t safetensors_count(const safetensors *file);
const char *safetensors_name(const safetensors *file, size_t index);

/* The tensor with this name, checked and contiguous, or NULL. Thread-safe. */
const stored_tensor *safetensors_find(const safetensors *file, const char *name);

#endif
