/* Products of bfloat16 numbers. Two numbers of neighbouring inner indices share 32 bits, the first in the low
 * half: such a pair takes the place of a float in the matrices of gemm.h, so that the same register tiles
 * serve, with half as many steps. Sums are float32. The instruction reads denormal numbers as 0. */
#ifndef DEEPECG_BACKEND_CPU_BF16_H
#define DEEPECG_BACKEND_CPU_BF16_H

#include "backend/cpu/kernels/kernels.h"
#include "base/error.h"

#include <stdint.h>
#include <string.h>

/* Pairs from one row of a matrix of `columns` to the next where rows are kept as pairs: an odd number of
 * cache lines, so that rows don't fall on the same cache sets. */
static inline ptrdiff_t bf16_row_stride(ptrdiff_t columns) {
  enum { PAIRS_IN_LINE = 16 };
  ptrdiff_t pairs = (columns + 1) / 2;
  return (((pairs + PAIRS_IN_LINE - 1) / PAIRS_IN_LINE) | 1) * PAIRS_IN_LINE;
}

typedef struct bf16_kernels {
  const char *name; /* "avx512bf16" */
  /* As in cpu_kernels, of which the tiles' heights and lanes hold here too. */
  double (*probe_peak)(long steps);
  gemm_kernel_table gemm_tiles;
  /* n floats, rounded, as (n + 1) / 2 pairs; an odd end is filled up with 0. */
  void (*to_pairs)(const float *x, ptrdiff_t n, float *pairs);
  /* A panel of a matrix that is stored by columns, `inner` floats each: (inner + 1) / 2 rows of `width`
   * pairs, those beyond `columns` 0. width is a multiple of the lanes. */
  void (*pack_panel)(const float *by_columns, ptrdiff_t columns, ptrdiff_t inner, ptrdiff_t width,
                     float *panel);
  /* As cpu_kernels' with operands rounded, softmax in float32; scratch has bf16_attention_floats more. */
  void (*attend)(const attention_job *job, ptrdiff_t begin, ptrdiff_t end, float *scratch);
} bf16_kernels;

static inline ptrdiff_t bf16_attention_floats(ptrdiff_t steps, ptrdiff_t width) {
  return steps * ((width + 1) / 2) + (steps + 1) / 2 * width;
}

#ifdef __x86_64__
extern const bf16_kernels cpu_kernels_avx512bf16;
#endif

/* Those that go with `kernels`, or NULL and *err, which says what is lacking. */
const bf16_kernels *bf16_kernels_choose(const cpu_kernels *kernels, error *err);

/* The nearest bfloat16, ties to even; NaN stays NaN. */
static inline uint16_t bf16_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* A pair as it stands in the place of a float. */
static inline float bf16_pair(float first, float second) {
  uint32_t bits = (uint32_t)bf16_of(second) << 16 | bf16_of(first);
  float pair;
  memcpy(&pair, &bits, sizeof pair);
  return pair;
}

#endif
