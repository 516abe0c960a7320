/* Samples of siblings in one batch: how they are dealt to threads, and the bits of each alone. */
#include "backend/backend.h"
#include "backend/cpu/dealing.h"
#include "support/backend_checks.h"
#include "support/networks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- dealing ---- */

enum { MOST = 200, MOST_THREADS = 5 };

/* Every sample once, shared or in a group, and no group too large. */
static void check_dealing(const dealing *d, const sample_cost *costs, const dealing_limits *l) {
  int seen[MOST] = {0};
  assert_int_equal(d->groups % l->threads, 0);
  for (size_t i = 0; i < d->shared; i++)
    seen[i]++;
  for (size_t group = 0; group < d->groups; group++) {
    size_t k = 0, bytes = 0;
    for (size_t i; (i = dealing_member(d, group, k)) < d->count; k++) {
      seen[i]++;
      bytes += costs[i].bytes;
    }
    assert_true(k <= 1 || (k <= l->samples && bytes <= l->bytes));
  }
  for (size_t i = 0; i < d->count; i++)
    assert_int_equal(seen[i], 1);
}

static void every_sample_is_dealt_once(void **state) {
  (void)state;
  uint64_t seed = 1;
  double loads[MOST_THREADS];
  for (int round = 0; round < 2000; round++) {
    sample_cost costs[MOST];
    size_t count = (size_t)random_int(&seed, 0, round % 10 ? 20 : MOST);
    dealing_limits l = {.threads = (size_t)random_int(&seed, 1, MOST_THREADS),
                        .samples = (size_t)random_int(&seed, 1, 8),
                        .bytes = (size_t)random_int(&seed, 1, 300)};
    for (size_t i = 0; i < count; i++)
      costs[i] = (sample_cost){(double)random_int(&seed, 0, 100), (size_t)random_int(&seed, 0, 150)};
    dealing d = deal(costs, count, &l, loads);
    check_dealing(&d, costs, &l);
    for (size_t i = 0; i < count; i++)
      costs[i].bytes = costs[0].bytes;
    d = deal_equal(count, count ? costs[0].bytes : 0, &l);
    check_dealing(&d, costs, &l);
    assert_int_equal(d.shared, count % l.threads);
  }
}

/* The work of the busiest thread, where all are as fast; shared work is spread over all. */
static double busiest(const dealing *d, const sample_cost *costs, size_t threads) {
  double loads[MOST_THREADS] = {0}, most = 0, shared = 0;
  for (size_t group = 0; group < d->groups; group++) {
    size_t free_thread = 0;
    for (size_t t = 1; t < threads; t++)
      free_thread = loads[t] < loads[free_thread] ? t : free_thread;
    for (size_t i, k = 0; (i = dealing_member(d, group, k)) < d->count; k++)
      loads[free_thread] += costs[i].operations;
  }
  for (size_t t = 0; t < threads; t++)
    most = loads[t] > most ? loads[t] : most;
  for (size_t i = 0; i < d->shared; i++)
    shared += costs[i].operations;
  return most + shared / (double)threads;
}

/* Texts of these lengths, longest first, on so many threads: how much longer than the work of all, evenly
 * divided, may they take? */
typedef struct dealing_case {
  const char *what;
  size_t threads, count;
  double lengths[16], bound;
} dealing_case;

static void threads_are_ready_together(void **state) {
  (void)state;
  static const dealing_case cases[] = {
      {"one", 2, 1, {20}, 1},
      {"a long and a short one", 2, 2, {60, 10}, 1.1},
      {"three alike", 2, 3, {20, 20, 20}, 1},
      {"four lengths, two each", 2, 8, {48, 48, 33, 33, 20, 20, 12, 12}, 1},
      {"eight lengths", 2, 8, {60, 50, 40, 30, 20, 10, 8, 5}, 1.05},
      {"one is longer than all others", 2, 7, {300, 20, 19, 18, 17, 16, 15}, 1.05},
      {"many lengths, three threads",
       3,
       16,
       {99, 80, 71, 60, 52, 50, 44, 40, 33, 30, 22, 20, 12, 9, 8, 5},
       1.1},
  };
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    const dealing_case *k = &cases[c];
    const dealing_limits limits = {.threads = k->threads, .samples = 8, .bytes = 80};
    sample_cost costs[16];
    double loads[MOST_THREADS], all = 0;
    for (size_t i = 0; i < k->count; all += k->lengths[i++])
      costs[i] = (sample_cost){k->lengths[i], (size_t)k->lengths[i]};
    dealing d = deal(costs, k->count, &limits, loads);
    double share = busiest(&d, costs, k->threads) * (double)k->threads / all;
    if (share > k->bound)
      fail_msg("%s: %.3f times an even share", k->what, share);
  }
}

/* ---- a network for several lengths ---- */

enum {
  WIDTH = 1024,
  HIDDEN = 3584,
  HEADS = 16,
  LABELS = 5,
  LONGEST = 70, /* long enough for Strassen's product */
  MATRICES = 5
};

/* In order: queries, keys, wide, narrow, heads. More than 32 MB, so that samples run in step. */
static const int64_t sizes[MATRICES][2] = {
    {WIDTH, WIDTH}, {WIDTH, WIDTH}, {HIDDEN, WIDTH}, {WIDTH, HIDDEN}, {LABELS, WIDTH}};

/* Weights that belong to no graph. */
static float *matrices[MATRICES];

static int make_matrices(void **state) {
  (void)state;
  uint64_t seed = 3;
  for (int i = 0; i < MATRICES; i++) {
    size_t count = (size_t)(sizes[i][0] * sizes[i][1]);
    matrices[i] = malloc(count * sizeof *matrices[i]);
    if (!matrices[i])
      return -1;
    random_fill(matrices[i], count, &seed);
    for (size_t k = 0; k < count; k++)
      matrices[i][k] *= 0.04f;
  }
  return 0;
}

static int free_matrices(void **state) {
  (void)state;
  for (int i = 0; i < MATRICES; i++)
    free(matrices[i]);
  return 0;
}

static value_id linear(graph *g, value_id x, int matrix, value_id residual, activation_kind activation) {
  error err = {0};
  op_attributes a = network_attributes();
  a.activation = activation;
  shape s = SHAPE(sizes[matrix][0], sizes[matrix][1]);
  value_id w = graph_add_constant(g, "w", DTYPE_F32, &s, matrices[matrix], &err);
  assert_true(w != VALUE_NONE);
  return network_node(g, "linear", (value_id[]){x, w, VALUE_NONE, residual}, 4, &a);
}

/* One layer of a transformer on (1, length, WIDTH), the mean of its rows and its heads; `other`: the last two
 * the other way round. */
static graph *network_for(int64_t length, bool other) {
  graph *g = network_create();
  value_id x = network_input(g, SHAPE(1, length, WIDTH));
  op_attributes attend = network_attributes(), mean = network_attributes();
  attend.heads = HEADS;
  attend.scale = 0.125;
  mean.ints[0] = 1;
  mean.ints_count = 1;
  value_id q = linear(g, x, 0, VALUE_NONE, ACTIVATION_NONE), k = linear(g, x, 1, VALUE_NONE, ACTIVATION_NONE);
  value_id y = network_node(g, "attention", (value_id[]){q, k, x}, 3, &attend);
  y = linear(g, linear(g, y, 2, VALUE_NONE, ACTIVATION_GELU), 3, x, ACTIVATION_NONE);
  if (other) {
    y = linear(g, y, 4, VALUE_NONE, ACTIVATION_NONE);
    y = network_node(g, "reduce_mean", &y, 1, &mean);
  } else {
    y = linear(g, network_node(g, "reduce_mean", &y, 1, &mean), 4, VALUE_NONE, ACTIVATION_NONE);
  }
  network_output(g, y);
  return g;
}

static executable *compile(int64_t length, const compile_options *options, const executable *sibling) {
  error err = {0};
  graph *g = network_for(length, false);
  executable *e =
      sibling ? cpu_backend.compile_sibling(g, sibling, &err) : cpu_backend.compile(g, options, &err);
  graph_destroy(g);
  if (!e)
    fail_msg("%s", err.message);
  return e;
}

/* ---- a queue of mixed lengths ---- */

enum { TEXTS = 13 };

static const int64_t lengths[TEXTS] = {LONGEST, 66, 33, 20, 20, 12, 11, 7, 5, 3, 2, 2, 1};

typedef struct queue {
  float *inputs[TEXTS], expected[TEXTS][LABELS];
} queue;

/* What each text gives alone, in an executable of its own. */
static void make_queue(queue *q, precision p) {
  uint64_t seed = 5;
  error err = {0};
  const compile_options alone = {.threads = 1, .precision = p};
  executable *e = NULL;
  for (int i = 0; i < TEXTS; i++) {
    size_t count = (size_t)lengths[i] * WIDTH;
    q->inputs[i] = malloc(count * sizeof *q->inputs[i]);
    assert_non_null(q->inputs[i]);
    random_fill(q->inputs[i], count, &seed);
    if (!e || lengths[i] != lengths[i - 1]) {
      if (e)
        cpu_backend.destroy(e);
      e = compile(lengths[i], &alone, NULL);
    }
    assert_true(cpu_backend.run(e, (const void *[]){q->inputs[i]}, (void *[]){q->expected[i]}, 1, &err));
  }
  cpu_backend.destroy(e);
}

static void free_queue(queue *q) {
  for (int i = 0; i < TEXTS; i++)
    free(q->inputs[i]);
}

/* The texts `order` in one batch. */
static void check_batch(const queue *q, executable *const e[TEXTS], const int *order, size_t count,
                        const char *what) {
  float results[TEXTS][LABELS];
  const void *inputs[TEXTS];
  void *outputs[TEXTS];
  backend_job jobs[TEXTS] = {{0}};
  error err = {0};
  memset(results, 0xa5, sizeof results);
  for (size_t i = 0; i < count; i++) {
    inputs[i] = q->inputs[order[i]];
    outputs[i] = results[i];
    jobs[i] = (backend_job){e[order[i]], &inputs[i], &outputs[i]};
  }
  assert_true(cpu_backend.run_siblings(jobs, count, &err));
  for (size_t i = 0; i < count; i++)
    if (memcmp(results[i], q->expected[order[i]], sizeof *results) != 0)
      fail_msg("%s: other bits for the text of %d rows", what, (int)lengths[order[i]]);
}

static void check_queue(const queue *q, precision p, int threads) {
  static const int falling[TEXTS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  static const int mixed[TEXTS] = {12, 3, 0, 9, 5, 7, 1, 11, 2, 4, 10, 6, 8};
  static const int rising[] = {12, 11, 10, 9};
  char what[64];
  snprintf(what, sizeof what, "%s, %d threads", precision_names[p], threads);
  const compile_options options = {.threads = threads, .precision = p};
  executable *e[TEXTS];
  for (int i = TEXTS - 1; i >= 0; i--) /* the last one first: run-time memory grows */
    e[i] = compile(lengths[i], &options, i + 1 < TEXTS ? e[i + 1] : NULL);
  check_batch(q, e, falling, TEXTS, what);
  check_batch(q, e, mixed, TEXTS, what);
  check_batch(q, e, falling + 2, 5, what);
  check_batch(q, e, falling + 7, 6, what); /* all short: in step */
  check_batch(q, e, rising, 4, what);      /* in bf16 the first one's products are float32 all the same */
  check_batch(q, e, falling + 6, 1, what);
  check_batch(q, e, falling, 0, what);
  executable *last = e[0];
  e[0] = compile(lengths[0], &options, NULL); /* no sibling */
  check_batch(q, e, mixed, 5, what);
  cpu_backend.destroy(last);
  for (int i = 0; i < TEXTS; i++)
    cpu_backend.destroy(e[i]);
}

static void each_text_has_the_bits_it_has_alone(void **state) {
  use_variant(state);
  queue q;
  make_queue(&q, PRECISION_FP32);
  for (int threads = 1; threads <= 3; threads++)
    check_queue(&q, PRECISION_FP32, threads);
  free_queue(&q);
}

static void in_bf16_too(void **state) {
  (void)state;
  queue q;
  error err = {0};
  unsetenv("DEEPECG_CPU");
  if (!precision_check(PRECISION_BF16, &err)) {
    printf("NOT RUN: %s\n", err.message);
    skip();
  }
  make_queue(&q, PRECISION_BF16);
  for (int threads = 1; threads <= 3; threads++)
    check_queue(&q, PRECISION_BF16, threads);
  free_queue(&q);
}

/* Siblings with other steps than the rest can't be in step with it. */
static void other_steps_run_apart(void **state) {
  (void)state;
  unsetenv("DEEPECG_CPU");
  error err = {0};
  uint64_t seed = 9;
  static float x[3 * WIDTH];
  float y[2][LABELS], expected[2][LABELS];
  random_fill(x, 3 * WIDTH, &seed);
  executable *one = compile(3, &(compile_options){.threads = 1}, NULL);
  graph *g = network_for(2, true);
  executable *other = cpu_backend.compile_sibling(g, one, &err);
  graph_destroy(g);
  assert_non_null(other);
  const void *inputs[] = {x};
  assert_true(cpu_backend.run(one, inputs, (void *[]){expected[0]}, 1, &err));
  assert_true(cpu_backend.run(other, inputs, (void *[]){expected[1]}, 1, &err));
  const backend_job jobs[] = {{other, inputs, (void *[]){y[1]}}, {one, inputs, (void *[]){y[0]}}};
  assert_true(cpu_backend.run_siblings(jobs, 2, &err));
  assert_memory_equal(y, expected, sizeof y);
  cpu_backend.destroy(one);
  cpu_backend.destroy(other);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_sample_is_dealt_once),
      cmocka_unit_test(threads_are_ready_together),
      ON_EVERY_VARIANT(each_text_has_the_bits_it_has_alone),
      cmocka_unit_test(in_bf16_too),
      cmocka_unit_test(other_steps_run_apart),
  };
  return cmocka_run_group_tests(tests, make_matrices, free_matrices);
}
