/* Attention's operands as pairs of bfloat16 (bf16.h). Sums over a head's width take pairs of neighbouring
 * columns; sums over the keys pairs of neighbouring keys. */

/* Lane i: (first[i], second[i]). */
static inline vec join_pairs(vec first, vec second) {
  __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(first));
  __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(second));
  return _mm512_castsi512_ps(_mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}

/* Row i of the result, over the rows themselves, holds the pairs of rows 2 i and 2 i + 1; an odd one out is
 * paired with zeros. */
static void prepare_rows(float *rows, ptrdiff_t count) {
  for (ptrdiff_t row = 0; row < count; row += 2)
    for (ptrdiff_t i = 0; i < TILE_QUERIES; i += VECTOR_LANES) {
      vec second = row + 1 < count ? vec_load(rows + (row + 1) * TILE_QUERIES + i) : vec_set1(0);
      vec_store(rows + row / 2 * TILE_QUERIES + i,
                join_pairs(vec_load(rows + row * TILE_QUERIES + i), second));
    }
}

/* Pairs of rows of a head's values: (count / 2, width). */
static void pair_values(const attention_job *job, const float *v, float *pairs) {
  for (ptrdiff_t key = 0; key < job->steps; key += 2, pairs += job->width)
    for (ptrdiff_t i = 0; i < job->width; i += VECTOR_LANES) {
      vec_mask lanes = vec_first(job->width - i < VECTOR_LANES ? job->width - i : VECTOR_LANES);
      const float *x = v + key * job->stride + i;
      vec second = key + 1 < job->steps ? vec_load_masked(x + job->stride, lanes) : vec_set1(0);
      vec_store_masked(pairs + i, lanes, join_pairs(vec_load_masked(x, lanes), second));
    }
}

/* Scratch holds the keys, (steps, (width + 1) / 2) pairs, and behind them the values. */
static attention_head read_head(const attention_job *job, ptrdiff_t head, float *scratch) {
  ptrdiff_t pairs = (job->width + 1) / 2;
  float *keys = scratch, *values = scratch + job->steps * pairs;
  for (ptrdiff_t key = 0; key < job->steps; key++)
    to_pairs(job->k + head * job->width + key * job->stride, job->width, keys + key * pairs);
  pair_values(job, job->v + head * job->width, values);
  return (attention_head){{keys, pairs, 1, pairs}, {values, 1, job->width, (job->steps + 1) / 2}};
}
