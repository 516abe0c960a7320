/* Attention's operands as they are. */
static attention_head read_head(const attention_job *job, ptrdiff_t head, float *scratch) {
  (void)scratch;
  return (attention_head){{job->k + head * job->width, job->stride, 1, job->width},
                          {job->v + head * job->width, 1, job->stride, job->steps}};
}

static void prepare_rows(float *rows, ptrdiff_t count) {
  (void)rows, (void)count;
}
