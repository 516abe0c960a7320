/* Which samples of a batch run where. The first few, `shared`, are run by all threads together; the rest are
 * dealt to groups, each of which one thread runs in step, in the order in which threads become free.
 *
 * The rest is dealt to and fro: to groups 0, 1, ..., last, then last, ..., 1, 0, and so on. Where it comes
 * longest first all groups have about the same work, and the longest samples, which lose the least by being
 * shared, are those that make the threads end together. */
#ifndef DEEPECG_BACKEND_CPU_DEALING_H
#define DEEPECG_BACKEND_CPU_DEALING_H

#include <stddef.h>

typedef struct sample_cost {
  double operations;
  size_t bytes; /* of memory while it runs */
} sample_cost;

/* In step on one thread, at most. One sample may have more bytes. */
typedef struct dealing_limits {
  size_t threads; /* >= 1 */
  size_t samples; /* >= 1 */
  size_t bytes;
} dealing_limits;

typedef struct dealing {
  size_t count, shared;
  size_t groups; /* a multiple of the threads; those beyond the samples are empty */
} dealing;

/* `count` samples of the same cost. */
dealing deal_equal(size_t count, size_t bytes, const dealing_limits *limits);

/* Samples of any costs, in such a way that the threads are ready soonest. `loads`: room for a number for each
 * thread. */
dealing deal(const sample_cost *costs, size_t count, const dealing_limits *limits, double *loads);

/* Sample k of a group; d->count if it has no more. */
size_t dealing_member(const dealing *d, size_t group, size_t k);

#endif
