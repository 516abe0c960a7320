/* softmax(q k^T * scale) v, a tile of queries of one head at a time.
 *
 * Queries lie across the vectors: q is turned round into (width, queries), scores are (keys, queries), so
 * that keys and values are read where they lie, one broadcast element per product, and the softmax runs down
 * the keys without a sum across lanes. The largest score and all sums are taken over the keys in their order.
 * Nothing but a tile of scores is kept. To be included after gemm_template.h. */
#include "backend/cpu/kernels/vector_math.h"

/* Keys and values of one head as the products read them: keys (steps, key_terms), values (value_terms,
 * width). */
typedef struct attention_head {
  const float *keys, *values;
  ptrdiff_t key_stride, key_terms, value_stride, value_terms;
} attention_head;

/* A tile of queries: (width, queries) first and then results, and scores (steps, queries), whose rows are
 * `across` wide: as many vectors as there are queries for. */
typedef struct query_tile {
  ptrdiff_t queries, across;
  int vectors;
  float *turned, *scores;
} query_tile;

/* attention_floats.h and attention_pairs.h, to be included after this file, say how: the operands of a head,
 * with what scratch they need; and how rows `row` (even) and row + 1 of queries or weights are kept for their
 * product. Where the second is absent it is 0. */
static attention_head read_head(const attention_job *job, ptrdiff_t head, float *scratch);
static inline void keep_rows(float *to, ptrdiff_t row, ptrdiff_t across, bool both, const vec rows[2]);

static const gemm_kernel_table attention_tiles = GEMM_TABLE;

static ptrdiff_t most_rows(int vectors) {
  return vectors == 1 ? GEMM_ROWS_1 : GEMM_ROWS_2;
}

static void multiply_keys(const attention_job *job, const attention_head *h, const query_tile *t) {
  gemm_tile tile = {.a_stride = h->key_stride,
                    .b = t->turned,
                    .inner = h->key_terms,
                    .c_stride = t->across,
                    .last_lanes = VECTOR_LANES,
                    .finish = true};
  ptrdiff_t most = most_rows(t->vectors), blocks = (job->steps + most - 1) / most;
  for (ptrdiff_t i = 0; i < blocks; i++) {
    ptrdiff_t begin = job->steps * i / blocks, end = job->steps * (i + 1) / blocks;
    tile.a = h->keys + begin * h->key_stride;
    tile.c = t->scores + begin * t->across;
    attention_tiles[t->vectors - 1][end - begin - 1](&tile);
  }
}

/* `rows` rows of the result, from x on: c[r] = sum over i of values[i][r] * weights[i]. */
static inline __attribute__((always_inline)) void multiply_rows(const attention_head *h, const query_tile *t,
                                                                ptrdiff_t x, int rows, int vectors) {
  vec sums[GEMM_MAX_ROWS][ATTENTION_QUERY_VECTORS];
  const float *value = h->values + x, *weights = t->scores;
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++)
      sums[r][v] = vec_set1(0);
  for (ptrdiff_t i = h->value_terms; i > 0; i--) {
    vec weight[ATTENTION_QUERY_VECTORS];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++)
      weight[v] = vec_load(weights + v * VECTOR_LANES);
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
      vec element = vec_set1(value[r]);
#pragma GCC unroll 2
      for (int v = 0; v < vectors; v++)
        sums[r][v] = GEMM_MULTIPLY_ADD(element, weight[v], sums[r][v]);
    }
    value += h->value_stride;
    weights += vectors * VECTOR_LANES;
  }
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++)
      vec_store(t->turned + (x + r) * t->across + v * VECTOR_LANES, sums[r][v]);
}

#define MULTIPLY_CASE(rows)                                                                                  \
  case rows:                                                                                                 \
    if (rows > GEMM_ROWS_2)                                                                                  \
      break;                                                                                                 \
    if (t->vectors == 1)                                                                                     \
      multiply_rows(h, t, x, rows <= GEMM_ROWS_2 ? rows : 1, 1);                                             \
    else                                                                                                     \
      multiply_rows(h, t, x, rows <= GEMM_ROWS_2 ? rows : 1, 2);                                             \
    break;

static void multiply_block(const attention_head *h, const query_tile *t, ptrdiff_t x, ptrdiff_t rows) {
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

/* In blocks of equal heights that fill the registers. */
static void multiply_values(const attention_job *job, const attention_head *h, const query_tile *t) {
  ptrdiff_t blocks = (job->width + GEMM_ROWS_2 - 1) / GEMM_ROWS_2;
  for (ptrdiff_t i = 0; i < blocks; i++) {
    ptrdiff_t begin = job->width * i / blocks, end = job->width * (i + 1) / blocks;
    multiply_block(h, t, begin, end - begin);
  }
}

/* Rows of q, scaled, into the columns of (width, queries); absent queries are 0. */
static void turn_queries(const attention_job *job, const float *q, const query_tile *t) {
  vec rows[VECTOR_LANES], scale = vec_set1(job->scale);
  for (ptrdiff_t first = 0; first < t->across; first += VECTOR_LANES)
    for (ptrdiff_t x = 0; x < job->width; x += VECTOR_LANES) {
      ptrdiff_t columns = job->width - x < VECTOR_LANES ? job->width - x : VECTOR_LANES;
      vec_mask mask = vec_first(columns);
      for (ptrdiff_t i = 0; i < VECTOR_LANES; i++)
        rows[i] = first + i < t->queries
                      ? vec_mul(vec_load_masked(q + (first + i) * job->stride + x, mask), scale)
                      : vec_set1(0);
      vec_transpose(rows);
      for (ptrdiff_t i = 0; i < columns; i += 2)
        keep_rows(t->turned + first, x + i, t->across, i + 1 < columns, rows + i);
    }
}

static vec largest_score(const float *scores, ptrdiff_t keys, ptrdiff_t across) {
  vec largest = vec_set1(-INFINITY);
  for (ptrdiff_t key = 0; key < keys; key++)
    largest = vec_max(vec_load(scores + key * across), largest);
  return largest;
}

/* exp(scores - their largest), and one over their sum: rows of keys, columns of queries. A power of 2, whose
 * exponent is rounded once; what the shift lacks is a factor of all terms. They are added up in groups, so
 * that the error grows with the groups' size and number instead of their product. */
static vec softmax_column(float *scores, ptrdiff_t keys, ptrdiff_t across) {
  enum { GROUP = 16 };
  vec log2_e = vec_set1(1.44269504f), sum = vec_set1(0);
  vec shift = vec_negate(vec_mul(largest_score(scores, keys, across), log2_e));
  for (ptrdiff_t begin = 0; begin < keys; begin += GROUP) {
    ptrdiff_t end = begin + GROUP < keys ? begin + GROUP : keys;
    vec group = vec_set1(0);
    for (ptrdiff_t key = begin; key < end; key += 2) {
      vec weights[2] = {vec_set1(0), vec_set1(0)};
      for (int i = 0; i < 2 && key + i < end; i++) {
        vec score = vec_load(scores + (key + i) * across);
        weights[i] = vec_exp2_of_negative(vec_fma(score, log2_e, shift));
        group = vec_add(group, weights[i]);
      }
      keep_rows(scores, key, across, key + 1 < end, weights);
    }
    sum = vec_add(sum, group);
  }
  return vec_div(vec_set1(1), sum);
}

/* The columns of (width, queries), times their factors, into rows of the result. */
static void turn_results(const attention_job *job, const query_tile *t, const vec *factors, float *result) {
  vec rows[VECTOR_LANES];
  for (ptrdiff_t first = 0; first < t->queries; first += VECTOR_LANES)
    for (ptrdiff_t x = 0; x < job->width; x += VECTOR_LANES) {
      ptrdiff_t columns = job->width - x < VECTOR_LANES ? job->width - x : VECTOR_LANES;
      vec_mask mask = vec_first(columns);
      for (ptrdiff_t i = 0; i < VECTOR_LANES; i++)
        rows[i] = i < columns ? vec_mul(vec_load(t->turned + (x + i) * t->across + first),
                                        factors[first / VECTOR_LANES])
                              : vec_set1(0);
      vec_transpose(rows);
      for (ptrdiff_t i = 0; i < VECTOR_LANES && first + i < t->queries; i++)
        vec_store_masked(result + (first + i) * job->result_stride + x, mask, rows[i]);
    }
}

static void attend_tile(const attention_job *job, const attention_head *h, ptrdiff_t head, ptrdiff_t first,
                        float *scratch) {
  enum { MOST_QUERIES = ATTENTION_QUERY_VECTORS * VECTOR_LANES };
  ptrdiff_t left = job->steps - first;
  query_tile t = {.queries = left < MOST_QUERIES ? left : MOST_QUERIES, .turned = scratch};
  t.vectors = t.queries > VECTOR_LANES ? 2 : 1;
  t.across = t.vectors * VECTOR_LANES;
  t.scores = scratch + job->width * t.across;
  turn_queries(job, job->q + first * job->stride + head * job->width, &t);
  multiply_keys(job, h, &t);
  vec factors[ATTENTION_QUERY_VECTORS];
  for (int v = 0; v < t.vectors; v++)
    factors[v] = softmax_column(t.scores + v * VECTOR_LANES, job->steps, t.across);
  multiply_values(job, h, &t);
  turn_results(job, &t, factors, job->result + first * job->result_stride + head * job->width);
}

static void attend(const attention_job *job, ptrdiff_t begin, ptrdiff_t end, float *scratch) {
  enum { MOST_QUERIES = ATTENTION_QUERY_VECTORS * VECTOR_LANES };
  ptrdiff_t tiles = (job->steps + MOST_QUERIES - 1) / MOST_QUERIES;
  float *head_scratch = scratch + (job->steps + job->width) * MOST_QUERIES;
  attention_head h = {0};
  for (ptrdiff_t unit = begin; unit < end; unit++) {
    ptrdiff_t head = unit / tiles;
    if (unit == begin || unit % tiles == 0)
      h = read_head(job, head, head_scratch);
    attend_tile(job, &h, head, unit % tiles * MOST_QUERIES, scratch);
  }
}
