/* What importers tell people about a model file: its settings and the tensors that it stores. */
#ifndef DEEPECG_IMPORT_DESCRIPTION_H
#define DEEPECG_IMPORT_DESCRIPTION_H

#include "base/arena.h"
#include "container/tensor.h"

/* An option of the file that shapes the network, under the file's own name. */
typedef struct described_setting {
  const char *name;
  const char *text; /* NULL: a whole number */
  int64_t integer;
} described_setting;

typedef struct described_tensor {
  const char *name;
  stored_dtype type;
  int rank;
  int64_t dims[STORED_TENSOR_MAX_RANK];
} described_tensor;

/* Begin with memory set and the rest 0; free with description_free, which leaves the memory alone. */
typedef struct description {
  arena *memory; /* for names and texts, which are copied */
  described_setting *settings;
  size_t setting_count, setting_capacity;
  described_tensor *tensors;
  size_t tensor_count, tensor_capacity;
} description;

void description_free(description *d);
bool description_add_integer(description *d, const char *name, int64_t integer, error *err);
bool description_add_text(description *d, const char *name, const char *text, error *err);
bool description_add_tensor(description *d, const char *name, const stored_tensor *tensor, error *err);

#endif
