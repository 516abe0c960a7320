/* The processor backend against the scalar truth, for every kernel variant that this machine can run. */
#include "backend/backend.h"
#include "support/backend_checks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

enum { MAX_BATCH = 32 };

/* ---- running and comparing ---- */

typedef struct run_result {
  float *y;
  size_t per_sample;
} run_result;

static size_t sample_size(const graph *g, value_id v) {
  return shape_count(&graph_value_get(g, v)->shape);
}

/* Seeded inputs for `batch` samples of the graph's only input. */
static float *make_inputs(const graph *g, size_t batch) {
  uint64_t seed = 7;
  size_t count = batch * sample_size(g, graph_input(g, 0));
  float *x = malloc(count * sizeof *x);
  assert_non_null(x);
  random_fill(x, count, &seed);
  return x;
}

static float *run_graph(const graph *g, int threads, const float *x, size_t batch) {
  error err = {0};
  size_t count = batch * sample_size(g, graph_output(g, 0));
  float *y = malloc(count * sizeof *y);
  assert_non_null(y);
  for (size_t i = 0; i < count; i++)
    y[i] = NAN;
  executable *e = cpu_backend.compile(g, &(compile_options){.threads = threads}, &err);
  if (!e)
    fail_msg("%s", err.message);
  assert_string_equal(cpu_backend.variant(e), getenv("DEEPECG_CPU"));
  assert_true(cpu_backend.run(e, (const void *[]){x}, (void *[]){y}, batch, &err));
  cpu_backend.destroy(e);
  return y;
}

static float largest(const float *x, size_t count) {
  float result = 0;
  for (size_t i = 0; i < count; i++)
    result = fmaxf(result, fabsf(x[i]));
  return result;
}

/* Every element within `tolerance` times the largest true one. */
static void assert_close(const float *y, const float *truth, size_t count, double tolerance,
                         const char *what) {
  double bound = tolerance * (double)largest(truth, count);
  for (size_t i = 0; i < count; i++)
    if (!(fabs((double)y[i] - (double)truth[i]) <= bound))
      fail_msg("%s: element %zu of %zu is %.9g instead of %.9g (bound %g)", what, i, count, (double)y[i],
               (double)truth[i], bound);
}

/* One sample against graph_evaluate. */
static void check_values(const graph *g, double tolerance, const char *what) {
  error err = {0};
  size_t count = sample_size(g, graph_output(g, 0));
  float *x = make_inputs(g, 1), *truth = malloc(count * sizeof *truth), *y = run_graph(g, 1, x, 1);
  assert_non_null(truth);
  assert_true(graph_evaluate(g, (const void *[]){x}, (void *[]){truth}, &err));
  assert_close(y, truth, count, tolerance, what);
  free(x);
  free(y);
  free(truth);
}

/* The bits of every sample: alone on one thread, and in batches of other sizes on other numbers of threads.
 */
static void check_bits(const graph *g, const char *what) {
  static const int threads[] = {1, 2, 4, 3};
  static const size_t batches[] = {1, 7, MAX_BATCH};
  size_t in = sample_size(g, graph_input(g, 0)), out = sample_size(g, graph_output(g, 0));
  float *x = make_inputs(g, MAX_BATCH), *alone = malloc(MAX_BATCH * out * sizeof *alone);
  assert_non_null(alone);
  for (size_t sample = 0; sample < MAX_BATCH; sample++) {
    float *y = run_graph(g, 1, x + sample * in, 1);
    memcpy(alone + sample * out, y, out * sizeof *y);
    free(y);
  }
  for (size_t t = 0; t < sizeof threads / sizeof *threads; t++)
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
      float *y = run_graph(g, threads[t], x, batches[b]);
      if (memcmp(y, alone, batches[b] * out * sizeof *y) != 0)
        fail_msg("%s: bits differ for %d threads, batch %zu", what, threads[t], batches[b]);
      free(y);
    }
  free(x);
  free(alone);
}

/* ---- whole networks ---- */

static void test_efficientnet_like(void **state) {
  use_variant(state);
  uint64_t seed = 1;
  graph *g = network_create();
  network_output(g, network_efficientnet(g, network_input(g, SHAPE(1, 12, 331)), true, 7, &seed));
  check_values(g, 5e-6, "small EfficientNet");
  check_bits(g, "small EfficientNet");
  graph_destroy(g);
}

/* ---- choice of variant ---- */

static void test_unknown_variant(void **state) {
  (void)state;
  error err = {0};
  graph *g = network_create();
  network_output(g, network_input(g, SHAPE(1)));
  setenv("DEEPECG_CPU", "sse9", 1);
  assert_null(cpu_backend.compile(g, &(compile_options){.threads = 1}, &err));
  assert_int_equal(err.code, ERROR_USAGE);
  assert_non_null(strstr(err.message, "DEEPECG_CPU=sse9"));
  assert_non_null(strstr(err.message, "generic"));
  unsetenv("DEEPECG_CPU");
  executable *e = cpu_backend.compile(g, &(compile_options){.threads = 1}, &err);
  assert_non_null(e);
  cpu_backend.destroy(e);
  graph_destroy(g);
}

static void test_backend_find(void **state) {
  (void)state;
  error err = {0};
  assert_ptr_equal(backend_find("cpu", &err), &cpu_backend);
  assert_null(backend_find("tpu", &err));
  assert_non_null(strstr(err.message, "cpu"));
}

static void test_thread_count(void **state) {
  (void)state;
  error err = {0};
  graph *g = network_create();
  network_output(g, network_input(g, SHAPE(1)));
  assert_null(cpu_backend.compile(g, &(compile_options){.threads = 0}, &err));
  assert_int_equal(err.code, ERROR_USAGE);
  graph_destroy(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_EVERY_VARIANT(test_efficientnet_like),
      cmocka_unit_test(test_unknown_variant),
      cmocka_unit_test(test_backend_find),
      cmocka_unit_test(test_thread_count),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
