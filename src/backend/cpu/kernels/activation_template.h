/* Activations as a step of their own, where no product before them takes them in. */
#include "backend/cpu/kernels/vector_math.h"

static inline __attribute__((always_inline)) void activate_all(int kind, float alpha, const float *x,
                                                               float *y, ptrdiff_t n) {
  ptrdiff_t i = 0;
  for (; i + VECTOR_LANES <= n; i += VECTOR_LANES)
    vec_store(y + i, vec_activate(kind, alpha, vec_load(x + i)));
  if (i < n) {
    vec_mask rest = vec_first(n - i);
    vec_store_masked(y + i, rest, vec_activate(kind, alpha, vec_load_masked(x + i, rest)));
  }
}

#define ACTIVATE_CASE(kind)                                                                                  \
  case kind:                                                                                                 \
    activate_all(kind, alpha, x, y, n);                                                                      \
    break;

static void activate(activation_kind kind, float alpha, const float *x, float *y, ptrdiff_t n) {
  switch (kind) {
    FOR_SHORT_ACTIVATIONS(ACTIVATE_CASE)
    FOR_LONG_ACTIVATIONS(ACTIVATE_CASE)
  case ACTIVATION_COUNT:
    break;
  }
}
