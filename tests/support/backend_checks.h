/* Graphs run by the processor backend, compared with their scalar evaluation and with themselves. */
#ifndef DEEPECG_TESTS_BACKEND_CHECKS_H
#define DEEPECG_TESTS_BACKEND_CHECKS_H

#include "support/networks.h"

/* Every test takes a variant's name as its state; one that this machine lacks is skipped, and cmocka says so.
 */
void use_variant(void **state);

#define ON_EVERY_VARIANT(test)                                                                               \
  {#test " generic", test, NULL, NULL, "generic"}, {#test " avx2", test, NULL, NULL, "avx2"}, {              \
#test " avx512", test, NULL, NULL, "avx512"                                                              \
  }

/* The graph's only output for seeded inputs: within `tolerance` times the largest true element of it, and NaN
 * or infinite where the truth is; the same bits on 1, 2 and 4 threads, anywhere in a batch, and on a worker
 * alone. `specials`:
 * the inputs hold some NaN and infinities. Indices (inputs of integers) are -1..15. */
void check_graph(const graph *g, double tolerance, bool specials, const char *what);

#endif
