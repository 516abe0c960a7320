/* softmax(q k^T * scale) v, a tile of queries of one head at a time.
 *
 * Queries lie across the vectors: q is turned round into (width, queries), scores are (keys, queries), so
 * that keys and values are read where they lie, one broadcast element per product, and the softmax runs down
 * the keys without a sum across lanes. The largest score and all sums are taken over the keys in their order.
 * Nothing but a tile of scores is kept. */
#include "backend/cpu/kernels/vector_math.h"

enum { QUERY_VECTORS = ATTENTION_QUERY_VECTORS, TILE_QUERIES = QUERY_VECTORS * VECTOR_LANES };

/* Keys and values of one head as the products read them: element i of row r is x[r * row_stride + i * step].
 */
typedef struct attention_operand {
  const float *x;
  ptrdiff_t row_stride, step, count; /* count: elements of a row */
} attention_operand;

typedef struct attention_head {
  attention_operand keys, values;
} attention_head;

/* attention_floats.h and attention_pairs.h, to be included after this file, say how: the operands of a head,
 * with what scratch they need; and what becomes of rows of queries or scores, TILE_QUERIES wide, before they
 * are multiplied. */
static attention_head read_head(const attention_job *job, ptrdiff_t head, float *scratch);
static void prepare_rows(float *rows, ptrdiff_t count);

/* c[row] = sum over i of a[row * row_stride + i * step] * b[i], for rows of b and c that are `vectors` wide
 * and TILE_QUERIES apart. */
typedef struct tile_product {
  const float *a;
  ptrdiff_t row_stride, step;
  const float *b;
  ptrdiff_t count; /* of terms */
  float *c;
} tile_product;

static inline __attribute__((always_inline)) void multiply_rows(const tile_product *p, int rows,
                                                                int vectors) {
  vec sums[GEMM_ROWS_2][QUERY_VECTORS];
  const float *a = p->a, *b = p->b;
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++)
      sums[r][v] = vec_set1(0);
  for (ptrdiff_t i = 0; i < p->count; i++, a += p->step, b += TILE_QUERIES) {
    vec row_of_b[QUERY_VECTORS];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++)
      row_of_b[v] = vec_load(b + v * VECTOR_LANES);
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
      vec element = vec_set1(a[r * p->row_stride]);
#pragma GCC unroll 2
      for (int v = 0; v < vectors; v++)
        sums[r][v] = GEMM_MULTIPLY_ADD(element, row_of_b[v], sums[r][v]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++)
      vec_store(p->c + r * TILE_QUERIES + v * VECTOR_LANES, sums[r][v]);
}

#define MULTIPLY_CASE(rows)                                                                                  \
  case rows:                                                                                                 \
    if (rows > GEMM_ROWS_2)                                                                                  \
      break;                                                                                                 \
    if (vectors == 1)                                                                                        \
      multiply_rows(p, rows <= GEMM_ROWS_2 ? rows : 1, 1);                                                   \
    else                                                                                                     \
      multiply_rows(p, rows <= GEMM_ROWS_2 ? rows : 1, 2);                                                   \
    break;

static void multiply_block(const tile_product *p, ptrdiff_t rows, int vectors) {
  switch (rows) {
    MULTIPLY_CASE(1)
    MULTIPLY_CASE(2)
    MULTIPLY_CASE(3)
    MULTIPLY_CASE(4)
    MULTIPLY_CASE(5)
    MULTIPLY_CASE(6)
    MULTIPLY_CASE(7)
    MULTIPLY_CASE(8)
    MULTIPLY_CASE(9)
    MULTIPLY_CASE(10)
    MULTIPLY_CASE(11)
    MULTIPLY_CASE(12)
    MULTIPLY_CASE(13)
    MULTIPLY_CASE(14)
  default:
    break;
  }
}

_Static_assert(GEMM_ROWS_2 <= 14 && ATTENTION_QUERY_VECTORS == 2, "the cases above");

/* All rows, in blocks of equal heights that fill the registers. */
static void multiply_all(tile_product p, ptrdiff_t rows, int vectors) {
  const float *a = p.a;
  float *c = p.c;
  ptrdiff_t blocks = (rows + GEMM_ROWS_2 - 1) / GEMM_ROWS_2;
  for (ptrdiff_t i = 0; i < blocks; i++) {
    ptrdiff_t begin = rows * i / blocks, end = rows * (i + 1) / blocks;
    p.a = a + begin * p.row_stride;
    p.c = c + begin * TILE_QUERIES;
    multiply_block(&p, end - begin, vectors);
  }
}

/* `queries` rows of q, scaled, into the columns of (width, TILE_QUERIES); absent queries are 0. */
static void turn_queries(const attention_job *job, const float *q, ptrdiff_t queries, float *turned) {
  vec rows[VECTOR_LANES], scale = vec_set1(job->scale);
  for (ptrdiff_t first = 0; first < queries; first += VECTOR_LANES)
    for (ptrdiff_t x = 0; x < job->width; x += VECTOR_LANES) {
      ptrdiff_t columns = job->width - x < VECTOR_LANES ? job->width - x : VECTOR_LANES;
      vec_mask mask = vec_first(columns);
      for (ptrdiff_t i = 0; i < VECTOR_LANES; i++)
        rows[i] = first + i < queries
                      ? vec_mul(vec_load_masked(q + (first + i) * job->stride + x, mask), scale)
                      : vec_set1(0);
      vec_transpose(rows);
      for (ptrdiff_t i = 0; i < columns; i++)
        vec_store(turned + (x + i) * TILE_QUERIES + first, rows[i]);
    }
}

/* exp(scores - their largest), and one over their sum: rows of keys, columns of queries. Terms are added up
 * in groups, so that the error grows with the groups' size and number instead of their product. */
static vec softmax_column(float *scores, ptrdiff_t keys) {
  enum { GROUP = 16 };
  vec largest = vec_set1(-INFINITY), sum = vec_set1(0);
  for (ptrdiff_t key = 0; key < keys; key++)
    largest = vec_max(vec_load(scores + key * TILE_QUERIES), largest);
  for (ptrdiff_t begin = 0; begin < keys; begin += GROUP) {
    ptrdiff_t end = begin + GROUP < keys ? begin + GROUP : keys;
    vec group = vec_set1(0);
    for (ptrdiff_t key = begin; key < end; key++) {
      float *score = scores + key * TILE_QUERIES;
      vec weight = vec_exp_of_negative(vec_sub(vec_load(score), largest));
      group = vec_add(group, weight);
      vec_store(score, weight);
    }
    sum = vec_add(sum, group);
  }
  return vec_div(vec_set1(1), sum);
}

/* The columns of (width, TILE_QUERIES), times their factors, into rows of the result. */
static void turn_results(const attention_job *job, const float *turned, const vec *factors, ptrdiff_t queries,
                         float *result) {
  vec rows[VECTOR_LANES];
  for (ptrdiff_t first = 0; first < queries; first += VECTOR_LANES)
    for (ptrdiff_t x = 0; x < job->width; x += VECTOR_LANES) {
      ptrdiff_t columns = job->width - x < VECTOR_LANES ? job->width - x : VECTOR_LANES;
      vec_mask mask = vec_first(columns);
      for (ptrdiff_t i = 0; i < VECTOR_LANES; i++)
        rows[i] = i < columns ? vec_mul(vec_load(turned + (x + i) * TILE_QUERIES + first),
                                        factors[first / VECTOR_LANES])
                              : vec_set1(0);
      vec_transpose(rows);
      for (ptrdiff_t i = 0; i < VECTOR_LANES && first + i < queries; i++)
        vec_store_masked(result + (first + i) * job->result_stride + x, mask, rows[i]);
    }
}

static tile_product product_with(const attention_operand *a, const float *b, float *c) {
  return (tile_product){
      .a = a->x, .row_stride = a->row_stride, .step = a->step, .b = b, .count = a->count, .c = c};
}

static void attend_tile(const attention_job *job, const attention_head *operands, ptrdiff_t head,
                        ptrdiff_t first, float *scratch) {
  ptrdiff_t left = job->steps - first, queries = left < TILE_QUERIES ? left : TILE_QUERIES;
  int vectors = queries > VECTOR_LANES ? 2 : 1;
  float *turned = scratch, *scores = scratch + job->width * TILE_QUERIES;
  turn_queries(job, job->q + first * job->stride + head * job->width, queries, turned);
  prepare_rows(turned, job->width);
  multiply_all(product_with(&operands->keys, turned, scores), job->steps, vectors);
  vec factors[QUERY_VECTORS];
  for (int v = 0; v < vectors; v++)
    factors[v] = softmax_column(scores + v * VECTOR_LANES, job->steps);
  prepare_rows(scores, job->steps);
  multiply_all(product_with(&operands->values, scores, turned), job->width, vectors);
  turn_results(job, turned, factors, queries, job->result + first * job->result_stride + head * job->width);
}

static void attend(const attention_job *job, ptrdiff_t begin, ptrdiff_t end, float *scratch) {
  ptrdiff_t tiles = (job->steps + TILE_QUERIES - 1) / TILE_QUERIES;
  float *head_scratch = scratch + (job->steps + job->width) * TILE_QUERIES;
  attention_head operands = {0};
  for (ptrdiff_t unit = begin; unit < end; unit++) {
    ptrdiff_t head = unit / tiles;
    if (unit == begin || unit % tiles == 0)
      operands = read_head(job, head, head_scratch);
    attend_tile(job, &operands, head, unit % tiles * TILE_QUERIES, scratch);
  }
}
