/* Building, verifying, printing and evaluating graphs. */
#include "graph/graph.h"

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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(builds_and_verifies),
      cmocka_unit_test(prints),
      cmocka_unit_test(evaluates),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
