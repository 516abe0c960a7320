/* The activation of one vector of results, where it is not known when this is compiled. */
#include "backend/cpu/kernels/vector_math.h"

/* One vector, whatever the activation. */
static __attribute__((noinline)) vec activate_vector(int kind, float alpha, vec x) {
  return vec_activate(kind, alpha, x);
}

/* The same, quick for those that take few instructions. */
ALWAYS_INLINE vec activate_result(int kind, float alpha, vec x) {
  if (kind == ACTIVATION_LEAKY_RELU && slope_is_usual(alpha))
    return vec_max(vec_mul(vec_set1(alpha), x), x);
  if (kind == ACTIVATION_LEAKY_RELU)
    return vec_select(vec_greater(x, vec_set1(0)), x, vec_mul(vec_set1(alpha), x));
  if (kind == ACTIVATION_RELU)
    return vec_max(vec_set1(0), x);
  return kind == ACTIVATION_NONE ? x : activate_vector(kind, alpha, x);
}
