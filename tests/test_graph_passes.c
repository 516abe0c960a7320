/* Passes: the expected fusions happen, others don't, and results stay the same but for float rounding. */
#include "graph/graph.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- a small language for networks with random weights ---- */

typedef struct net {
  graph *g;
  uint64_t seed;
} net;

static uint64_t next_random(net *n) {
  n->seed ^= n->seed << 13;
  n->seed ^= n->seed >> 7;
  n->seed ^= n->seed << 17;
  return n->seed;
}

static int64_t pick(net *n, int64_t count) {
  return (int64_t)(next_random(n) % (uint64_t)count);
}

static float uniform(net *n, double low, double high) {
  return (float)(low + (high - low) * (double)(next_random(n) >> 11) * 0x1p-53);
}

static net net_create(uint64_t seed) {
  net n = {graph_create(NULL), seed * 0x9E3779B97F4A7C15U + 1};
  assert_non_null(n.g);
  return n;
}

static int64_t elements_of(const shape *s) {
  int64_t elements = 0;
  assert_true(shape_elements(s, &elements));
  return elements;
}

static value_id random_constant(net *n, shape s, double low, double high) {
  float *data = arena_alloc_array(graph_arena(n->g), (size_t)elements_of(&s), sizeof *data, NULL);
  for (int64_t i = 0; i < elements_of(&s); i++)
    data[i] = uniform(n, low, high);
  return graph_add_constant(n->g, "", DTYPE_F32, &s, data, NULL);
}

static shape shape_of(const net *n, value_id id) {
  return graph_value_get(n->g, id)->shape;
}

static value_id append(net *n, const char *op, const value_id *inputs, int count, const op_attributes *a) {
  error err = {0};
  value_id id = graph_append(n->g, op, inputs, count, a, "", "", &err);
  if (id == VALUE_NONE)
    fail_msg("%s", err.message);
  return id;
}

static value_id input(net *n, int64_t channels, int64_t length) {
  return graph_add_input(n->g, "x", DTYPE_F32, &(shape){3, {1, channels, length}}, NULL);
}

typedef enum bias_choice { WITHOUT_BIAS, WITH_BIAS } bias_choice;

/* A convolution that keeps the length (stride 1). */
static value_id conv(net *n, value_id x, int64_t out, int64_t kernel, int64_t groups, bias_choice bias) {
  int64_t in = shape_of(n, x).dims[1] / groups;
  double spread = 1.7 / sqrt((double)(in * kernel));
  value_id weight = random_constant(n, (shape){3, {out, in, kernel}}, -spread, spread);
  value_id inputs[3] = {x, weight, bias ? random_constant(n, (shape){1, {out}}, -1, 1) : VALUE_NONE};
  op_attributes a = {.kernel = kernel,
                     .stride = 1,
                     .padding_left = kernel / 2,
                     .padding_right = (kernel - 1) / 2,
                     .dilation = 1,
                     .groups = groups};
  return append(n, "conv1d", inputs, bias ? 3 : 2, &a);
}

static value_id linear(net *n, value_id x, int64_t out, bias_choice bias) {
  shape s = shape_of(n, x);
  int64_t in = s.dims[s.rank - 1];
  double spread = 1.7 / sqrt((double)in);
  value_id weight = random_constant(n, (shape){2, {out, in}}, -spread, spread);
  value_id inputs[3] = {x, weight, bias ? random_constant(n, (shape){1, {out}}, -1, 1) : VALUE_NONE};
  return append(n, "linear", inputs, 3, &(op_attributes){0});
}

static value_id batch_norm(net *n, value_id x) {
  shape channels = {1, {shape_of(n, x).dims[1]}};
  value_id inputs[5] = {x};
  inputs[1] = random_constant(n, channels, -1, 1);
  inputs[2] = random_constant(n, channels, 0.25, 2);
  inputs[3] = random_constant(n, channels, -1.5, 1.5);
  inputs[4] = random_constant(n, channels, -1, 1);
  return append(n, "batch_norm", inputs, 5, &(op_attributes){.epsilon = 1e-5});
}

static value_id activation(net *n, value_id x, activation_kind kind) {
  return append(n, "activation", &x, 1, &(op_attributes){.activation = kind, .alpha = 0.01});
}

static value_id binary(net *n, const char *op, value_id a, value_id b) {
  return append(n, op, (value_id[]){a, b}, 2, &(op_attributes){0});
}

static value_id leaky(net *n, value_id x) {
  return activation(n, x, ACTIVATION_LEAKY_RELU);
}

static value_id squeeze_and_excite(net *n, value_id x) {
  int64_t channels = shape_of(n, x).dims[1];
  value_id gate = append(n, "adaptive_avg_pool1d", &x, 1, &(op_attributes){.output_size = 1});
  gate = leaky(n, conv(n, gate, channels / 4, 1, 1, WITH_BIAS));
  gate = activation(n, conv(n, gate, channels, 1, 1, WITH_BIAS), ACTIVATION_SIGMOID);
  return binary(n, "mul", x, gate);
}

static value_id reshape(net *n, value_id x, shape s) {
  op_attributes a = {.ints_count = s.rank};
  memcpy(a.ints, s.dims, sizeof a.ints);
  return append(n, "reshape", &x, 1, &a);
}

static value_id transpose(net *n, value_id x, int64_t a, int64_t b, int64_t c) {
  return append(n, "transpose", &x, 1, &(op_attributes){.ints = {a, b, c}, .ints_count = 3});
}

/* ---- before and after ---- */

enum { MAX_OUTPUTS = 4 };

typedef struct results {
  int count;
  float *values[MAX_OUTPUTS];
  int64_t sizes[MAX_OUTPUTS];
} results;

static results evaluate(const net *n, uint64_t seed) {
  net noise = {NULL, seed + 99};
  float *x[2];
  for (int i = 0; i < graph_input_count(n->g); i++) {
    shape s = shape_of(n, graph_input(n->g, i));
    x[i] = calloc((size_t)elements_of(&s), sizeof(float));
    for (int64_t j = 0; j < elements_of(&s); j++)
      x[i][j] = uniform(&noise, -2, 2);
  }
  results r = {.count = graph_output_count(n->g)};
  for (int i = 0; i < r.count; i++) {
    shape s = shape_of(n, graph_output(n->g, i));
    r.sizes[i] = elements_of(&s);
    r.values[i] = calloc((size_t)r.sizes[i], sizeof(float));
  }
  error err = {0};
  if (!graph_evaluate(n->g, (const void *const *)x, (void *const *)r.values, &err))
    fail_msg("%s", err.message);
  for (int i = 0; i < graph_input_count(n->g); i++)
    free(x[i]);
  return r;
}

static void results_free(results *r) {
  for (int i = 0; i < r->count; i++)
    free(r->values[i]);
}

/* The largest difference, in units of the larger of 1 and the largest value. */
static double difference(const results *a, const results *b) {
  double largest = 1, worst = 0;
  assert_int_equal(a->count, b->count);
  for (int i = 0; i < a->count; i++) {
    assert_int_equal(a->sizes[i], b->sizes[i]);
    for (int64_t j = 0; j < a->sizes[i]; j++) {
      assert_true(isfinite(a->values[i][j]) && isfinite(b->values[i][j]));
      largest = fmax(largest, fabs((double)a->values[i][j]));
      worst = fmax(worst, fabs((double)a->values[i][j] - (double)b->values[i][j]));
    }
  }
  return worst / largest;
}

static void print_graph(const net *n) {
  buffer text = {0};
  if (graph_print(n->g, &text, NULL))
    print_message("%s", text.data);
  buffer_free(&text);
}

/* Set the outputs, optimise, compare; the graph must then have `nodes` nodes (-1: any number). */
static void optimise(net *n, const value_id *outputs, int output_count, int nodes) {
  error err = {0};
  if (!graph_set_outputs(n->g, outputs, output_count, &err) || !graph_verify(n->g, &err))
    fail_msg("%s", err.message);
  results before = evaluate(n, n->seed);
  uint64_t seed = n->seed;
  if (!graph_optimise(n->g, &err))
    fail_msg("%s", err.message);
  results after = evaluate(n, seed);
  double worst = difference(&before, &after);
  results_free(&before);
  results_free(&after);
  if (worst > 1e-6 || (nodes >= 0 && graph_node_count(n->g) != nodes)) {
    print_graph(n);
    fail_msg("%d nodes, expected %d; results differ by %g", graph_node_count(n->g), nodes, worst);
  }
}

static void optimise_and_destroy(net *n, value_id output, int nodes) {
  optimise(n, &output, 1, nodes);
  graph_destroy(n->g);
}

static const graph_node *only_node(const net *n) {
  assert_int_equal(graph_node_count(n->g), 1);
  return graph_node_get(n->g, 0);
}

/* ---- EfficientNet's parts ---- */

static void conv_norm_activation_is_one_node(void **state) {
  (void)state;
  for (int bias = WITHOUT_BIAS; bias <= WITH_BIAS; bias++) {
    net n = net_create(1);
    value_id y = leaky(&n, batch_norm(&n, conv(&n, input(&n, 12, 50), 24, 3, 2, (bias_choice)bias)));
    optimise(&n, &y, 1, 1);
    const graph_node *node = only_node(&n);
    assert_string_equal(node->op->name, "conv1d");
    assert_int_equal(node->attributes.activation, ACTIVATION_LEAKY_RELU);
    assert_true(node->attributes.alpha == 0.01);
    assert_int_equal(node->attributes.groups, 2);
    graph_destroy(n.g);
  }
}

static void squeeze_and_excite_is_four_nodes(void **state) {
  (void)state;
  net n = net_create(2);
  optimise_and_destroy(&n, squeeze_and_excite(&n, input(&n, 16, 40)), 4);
}

static void mbconv_keeps_no_addition(void **state) {
  (void)state;
  net n = net_create(3);
  value_id x = input(&n, 8, 60);
  value_id y = leaky(&n, batch_norm(&n, conv(&n, x, 16, 1, 1, WITHOUT_BIAS)));
  y = leaky(&n, batch_norm(&n, conv(&n, y, 16, 5, 16, WITHOUT_BIAS)));
  y = squeeze_and_excite(&n, y);
  y = batch_norm(&n, conv(&n, y, 8, 1, 1, WITHOUT_BIAS));
  y = binary(&n, "add", y, x);
  optimise(&n, &y, 1, 2 + 4 + 1);
  const graph_node *last = graph_node_get(n.g, 6);
  assert_string_equal(last->op->name, "conv1d");
  assert_int_equal(last->input_count, 4);
  assert_int_equal(last->inputs[3], graph_input(n.g, 0));
  graph_destroy(n.g);
}

static void fused_block_keeps_its_addition(void **state) {
  (void)state;
  net n = net_create(4);
  value_id x = input(&n, 8, 60);
  value_id y = squeeze_and_excite(&n, leaky(&n, batch_norm(&n, conv(&n, x, 8, 3, 1, WITHOUT_BIAS))));
  optimise_and_destroy(&n, binary(&n, "add", y, x), 1 + 4 + 1);
}

/* ---- what may be fused and what not ---- */

static void activation_after_a_residual_is_fused(void **state) {
  (void)state;
  net n = net_create(5);
  value_id x = input(&n, 6, 20);
  value_id y = binary(&n, "add", x, conv(&n, x, 6, 3, 1, WITH_BIAS));
  y = activation(&n, y, ACTIVATION_RELU);
  optimise(&n, &y, 1, 1);
  assert_int_equal(only_node(&n)->attributes.activation, ACTIVATION_RELU);
  graph_destroy(n.g);
}

static void activation_before_an_addition_forbids_a_residual(void **state) {
  (void)state;
  net n = net_create(6);
  value_id x = input(&n, 6, 20);
  optimise_and_destroy(
      &n, binary(&n, "add", x, activation(&n, conv(&n, x, 6, 3, 1, WITH_BIAS), ACTIVATION_GELU)), 2);
}

static void second_activation_stays(void **state) {
  (void)state;
  net n = net_create(7);
  value_id y = activation(&n, conv(&n, input(&n, 6, 20), 6, 3, 1, WITH_BIAS), ACTIVATION_RELU);
  optimise_and_destroy(&n, activation(&n, y, ACTIVATION_TANH), 2);
}

static void shortcut_made_after_the_layer_is_fused(void **state) {
  (void)state;
  net n = net_create(8);
  value_id x = input(&n, 6, 20);
  value_id main_path = conv(&n, x, 10, 3, 1, WITH_BIAS);
  value_id shortcut = activation(&n, conv(&n, x, 10, 1, 1, WITHOUT_BIAS), ACTIVATION_TANH);
  optimise_and_destroy(&n, binary(&n, "add", main_path, shortcut), 2);
}

static void of_two_layers_the_later_takes_the_residual(void **state) {
  (void)state;
  for (int swapped = 0; swapped < 2; swapped++) {
    net n = net_create(9);
    value_id x = input(&n, 6, 20);
    value_id a = batch_norm(&n, conv(&n, x, 10, 3, 1, WITH_BIAS));
    value_id b = batch_norm(&n, conv(&n, x, 10, 1, 1, WITHOUT_BIAS));
    value_id y = activation(&n, binary(&n, "add", swapped ? b : a, swapped ? a : b), ACTIVATION_RELU);
    optimise(&n, &y, 1, 2);
    assert_int_equal(graph_node_get(n.g, 0)->attributes.kernel, 3);
    assert_int_equal(graph_node_get(n.g, 1)->attributes.kernel, 1);
    graph_destroy(n.g);
  }
}

static void norm_after_a_residual_stays(void **state) {
  (void)state;
  net n = net_create(18);
  value_id y = conv(&n, input(&n, 6, 20), 6, 3, 1, WITH_BIAS);
  y = binary(&n, "add", y, random_constant(&n, (shape){3, {1, 6, 20}}, -1, 1));
  optimise_and_destroy(&n, batch_norm(&n, y), 2);
}

static void broadcast_addition_is_no_residual(void **state) {
  (void)state;
  net n = net_create(10);
  value_id x = input(&n, 6, 20);
  value_id row = random_constant(&n, (shape){3, {1, 6, 1}}, -1, 1);
  optimise_and_destroy(&n, binary(&n, "add", conv(&n, x, 6, 3, 1, WITH_BIAS), row), 2);
}

static void a_result_used_twice_is_not_fused(void **state) {
  (void)state;
  net n = net_create(11);
  value_id y = conv(&n, input(&n, 6, 20), 6, 3, 1, WITH_BIAS);
  value_id outputs[] = {batch_norm(&n, y), activation(&n, y, ACTIVATION_RELU)};
  optimise(&n, outputs, 2, 3);
  graph_destroy(n.g);

  n = net_create(12); /* a graph output is a use, too */
  y = conv(&n, input(&n, 6, 20), 6, 3, 1, WITH_BIAS);
  optimise(&n, (value_id[]){y, activation(&n, y, ACTIVATION_RELU)}, 2, 2);
  graph_destroy(n.g);

  n = net_create(13); /* y + y */
  y = conv(&n, input(&n, 6, 20), 6, 3, 1, WITH_BIAS);
  optimise_and_destroy(&n, binary(&n, "add", y, y), 2);
}

static void linear_takes_norm_activation_and_residual(void **state) {
  (void)state;
  net n = net_create(14);
  value_id x = reshape(&n, input(&n, 1, 20), (shape){2, {1, 20}});
  value_id y = activation(&n, batch_norm(&n, linear(&n, x, 7, WITHOUT_BIAS)), ACTIVATION_SELU);
  optimise_and_destroy(&n, y, 2);

  n = net_create(15);
  x = reshape(&n, input(&n, 1, 20), (shape){2, {1, 20}});
  y = activation(&n, binary(&n, "add", linear(&n, x, 20, WITHOUT_BIAS), x), ACTIVATION_MISH);
  optimise_and_destroy(&n, y, 2);
}

static void linear_of_rank_three_keeps_its_norm(void **state) {
  (void)state;
  net n = net_create(16); /* batch_norm's channels are axis 1, not linear's features */
  optimise_and_destroy(&n, batch_norm(&n, linear(&n, input(&n, 5, 20), 5, WITH_BIAS)), 2);
}

static void norm_with_overflowing_numbers_stays(void **state) {
  (void)state;
  static const struct {
    double mean, variance, gamma;
  } cases[] = {{0, 1e-38, 3e38}, /* the folded weights overflow */
               {3e38, 1e-4, 1}}; /* the folded bias does */
  for (size_t i = 0; i < 2; i++) {
    net n = net_create(17);
    value_id y = conv(&n, input(&n, 2, 8), 2, 3, 1, WITHOUT_BIAS);
    shape two = {1, {2}};
    value_id mean = random_constant(&n, two, cases[i].mean, cases[i].mean);
    value_id variance = random_constant(&n, two, cases[i].variance, cases[i].variance);
    value_id gamma = random_constant(&n, two, cases[i].gamma, cases[i].gamma);
    y = append(&n, "batch_norm", (value_id[]){y, mean, variance, gamma}, 4, &(op_attributes){0});
    assert_true(graph_set_outputs(n.g, &y, 1, NULL) && graph_optimise(n.g, NULL));
    assert_int_equal(graph_node_count(n.g), 2);
    graph_destroy(n.g);
  }
}

/* ---- moves, identities, constants, dead nodes ---- */

static void identities_vanish(void **state) {
  (void)state;
  net n = net_create(20);
  value_id x = input(&n, 6, 20);
  value_id y = activation(&n, x, ACTIVATION_RELU);
  y = reshape(&n, y, (shape){3, {1, 6, 20}});
  y = transpose(&n, y, 0, 1, 2);
  y = append(&n, "pad", &y, 1, &(op_attributes){.ints_count = 2, .value = 3});
  y = append(&n, "slice", &y, 1, &(op_attributes){.axis = 2, .stop = 20, .step = 1});
  y = append(&n, "concat", &y, 1, &(op_attributes){.axis = 1});
  y = append(&n, "avg_pool1d", &y, 1, &(op_attributes){.kernel = 1, .stride = 1});
  y = binary(&n, "mul", random_constant(&n, (shape){1, {20}}, 1, 1), y);
  y = binary(&n, "div", y, random_constant(&n, (shape){0}, 1, 1));
  y = binary(&n, "add", y, random_constant(&n, (shape){0}, 0, 0));
  y = binary(&n, "sub", y, random_constant(&n, (shape){3, {1, 6, 1}}, 0, 0));
  optimise_and_destroy(&n, y, 1);
}

static void near_identities_stay(void **state) {
  (void)state;
  net n = net_create(21);
  value_id x = input(&n, 1, 20);
  value_id outputs[4];
  outputs[0] = binary(&n, "sub", random_constant(&n, (shape){0}, 0, 0), x);            /* 0 - x */
  outputs[1] = binary(&n, "div", random_constant(&n, (shape){0}, 1, 1), x);            /* 1 / x */
  outputs[2] = binary(&n, "mul", x, random_constant(&n, (shape){3, {1, 3, 1}}, 1, 1)); /* repeats x */
  outputs[3] = append(&n, "slice", &x, 1, &(op_attributes){.axis = 2, .stop = 20, .step = 2});
  optimise(&n, outputs, 4, 4);
  graph_destroy(n.g);
}

static void an_input_may_be_the_output(void **state) {
  (void)state;
  net n = net_create(22);
  value_id x = input(&n, 6, 20);
  optimise(&n, (value_id[]){reshape(&n, x, (shape){3, {1, 6, 20}}), x}, 2, 0);
  assert_int_equal(graph_output(n.g, 0), graph_input(n.g, 0));
  graph_destroy(n.g);
}

static void moves_merge(void **state) {
  (void)state;
  net n = net_create(23);
  value_id x = input(&n, 6, 20);
  value_id y = transpose(&n, transpose(&n, x, 2, 0, 1), 0, 2, 1);
  y = reshape(&n, reshape(&n, y, (shape){2, {10, 12}}), (shape){2, {5, 24}});
  optimise(&n, &y, 1, 2);
  assert_string_equal(graph_node_get(n.g, 0)->op->name, "transpose");
  graph_destroy(n.g);

  n = net_create(24); /* there and back */
  x = activation(&n, input(&n, 6, 20), ACTIVATION_RELU);
  optimise_and_destroy(&n, transpose(&n, transpose(&n, x, 2, 0, 1), 1, 2, 0), 1);

  n = net_create(25); /* moves an axis of size 1 only */
  y = transpose(&n, input(&n, 6, 20), 1, 0, 2);
  optimise(&n, &y, 1, 1);
  assert_string_equal(only_node(&n)->op->name, "reshape");
  graph_destroy(n.g);
}

static void constants_are_folded(void **state) {
  (void)state;
  net n = net_create(26);
  value_id x = input(&n, 6, 20);
  value_id a = random_constant(&n, (shape){2, {6, 1}}, -1, 1),
           b = random_constant(&n, (shape){2, {1, 20}}, -1, 1);
  value_id c = activation(&n, binary(&n, "mul", a, b), ACTIVATION_TANH);
  value_id y = binary(&n, "add", x, c);
  optimise(&n, (value_id[]){y, c}, 2, 1);
  assert_int_equal(graph_value_count(n.g), 3); /* x, the folded constant, y */
  assert_non_null(graph_value_get(n.g, graph_output(n.g, 1))->data);
  graph_destroy(n.g);
}

static void folding_has_a_limit(void **state) {
  (void)state;
  net n = net_create(27);
  value_id large = random_constant(&n, (shape){2, {1000, 1000}}, -1, 1);
  value_id y = append(&n, "matmul", (value_id[]){large, large}, 2, &(op_attributes){0});
  assert_true(graph_set_outputs(n.g, &y, 1, NULL) && graph_optimise(n.g, NULL));
  assert_int_equal(graph_node_count(n.g), 1);
  graph_destroy(n.g);
}

static void dead_nodes_vanish(void **state) {
  (void)state;
  net n = net_create(28);
  value_id x = input(&n, 6, 20);
  value_id y = conv(&n, x, 6, 3, 1, WITH_BIAS);
  batch_norm(&n, activation(&n, y, ACTIVATION_RELU)); /* dead, but would forbid the fusion below */
  optimise_and_destroy(&n, activation(&n, y, ACTIVATION_TANH), 1);
}

static void long_chains_take_no_long_time(void **state) {
  (void)state;
  net n = net_create(29);
  value_id y = activation(&n, input(&n, 2, 3), ACTIVATION_RELU);
  value_id one = random_constant(&n, (shape){0}, 1, 1);
  for (int i = 0; i < 30000; i++) {
    y = reshape(&n, y, (shape){3, {1, 3, 2}});
    y = transpose(&n, y, 0, 2, 1);
    y = binary(&n, "mul", y, one);
  }
  optimise_and_destroy(&n, y, -1);
}

/* ---- random networks ---- */

enum { POOL = 64 };

static value_id same_shape_partner(net *n, const value_id *pool, int count, value_id x) {
  for (int tries = 0; tries < 20; tries++) {
    value_id candidate = pool[pick(n, count)];
    shape a = shape_of(n, candidate), b = shape_of(n, x);
    if (candidate != x && shape_equal(&a, &b))
      return candidate;
  }
  return x;
}

static value_id random_move(net *n, value_id x) {
  shape s = shape_of(n, x);
  switch (pick(n, 5)) {
  case 0:
    return transpose(n, transpose(n, x, 0, 2, 1), 0, 2, 1);
  case 1:
    return reshape(n, reshape(n, x, (shape){2, {s.dims[1], s.dims[2]}}), s);
  case 2:
    return append(n, "slice", &x, 1,
                  &(op_attributes){.axis = 2, .start = pick(n, 2), .stop = s.dims[2], .step = 1});
  case 3:
    return append(n, "pad", &x, 1, &(op_attributes){.ints = {pick(n, 2), 0}, .ints_count = 2, .value = 0.5});
  default:
    return binary(n, "mul", x, random_constant(n, (shape){0}, 1, 1));
  }
}

static value_id random_step(net *n, const value_id *pool, int count) {
  value_id x = pool[count - 1 - (pick(n, 3) ? 0 : pick(n, count))];
  int64_t channels = shape_of(n, x).dims[1], length = shape_of(n, x).dims[2];
  switch (pick(n, 10)) {
  case 0:
  case 1:
    return conv(n, x, 4 * (1 + pick(n, 3)), 1 + pick(n, 4), pick(n, 2) ? 4 : 1, (bias_choice)pick(n, 2));
  case 2:
    return batch_norm(n, x);
  case 3:
    return activation(n, x, (activation_kind)(1 + pick(n, ACTIVATION_COUNT - 1)));
  case 4:
    return binary(n, "add", x, same_shape_partner(n, pool, count, x));
  case 5:
    return binary(n, "add", conv(n, x, channels, 3, 1, (bias_choice)pick(n, 2)),
                  same_shape_partner(n, pool, count, x));
  case 6:
    return squeeze_and_excite(n, x);
  case 7:
    return linear(n, x, length, (bias_choice)pick(n, 2));
  case 8:
    return binary(
        n, "mul", x,
        binary(n, "sub", random_constant(n, (shape){1, {1}}, 0.5, 1), random_constant(n, (shape){0}, 0, 1)));
  default:
    return random_move(n, x);
  }
}

static void random_networks_keep_their_results(void **state) {
  (void)state;
  int before = 0, after = 0;
  for (uint64_t seed = 1; seed <= 300; seed++) {
    net n = net_create(seed);
    value_id pool[POOL] = {input(&n, 4, 9)};
    int count = 1, steps = 3 + (int)pick(&n, 20);
    while (count < steps) {
      value_id id = random_step(&n, pool, count);
      pool[count++] = id;
    }
    value_id outputs[2] = {pool[count - 1], pool[pick(&n, count)]};
    before += graph_node_count(n.g);
    optimise(&n, outputs, 2, -1);
    after += graph_node_count(n.g);
    graph_destroy(n.g);
  }
  assert_true(after < before * 2 / 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(conv_norm_activation_is_one_node),
      cmocka_unit_test(squeeze_and_excite_is_four_nodes),
      cmocka_unit_test(mbconv_keeps_no_addition),
      cmocka_unit_test(fused_block_keeps_its_addition),
      cmocka_unit_test(activation_after_a_residual_is_fused),
      cmocka_unit_test(activation_before_an_addition_forbids_a_residual),
      cmocka_unit_test(second_activation_stays),
      cmocka_unit_test(shortcut_made_after_the_layer_is_fused),
      cmocka_unit_test(of_two_layers_the_later_takes_the_residual),
      cmocka_unit_test(broadcast_addition_is_no_residual),
      cmocka_unit_test(a_result_used_twice_is_not_fused),
      cmocka_unit_test(linear_takes_norm_activation_and_residual),
      cmocka_unit_test(linear_of_rank_three_keeps_its_norm),
      cmocka_unit_test(norm_after_a_residual_stays),
      cmocka_unit_test(norm_with_overflowing_numbers_stays),
      cmocka_unit_test(identities_vanish),
      cmocka_unit_test(near_identities_stay),
      cmocka_unit_test(an_input_may_be_the_output),
      cmocka_unit_test(moves_merge),
      cmocka_unit_test(constants_are_folded),
      cmocka_unit_test(folding_has_a_limit),
      cmocka_unit_test(dead_nodes_vanish),
      cmocka_unit_test(long_chains_take_no_long_time),
      cmocka_unit_test(random_networks_keep_their_results),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
