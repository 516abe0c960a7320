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
    ACTIVATE_CASE(ACTIVATION_NONE)
    ACTIVATE_CASE(ACTIVATION_RELU)
    ACTIVATE_CASE(ACTIVATION_LEAKY_RELU)
    ACTIVATE_CASE(ACTIVATION_RELU6)
    ACTIVATE_CASE(ACTIVATION_SILU)
    ACTIVATE_CASE(ACTIVATION_GELU)
    ACTIVATE_CASE(ACTIVATION_GELU_TANH)
    ACTIVATE_CASE(ACTIVATION_MISH)
    ACTIVATE_CASE(ACTIVATION_SELU)
    ACTIVATE_CASE(ACTIVATION_ELU)
    ACTIVATE_CASE(ACTIVATION_HARDSWISH)
    ACTIVATE_CASE(ACTIVATION_HARDSIGMOID)
    ACTIVATE_CASE(ACTIVATION_SIGMOID)
    ACTIVATE_CASE(ACTIVATION_TANH)
  case ACTIVATION_COUNT:
    break;
  }
}
