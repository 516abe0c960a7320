#include "backend/cpu/dealing.h"

#include <float.h>
#include <stdbool.h>

/* What threads that share a sample wait for each other, of its work: 3 to 8 % of texts on two threads. */
static const double sharing_loss = 1.0 / 16;

size_t dealing_member(const dealing *d, size_t group, size_t k) {
  size_t in_round = k % 2 ? d->groups - 1 - group : group;
  size_t index = d->shared + k * d->groups + in_round;
  return group < d->groups && index < d->count ? index : d->count;
}

static size_t parts(size_t count, size_t size) {
  return (count + size - 1) / size;
}

dealing deal_equal(size_t count, size_t bytes, const dealing_limits *l) {
  size_t shared = count % l->threads, room = bytes ? l->bytes / bytes : l->samples;
  size_t in_step = room < 1 ? 1 : room < l->samples ? room : l->samples;
  return (dealing){
      .count = count, .shared = shared, .groups = l->threads * parts((count - shared) / l->threads, in_step)};
}

static bool group_fits(const dealing *d, const sample_cost *costs, const dealing_limits *l, size_t group) {
  size_t bytes = 0, k = 0;
  for (size_t i; (i = dealing_member(d, group, k)) < d->count; k++)
    bytes += costs[i].bytes;
  return k <= 1 || (k <= l->samples && bytes <= l->bytes);
}

static bool all_fit(const dealing *d, const sample_cost *costs, const dealing_limits *l) {
  for (size_t group = 0; group < d->groups; group++)
    if (!group_fits(d, costs, l, group))
      return false;
  return true;
}

/* As few groups as have room for the samples that aren't shared. */
static dealing deal_rest(const sample_cost *costs, size_t count, size_t shared, const dealing_limits *l) {
  dealing d = {.count = count, .shared = shared};
  d.groups = l->threads * parts(parts(count - shared, l->samples), l->threads);
  while (!all_fit(&d, costs, l))
    d.groups += l->threads;
  return d;
}

static double group_operations(const dealing *d, const sample_cost *costs, size_t group) {
  double sum = 0;
  for (size_t i, k = 0; (i = dealing_member(d, group, k)) < d->count; k++)
    sum += costs[i].operations;
  return sum;
}

/* Operations that one thread could do until the last one is ready. */
static double finish(const dealing *d, const sample_cost *costs, const dealing_limits *l, double *loads) {
  double shared = 0, last = 0;
  for (size_t i = 0; i < d->shared; i++)
    shared += costs[i].operations;
  for (size_t t = 0; t < l->threads; t++)
    loads[t] = 0;
  for (size_t group = 0; dealing_member(d, group, 0) < d->count; group++) {
    size_t first = 0;
    for (size_t t = 1; t < l->threads; t++)
      first = loads[t] < loads[first] ? t : first;
    loads[first] += group_operations(d, costs, group);
    last = loads[first] > last ? loads[first] : last;
  }
  return last + shared * (1 + sharing_loss) / (double)l->threads;
}

dealing deal(const sample_cost *costs, size_t count, const dealing_limits *l, double *loads) {
  size_t most_shared = l->threads > 1 ? 2 * l->threads : 0;
  dealing best = {.count = count};
  double least = DBL_MAX;
  for (size_t shared = 0; shared <= most_shared && shared <= count; shared++) {
    dealing d = deal_rest(costs, count, shared, l);
    double end = finish(&d, costs, l, loads);
    if (end < least) {
      least = end;
      best = d;
    }
  }
  return best;
}
