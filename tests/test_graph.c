/* Building, verifying, printing and evaluating graphs. */
#include "graph/graph.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const float WEIGHT[2 * 2 * 3] = {1, 0, -1, 2, 1, 0, 0, 1, 0, -1, 0.5F, 1};
static const float BIAS[2] = {0.5F, -1};
static const float ONE = 1;

static value_id append(graph *g, const char *op, const value_id *inputs, int count, const op_attributes *a) {
  error err = {0};
  value_id id = graph_append(g, op, inputs, count, a, "", "net.py:7", &err);
  if (id == VALUE_NONE)
    fail_msg("%s", err.message);
  return id;
}

/* x (1,2,6) -> conv -> leaky_relu -> + 1 */
static graph *small_graph(void) {
  graph *g = graph_create(NULL);
  value_id x = graph_add_input(g, "x", DTYPE_F32, &(shape){3, {1, 2, 6}}, NULL);
  value_id weight = graph_add_constant(g, "layer1.weight", DTYPE_F32, &(shape){3, {2, 2, 3}}, WEIGHT, NULL);
  value_id bias = graph_add_constant(g, "layer1.bias", DTYPE_F32, &(shape){1, {2}}, BIAS, NULL);
  value_id one = graph_add_constant(g, NULL, DTYPE_F32, &(shape){0}, &ONE, NULL);
  op_attributes conv = {
      .kernel = 3, .stride = 2, .padding_left = 1, .padding_right = 1, .dilation = 1, .groups = 1};
  value_id y = append(g, "conv1d", (value_id[]){x, weight, bias}, 3, &conv);
  op_attributes leaky = {.activation = ACTIVATION_LEAKY_RELU, .alpha = 0.01};
  y = append(g, "activation", &y, 1, &leaky);
  y = append(g, "add", (value_id[]){y, one}, 2, &(op_attributes){0});
  assert_true(graph_set_outputs(g, &y, 1, NULL));
  return g;
}

static void builds_and_verifies(void **state) {
  (void)state;
  graph *g = small_graph();
  error err = {0};
  if (!graph_verify(g, &err))
    fail_msg("%s", err.message);
  assert_int_equal(graph_node_count(g), 3);
  assert_int_equal(graph_parameter_count(g), 12 + 2 + 1);
  assert_true(graph_flops(g) == 2.0 * 6 * 2 * 3);
  graph_destroy(g);
}

static void prints(void **state) {
  (void)state;
  graph *g = small_graph();
  buffer text = {0};
  assert_true(graph_print(g, &text, NULL));
  assert_string_equal(
      text.data, "%0 = input(x) : (1, 2, 6) f32\n"
                 "%4 = conv1d(%0, layer1.weight, layer1.bias) kernel=3 stride=2 padding=1,1 : (1, 2, 3) f32"
                 "  [net.py:7]\n"
                 "%5 = activation(%4) activation=leaky_relu(0.01) : (1, 2, 3) f32  [net.py:7]\n"
                 "%6 = add(%5, 1.0) : (1, 2, 3) f32  [net.py:7]\n"
                 "output(%6)\n");
  buffer_free(&text);
  graph_destroy(g);
}

static void evaluates(void **state) {
  (void)state;
  graph *g = small_graph();
  float x[12] = {1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6}, y[6];
  assert_true(graph_evaluate(g, (const void *[]){x}, (void *[]){y}, NULL));
  /* channel 0, t = 0: 0*1 + 1*0 - 2 + 0*2 - 1*1 - 2*0 + 0.5 = -2.5; leaky: -0.025; + 1 */
  assert_true(y[0] > 0.974999F && y[0] < 0.975001F);
  graph_destroy(g);
}

static void prints_what_is_special(void **state) {
  (void)state;
  graph *g = graph_create(NULL);
  const int32_t seven = 7;
  value_id x = graph_add_input(g, "in\nput\x7f", DTYPE_F32, &(shape){2, {1, 4}}, NULL);
  value_id i = graph_add_constant(g, NULL, DTYPE_I32, &(shape){0}, &seven, NULL);
  value_id w = graph_add_constant(g, NULL, DTYPE_F32, &(shape){2, {2, 4}}, WEIGHT, NULL);
  value_id r = graph_add_constant(g, "r\x1b[2J", DTYPE_F32, &(shape){2, {1, 2}}, BIAS, NULL);
  value_id e = append(g, "embedding", (value_id[]){w, i}, 2, &(op_attributes){0});
  value_id l = append(g, "linear", (value_id[]){x, w, VALUE_NONE, r}, 4,
                      &(op_attributes){.activation = ACTIVATION_ELU, .alpha = 0.5});
  value_id p = append(g, "pad", &l, 1, &(op_attributes){.ints = {1, 2}, .ints_count = 2, .value = -0.25});
  value_id m =
      append(g, "reduce_mean", &p, 1, &(op_attributes){.ints = {0, 1}, .ints_count = 2, .keep_dim = 1});
  assert_true(graph_set_outputs(g, (value_id[]){m, e, m}, 3, NULL));
  buffer text = {0};
  assert_true(graph_print(g, &text, NULL));
  assert_string_equal(text.data,
                      "%0 = input(in?put?) : (1, 4) f32\n"
                      "%4 = embedding(%2, 7) : (4) f32  [net.py:7]\n"
                      "%5 = linear(%0, %2, -, r?[2J) activation=elu(0.5) : (1, 2) f32  [net.py:7]\n"
                      "%6 = pad(%5) padding=1,2 value=-0.25 : (1, 5) f32  [net.py:7]\n"
                      "%7 = reduce_mean(%6) axes=0,1 keep_dim=1 : (1, 1) f32  [net.py:7]\n"
                      "output(%7, %4, %7)\n");
  buffer_free(&text);
  graph_destroy(g);
}

static void counts_uses(void **state) {
  (void)state;
  graph *g = small_graph();
  assert_int_equal(graph_use_count(g, 0), 1);
  assert_int_equal(graph_use_count(g, 6), 1);
  assert_true(graph_set_outputs(g, (value_id[]){6, 6, 4}, 3, NULL));
  assert_int_equal(graph_use_count(g, 6), 2);
  assert_int_equal(graph_use_count(g, 4), 2);
  assert_true(graph_set_outputs(g, (value_id[]){5}, 1, NULL));
  assert_int_equal(graph_use_count(g, 6), 0);
  assert_int_equal(graph_use_count(g, 4), 1);
  graph_destroy(g);
}

static void outputs_may_be_inputs_and_constants(void **state) {
  (void)state;
  graph *g = small_graph();
  assert_true(graph_set_outputs(g, (value_id[]){2, 0, 6, 6}, 4, NULL) && graph_verify(g, NULL));
  float x[12] = {3, 1}, bias[2], same[12], y[6], again[6];
  assert_true(graph_evaluate(g, (const void *[]){x}, (void *[]){bias, same, y, again}, NULL));
  assert_memory_equal(bias, BIAS, sizeof bias);
  assert_memory_equal(same, x, sizeof x);
  assert_memory_equal(y, again, sizeof y);
  graph_destroy(g);
}

/* ---- rewriting ---- */

static void rewrites_only_what_fits(void **state) {
  (void)state;
  graph *g = small_graph();
  error err = {0};
  value_id operands[2] = {5, 4};
  graph_node other = *graph_node_get(g, 2);
  other.inputs = operands;
  assert_true(graph_rewrite_node(g, 2, &other, &err));
  assert_true(graph_verify(g, &err));
  assert_int_equal(graph_use_count(g, 3), 0);
  assert_int_equal(graph_use_count(g, 4), 2);

  operands[1] = 6; /* itself */
  assert_false(graph_rewrite_node(g, 2, &other, &err));
  assert_non_null(strstr(err.message, "made after its use"));
  operands[0] = operands[1] = 3;
  assert_false(graph_rewrite_node(g, 2, &other, &err));
  assert_non_null(strstr(err.message, "would change its shape"));
  operands[0] = 99;
  assert_false(graph_rewrite_node(g, 2, &other, &err));
  assert_non_null(strstr(err.message, "does not exist"));
  assert_true(graph_verify(g, &err));
  graph_destroy(g);
}

static void compacts(void **state) {
  (void)state;
  graph *g = small_graph();
  error err = {0};
  graph_remove_node(g, 2);
  assert_false(graph_compact(g, &err)); /* its result is still the output */
  assert_true(graph_set_outputs(g, (value_id[]){5}, 1, NULL));
  assert_true(graph_compact(g, &err) && graph_verify(g, &err));
  assert_int_equal(graph_node_count(g), 2);
  assert_int_equal(graph_value_count(g), 5); /* x, weight, bias, two results */
  assert_int_equal(graph_output(g, 0), 4);
  assert_int_equal(graph_value_get(g, 4)->producer, 1);
  assert_int_equal(graph_node_get(g, 1)->inputs[0], 3);
  graph_destroy(g);
}

/* ---- the verifier catches tampering ---- */

static graph_node *node_of(graph *g, int index) {
  return (graph_node *)graph_node_get(g, index);
}

static graph_value *value_of(graph *g, value_id id) {
  return (graph_value *)graph_value_get(g, id);
}

static void spoil_operand_order(graph *g) {
  node_of(g, 0)->inputs[0] = 6;
}

static void spoil_operand_id(graph *g) {
  node_of(g, 1)->inputs[0] = 1000;
}

static void spoil_operand_count(graph *g) {
  node_of(g, 1)->input_count = 1 << 20;
}

static void spoil_attribute(graph *g) {
  node_of(g, 0)->attributes.stride = 0;
}

static void spoil_shape(graph *g) {
  value_of(g, 5)->shape.dims[2] = 4;
}

static void spoil_rank(graph *g) {
  value_of(g, 3)->shape.rank = 7;
}

static void spoil_type(graph *g) {
  value_of(g, 6)->type = DTYPE_I32;
}

static void spoil_producer(graph *g) {
  value_of(g, 6)->producer = 1;
}

static void spoil_producer_range(graph *g) {
  value_of(g, 6)->producer = 3;
}

static void spoil_output(graph *g) {
  node_of(g, 2)->output = 4;
}

static void spoil_uses(graph *g) {
  value_of(g, 0)->uses = 2;
}

static void spoil_removed(graph *g) {
  graph_remove_node(g, 0);
}

static void spoil_input(graph *g) {
  value_of(g, 0)->data = WEIGHT;
}

static void verifier_catches_tampering(void **state) {
  (void)state;
  static const struct {
    void (*spoil)(graph *g);
    const char *message;
  } cases[] = {
      {spoil_operand_order, "node 0 (conv1d): operand 0, %6, is made after its use"},
      {spoil_operand_id, "node 1 (activation): operand 0 is %1000, which does not exist"},
      {spoil_operand_count, "1048576 operands"},
      {spoil_attribute, "node 0 (conv1d): conv1d: stride=0"},
      {spoil_shape, "the result %5 is (1, 2, 4) f32 instead of (1, 2, 3) f32"},
      {spoil_rank, "%3 has an impossible shape"},
      {spoil_type, "instead of (1, 2, 3) f32"},
      {spoil_producer, "%6 is not what its node 1 produces"},
      {spoil_producer_range, "%6 has a wrong producer, 3"},
      {spoil_output, "%6 is not what its node 2 produces"},
      {spoil_uses, "%0 is used 1 times, but says 2"},
      {spoil_removed, "operand 0, %4, comes from a removed node"},
      {spoil_input, "graph input 0 is not an input"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    graph *g = small_graph();
    error err = {0};
    cases[i].spoil(g);
    if (graph_verify(g, &err) || !strstr(err.message, cases[i].message))
      fail_msg("expected \"%s\", got \"%s\"", cases[i].message, err.message);
    graph_destroy(g);
  }
}

static void a_graph_needs_outputs(void **state) {
  (void)state;
  graph *g = graph_create(NULL);
  error err = {0};
  value_id x = graph_add_input(g, "x", DTYPE_F32, &(shape){1, {3}}, NULL);
  assert_false(graph_verify(g, &err));
  assert_non_null(strstr(err.message, "no outputs"));
  assert_false(graph_set_outputs(g, &x, 0, &err));
  x++;
  assert_false(graph_set_outputs(g, &x, 1, &err));
  assert_non_null(strstr(err.message, "graph output 0 is %1, which does not exist"));
  graph_destroy(g);
}

/* ---- limits ---- */

static void refuses_impossible_nodes(void **state) {
  (void)state;
  graph *g = small_graph();
  error err = {0};
  value_id x[OP_MAX_INPUTS + 1] = {0};
  assert_int_equal(graph_append(g, "conv3d", x, 1, &(op_attributes){0}, "", "net.py:9", &err), VALUE_NONE);
  assert_string_equal(err.message, "net.py:9: there is no operator conv3d");
  assert_int_equal(graph_append(g, "softmax", x, 1, &(op_attributes){.axis = 3}, "", "net.py:9", &err),
                   VALUE_NONE);
  assert_string_equal(err.message, "net.py:9: softmax: axis=3 is outside 0..2");
  assert_int_equal(graph_append(g, "concat", x, OP_MAX_INPUTS + 1, &(op_attributes){0}, "", NULL, &err),
                   VALUE_NONE);
  assert_string_equal(err.message, "concat: 33 operands");
  assert_int_equal(graph_append(g, "concat", x, -1, &(op_attributes){0}, "", NULL, &err), VALUE_NONE);
  x[0] = 7;
  assert_int_equal(graph_append(g, "softmax", x, 1, &(op_attributes){0}, "", NULL, &err), VALUE_NONE);
  assert_string_equal(err.message, "softmax: operand 0 is %7, which does not exist");
  x[0] = VALUE_NONE;
  assert_int_equal(graph_append(g, "softmax", x, 1, &(op_attributes){0}, "", NULL, &err), VALUE_NONE);
  assert_string_equal(err.message, "softmax: operand 0 is missing");
  assert_true(graph_verify(g, &err));
  assert_int_equal(graph_node_count(g), 3);
  graph_destroy(g);
}

static void refuses_impossible_shapes(void **state) {
  (void)state;
  graph *g = graph_create(NULL);
  error err = {0};
  const int64_t huge = (int64_t)1 << 33;
  const shape shapes[] = {{3, {huge, huge, huge}}, {1, {huge}}, {2, {1, 0}},
                          {2, {-1, -1}},           {7, {1}},    {-1, {1}}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    assert_int_equal(graph_add_input(g, "x", DTYPE_F32, &shapes[i], &err), VALUE_NONE);
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_int_equal(graph_add_constant(g, "c", DTYPE_F32, &shapes[i], WEIGHT, &err), VALUE_NONE);
  }
  assert_int_equal(graph_add_constant(g, "c", DTYPE_F32, &(shape){1, {1}}, NULL, &err), VALUE_NONE);
  assert_int_equal(graph_value_count(g), 0);
  assert_int_equal(graph_input_count(g), 0);
  graph_destroy(g);
}

static void limits_the_cost_of_a_run(void **state) {
  (void)state;
  graph *g = graph_create(NULL);
  error err = {0};
  const shape s = {2, {1 << 14, 1 << 14}};
  value_id x[2] = {graph_add_input(g, "x", DTYPE_F32, &s, NULL),
                   graph_add_input(g, "y", DTYPE_F32, &s, NULL)};
  for (int i = 0; i < 2; i++) {
    x[0] = append(g, "matmul", x, 2, &(op_attributes){0}); /* 8.8e12 operations */
    assert_true(graph_set_outputs(g, x, 1, &err));
    assert_int_equal(graph_verify(g, &err), i == 0);
  }
  assert_int_equal(err.code, ERROR_LIMIT);
  assert_string_equal(err.message,
                      "one run takes 1.76e+13 floating-point operations; at most 1e+13 are accepted");
  graph_destroy(g);
}

static void names_the_weight_that_is_not_finite(void **state) {
  (void)state;
  static const float numbers[] = {1, INFINITY};
  graph *g = graph_create(NULL);
  const char *name = NULL;
  /* Without a name: a number in the model's code, such as the bound of a clamp. */
  graph_add_constant(g, "", DTYPE_F32, &(shape){1, {2}}, numbers, NULL);
  graph_add_constant(g, "fine", DTYPE_F32, &(shape){1, {1}}, numbers, NULL);
  assert_true(graph_constants_finite(g, &name));
  graph_add_constant(g, "bad", DTYPE_F32, &(shape){1, {2}}, numbers, NULL);
  assert_false(graph_constants_finite(g, &name));
  assert_string_equal(name, "bad");
  graph_destroy(g);
}

static void limits_the_elements_of_a_graph(void **state) {
  (void)state;
  graph *g = graph_create(NULL);
  error err = {0};
  value_id x = graph_add_input(g, "x", DTYPE_F32, &(shape){1, {1 << 29}}, NULL);
  op_attributes relu = {.activation = ACTIVATION_RELU};
  for (int i = 0; i < 4; i++)
    x = append(g, "activation", &x, 1, &relu);
  assert_int_equal(graph_append(g, "activation", &x, 1, &relu, "", "", &err), VALUE_NONE);
  assert_string_equal(err.message, "activation: the graph's results come to more than 2147483648 elements");
  assert_int_equal(err.code, ERROR_LIMIT);
  graph_remove_node(g, 0); /* makes room */
  append(g, "activation", &x, 1, &relu);
  graph_destroy(g);
}

static void limits_the_nodes_of_a_graph(void **state) {
  (void)state;
  graph *g = graph_create(NULL);
  error err = {0};
  value_id x = graph_add_input(g, "x", DTYPE_F32, &(shape){1, {1}}, NULL);
  op_attributes relu = {.activation = ACTIVATION_RELU};
  for (int i = 0; i < GRAPH_MAX_NODES; i++)
    x = append(g, "activation", &x, 1, &relu);
  assert_int_equal(graph_append(g, "activation", &x, 1, &relu, "", "", &err), VALUE_NONE);
  assert_string_equal(err.message, "more than 100000 operations in one graph");
  graph_destroy(g);
}

static void limits_the_values_of_a_graph(void **state) {
  (void)state;
  graph *g = graph_create(NULL);
  error err = {0};
  for (int i = 0; i < GRAPH_MAX_VALUES; i++)
    assert_int_equal(graph_add_constant(g, "", DTYPE_F32, &(shape){0}, &ONE, NULL), i);
  assert_int_equal(graph_add_constant(g, "", DTYPE_F32, &(shape){0}, &ONE, &err), VALUE_NONE);
  assert_string_equal(err.message, "more than 400000 values in one graph");
  graph_destroy(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(builds_and_verifies),
      cmocka_unit_test(prints),
      cmocka_unit_test(prints_what_is_special),
      cmocka_unit_test(evaluates),
      cmocka_unit_test(counts_uses),
      cmocka_unit_test(outputs_may_be_inputs_and_constants),
      cmocka_unit_test(rewrites_only_what_fits),
      cmocka_unit_test(compacts),
      cmocka_unit_test(verifier_catches_tampering),
      cmocka_unit_test(a_graph_needs_outputs),
      cmocka_unit_test(refuses_impossible_nodes),
      cmocka_unit_test(refuses_impossible_shapes),
      cmocka_unit_test(limits_the_elements_of_a_graph),
      cmocka_unit_test(limits_the_cost_of_a_run),
      cmocka_unit_test(names_the_weight_that_is_not_finite),
      cmocka_unit_test(limits_the_nodes_of_a_graph),
      cmocka_unit_test(limits_the_values_of_a_graph),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
