/* Operators without products, on the processor backend: every variant against the scalar truth, signals in
 * both layouts. */
#include "support/backend_checks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- graphs of one operator ---- */

/* A signal (1, channels, samples): an input, or an input turned round, which lies channels-last. */
static value_id signal_input(graph *g, int64_t channels, int64_t samples, bool channels_last) {
  if (!channels_last)
    return network_input(g, SHAPE(1, channels, samples));
  op_attributes a = network_attributes();
  a.ints[1] = 2;
  a.ints[2] = 1;
  a.ints_count = 3;
  value_id x = network_input(g, SHAPE(1, samples, channels));
  return network_node(g, "transpose", &x, 1, &a);
}

/* Make `v` the output, check the graph, destroy it. */
static void check_output(graph *g, value_id v, double tolerance, bool specials, const char *what) {
  char text[200], shapes[SHAPE_TEXT_SIZE];
  snprintf(text, sizeof text, "%s -> %s", what,
           shape_text(&graph_value_get(g, v)->shape, shapes, sizeof shapes));
  network_output(g, v);
  check_graph(g, tolerance, specials, text);
  graph_destroy(g);
}

/* One operator on one signal, of many sizes, in both layouts, with and without NaN. */
static void check_on_signals(const char *op, const op_attributes *a, double tolerance,
                             int64_t least_samples) {
  static const int64_t sizes[][2] = {{1, 1}, {1, 7}, {3, 1}, {33, 18}, {70, 131}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int variant = 0; variant < 4; variant++) {
      if (sizes[i][1] < least_samples)
        continue;
      graph *g = network_create();
      value_id x = signal_input(g, sizes[i][0], sizes[i][1], variant & 1);
      check_output(g, network_node(g, op, &x, 1, a), tolerance, variant & 2, op);
    }
}

static op_attributes axes_attributes(const int64_t *axes, int count, bool keep_dim) {
  op_attributes a = network_attributes();
  memcpy(a.ints, axes, (size_t)count * sizeof *axes);
  a.ints_count = count;
  a.keep_dim = keep_dim;
  return a;
}

/* x + 50: sums that don't cancel, means that are far from 0. */
static value_id shifted(graph *g, value_id x) {
  static const float shift = 50;
  error err = {0};
  op_attributes none = network_attributes();
  const shape one = SHAPE(1);
  value_id constant = graph_add_constant(g, "shift", DTYPE_F32, &one, &shift, &err);
  return network_node(g, "add", (value_id[]){x, constant}, 2, &none);
}

/* ---- elementwise ---- */

static void test_activation(void **state) {
  use_variant(state);
  for (int kind = ACTIVATION_NONE + 1; kind < ACTIVATION_COUNT; kind++) {
    op_attributes a = network_attributes();
    a.activation = kind;
    a.alpha = 0.1;
    check_on_signals("activation", &a, 4e-7, 1);
  }
}

static value_id make_operand(graph *g, const shape *s, bool channels_last) {
  if (s->rank == 3 && s->dims[0] == 1)
    return signal_input(g, s->dims[1], s->dims[2], channels_last);
  return network_input(g, *s);
}

/* Where both operands are channels-last signals of one shape, one of them is turned round for the other. */
static void check_pair(const char *op, const shape *a, const shape *b, bool channels_last) {
  op_attributes none = network_attributes();
  for (int specials = 0; specials < 2; specials++) {
    graph *g = network_create();
    value_id operands[] = {make_operand(g, a, channels_last),
                           make_operand(g, b, channels_last && !shape_equal(a, b))};
    check_output(g, network_node(g, op, operands, 2, &none), 0, specials, op);
  }
}

static void test_binary(void **state) {
  use_variant(state);
  static const char *const ops[] = {"add", "sub", "mul", "div", "maximum", "minimum"};
  const shape shapes[][2] = {
      {SHAPE(1, 5, 18), SHAPE(1, 5, 18)},   {SHAPE(1, 70, 131), SHAPE(1, 70, 131)},
      {SHAPE(1, 70, 131), SHAPE(1, 70, 1)}, {SHAPE(1, 33, 20), SHAPE(1, 1, 20)},
      {SHAPE(1, 33, 20), SHAPE(1)},         {SHAPE(1), SHAPE(1, 33, 20)},
      {SHAPE(1, 33, 20), SHAPE(20)},        {SHAPE(1, 33, 20), SHAPE(33, 1)},
      {SHAPE(33, 20), SHAPE(1, 33, 20)},    {SHAPE(1, 33, 1), SHAPE(1, 33, 20)},
      {SHAPE(1, 33, 1), SHAPE(1, 1, 20)},   {SHAPE(4, 1), SHAPE(1, 3)},
      {SHAPE(2, 3, 1, 5), SHAPE(3, 4, 1)},  {SHAPE(2, 9, 17), SHAPE(1, 9, 17)},
      {SHAPE(1, 1, 1), SHAPE(1, 1, 1)},     {SHAPE(2, 100, 50), SHAPE(100, 1)},
  };
  for (size_t op = 0; op < sizeof ops / sizeof *ops; op++)
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
      for (int channels_last = 0; channels_last < 2; channels_last++)
        check_pair(ops[op], &shapes[i][0], &shapes[i][1], channels_last);
}

static void test_prelu(void **state) {
  use_variant(state);
  const shape shapes[] = {SHAPE(1, 70, 131), SHAPE(1, 5, 7), SHAPE(2, 9), SHAPE(2, 3, 4, 5)};
  op_attributes none = network_attributes();
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (int variant = 0; variant < 8; variant++) {
      uint64_t seed = 3;
      graph *g = network_create();
      value_id x = make_operand(g, &shapes[i], variant & 1);
      value_id slope = network_weight(g, SHAPE(variant & 2 ? shapes[i].dims[1] : 1), 1, &seed);
      check_output(g, network_node(g, "prelu", (value_id[]){x, slope}, 2, &none), 0, variant & 4, "prelu");
    }
}

/* ---- reductions ---- */

static void test_reduce(void **state) {
  use_variant(state);
  static const char *const ops[] = {"reduce_sum", "reduce_mean", "reduce_max", "count_nonzero"};
  static const int64_t axes[][2] = {{0, -1}, {1, -1}, {2, -1}, {1, 2}, {0, 2}};
  for (size_t op = 0; op < sizeof ops / sizeof *ops; op++)
    for (size_t i = 0; i < sizeof axes / sizeof *axes; i++)
      for (int variant = 0; variant < 4; variant++) {
        op_attributes a = axes_attributes(axes[i], axes[i][1] < 0 ? 1 : 2, i % 2);
        graph *g = network_create();
        value_id x = shifted(g, signal_input(g, 70, 131, variant & 1));
        check_output(g, network_node(g, ops[op], &x, 1, &a), 1e-6, variant & 2, ops[op]);
      }
}

static void test_reduce_other_ranks(void **state) {
  use_variant(state);
  const shape shapes[] = {SHAPE(9), SHAPE(40, 300), SHAPE(2, 3, 4, 5)};
  static const int64_t axes[][2] = {{0, -1}, {1, -1}, {2, 1}, {1, 3}, {2, 3}};
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
    for (size_t i = 0; i < sizeof axes / sizeof *axes; i++) {
      if (axes[i][0] >= shapes[s].rank || axes[i][1] >= shapes[s].rank)
        continue;
      graph *g = network_create();
      value_id x = shifted(g, network_input(g, shapes[s]));
      op_attributes a = axes_attributes(axes[i], axes[i][1] < 0 ? 1 : 2, false);
      check_output(g, network_node(g, "reduce_mean", &x, 1, &a), 1e-6, false, "reduce_mean");
    }
}

/* Zeros, counted over time as the ECG transformer's pooling does. */
static void test_count_of_zeros(void **state) {
  use_variant(state);
  op_attributes a = network_attributes();
  a.activation = ACTIVATION_RELU;
  graph *g = network_create();
  value_id x = network_input(g, SHAPE(1, 156, 77));
  x = network_node(g, "activation", &x, 1, &a);
  a = axes_attributes((const int64_t[]){1}, 1, false);
  value_id sum = network_node(g, "reduce_sum", &x, 1, &a),
           count = network_node(g, "count_nonzero", &x, 1, &a);
  check_output(g, network_node(g, "div", (value_id[]){sum, count}, 2, &a), 1e-6, false, "mean of non-zeros");
}

/* The order of a sum is part of its value: long sums of numbers of one sign stay near the truth. */
static void test_long_sum(void **state) {
  use_variant(state);
  for (int64_t axis = 0; axis < 2; axis++) {
    op_attributes a = network_attributes();
    a.activation = ACTIVATION_SIGMOID;
    graph *g = network_create();
    value_id x = network_input(g, axis ? SHAPE(3, 100000) : SHAPE(100000, 3));
    x = network_node(g, "activation", &x, 1, &a);
    a = axes_attributes(&axis, 1, false);
    check_output(g, network_node(g, "reduce_sum", &x, 1, &a), 4e-7, false, "long sum");
  }
}

static void test_softmax(void **state) {
  use_variant(state);
  for (int64_t axis = 0; axis < 3; axis++) {
    op_attributes a = network_attributes();
    a.axis = axis;
    check_on_signals("softmax", &a, 5e-7, 1);
  }
}

/* ---- pooling ---- */

static void test_pooling(void **state) {
  use_variant(state);
  static const struct {
    int64_t kernel, stride, padding, dilation, ceil_mode, count_padding;
  } cases[] = {{1, 1, 0, 1, 0, 0}, {2, 2, 0, 1, 0, 0}, {3, 2, 1, 1, 0, 1},
               {3, 2, 1, 1, 1, 1}, {5, 3, 2, 1, 1, 0}, {3, 1, 1, 2, 0, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    op_attributes a = network_attributes();
    a.kernel = cases[i].kernel;
    a.stride = cases[i].stride;
    a.padding_left = a.padding_right = cases[i].padding;
    a.dilation = cases[i].dilation;
    a.ceil_mode = cases[i].ceil_mode;
    a.count_include_pad = cases[i].count_padding;
    check_on_signals("max_pool1d", &a, 0, 7);
    check_on_signals("avg_pool1d", &a, 5e-7, 7);
  }
}

static void test_adaptive_pooling(void **state) {
  use_variant(state);
  static const int64_t sizes[] = {1, 2, 5, 20};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    op_attributes a = network_attributes();
    a.output_size = sizes[i];
    check_on_signals("adaptive_avg_pool1d", &a, 5e-7, 1);
    check_on_signals("adaptive_max_pool1d", &a, 0, 1);
  }
}

/* ---- normalisation ---- */

static void test_layer_norm(void **state) {
  use_variant(state);
  const shape shapes[] = {SHAPE(1, 5, 7), SHAPE(1, 30, 768), SHAPE(3, 1), SHAPE(2, 3, 33), SHAPE(1, 9, 16)};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (int variant = 0; variant < 8; variant++) {
      uint64_t seed = 3;
      graph *g = network_create();
      op_attributes a = network_attributes();
      a.axis = shapes[i].rank - (variant & 4 ? 2 : 1);
      a.epsilon = 1e-5;
      shape own = {.rank = shapes[i].rank - (int)a.axis};
      memcpy(own.dims, shapes[i].dims + a.axis, (size_t)own.rank * sizeof *own.dims);
      value_id x = make_operand(g, &shapes[i], variant & 1);
      value_id gamma = variant & 1 ? network_weight(g, own, 1, &seed) : VALUE_NONE;
      value_id beta = variant & 2 ? network_weight(g, own, 1, &seed) : VALUE_NONE;
      x = shifted(g, x);
      check_output(g, network_node(g, "layer_norm", (value_id[]){x, gamma, beta}, 3, &a), 1e-6, false,
                   "layer_norm");
    }
}

static void test_group_norm(void **state) {
  use_variant(state);
  const shape shapes[] = {SHAPE(1, 70, 131), SHAPE(1, 6, 1), SHAPE(2, 6, 5), SHAPE(3, 4), SHAPE(1, 40, 1250)};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (int64_t groups = 1; groups <= shapes[i].dims[1]; groups++)
      for (int variant = 0; variant < 4 && shapes[i].dims[1] % groups == 0; variant++) {
        uint64_t seed = 3;
        int64_t channels = shapes[i].dims[1];
        graph *g = network_create();
        op_attributes a = network_attributes();
        a.groups = groups;
        a.epsilon = 1e-5;
        value_id x = shifted(g, make_operand(g, &shapes[i], variant & 1));
        value_id gamma = variant & 1 ? network_weight(g, SHAPE(channels), 1, &seed) : VALUE_NONE;
        value_id beta = variant & 2 ? network_weight(g, SHAPE(channels), 1, &seed) : VALUE_NONE;
        check_output(g, network_node(g, "group_norm", (value_id[]){x, gamma, beta}, 3, &a), 1e-6, false,
                     "group_norm");
      }
}

static void test_batch_norm(void **state) {
  use_variant(state);
  const shape shapes[] = {SHAPE(1, 70, 131), SHAPE(1, 6, 1), SHAPE(2, 6, 5), SHAPE(3, 4)};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (int variant = 0; variant < 8; variant++) {
      uint64_t seed = 3;
      int64_t channels = shapes[i].dims[1];
      graph *g = network_create();
      op_attributes a = network_attributes();
      a.epsilon = 1.5; /* random variances are above -1 */
      value_id operands[5] = {make_operand(g, &shapes[i], variant & 1)};
      for (int operand = 1; operand < 5; operand++)
        operands[operand] = network_weight(g, SHAPE(channels), 1, &seed);
      if (variant & 2)
        operands[3] = operands[4] = VALUE_NONE;
      check_output(g, network_node(g, "batch_norm", operands, 5, &a), 5e-7, variant & 4, "batch_norm");
    }
}

/* Statistics that a graph computes are no constants. */
static void test_batch_norm_of_inputs(void **state) {
  use_variant(state);
  graph *g = network_create();
  op_attributes a = network_attributes();
  a.epsilon = 1.5;
  value_id x = network_input(g, SHAPE(1, 5, 9)), mean = network_input(g, SHAPE(5));
  check_output(g, network_node(g, "batch_norm", (value_id[]){x, mean, mean}, 3, &a), 5e-7, false,
               "batch_norm");
}

/* ---- attention ---- */

static void check_attention(int64_t steps, int64_t heads, int64_t width, double scale, double tolerance) {
  graph *g = network_create();
  op_attributes a = network_attributes();
  a.heads = heads;
  a.scale = scale;
  value_id qkv[3];
  for (int i = 0; i < 3; i++)
    qkv[i] = network_input(g, SHAPE(1, steps, heads * width));
  check_output(g, network_node(g, "attention", qkv, 3, &a), tolerance, false, "attention");
}

static void test_attention(void **state) {
  use_variant(state);
  static const int64_t sizes[][3] = {{1, 1, 1},   {2, 3, 5},   {5, 2, 64},  {16, 1, 16}, {17, 3, 8},
                                     {31, 2, 20}, {33, 1, 31}, {64, 2, 32}, {70, 3, 65}, {156, 2, 64}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    check_attention(sizes[i][0], sizes[i][1], sizes[i][2], 0.125, 1e-6);
    /* Scores of up to 16 are rounded to 1e-6, and weights with them. */
    check_attention(sizes[i][0], sizes[i][1], sizes[i][2], -1, 3e-6);
  }
}

/* One NaN or infinity among the queries and keys. */
static void test_attention_special(void **state) {
  use_variant(state);
  graph *g = network_create();
  op_attributes a = network_attributes();
  a.heads = 1;
  a.scale = 1;
  value_id x = network_input(g, SHAPE(1, 40, 3)), v = network_input(g, SHAPE(1, 40, 3));
  a.activation = ACTIVATION_RELU6;
  v = network_node(g, "activation", &v, 1, &a);
  check_output(g, network_node(g, "attention", (value_id[]){x, x, v}, 3, &a), 1e-6, true, "attention");
}

/* ---- operators that move elements ---- */

static void test_reshape_transpose(void **state) {
  use_variant(state);
  static const int64_t permutations[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (size_t i = 0; i < sizeof permutations / sizeof *permutations; i++) {
    op_attributes a = axes_attributes(permutations[i], 3, false);
    check_on_signals("transpose", &a, 0, 1);
    graph *g = network_create();
    value_id x = network_input(g, SHAPE(2, 3, 4));
    check_output(g, network_node(g, "transpose", &x, 1, &a), 0, false, "transpose");
  }
  for (int channels_last = 0; channels_last < 2; channels_last++) {
    op_attributes a = axes_attributes((const int64_t[]){3, 2, 10}, 3, false);
    graph *g = network_create();
    value_id x = signal_input(g, 5, 12, channels_last);
    check_output(g, network_node(g, "reshape", &x, 1, &a), 0, false, "reshape");
  }
}

/* What aliases leave alone: a value that lives on in another shape, and is used again. */
static void test_alias_of_used_value(void **state) {
  use_variant(state);
  graph *g = network_create();
  op_attributes a = network_attributes();
  a.activation = ACTIVATION_RELU;
  value_id x = network_input(g, SHAPE(1, 6, 40));
  value_id y = network_node(g, "activation", &x, 1, &a);
  op_attributes flat = axes_attributes((const int64_t[]){240}, 1, false);
  value_id z = network_node(g, "reshape", &y, 1, &flat);
  for (int i = 0; i < 3; i++) {
    a.activation = i % 2 ? ACTIVATION_TANH : ACTIVATION_SIGMOID;
    y = network_node(g, "activation", &y, 1, &a);
  }
  y = network_node(g, "reshape", &y, 1, &flat);
  check_output(g, network_node(g, "sub", (value_id[]){y, z}, 2, &a), 4e-7, false, "alias");
}

static void test_slice(void **state) {
  use_variant(state);
  static const int64_t cases[][3] = {{0, 7, 1}, {0, 1, 1}, {1, 7, 1}, {2, 5, 2}, {0, 7, 3}, {0, 1, 4}};
  for (int64_t axis = 1; axis < 3; axis++)
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
      for (int channels_last = 0; channels_last < 2; channels_last++) {
        op_attributes a = network_attributes();
        a.axis = axis;
        a.start = cases[i][0];
        a.stop = cases[i][1];
        a.step = cases[i][2];
        graph *g = network_create();
        value_id x = signal_input(g, axis == 1 ? 9 : 20, axis == 1 ? 20 : 9, channels_last);
        check_output(g, network_node(g, "slice", &x, 1, &a), 0, false, "slice");
      }
}

static void test_concat(void **state) {
  use_variant(state);
  for (int64_t axis = 0; axis < 3; axis++)
    for (int variant = 0; variant < 4; variant++) {
      op_attributes a = network_attributes();
      a.axis = axis;
      graph *g = network_create();
      value_id operands[3];
      for (int i = 0; i < 3; i++)
        operands[i] = signal_input(g, axis == 1 ? 3 + i : 5, axis == 2 ? 3 + i : 6, variant >> (i % 2) & 1);
      check_output(g, network_node(g, "concat", operands, 3, &a), 0, false, "concat");
    }
}

static void test_pad(void **state) {
  use_variant(state);
  static const int64_t paddings[][6] = {{0, 0}, {2, 3}, {0, 0, 1, 0}, {1, 1, 2, 2}, {0, 0, 0, 0, 1, 2}};
  static const int counts[] = {2, 2, 4, 4, 6};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    op_attributes a = axes_attributes(paddings[i], counts[i], false);
    a.value = -2.5;
    check_on_signals("pad", &a, 0, 1);
  }
}

static void test_embedding(void **state) {
  use_variant(state);
  const shape shapes[] = {SHAPE(1, 40), SHAPE(3), SHAPE(1)};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    uint64_t seed = 5;
    error err = {0};
    graph *g = network_create();
    op_attributes none = network_attributes();
    value_id table = network_weight(g, SHAPE(12, 33), 1, &seed);
    value_id indices = graph_add_input(g, "indices", DTYPE_I32, &shapes[i], &err);
    check_output(g, network_node(g, "embedding", (value_id[]){table, indices}, 2, &none), 0, false,
                 "embedding");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_EVERY_VARIANT(test_activation),
      ON_EVERY_VARIANT(test_binary),
      ON_EVERY_VARIANT(test_prelu),
      ON_EVERY_VARIANT(test_reduce),
      ON_EVERY_VARIANT(test_reduce_other_ranks),
      ON_EVERY_VARIANT(test_count_of_zeros),
      ON_EVERY_VARIANT(test_long_sum),
      ON_EVERY_VARIANT(test_softmax),
      ON_EVERY_VARIANT(test_pooling),
      ON_EVERY_VARIANT(test_adaptive_pooling),
      ON_EVERY_VARIANT(test_layer_norm),
      ON_EVERY_VARIANT(test_group_norm),
      ON_EVERY_VARIANT(test_batch_norm),
      ON_EVERY_VARIANT(test_batch_norm_of_inputs),
      ON_EVERY_VARIANT(test_attention),
      ON_EVERY_VARIANT(test_attention_special),
      ON_EVERY_VARIANT(test_reshape_transpose),
      ON_EVERY_VARIANT(test_alias_of_used_value),
      ON_EVERY_VARIANT(test_slice),
      ON_EVERY_VARIANT(test_concat),
      ON_EVERY_VARIANT(test_pad),
      ON_EVERY_VARIANT(test_embedding),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
