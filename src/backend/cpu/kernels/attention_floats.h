/* Attention's operands as they are. */
static attention_head read_head(const attention_job *job, ptrdiff_t head, float *scratch) {
  (void)scratch;
  return (attention_head){.keys = job->k + head * job->width,
                          .values = job->v + head * job->width,
                          .key_stride = job->stride,
                          .key_terms = job->width,
                          .value_stride = job->stride,
                          .value_terms = job->steps};
}

static inline void keep_rows(float *to, ptrdiff_t row, ptrdiff_t across, bool both, const vec rows[2]) {
  vec_store(to + row * across, rows[0]);
  if (both)
    vec_store(to + (row + 1) * across, rows[1]);
}
