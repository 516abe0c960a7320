/* Attention whose queries, keys and values come from linear layers: as one product where that is possible. */
#include "backend/backend.h"
#include "support/backend_checks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

enum { HEADS = 3 };

/* Weights and biases of the three layers; VALUE_NONE: no bias. */
typedef struct layers {
  value_id weights[3], biases[3];
} layers;

/* `biased`: a bit for each layer. */
static layers make_layers(graph *g, int64_t in, int64_t out, int biased, uint64_t *seed) {
  layers l;
  for (int i = 0; i < 3; i++) {
    l.weights[i] = network_weight(g, SHAPE(out, in), 0.6f / sqrtf((float)in), seed);
    l.biases[i] = biased >> i & 1 ? network_weight(g, SHAPE(out), 0.5f, seed) : VALUE_NONE;
  }
  return l;
}

static value_id linear(graph *g, value_id x, value_id weight, value_id bias) {
  op_attributes none = network_attributes();
  return network_node(g, "linear", (value_id[]){x, weight, bias}, bias == VALUE_NONE ? 2 : 3, &none);
}

static value_id attention(graph *g, const value_id qkv[3]) {
  op_attributes a = network_attributes();
  a.heads = HEADS;
  a.scale = 0.2;
  return network_node(g, "attention", qkv, 3, &a);
}

static value_id sum(graph *g, value_id a, value_id b) {
  op_attributes none = network_attributes();
  return network_node(g, "add", (value_id[]){a, b}, 2, &none);
}

/* Layers in the order given, which may repeat some. */
static value_id project(graph *g, value_id x, const layers *l, const int order[3]) {
  value_id qkv[3];
  for (int i = 0; i < 3; i++)
    qkv[i] = linear(g, x, l->weights[order[i]], l->biases[order[i]]);
  return attention(g, qkv);
}

static const int in_order[] = {0, 1, 2};

static void check(graph *g, value_id v, const char *what) {
  network_output(g, v);
  check_graph(g, 4e-6, false, what);
  graph_destroy(g);
}

/* ---- one product ---- */

typedef struct sizes {
  int64_t steps, in, width;
} sizes;

/* Panels that hold columns of two layers; whole panels; inner indices in blocks; Strassen's product with and
 * without a panel left over. */
static const sizes cases[] = {{1, 20, 21},    {2, 40, 6},     {17, 33, 63},  {20, 64, 96},
                              {23, 400, 111}, {70, 768, 192}, {66, 400, 120}};
enum { CASES = sizeof cases / sizeof *cases };

static void test_projections(void **state) {
  use_variant(state);
  for (size_t i = 0; i < CASES; i++)
    for (int biased = 0; biased < 8; biased += i < 3 ? 1 : 7) {
      uint64_t seed = 3;
      char what[80];
      snprintf(what, sizeof what, "case %zu, biases %d", i, biased);
      graph *g = network_create();
      value_id x = network_input(g, SHAPE(1, cases[i].steps, cases[i].in));
      layers l = make_layers(g, cases[i].in, cases[i].width, biased, &seed);
      check(g, project(g, x, &l, in_order), what);
    }
}

/* So large that a thread runs several samples in step. */
static void test_samples_in_step(void **state) {
  use_variant(state);
  uint64_t seed = 3;
  graph *g = network_create();
  value_id x = network_input(g, SHAPE(1, 3, 1710));
  layers l = make_layers(g, 1710, 1713, 7, &seed);
  check(g, project(g, x, &l, in_order), "samples in step");
}

/* ---- the same bits as three products ---- */

/* An attention's result for seeded input. `apart`: a layer's result is an output too, so that the three
 * cannot be one product. */
static void run_case(const sizes *s, bool apart, precision p, int threads, float *y, size_t *memory) {
  uint64_t seed = 5;
  error err = {0};
  size_t count = (size_t)(s->steps * s->in), results = (size_t)(s->steps * s->width);
  graph *g = network_create();
  value_id x = network_input(g, SHAPE(1, s->steps, s->in)), qkv[3];
  layers l = make_layers(g, s->in, s->width, 7, &seed);
  for (int i = 0; i < 3; i++)
    qkv[i] = linear(g, x, l.weights[i], l.biases[i]);
  value_id outputs[] = {attention(g, qkv), qkv[1]};
  assert_true(graph_set_outputs(g, outputs, apart ? 2 : 1, &err));
  float *in = malloc(count * sizeof *in), *other = malloc(results * sizeof *other);
  assert_true(in && other);
  random_fill(in, count, &seed);
  executable *e = cpu_backend.compile(g, &(compile_options){.threads = threads, .precision = p}, &err);
  if (!e)
    fail_msg("%s", err.message);
  assert_true(cpu_backend.run(e, (const void *[]){in}, (void *[]){y, other}, 1, &err));
  *memory = cpu_backend.memory(e);
  cpu_backend.destroy(e);
  graph_destroy(g);
  free(in);
  free(other);
}

static void check_bits(const sizes *s, precision p) {
  size_t bytes = (size_t)(s->steps * s->width) * sizeof(float), memory, memory_apart;
  float *joined = malloc(bytes), *apart = malloc(bytes);
  assert_true(joined && apart);
  for (int threads = 1; threads <= 3; threads++) {
    run_case(s, false, p, threads, joined, &memory);
    run_case(s, true, p, threads, apart, &memory_apart);
    if (memcmp(joined, apart, bytes) != 0)
      fail_msg("%d steps, width %d: other bits than three products", (int)s->steps, (int)s->width);
  }
  free(joined);
  free(apart);
}

static void test_bits(void **state) {
  use_variant(state);
  for (size_t i = 0; i < CASES - 1; i++) /* in the last one other panels are pairs of Strassen's product */
    check_bits(&cases[i], PRECISION_FP32);
}

static void test_bits_bf16(void **state) {
  (void)state;
  error err = {0};
  unsetenv("DEEPECG_CPU");
  if (!precision_check(PRECISION_BF16, &err)) {
    printf("NOT RUN: %s\n", err.message);
    skip();
  }
  for (size_t i = 0; i < CASES; i++)
    check_bits(&cases[i], PRECISION_BF16);
}

/* Three layers of 21 columns need fewer vectors side by side. */
static void test_one_product_is_made(void **state) {
  use_variant(state);
  const sizes narrow = {2, 1000, 21};
  float y[42];
  size_t joined, apart;
  run_case(&narrow, false, PRECISION_FP32, 1, y, &joined);
  run_case(&narrow, true, PRECISION_FP32, 1, y, &apart);
  assert_in_range(apart - joined, 8 * 1000 * sizeof(float) - 4096, 40 * 1000 * sizeof(float));
}

/* ---- what is no single product ---- */

static void test_different_inputs(void **state) {
  use_variant(state);
  for (int other = 0; other < 3; other++) {
    uint64_t seed = 3;
    graph *g = network_create();
    value_id x[2] = {network_input(g, SHAPE(1, 19, 40)), network_input(g, SHAPE(1, 19, 40))}, qkv[3];
    layers l = make_layers(g, 40, 48, 7, &seed);
    for (int i = 0; i < 3; i++)
      qkv[i] = linear(g, x[i == other], l.weights[i], l.biases[i]);
    check(g, attention(g, qkv), "different inputs");
  }
}

static void test_layer_used_elsewhere(void **state) {
  use_variant(state);
  for (int other = 0; other < 3; other++) {
    uint64_t seed = 3;
    graph *g = network_create();
    value_id x = network_input(g, SHAPE(1, 19, 40)), qkv[3];
    layers l = make_layers(g, 40, 48, 7, &seed);
    for (int i = 0; i < 3; i++)
      qkv[i] = linear(g, x, l.weights[i], l.biases[i]);
    check(g, sum(g, attention(g, qkv), qkv[other]), "a layer used elsewhere");
  }
}

static void test_same_layer_twice(void **state) {
  use_variant(state);
  for (int twice = 0; twice < 3; twice++) {
    uint64_t seed = 3;
    graph *g = network_create();
    value_id x = network_input(g, SHAPE(1, 19, 40)), qkv[3];
    layers l = make_layers(g, 40, 48, 7, &seed);
    for (int i = 0; i < 3; i++)
      qkv[i] = i > 0 && i == twice ? qkv[0] : linear(g, x, l.weights[i], l.biases[i]);
    if (twice == 0)
      qkv[1] = qkv[2] = qkv[0];
    check(g, attention(g, qkv), "the same layer twice");
  }
}

/* With an activation, or a residual, or weights that are no constants. */
static void test_other_layers(void **state) {
  use_variant(state);
  for (int kind = 0; kind < 3; kind++) {
    uint64_t seed = 3;
    graph *g = network_create();
    op_attributes a = network_attributes();
    value_id x = network_input(g, SHAPE(1, 19, 40)), residual = network_input(g, SHAPE(1, 19, 48)), qkv[3];
    layers l = make_layers(g, 40, 48, 7, &seed);
    for (int i = 0; i < 3; i++)
      qkv[i] = linear(g, x, l.weights[i], l.biases[i]);
    a.activation = kind == 0 ? ACTIVATION_RELU : ACTIVATION_NONE;
    value_id operands[] = {x, kind == 1 ? network_input(g, SHAPE(48, 40)) : l.weights[2], l.biases[2],
                           residual};
    qkv[1] = network_node(g, "linear", operands, kind == 2 ? 4 : 3, &a);
    check(g, sum(g, attention(g, qkv), residual), "other layers");
  }
}

/* So far before the attention that it isn't looked for there. */
static void test_layer_far_away(void **state) {
  use_variant(state);
  for (int far = 1; far <= 3; far++) {
    uint64_t seed = 3;
    graph *g = network_create();
    value_id x = network_input(g, SHAPE(1, 19, 40)), other = x, qkv[3];
    layers l = make_layers(g, 40, 48, 7, &seed);
    for (int i = 0; i < 3; i++) {
      for (int k = 0; i == far && k < 40; k++)
        other = sum(g, other, x);
      qkv[i] = linear(g, x, l.weights[i], l.biases[i]);
    }
    for (int k = 0; far == 3 && k < 40; k++)
      other = sum(g, other, x);
    value_id y = attention(g, qkv);
    check(g, sum(g, y, linear(g, other, l.weights[0], l.biases[0])), "a layer far away");
  }
}

/* ---- what is no number ---- */

/* Damaged weights make NaNs of any bits; none may become an answer. A query that is NaN loses its own row of
 * one head, a key all rows. */
static void test_nan_stays_nan(void **state) {
  use_variant(state);
  enum { STEPS = 5, WIDTH = HEADS * 8 };
  static const uint32_t bits[] = {0x7fc00000, 0xffc00000, 0x7fc00001, 0x7fc00055, 0x7fc00180, 0xffffffff};
  float operands[3][STEPS * WIDTH], y[STEPS * WIDTH];
  error err = {0};
  graph *g = network_create();
  value_id qkv[3];
  for (int i = 0; i < 3; i++)
    qkv[i] = network_input(g, SHAPE(1, STEPS, WIDTH));
  network_output(g, attention(g, qkv));
  executable *e = cpu_backend.compile(g, &(compile_options){.threads = 1}, &err);
  assert_non_null(e);
  for (size_t n = 0; n < sizeof bits / sizeof *bits; n++)
    for (int operand = 0; operand < 2; operand++) {
      uint64_t seed = 3;
      for (int i = 0; i < 3; i++)
        random_fill(operands[i], STEPS * WIDTH, &seed);
      memcpy(&operands[operand][2 * WIDTH + 3], &bits[n], sizeof *bits);
      assert_true(cpu_backend.run(e, (const void *[]){operands[0], operands[1], operands[2]}, (void *[]){y},
                                  1, &err));
      for (int i = 0; i < STEPS * WIDTH; i++)
        assert_int_equal(isnan(y[i]), i % WIDTH < 8 && (operand == 1 || i / WIDTH == 2));
    }
  cpu_backend.destroy(e);
  graph_destroy(g);
}

/* ---- packed weights are not taken for others' ---- */

static void test_orders_of_layers(void **state) {
  use_variant(state);
  static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {0, 0, 1}, {0, 0, 0}, {0, 1, 0}, {1, 0, 2}};
  for (int biased = 0; biased < 8; biased++) {
    uint64_t seed = 3;
    graph *g = network_create();
    value_id x = network_input(g, SHAPE(1, 9, 24));
    layers l = make_layers(g, 24, 15, biased, &seed);
    value_id y = linear(g, x, l.weights[0], l.biases[0]);
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
      y = sum(g, y, project(g, x, &l, orders[i]));
    check(g, y, "orders of layers");
  }
}

/* A bias that is the beginning of another layer's longer one. */
static void test_shared_biases(void **state) {
  use_variant(state);
  uint64_t seed = 3;
  error err = {0};
  graph *g = network_create();
  value_id x = network_input(g, SHAPE(1, 9, 24));
  layers l = make_layers(g, 24, 15, 0, &seed);
  value_id wide = network_weight(g, SHAPE(45, 24), 0.1f, &seed),
           bias = network_weight(g, SHAPE(45), 1, &seed);
  l.biases[0] = graph_add_constant(g, "", DTYPE_F32, &(shape){1, {15}}, graph_value_get(g, bias)->data, &err);
  value_id y = linear(g, x, wide, bias);
  op_attributes a = network_attributes();
  a.axis = 2;
  a.start = 20;
  a.stop = 35;
  y = network_node(g, "slice", &y, 1, &a);
  check(g, sum(g, y, project(g, x, &l, in_order)), "shared biases");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_EVERY_VARIANT(test_projections),
      ON_EVERY_VARIANT(test_samples_in_step),
      ON_EVERY_VARIANT(test_bits),
      cmocka_unit_test(test_bits_bf16),
      ON_EVERY_VARIANT(test_one_product_is_made),
      ON_EVERY_VARIANT(test_different_inputs),
      ON_EVERY_VARIANT(test_layer_used_elsewhere),
      ON_EVERY_VARIANT(test_same_layer_twice),
      ON_EVERY_VARIANT(test_other_layers),
      ON_EVERY_VARIANT(test_layer_far_away),
      ON_EVERY_VARIANT(test_nan_stays_nan),
      ON_EVERY_VARIANT(test_orders_of_layers),
      ON_EVERY_VARIANT(test_shared_biases),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
