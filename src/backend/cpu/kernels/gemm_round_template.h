/* The finish of a register tile whose result is wanted as bfloat16: from the tile in memory, where it is
 * still in the first cache. What is rounded next need not be exact to its last bit. */

ALWAYS_INLINE vec activate_to_round(const int kind, float alpha, vec x) {
  return kind == ACTIVATION_GELU ? vec_gelu_to_be_rounded(x) : vec_activate(kind, alpha, x);
}

/* The first n numbers; an odd last one is followed by 0. */
ALWAYS_INLINE void store_rounded(uint16_t *to, ptrdiff_t n, vec x) {
  _mm256_mask_storeu_epi16(to, vec_first(n + n % 2), (__m256i)_mm512_maskz_cvtneps_pbh(vec_first(n), x));
}

ALWAYS_INLINE void round_kind(const gemm_tile *t, int rows, int vectors, const int kind) {
  for (int v = 0; v < vectors; v++) {
    ptrdiff_t lanes = v < vectors - 1 ? VECTOR_LANES : t->last_lanes;
    for (int r = 0; r < rows; r++) {
      vec x = vec_load_masked(t->c + r * t->c_stride + v * VECTOR_LANES, vec_first(lanes));
      store_rounded(t->rounded + r * t->rounded_stride + v * VECTOR_LANES, lanes,
                    activate_to_round(kind, t->alpha, x));
    }
  }
}

static __attribute__((noinline)) void gemm_round(const gemm_tile *t, int rows, int vectors) {
  switch (t->activation) {
#define ROUND_ACTIVATION(kind)                                                                               \
  case kind:                                                                                                 \
    round_kind(t, rows, vectors, kind);                                                                      \
    break;
    FOR_SHORT_ACTIVATIONS(ROUND_ACTIVATION)
    FOR_LONG_ACTIVATIONS(ROUND_ACTIVATION)
#undef ROUND_ACTIVATION
  default:
    break;
  }
}
