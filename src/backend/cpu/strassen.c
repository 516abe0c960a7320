#include "backend/cpu/strassen.h"

#include "backend/cpu/aligned.h"

#include <string.h>

enum {
  FEWEST_ROWS = 64, /* B's sums cost as much as some 3 rows' products */
  FEWEST_INNER = 192,
  PADDING = 16, /* between rows of sums, so that they don't fall on the same cache sets */
  SUMS = 4
};

/* ---- where things lie in scratch ---- */

typedef struct quarters {
  ptrdiff_t upper, lower; /* rows: the upper half has one more where they are odd */
  ptrdiff_t inner, width;
  ptrdiff_t stride;         /* of A's sums */
  float *s[SUMS], *t[SUMS]; /* S1 to S4, T1 to T4 */
  float *u, *p, *start;     /* (upper, width) */
  float *zeros;             /* the row that the lower half lacks */
} quarters;

static quarters quarters_of(const strassen_job *j) {
  quarters q = {.upper = (j->rows + 1) / 2,
                .lower = j->rows / 2,
                .inner = j->inner,
                .width = (ptrdiff_t)j->vectors * j->kernels->lanes};
  q.stride = q.inner + PADDING;
  float *at = j->scratch;
  for (int i = 0; i < SUMS; i++, at += q.inner * q.width)
    q.t[i] = at;
  q.u = at;
  q.p = q.u + q.upper * q.width;
  q.start = q.p + q.upper * q.width;
  q.zeros = q.start + q.upper * q.width;
  at = q.zeros + q.inner;
  static const int order[SUMS] = {1, 0, 3, 2}; /* in which they are used */
  for (int i = 0; i < SUMS; i++, at += q.upper * q.stride)
    q.s[order[i]] = at;
  return q;
}

ptrdiff_t strassen_scratch(ptrdiff_t rows, ptrdiff_t inner, ptrdiff_t width) {
  ptrdiff_t upper = (rows + 1) / 2, half = inner / 2 + 1;
  return SUMS * half * width + 3 * upper * width + half + SUMS * upper * (half + PADDING);
}

bool strassen_fits(ptrdiff_t rows, ptrdiff_t inner) {
  return rows >= FEWEST_ROWS && inner >= FEWEST_INNER && inner % 2 == 0;
}

/* ---- sums ---- */

void strassen_sum_rows(const strassen_job *j) {
  quarters q = quarters_of(j);
  memset(q.zeros, 0, (size_t)q.inner * sizeof *q.zeros);
  for (ptrdiff_t row = 0; row < q.upper; row++) {
    const float *left = j->a[0] + row * j->a_stride, *right = j->a[1] + row * j->a_stride;
    ptrdiff_t down = q.upper * j->a_stride;
    bool both = row < q.lower;
    const float *const a[] = {left, right, both ? left + down : q.zeros, both ? right + down : q.zeros};
    float *const s[] = {q.s[0] + row * q.stride, q.s[1] + row * q.stride, q.s[2] + row * q.stride,
                        q.s[3] + row * q.stride};
    j->kernels->strassen_rows(a, q.inner, s);
  }
}

/* ---- products of quarters ---- */

/* A quarter of A or a sum, with rows `stride` apart. */
typedef struct left_factor {
  const float *a;
  ptrdiff_t stride, rows;
} left_factor;

/* What is done while a product is made: memory of two places, `bytes` each, is asked for, a line at each
 * inner index of each tile, else A's rows that the next tile reads; a difference of `size` floats is taken, a
 * vector at each inner index. */
typedef struct errand {
  uintptr_t wanted[2]; /* addresses; 0: none */
  ptrdiff_t bytes, asked;
  gemm_difference difference;
  ptrdiff_t size, done;
} errand;

static void send_on_errand(errand *e, gemm_tile *t, uintptr_t following, gemm_difference *part,
                           ptrdiff_t lanes) {
  if (e->wanted[0] && e->asked < 2 * e->bytes)
    t->prefetch = e->asked < e->bytes ? e->wanted[0] + (uintptr_t)e->asked
                                      : e->wanted[1] + (uintptr_t)(e->asked - e->bytes);
  else
    t->prefetch = following;
  e->asked += t->inner * CACHE_LINE;
  if (e->done < e->size) {
    *part = e->difference;
    part->from += e->done;
    part->what += e->done;
    part->result += e->done;
    t->difference = part;
  }
  e->done += t->inner * lanes;
}

/* The product in tiles of as equal heights as can be; whole's pointers are those of the first row. */
static void multiply(const strassen_job *j, const left_factor *left, const float *b, const gemm_tile *whole,
                     errand *e) {
  ptrdiff_t most = j->kernels->gemm_rows[j->vectors - 1], tiles = (left->rows + most - 1) / most;
  for (ptrdiff_t i = 0; i < tiles; i++) {
    ptrdiff_t begin = left->rows * i / tiles, end = left->rows * (i + 1) / tiles;
    gemm_tile t = *whole;
    gemm_difference part;
    t.a = left->a + begin * left->stride;
    t.a_stride = left->stride;
    t.b = b;
    t.inner = b ? j->inner : 0;
    t.start = t.start ? t.start + begin * t.start_stride : NULL;
    t.c += begin * t.c_stride;
    t.residual = t.residual ? t.residual + begin * t.residual_stride : NULL;
    uintptr_t following = (uintptr_t)left->a + (uintptr_t)(end * left->stride) * sizeof(float);
    send_on_errand(e, &t, following, &part, j->kernels->lanes);
    j->kernels->gemm_tiles[j->vectors - 1][end - begin - 1](&t);
  }
}

/* A sum that isn't C yet; `add`: to what is there. */
static void multiply_part(const strassen_job *j, const quarters *q, const left_factor *left, const float *b,
                          float *to, bool add, errand *e) {
  gemm_tile t = {.c = to,
                 .c_stride = q->width,
                 .start = add ? to : NULL,
                 .start_stride = q->width,
                 .last_lanes = j->kernels->lanes};
  multiply(j, left, b, &t, e);
}

/* A quarter of C: U, y if there is one, and one product; without b the product is left out. */
static void finish_quarter(const strassen_job *j, const quarters *q, int lower, int panel, const float *y,
                           const left_factor *left, const float *b, errand *e) {
  gemm_tile t = j->tile;
  ptrdiff_t offset = panel * q->width, row = lower ? q->upper : 0;
  t.c += row * t.c_stride + offset;
  t.residual = t.residual ? t.residual + row * t.residual_stride + offset : NULL;
  const float *base = j->resume ? t.c : j->tile.initial + offset;
  j->kernels->add_rows(q->u, y, base, j->resume ? t.c_stride : 0, left->rows, q->width, q->start);
  t.start = q->start;
  t.start_stride = q->width;
  t.distant = true;
  multiply(j, left, b, &t, e);
}

void strassen_multiply(const strassen_job *j) {
  quarters q = quarters_of(j);
  ptrdiff_t size = q.inner * q.width, bytes = size * (ptrdiff_t)sizeof(float);
  const float *b11 = j->b[0], *b12 = j->b[1], *b21 = b11 + size, *b22 = b12 + size;
  left_factor a11 = {j->a[0], j->a_stride, q.upper}, a12 = {j->a[1], j->a_stride, q.upper};
  left_factor a22 = {j->a[1] + q.upper * j->a_stride, j->a_stride, q.lower};
  left_factor s1 = {q.s[0], q.stride, q.upper}, s2 = {q.s[1], q.stride, q.upper};
  left_factor s3 = {q.s[2], q.stride, q.upper}, s4 = {q.s[3], q.stride, q.upper};
  errand t1 = {{(uintptr_t)b21, (uintptr_t)b22}, bytes, 0, {b12, b11, q.t[0]}, size, 0};
  errand t2 = {.difference = {b22, q.t[0], q.t[1]}, .size = size};
  errand t3 = {.difference = {b22, b12, q.t[2]}, .size = size};
  errand t4 = {.difference = {b21, q.t[1], q.t[3]}, .size = size};
  errand coming = {.wanted = {j->coming[0], j->coming[1]}, .bytes = bytes}, none = {.bytes = 0};
  multiply_part(j, &q, &a11, b11, q.u, false, &t1);
  finish_quarter(j, &q, 0, 0, NULL, &a12, b21, &t2);
  multiply_part(j, &q, &s2, q.t[1], q.u, true, &t3);
  multiply_part(j, &q, &s1, q.t[0], q.p, false, &t4);
  finish_quarter(j, &q, 0, 1, q.p, &s4, b22, &none);
  multiply_part(j, &q, &s3, q.t[2], q.u, true, &coming);
  finish_quarter(j, &q, 1, 0, NULL, &a22, q.t[3], &coming);
  finish_quarter(j, &q, 1, 1, q.p, &a22, NULL, &none);
}
