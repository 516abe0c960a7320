/* Executables that share their weights and their run-time memory: the same bits as those that have their own,
 * and no weight twice. */
#include "backend/backend.h"
#include "backend/cpu/kernels/kernels.h"
#include "import/huggingface/bert.h"
#include "support/golden_files.h"
#include "support/networks.h"

#include <stdlib.h>

#define FIXTURE DEEPECG_TEST_DATA "/fixtures/bert/float32/"

enum { LABELS = 5, LONGEST = 24 };

typedef struct texts {
  mapped_file config, weights;
  bert_checkpoint *bert;
} texts;

static texts open_texts(void) {
  texts t = {golden_map(FIXTURE "config.json"), golden_map(FIXTURE "model.safetensors"), NULL};
  error err = {0};
  t.bert = bert_open((const char *)t.config.data, t.config.size, t.weights.data, t.weights.size, &err);
  assert_non_null(t.bert);
  return t;
}

static void close_texts(texts *t) {
  bert_close(t->bert);
  mapped_file_close(&t->config);
  mapped_file_close(&t->weights);
}

/* For texts of `tokens` tokens; sibling NULL: on its own. */
static executable *compile(const texts *t, int64_t tokens, const executable *sibling) {
  error err = {0};
  graph *g = bert_graph(t->bert, tokens, &err);
  assert_true(g && graph_optimise(g, &err));
  executable *e = sibling ? cpu_backend.compile_sibling(g, sibling, &err)
                          : cpu_backend.compile(g, &(compile_options){.threads = 2}, &err);
  graph_destroy(g);
  if (!e)
    fail_msg("%s", err.message);
  return e;
}

static void run(executable *e, int64_t tokens, float logits[LABELS]) {
  int32_t ids[LONGEST];
  error err = {0};
  for (int64_t i = 0; i < tokens; i++)
    ids[i] = (int32_t)(2 + i * 5 % 30);
  assert_true(cpu_backend.run(e, (const void *[]){ids}, (void *[]){logits}, 1, &err));
}

static void lengths_share_their_weights(void **state) {
  (void)state;
  static const int64_t lengths[] = {LONGEST, 2, 10, 3, LONGEST};
  texts t = open_texts();
  executable *first = compile(&t, LONGEST, NULL);
  size_t memory = cpu_backend.memory(first);
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    float shared[LABELS], own[LABELS];
    executable *sibling = compile(&t, lengths[i], first), *alone = compile(&t, lengths[i], NULL);
    run(sibling, lengths[i], shared);
    run(alone, lengths[i], own);
    assert_memory_equal(shared, own, sizeof own);
    cpu_backend.destroy(sibling);
    cpu_backend.destroy(alone);
  }
  assert_int_equal(cpu_backend.memory(first), memory); /* no sibling has added to the weights */
  cpu_backend.destroy(first);
  close_texts(&t);
}

/* After a network for short texts, one for long texts adds the table of positions that it needs to the common
 * weights, and makes the common run-time memory as large as its own; nothing else. */
static void a_longer_sibling_adds_what_it_lacks(void **state) {
  (void)state;
  enum { SHORT_TABLE = 2 * 16 * sizeof(float) };
  texts t = open_texts();
  executable *alone = compile(&t, LONGEST, NULL);
  executable *first = compile(&t, 2, NULL), *longer = compile(&t, LONGEST, first);
  assert_in_range(cpu_backend.memory(longer) - cpu_backend.memory(alone), 1, SHORT_TABLE);
  assert_int_equal(cpu_backend.memory(first), cpu_backend.memory(longer));
  cpu_backend.destroy(alone);
  cpu_backend.destroy(first);
  cpu_backend.destroy(longer);
  close_texts(&t);
}

static void either_may_go_first(void **state) {
  (void)state;
  texts t = open_texts();
  float expected[LABELS], logits[LABELS];
  executable *first = compile(&t, LONGEST, NULL), *second = compile(&t, 7, first);
  run(second, 7, expected);
  cpu_backend.destroy(first);
  executable *third = compile(&t, 7, second);
  cpu_backend.destroy(second);
  run(third, 7, logits);
  assert_memory_equal(logits, expected, sizeof expected);
  cpu_backend.destroy(third);
  close_texts(&t);
}

/* Weights in the graph's own memory: the next graph's may lie at the same addresses. */
static graph *make_graph(uint64_t seed) {
  graph *g = network_create();
  network_output(g, network_efficientnet(g, network_input(g, SHAPE(1, 12, 64)), true, LABELS, &seed));
  return g;
}

static void weights_of_a_graph_are_not_taken_for_anothers(void **state) {
  (void)state;
  float signal[12 * 64], shared[LABELS], own[LABELS];
  for (int i = 0; i < 12 * 64; i++)
    signal[i] = (float)(i % 13) - 6;
  error err = {0};
  graph *g = make_graph(1);
  executable *first = cpu_backend.compile(g, &(compile_options){.threads = 1}, &err);
  graph_destroy(g);
  g = make_graph(2);
  assert_false(graph_constants_borrowed(g));
  executable *sibling = cpu_backend.compile_sibling(g, first, &err),
             *alone = cpu_backend.compile(g, &(compile_options){.threads = 1}, &err);
  graph_destroy(g);
  assert_true(first && sibling && alone);
  assert_true(cpu_backend.run(sibling, (const void *[]){signal}, (void *[]){shared}, 1, &err));
  assert_true(cpu_backend.run(alone, (const void *[]){signal}, (void *[]){own}, 1, &err));
  assert_memory_equal(shared, own, sizeof own);
  cpu_backend.destroy(first);
  cpu_backend.destroy(sibling);
  cpu_backend.destroy(alone);
}

enum { IN = 512, OUT = 96, MANY_ROWS = 70, FEW_ROWS = 5 };

/* A linear layer over `rows` rows whose weights are the caller's. */
static executable *compile_layer(const float *weight, int64_t rows, const executable *sibling) {
  error err = {0};
  graph *g = network_create();
  shape s = SHAPE(OUT, IN);
  value_id constant = graph_add_constant(g, "weight", DTYPE_F32, &s, weight, &err);
  op_attributes a = network_attributes();
  network_output(g, network_node(g, "linear",
                                 (const value_id[]){network_input(g, SHAPE(1, rows, IN)), constant,
                                                    VALUE_NONE, VALUE_NONE},
                                 4, &a));
  const compile_options options = {.threads = 1, .several_lengths = true};
  executable *e =
      sibling ? cpu_backend.compile_sibling(g, sibling, &err) : cpu_backend.compile(g, &options, &err);
  graph_destroy(g);
  assert_non_null(e);
  return e;
}

static void check_layers(const float *weight, int64_t first_rows, int64_t second_rows) {
  executable *first = compile_layer(weight, first_rows, NULL);
  executable *alone = compile_layer(weight, second_rows, NULL);
  size_t a = cpu_backend.memory(first), b = cpu_backend.memory(alone);
  executable *second = compile_layer(weight, second_rows, first);
  assert_int_equal(cpu_backend.memory(second), a > b ? a : b);
  cpu_backend.destroy(first);
  cpu_backend.destroy(second);
  cpu_backend.destroy(alone);
}

/* Where other lengths are to come, many rows don't choose a form that few wouldn't. */
static void weights_are_packed_once_whatever_the_rows(void **state) {
  static const char *const variants[] = {"generic", "avx2", "avx512"};
  static float weight[OUT * IN];
  (void)state;
  for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
    error err = {0};
    setenv("DEEPECG_CPU", variants[i], 1);
    if (!cpu_kernels_choose(&err))
      continue;
    check_layers(weight, MANY_ROWS, FEW_ROWS);
    check_layers(weight, FEW_ROWS, MANY_ROWS);
  }
  unsetenv("DEEPECG_CPU");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lengths_share_their_weights),
      cmocka_unit_test(a_longer_sibling_adds_what_it_lacks),
      cmocka_unit_test(either_may_go_first),
      cmocka_unit_test(weights_of_a_graph_are_not_taken_for_anothers),
      cmocka_unit_test(weights_are_packed_once_whatever_the_rows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
