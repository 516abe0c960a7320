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
                .inner = j->inner / 2,
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
  for (int i = 0; i < SUMS; i++, at += q.upper * q.stride)
    q.s[i] = at;
  return q;
}

ptrdiff_t strassen_scratch(ptrdiff_t rows, ptrdiff_t inner, ptrdiff_t width) {
  ptrdiff_t upper = (rows + 1) / 2, half = inner / 2;
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
    const float *upper = j->a + row * j->a_stride, *lower = upper + q.upper * j->a_stride;
    bool both = row < q.lower;
    const float *const a[] = {upper, upper + q.inner, both ? lower : q.zeros,
                              both ? lower + q.inner : q.zeros};
    float *const s[] = {q.s[0] + row * q.stride, q.s[1] + row * q.stride, q.s[2] + row * q.stride,
                        q.s[3] + row * q.stride};
    j->kernels->strassen_rows(a, q.inner, s);
  }
}

static void sum_panels(const strassen_job *j, const quarters *q) {
  ptrdiff_t size = q->inner * q->width;
  const float *const b[] = {j->b[0], j->b[1], j->b[0] + size, j->b[1] + size};
  j->kernels->strassen_panels(b, size, q->t);
}

/* ---- products of quarters ---- */

/* A quarter of A or a sum, with rows `stride` apart. */
typedef struct left_factor {
  const float *a;
  ptrdiff_t stride, rows;
} left_factor;

/* What is coming is asked for a line at each step of each tile. */
typedef struct request {
  const char *data[2];
  ptrdiff_t bytes, done;
} request;

static const char *request_lines(request *r, ptrdiff_t count) {
  const char *at = NULL;
  if (r->data[0] && r->done < 2 * r->bytes)
    at = r->done < r->bytes ? r->data[0] + r->done : r->data[1] + (r->done - r->bytes);
  r->done += count * CACHE_LINE;
  return at;
}

/* The product in tiles of as equal heights as can be; t's pointers are those of the first row. */
static void multiply(const strassen_job *j, const left_factor *left, const float *b, ptrdiff_t inner,
                     const gemm_tile *whole, request *coming) {
  ptrdiff_t most = j->kernels->gemm_rows[j->vectors - 1], tiles = (left->rows + most - 1) / most;
  for (ptrdiff_t i = 0; i < tiles; i++) {
    ptrdiff_t begin = left->rows * i / tiles, end = left->rows * (i + 1) / tiles;
    gemm_tile t = *whole;
    t.a = left->a + begin * left->stride;
    t.a_stride = left->stride;
    t.b = b;
    t.inner = inner;
    t.start = t.start ? t.start + begin * t.start_stride : NULL;
    t.c += begin * t.c_stride;
    t.residual = t.residual ? t.residual + begin * t.residual_stride : NULL;
    t.prefetch = request_lines(coming, inner);
    j->kernels->gemm_tiles[j->vectors - 1][end - begin - 1](&t);
  }
}

/* A sum that isn't C yet: `add`: to what is there. */
static void multiply_part(const strassen_job *j, const quarters *q, const left_factor *left, const float *b,
                          float *to, bool add, request *coming) {
  gemm_tile t = {.c = to,
                 .c_stride = q->width,
                 .start = add ? to : NULL,
                 .start_stride = q->width,
                 .last_lanes = j->kernels->lanes};
  multiply(j, left, b, q->inner, &t, coming);
}

/* A quarter of C: x, y and one product; without b the product is left out. */
static void finish_quarter(const strassen_job *j, const quarters *q, int lower, int panel, const float *y,
                           const left_factor *left, const float *b, request *coming) {
  gemm_tile t = j->tile;
  ptrdiff_t offset = panel * q->width, row = lower ? q->upper : 0;
  t.c += row * t.c_stride + offset;
  t.residual = t.residual ? t.residual + row * t.residual_stride + offset : NULL;
  const float *base = j->resume ? t.c : j->tile.initial + offset;
  j->kernels->add_rows(q->u, y, base, j->resume ? t.c_stride : 0, left->rows, q->width, q->start);
  t.start = q->start;
  t.start_stride = q->width;
  multiply(j, left, b, b ? q->inner : 0, &t, coming);
}

void strassen_multiply(const strassen_job *j) {
  quarters q = quarters_of(j);
  request coming = {{j->coming[0], j->coming[1]}, j->coming_bytes, 0};
  ptrdiff_t size = q.inner * q.width;
  const float *b11 = j->b[0], *b21 = b11 + size, *b22 = j->b[1] + size;
  left_factor a11 = {j->a, j->a_stride, q.upper}, a12 = {j->a + q.inner, j->a_stride, q.upper};
  left_factor a22 = {j->a + q.upper * j->a_stride + q.inner, j->a_stride, q.lower};
  left_factor s1 = {q.s[0], q.stride, q.upper}, s2 = {q.s[1], q.stride, q.upper};
  left_factor s3 = {q.s[2], q.stride, q.upper}, s4 = {q.s[3], q.stride, q.upper};
  sum_panels(j, &q);
  multiply_part(j, &q, &a11, b11, q.u, false, &coming);
  finish_quarter(j, &q, 0, 0, NULL, &a12, b21, &coming);
  multiply_part(j, &q, &s2, q.t[1], q.u, true, &coming);
  multiply_part(j, &q, &s1, q.t[0], q.p, false, &coming);
  finish_quarter(j, &q, 0, 1, q.p, &s4, b22, &coming);
  multiply_part(j, &q, &s3, q.t[2], q.u, true, &coming);
  finish_quarter(j, &q, 1, 0, NULL, &a22, q.t[3], &coming);
  finish_quarter(j, &q, 1, 1, q.p, &a22, NULL, &coming);
}
