/* The speed of the multiply-add units alone: as many chains as hide their latency, all in registers. */
enum { PROBE_CHAINS = 12 };

#ifndef PROBE_MULTIPLY_ADD
#define PROBE_MULTIPLY_ADD vec_fma
enum { PROBE_OPERATIONS = 2 }; /* of a lane */
#endif

static double probe_peak(long steps) {
  vec sums[PROBE_CHAINS];
  vec factor = vec_set1(0.999f), term = vec_set1(0.001f);
  UNROLL
  for (int i = 0; i < PROBE_CHAINS; i++)
    sums[i] = vec_set1((float)i);
  for (long step = 0; step < steps; step++)
    UNROLL
  for (int i = 0; i < PROBE_CHAINS; i++)
    sums[i] = PROBE_MULTIPLY_ADD(sums[i], factor, term);
  float result[VECTOR_LANES];
  vec total = sums[0];
  for (int i = 1; i < PROBE_CHAINS; i++)
    total = vec_add(total, sums[i]);
  vec_store(result, total);
  /* The sums are finite: this only keeps the compiler from dropping them. */
  return result[0] < 1e30f ? (double)PROBE_OPERATIONS * VECTOR_LANES * PROBE_CHAINS * (double)steps : 0;
}
