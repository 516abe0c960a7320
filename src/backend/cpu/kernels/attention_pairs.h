/* Attention's operands as pairs of bfloat16 (bf16.h). Sums over a head's width take pairs of neighbouring
 * columns; sums over the keys pairs of neighbouring keys. */

/* Lane i: (first[i], second[i]). */
static inline vec join_pairs(vec first, vec second) {
  const __m512i order =
      _mm512_setr_epi32(0x100000, 0x110001, 0x120002, 0x130003, 0x140004, 0x150005, 0x160006, 0x170007,
                        0x180008, 0x190009, 0x1a000a, 0x1b000b, 0x1c000c, 0x1d000d, 0x1e000e, 0x1f000f);
  __m512i halves = (__m512i)_mm512_cvtne2ps_pbh(second, first);
  return _mm512_castsi512_ps(_mm512_permutexvar_epi16(order, halves));
}

/* Row i holds the pairs of rows 2 i and 2 i + 1, over rows that aren't needed any more. */
static inline void keep_rows(float *to, ptrdiff_t row, ptrdiff_t across, bool both, const vec rows[2]) {
  (void)both;
  vec_store(to + row / 2 * across, join_pairs(rows[0], rows[1]));
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
  return (attention_head){.keys = keys,
                          .values = values,
                          .key_stride = pairs,
                          .key_terms = pairs,
                          .value_stride = job->width,
                          .value_terms = (job->steps + 1) / 2};
}
