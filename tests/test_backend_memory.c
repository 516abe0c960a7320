/* What an open model keeps in memory: its weights once, in the backend's form, and nothing of the file; and
 * each worker's own activations. */
#include "backend/backend.h"
#include "backend/cpu/aligned.h"
#include "backend/cpu/weight_store.h"
#include "graph/graph.h"
#include "support/networks.h"
#include "support/resident.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SCRATCH DEEPECG_TEST_TMP "/backend_memory.scratch"

enum { WIDTH = 2048 }; /* of a square layer: 16 MiB */

static void weights_lie_close_together(void **state) {
  (void)state;
  enum { COUNT = 40, SIZE = (2 << 20) + (300 << 10) }; /* a little more than a huge page */
  static const float sources[COUNT];
  error err = {0};
  weight_store *store = weight_store_create(true, &err);
  unsigned char *data[COUNT];
  long before = resident("RssAnon:");
  for (int i = 0; i < COUNT; i++) {
    weight_key key = {.source = &sources[i], .form = WEIGHT_PACKED};
    data[i] = weight_store_add(store, &key, SIZE, &err);
    assert_non_null(data[i]);
    assert_int_equal((uintptr_t)data[i] % CACHE_LINE, 0);
    memset(data[i], i + 1, SIZE);
  }
  long grown = resident("RssAnon:") - before;
  for (int i = 0; i < COUNT; i++) {
    weight_key key = {.source = &sources[i], .form = WEIGHT_PACKED};
    assert_ptr_equal(weight_store_find(store, &key), data[i]);
    assert_int_equal(data[i][0], i + 1);
    assert_int_equal(data[i][SIZE - 1], i + 1);
  }
  assert_int_equal(weight_store_bytes(store), (size_t)COUNT * SIZE);
  weight_store_destroy(store);
  if (before == 0)
    skip(); /* no /proc */
  assert_true(grown < (COUNT * (long)SIZE >> 10) * 5 / 4);
}

static void small_and_large_weights_have_their_own_bytes(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, 64, 100 << 20, 3, 2 << 20, 63};
  enum { COUNT = sizeof sizes / sizeof *sizes };
  error err = {0};
  weight_store *store = weight_store_create(false, &err);
  unsigned char *data[COUNT];
  for (size_t i = 0; i < COUNT; i++) {
    weight_key key = {.source = &sizes[i], .form = WEIGHT_COPY};
    data[i] = weight_store_add(store, &key, sizes[i], &err);
    assert_non_null(data[i]);
    if (sizes[i])
      data[i][0] = data[i][sizes[i] - 1] = (unsigned char)i;
  }
  for (size_t i = 0; i < COUNT; i++)
    if (sizes[i]) {
      assert_int_equal(data[i][0], i);
      assert_int_equal(data[i][sizes[i] - 1], i);
    }
  weight_key key = {.source = &key, .form = WEIGHT_COPY};
  assert_null(weight_store_add(store, &key, SIZE_MAX - 3, &err));
  weight_store_destroy(store);
}

/* A layer whose weights lie in the file, all ones. */
static graph *layer(const mapped_file *file) {
  error err = {0};
  graph *g = graph_create(&err);
  value_id x = graph_add_input(g, "x", DTYPE_F32, &(shape){2, {1, WIDTH}}, &err);
  value_id w = graph_add_constant(g, "w", DTYPE_F32, &(shape){2, {WIDTH, WIDTH}}, file->data, &err);
  value_id y = graph_append(g, "linear", (value_id[]){x, w}, 2, &(op_attributes){0}, "y", "", &err);
  assert_true(graph_set_outputs(g, &y, 1, &err));
  graph_lend_file(g, file);
  return g;
}

static void write_ones(void) {
  static float row[WIDTH];
  for (int i = 0; i < WIDTH; i++)
    row[i] = 1;
  FILE *out = fopen(SCRATCH, "wb");
  assert_non_null(out);
  for (int i = 0; i < WIDTH; i++)
    assert_int_equal(fwrite(row, sizeof row, 1, out), 1);
  assert_int_equal(fclose(out), 0);
}

static void packed_pages_are_given_back(void **state) {
  (void)state;
  static float x[WIDTH], y[WIDTH];
  mapped_file file;
  error err = {0};
  write_ones();
  assert_true(mapped_file_open(&file, SCRATCH, &err));
  graph *g = layer(&file);
  const char *name;
  assert_true(graph_constants_finite(g, &name)); /* reads it all */
  long before = resident("RssFile:");
  executable *e = cpu_backend.compile(g, &(compile_options){.threads = 2}, &err);
  long after = resident("RssFile:");
  assert_non_null(e);
  for (int i = 0; i < WIDTH; i++)
    x[i] = (float)i;
  assert_true(cpu_backend.run(e, (const void *[]){x}, (void *[]){y}, 1, &err));
  assert_true(y[0] == (float)(WIDTH / 2 * (WIDTH - 1)) && y[WIDTH - 1] == y[0]);
  cpu_backend.destroy(e);
  graph_destroy(g);
  mapped_file_close(&file);
  remove(SCRATCH);
  if (before == 0)
    skip(); /* no /proc */
  assert_true(before - after > (WIDTH * WIDTH * (long)sizeof(float) >> 10) * 3 / 4);
}

/* ---- workers ---- */

/* A run takes some milliseconds, during which its activations are in use. */
enum { WORKERS = 2, ROWS = 256, COLUMNS = 256, VALUES = ROWS * COLUMNS, LAYERS = 6, ROUNDS = 100 };

typedef struct worker {
  executable *e;
  pthread_barrier_t *start;
  int number;
  float x[VALUES], alone[VALUES], y[VALUES];
  int wrong;
} worker;

static graph *layers(void) {
  uint64_t seed = 3;
  graph *g = network_create();
  value_id v = network_input(g, SHAPE(1, ROWS, COLUMNS));
  for (int i = 0; i < LAYERS; i++) {
    value_id w = network_weight(g, SHAPE(COLUMNS, COLUMNS), 0.1f, &seed);
    op_attributes none = network_attributes();
    v = network_node(g, "linear", (value_id[]){v, w}, 2, &none);
  }
  network_output(g, v);
  return g;
}

static bool run_worker(worker *w, float *y) {
  return cpu_backend.run_alone(w->e, w->number, (const void *[]){w->x}, (void *[]){y}, NULL);
}

static void *work(void *context) {
  worker *w = context;
  pthread_barrier_wait(w->start);
  for (int i = 0; i < ROUNDS; i++) {
    w->wrong += !run_worker(w, w->y) || memcmp(w->y, w->alone, sizeof w->y) != 0;
  }
  return NULL;
}

static void workers_do_not_share_memory(void **state) {
  (void)state;
  static worker workers[WORKERS];
  error err = {0};
  uint64_t seed = 5;
  pthread_barrier_t start;
  pthread_t threads[WORKERS];
  graph *g = layers();
  executable *e = cpu_backend.compile(g, &(compile_options){.threads = WORKERS}, &err);
  assert_non_null(e);
  assert_int_equal(pthread_barrier_init(&start, NULL, WORKERS), 0);
  for (int i = 0; i < WORKERS; i++) {
    worker *w = &workers[i];
    w->e = e;
    w->start = &start;
    w->number = i;
    random_fill(w->x, VALUES, &seed);
    assert_true(run_worker(w, w->alone));
  }
  for (int i = 0; i < WORKERS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
  for (int i = 0; i < WORKERS; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  for (int i = 0; i < WORKERS; i++)
    assert_int_equal(workers[i].wrong, 0);
  pthread_barrier_destroy(&start);
  cpu_backend.destroy(e);
  graph_destroy(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(weights_lie_close_together),
      cmocka_unit_test(small_and_large_weights_have_their_own_bytes),
      cmocka_unit_test(packed_pages_are_given_back),
      cmocka_unit_test(workers_do_not_share_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
