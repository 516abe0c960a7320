/* A panel of weights with factors multiplied in (gemm.h). */
#include "backend/cpu/kernels/gemm.h"

static void gemm_scale_panel(const float *panel, ptrdiff_t inner, ptrdiff_t width, const float *scale,
                             ptrdiff_t period, float *scaled) {
  for (ptrdiff_t k = 0, channel = 0; k < inner; k++) {
    vec factor = vec_set1(scale[channel]);
    for (ptrdiff_t i = 0; i < width; i += VECTOR_LANES)
      vec_store(scaled + k * width + i, vec_mul(factor, vec_load(panel + k * width + i)));
    channel = channel + 1 == period ? 0 : channel + 1;
  }
}
