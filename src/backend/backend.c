#include "backend/backend.h"

#include <string.h>

const char *const precision_names[] = {[PRECISION_FP32] = "fp32", [PRECISION_BF16] = "bf16", NULL};

static const backend *const backends[] = {&cpu_backend};
enum { BACKEND_COUNT = sizeof backends / sizeof backends[0] };

const backend *backend_find(const char *name, error *err) {
  for (size_t i = 0; i < BACKEND_COUNT; i++)
    if (strcmp(name, backends[i]->name) == 0)
      return backends[i];
  error_set(err, ERROR_USAGE, "no backend named '%s'; there is: cpu", name);
  return NULL;
}
