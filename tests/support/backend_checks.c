#include "support/backend_checks.h"

#include "backend/backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

enum { MAX_INPUTS = 8, BATCH = 5 };

void use_variant(void **state) {
  error err = {0};
  setenv("DEEPECG_CPU", (const char *)*state, 1);
  graph *g = network_create();
  network_output(g, network_input(g, SHAPE(1)));
  executable *e = cpu_backend.compile(g, &(compile_options){.threads = 1}, &err);
  cpu_backend.destroy(e);
  graph_destroy(g);
  if (e)
    return;
  assert_int_equal(err.code, ERROR_UNSUPPORTED);
  printf("NOT RUN: %s\n", err.message);
  skip();
}

/* ---- inputs and outputs of several samples ---- */

static size_t sample_size(const graph *g, value_id v) {
  return shape_count(&graph_value_get(g, v)->shape);
}

static void fill_input(float *x, size_t count, dtype type, bool specials, uint64_t *seed) {
  static const float special[] = {NAN, INFINITY, -INFINITY};
  random_fill(x, count, seed);
  for (size_t i = 0; i < count; i++)
    if (type == DTYPE_I32) {
      int32_t index = (int32_t)random_int(seed, -1, 15);
      memcpy(&x[i], &index, sizeof index);
    } else if (specials && random_int(seed, 0, 40) == 0) {
      x[i] = special[random_int(seed, 0, 2)];
    }
}

static void make_inputs(const graph *g, bool specials, float *inputs[MAX_INPUTS]) {
  uint64_t seed = 7;
  for (int i = 0; i < graph_input_count(g); i++) {
    value_id v = graph_input(g, i);
    size_t count = BATCH * sample_size(g, v);
    inputs[i] = malloc(count * sizeof *inputs[i]);
    assert_non_null(inputs[i]);
    fill_input(inputs[i], count, graph_value_get(g, v)->type, specials, &seed);
  }
}

static executable *compile(const graph *g, int threads) {
  error err = {0};
  executable *e = cpu_backend.compile(g, &(compile_options){.threads = threads}, &err);
  if (!e)
    fail_msg("%s", err.message);
  assert_string_equal(cpu_backend.variant(e), getenv("DEEPECG_CPU"));
  return e;
}

/* `batch` samples from `first` on, into y. */
static void run_samples(executable *e, const graph *g, float *const inputs[MAX_INPUTS], size_t first,
                        size_t batch, float *y) {
  error err = {0};
  const void *in[MAX_INPUTS];
  memset(y, 0xa5, batch * sample_size(g, graph_output(g, 0)) * sizeof *y);
  for (int i = 0; i < graph_input_count(g); i++)
    in[i] = inputs[i] + first * sample_size(g, graph_input(g, i));
  assert_true(cpu_backend.run(e, in, (void *[]){y}, batch, &err));
}

/* The last sample in the memory of the last worker. */
static void check_alone(executable *e, const graph *g, int threads, float *const inputs[MAX_INPUTS],
                        const float *expected, const char *what) {
  error err = {0};
  const void *in[MAX_INPUTS];
  size_t size = sample_size(g, graph_output(g, 0));
  float *y = malloc(size * sizeof *y);
  assert_non_null(y);
  for (int i = 0; i < graph_input_count(g); i++)
    in[i] = inputs[i] + (BATCH - 1) * sample_size(g, graph_input(g, i));
  assert_true(cpu_backend.run_alone(e, threads - 1, in, (void *[]){y}, &err));
  if (memcmp(y, expected, size * sizeof *y) != 0)
    fail_msg("%s: bits differ for worker %d alone", what, threads - 1);
  assert_false(cpu_backend.run_alone(e, threads, in, (void *[]){y}, &err));
  assert_int_equal(err.code, ERROR_USAGE);
  free(y);
}

/* ---- checks ---- */

static bool close_to(float y, float truth, double bound) {
  if (isnan(truth) || isinf(truth))
    return isnan(truth) ? isnan(y) : y == truth;
  return fabs((double)y - (double)truth) <= bound;
}

static void check_values(const graph *g, float *const inputs[MAX_INPUTS], const float *y, double tolerance,
                         const char *what) {
  error err = {0};
  size_t count = sample_size(g, graph_output(g, 0));
  float *truth = malloc(count * sizeof *truth);
  assert_non_null(truth);
  if (!graph_evaluate(g, (const void *const *)inputs, (void *[]){truth}, &err))
    fail_msg("%s: %s", what, err.message);
  double largest = 0;
  for (size_t i = 0; i < count; i++)
    if (isfinite(truth[i]))
      largest = fmax(largest, fabs((double)truth[i]));
  for (size_t i = 0; i < count; i++)
    if (!close_to(y[i], truth[i], tolerance * largest))
      fail_msg("%s: element %zu of %zu is %.9g instead of %.9g (largest: %g)", what, i, count, (double)y[i],
               (double)truth[i], largest);
  free(truth);
}

/* A batch, of which some samples are run by one thread each and the last by all, against samples alone. */
static void check_bits(const graph *g, int threads, float *const inputs[MAX_INPUTS], const float *alone,
                       const char *what) {
  size_t size = BATCH * sample_size(g, graph_output(g, 0));
  float *y = malloc(size * sizeof *y);
  assert_non_null(y);
  executable *e = compile(g, threads);
  run_samples(e, g, inputs, 0, BATCH, y);
  if (memcmp(y, alone, size * sizeof *y) != 0)
    fail_msg("%s: bits differ for %d threads", what, threads);
  check_alone(e, g, threads, inputs, alone + (BATCH - 1) * sample_size(g, graph_output(g, 0)), what);
  cpu_backend.destroy(e);
  free(y);
}

void check_graph(const graph *g, double tolerance, bool specials, const char *what) {
  static const int threads[] = {1, 2, 4};
  float *inputs[MAX_INPUTS];
  size_t size = sample_size(g, graph_output(g, 0));
  float *alone = malloc(BATCH * size * sizeof *alone);
  assert_non_null(alone);
  assert_in_range(graph_input_count(g), 1, MAX_INPUTS);
  make_inputs(g, specials, inputs);
  executable *e = compile(g, 1);
  for (size_t sample = 0; sample < BATCH; sample++)
    run_samples(e, g, inputs, sample, 1, alone + sample * size);
  cpu_backend.destroy(e);
  check_values(g, inputs, alone, tolerance, what);
  for (size_t i = 0; !specials && i < sizeof threads / sizeof *threads; i++)
    check_bits(g, threads[i], inputs, alone, what);
  for (int i = 0; i < graph_input_count(g); i++)
    free(inputs[i]);
  free(alone);
}
