/* Register tiles one vector and a half wide, in panels of two vectors whose last half is zeros; for
 * instruction sets on which half a vector takes half the time. They do the middle part of gemm.h's tiles
 * alone: no residual, no activation, no sums, and whole vectors of C are written. */
#ifdef VECTOR_HALF_LANES

typedef struct gemm_half_sums {
  vec whole[GEMM_MAX_ROWS];
  vec_half half[GEMM_MAX_ROWS];
} gemm_half_sums;

ALWAYS_INLINE void gemm_half_step(const gemm_rows_of_a *a, const float *b, gemm_half_sums *s,
                                  const int rows) {
  vec w = vec_load(b);
  vec_half v = vec_half_load(b + VECTOR_LANES);
  UNROLL
  for (int r = 0; r < rows; r++) {
    vec x = vec_set1(
        *((const float *)(a->base[r / GEMM_ROWS_PER_BASE(rows)] + r % GEMM_ROWS_PER_BASE(rows) * a->stride)));
    s->whole[r] = vec_fma(x, w, s->whole[r]);
    s->half[r] = vec_half_fma(vec_half_of(x), v, s->half[r]);
  }
}

ALWAYS_INLINE void gemm_half_run(const gemm_tile *t, const int rows) {
  gemm_half_sums s;
  vec initial = t->initial ? vec_load(t->initial) : vec_set1(0);
  vec initial_half = t->initial ? vec_load(t->initial + VECTOR_LANES) : vec_set1(0);
  UNROLL
  for (int r = 0; r < rows; r++) {
    s.whole[r] = initial;
    s.half[r] = vec_half_of(initial_half);
  }
  gemm_rows_of_a a = gemm_rows_begin(t, rows);
  const float *b = t->b;
  for (ptrdiff_t k = t->inner; k > 0; k--) {
    gemm_half_step(&a, b, &s, rows);
    gemm_rows_advance(&a, rows);
    b += 2 * VECTOR_LANES;
  }
  UNROLL
  for (int r = 0; r < rows; r++) {
    vec_store(t->c + r * t->c_stride, s.whole[r]);
    vec_store(t->c + r * t->c_stride + VECTOR_LANES, vec_whole_of(s.half[r]));
  }
}

#define GEMM_HALF_TILE(rows, vectors)                                                                        \
  static void gemm_half_tile_##rows(const gemm_tile *t) {                                                    \
    gemm_half_run(t, rows);                                                                                  \
  }
GEMM_FOR_ROWS(GEMM_HALF_TILE, 2, GEMM_ROWS_2)

#define GEMM_HALF_ENTRY(rows, vectors) gemm_half_tile_##rows,
#define GEMM_HALF_TABLE                                                                                      \
  { GEMM_FOR_ROWS(GEMM_HALF_ENTRY, 2, GEMM_ROWS_2) }

#else

enum { VECTOR_HALF_LANES = 0 };
#define GEMM_HALF_TABLE                                                                                      \
  { NULL }

#endif
