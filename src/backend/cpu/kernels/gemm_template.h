/* Register tiles of the matrix product (gemm.h), for every number of rows and vectors that fits. */
#include "backend/cpu/kernels/gemm.h"
#include "backend/cpu/kernels/vector_math.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define UNROLL        _Pragma("GCC unroll 16")

/* a b + c for elements of A and B: floats, or whatever else takes the place of one. */
#ifndef GEMM_MULTIPLY_ADD
#define GEMM_MULTIPLY_ADD vec_fma
#endif

enum { CACHE_LINE_BYTES = 64 };

#ifdef GEMM_ROUNDS
/* Of gemm_round_template.h, to be included after this file: activates c, which is scratch, into t->rounded.
 */
static void gemm_round(const gemm_tile *t, int rows, int vectors);
#endif

typedef struct gemm_sums {
  vec rows[GEMM_MAX_ROWS][GEMM_MAX_VECTORS];
} gemm_sums;

ALWAYS_INLINE vec gemm_load(const float *p, bool whole, ptrdiff_t lanes) {
  return whole ? vec_load(p) : vec_load_masked(p, vec_first(lanes));
}

ALWAYS_INLINE void gemm_store(float *p, bool whole, ptrdiff_t lanes, vec x) {
  if (whole)
    vec_store(p, x);
  else
    vec_store_masked(p, vec_first(lanes), x);
}

ALWAYS_INLINE void gemm_start(const gemm_tile *t, gemm_sums *s, const int rows, const int vectors) {
  UNROLL
  for (int v = 0; v < vectors; v++) {
    bool whole = v < vectors - 1 || t->last_lanes == VECTOR_LANES;
    vec initial = t->initial ? vec_load(t->initial + v * VECTOR_LANES) : vec_set1(0);
    UNROLL
    for (int r = 0; r < rows; r++)
      s->rows[r][v] = t->start
                          ? gemm_load(t->start + r * t->start_stride + v * VECTOR_LANES, whole, t->last_lanes)
                          : initial;
  }
}

/* Many rows of A are addressed from one pointer for three of them, as processors can: base + {0, 1, 2} *
 * stride. */
#define GEMM_ROWS_PER_BASE(rows) ((rows) > 4 ? 3 : 1)
#define GEMM_BASES(rows)         ((rows) > 4 ? ((rows) + 2) / 3 : (rows))

typedef struct gemm_rows_of_a {
  const char *base[(GEMM_MAX_ROWS + 2) / 3];
  ptrdiff_t stride; /* bytes */
} gemm_rows_of_a;

/* The compiler may not see how the pointers hang together: it would make one of each row's, more than there
 * are registers. */
#define GEMM_OPAQUE(pointer) __asm__("" : "+r"(pointer))

ALWAYS_INLINE gemm_rows_of_a gemm_rows_begin(const gemm_tile *t, const int rows) {
  gemm_rows_of_a a = {.stride = t->a_stride * (ptrdiff_t)sizeof(float)};
  const int bases = GEMM_BASES(rows);
  UNROLL
  for (int i = 0; i < bases; i++) {
    a.base[i] = (const char *)t->a + i * GEMM_ROWS_PER_BASE(rows) * a.stride;
    GEMM_OPAQUE(a.base[i]);
  }
  return a;
}

ALWAYS_INLINE void gemm_rows_advance(gemm_rows_of_a *a, const int rows) {
  const int bases = GEMM_BASES(rows);
  UNROLL
  for (int i = 0; i < bases; i++)
    a->base[i] += sizeof(float);
}

/* One step of the inner index. */
ALWAYS_INLINE void gemm_step(const gemm_rows_of_a *a, const float *b, gemm_sums *s, const int rows,
                             const int vectors) {
  vec w[GEMM_MAX_VECTORS];
  UNROLL
  for (int v = 0; v < vectors; v++)
    w[v] = vec_load(b + v * VECTOR_LANES);
  UNROLL
  for (int r = 0; r < rows; r++) {
    vec x = vec_set1(
        *((const float *)(a->base[r / GEMM_ROWS_PER_BASE(rows)] + r % GEMM_ROWS_PER_BASE(rows) * a->stride)));
    UNROLL
    for (int v = 0; v < vectors; v++)
      s->rows[r][v] = GEMM_MULTIPLY_ADD(x, w[v], s->rows[r][v]);
  }
}

/* Not unrolled: the compiler runs out of registers otherwise, and the multiply-adds hide the loop. */
ALWAYS_INLINE void gemm_accumulate(const gemm_tile *t, gemm_sums *s, const int rows, const int vectors,
                                   const bool subtract) {
  gemm_rows_of_a a = gemm_rows_begin(t, rows);
  gemm_difference d = subtract ? *t->difference : (gemm_difference){0};
  const float *b = t->b;
  uintptr_t prefetch = t->prefetch ? t->prefetch : (uintptr_t)b;
  uintptr_t prefetch_step = t->prefetch ? CACHE_LINE_BYTES : 0;
  for (ptrdiff_t k = t->inner; k > 0; k--) {
    gemm_step(&a, b, s, rows, vectors);
    gemm_rows_advance(&a, rows);
    b += vectors * VECTOR_LANES;
    __builtin_prefetch((const void *)prefetch, 0, 2);
    prefetch += prefetch_step;
    if (subtract) {
      vec_store(d.result, vec_sub(vec_load(d.from), vec_load(d.what)));
      d.from += VECTOR_LANES;
      d.what += VECTOR_LANES;
      d.result += VECTOR_LANES;
    }
  }
}

/* A single row: four chains for the inner indices of equal remainder. */
ALWAYS_INLINE void gemm_accumulate_row(const gemm_tile *t, gemm_sums *s, const int vectors) {
  vec chains[4][GEMM_MAX_VECTORS];
  ptrdiff_t k = 0;
  UNROLL
  for (int i = 0; i < 4; i++)
    UNROLL
  for (int v = 0; v < vectors; v++)
    chains[i][v] = vec_set1(0);
  for (; k + 4 <= t->inner; k += 4)
    UNROLL
  for (int i = 0; i < 4; i++)
    UNROLL
  for (int v = 0; v < vectors; v++)
    chains[i][v] = GEMM_MULTIPLY_ADD(vec_set1(t->a[k + i]),
                                     vec_load(t->b + ((k + i) * vectors + v) * VECTOR_LANES), chains[i][v]);
  for (; k < t->inner; k++)
    UNROLL
  for (int v = 0; v < vectors; v++)
    chains[0][v] =
        GEMM_MULTIPLY_ADD(vec_set1(t->a[k]), vec_load(t->b + (k * vectors + v) * VECTOR_LANES), chains[0][v]);
  UNROLL
  for (int v = 0; v < vectors; v++)
    s->rows[0][v] = vec_add(
        s->rows[0][v], vec_add(vec_add(chains[0][v], chains[1][v]), vec_add(chains[2][v], chains[3][v])));
}

ALWAYS_INLINE void gemm_add_residual(const gemm_tile *t, gemm_sums *s, const int rows, const int vectors) {
  UNROLL
  for (int v = 0; v < vectors; v++) {
    bool whole = v < vectors - 1 || t->last_lanes == VECTOR_LANES;
    UNROLL
    for (int r = 0; r < rows; r++)
      s->rows[r][v] =
          vec_add(s->rows[r][v],
                  gemm_load(t->residual + r * t->residual_stride + v * VECTOR_LANES, whole, t->last_lanes));
  }
}

/* Then leaky_relu is the larger of x and alpha x, which takes two instructions (and NaN stays NaN). */
ALWAYS_INLINE bool slope_is_usual(float alpha) {
  return alpha > 0 && alpha <= 1;
}

ALWAYS_INLINE void gemm_activate_simple(const gemm_tile *t, gemm_sums *s, const int rows, const int vectors) {
  vec zero = vec_set1(0), alpha = vec_set1(t->alpha);
  if (t->activation == ACTIVATION_RELU) {
    UNROLL
    for (int r = 0; r < rows; r++)
      UNROLL
    for (int v = 0; v < vectors; v++)
      s->rows[r][v] = vec_max(zero, s->rows[r][v]);
  } else if (t->activation == ACTIVATION_LEAKY_RELU && slope_is_usual(t->alpha)) {
    UNROLL
    for (int r = 0; r < rows; r++)
      UNROLL
    for (int v = 0; v < vectors; v++)
      s->rows[r][v] = vec_max(vec_mul(alpha, s->rows[r][v]), s->rows[r][v]);
  } else if (t->activation == ACTIVATION_LEAKY_RELU) {
    UNROLL
    for (int r = 0; r < rows; r++)
      UNROLL
    for (int v = 0; v < vectors; v++)
      s->rows[r][v] =
          vec_select(vec_greater(s->rows[r][v], zero), s->rows[r][v], vec_mul(alpha, s->rows[r][v]));
  }
}

ALWAYS_INLINE void gemm_write(const gemm_tile *t, const gemm_sums *s, const int rows, const int vectors) {
  UNROLL
  for (int v = 0; v < vectors; v++) {
    bool whole = v < vectors - 1 || t->last_lanes == VECTOR_LANES;
    UNROLL
    for (int r = 0; r < rows; r++)
      gemm_store(t->c + r * t->c_stride + v * VECTOR_LANES, whole, t->last_lanes, s->rows[r][v]);
  }
}

ALWAYS_INLINE void gemm_write_sums(const gemm_tile *t, const gemm_sums *s, const int rows,
                                   const int vectors) {
  UNROLL
  for (int v = 0; v < vectors; v++) {
    vec sum = s->rows[0][v];
    UNROLL
    for (int r = 1; r < rows; r++)
      sum = vec_add(sum, s->rows[r][v]);
    vec_store(t->column_sums + v * VECTOR_LANES, sum);
  }
}

ALWAYS_INLINE void gemm_activate_kind(const gemm_tile *t, int rows, int vectors, const int kind) {
  for (int v = 0; v < vectors; v++) {
    bool whole = v < vectors - 1 || t->last_lanes == VECTOR_LANES;
    vec sum = vec_set1(0);
    for (int r = 0; r < rows; r++) {
      float *c = t->c + r * t->c_stride + v * VECTOR_LANES;
      vec y = vec_activate(kind, t->alpha, gemm_load(c, whole, t->last_lanes));
      gemm_store(c, whole, t->last_lanes, y);
      sum = vec_add(sum, y);
    }
    if (t->column_sums)
      vec_store(t->column_sums + v * VECTOR_LANES, sum);
  }
}

/* Activations that need many instructions: on the tile in memory, where it is still in the first cache. */
static __attribute__((noinline)) void gemm_activate(const gemm_tile *t, int rows, int vectors) {
  switch (t->activation) {
#define GEMM_ACTIVATION(kind)                                                                                \
  case kind:                                                                                                 \
    gemm_activate_kind(t, rows, vectors, kind);                                                              \
    break;
    FOR_LONG_ACTIVATIONS(GEMM_ACTIVATION)
#undef GEMM_ACTIVATION
  default:
    break;
  }
}

/* The tile's lines, which may be far, are on their way while its sums are made. */
ALWAYS_INLINE void gemm_prefetch_tile(const gemm_tile *t, const int rows, const int vectors) {
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++) {
      __builtin_prefetch(t->c + r * t->c_stride + v * VECTOR_LANES, 1, 3);
      if (t->residual)
        __builtin_prefetch(t->residual + r * t->residual_stride + v * VECTOR_LANES, 0, 3);
    }
}

ALWAYS_INLINE void gemm_run_tile(const gemm_tile *t, const int rows, const int vectors) {
  gemm_sums s;
  gemm_start(t, &s, rows, vectors);
  if (t->distant)
    gemm_prefetch_tile(t, rows, vectors);
  if (rows == 1)
    gemm_accumulate_row(t, &s, vectors);
  else if (t->difference)
    gemm_accumulate(t, &s, rows, vectors, true);
  else
    gemm_accumulate(t, &s, rows, vectors, false);
  if (t->finish && t->residual)
    gemm_add_residual(t, &s, rows, vectors);
#ifdef GEMM_ROUNDS
  if (t->rounded) {
    gemm_write(t, &s, rows, vectors);
    gemm_round(t, rows, vectors);
    return;
  }
#endif
  bool simple = !t->finish || t->activation <= ACTIVATION_LEAKY_RELU;
  if (t->finish && simple)
    gemm_activate_simple(t, &s, rows, vectors);
  if (t->c)
    gemm_write(t, &s, rows, vectors);
  if (!simple)
    gemm_activate(t, rows, vectors);
  else if (t->finish && t->column_sums)
    gemm_write_sums(t, &s, rows, vectors);
}

#define GEMM_TILE(rows, vectors)                                                                             \
  static void gemm_tile_##rows##_##vectors(const gemm_tile *t) {                                             \
    gemm_run_tile(t, rows, vectors);                                                                         \
  }
/* One function for each number of rows that some instruction set has room for. */
#define GEMM_FOR_ROWS(apply, vectors, most)  GEMM_FOR_ROWS_(apply, vectors, most)
#define GEMM_FOR_ROWS_(apply, vectors, most) GEMM_UP_TO_##most(apply, vectors)
#define GEMM_UP_TO_3(apply, v)               apply(1, v) apply(2, v) apply(3, v)
#define GEMM_UP_TO_4(apply, v)               GEMM_UP_TO_3(apply, v) apply(4, v)
#define GEMM_UP_TO_5(apply, v)               GEMM_UP_TO_4(apply, v) apply(5, v)
#define GEMM_UP_TO_6(apply, v)               GEMM_UP_TO_5(apply, v) apply(6, v)
#define GEMM_UP_TO_8(apply, v)               GEMM_UP_TO_6(apply, v) apply(7, v) apply(8, v)
#define GEMM_UP_TO_9(apply, v)               GEMM_UP_TO_8(apply, v) apply(9, v)
#define GEMM_UP_TO_12(apply, v)              GEMM_UP_TO_9(apply, v) apply(10, v) apply(11, v) apply(12, v)
#define GEMM_UP_TO_14(apply, v)              GEMM_UP_TO_12(apply, v) apply(13, v) apply(14, v)

GEMM_FOR_ROWS(GEMM_TILE, 1, GEMM_ROWS_1)
GEMM_FOR_ROWS(GEMM_TILE, 2, GEMM_ROWS_2)
GEMM_FOR_ROWS(GEMM_TILE, 3, GEMM_ROWS_3)

#define GEMM_ENTRY(rows, vectors) gemm_tile_##rows##_##vectors,
#define GEMM_TABLE                                                                                           \
  {                                                                                                          \
    {GEMM_FOR_ROWS(GEMM_ENTRY, 1, GEMM_ROWS_1)}, {GEMM_FOR_ROWS(GEMM_ENTRY, 2, GEMM_ROWS_2)}, {              \
      GEMM_FOR_ROWS(GEMM_ENTRY, 3, GEMM_ROWS_3)                                                              \
    }                                                                                                        \
  }
