/* Products in bfloat16 against their scalar twin: the operators' plain definition, on operands that plain C
 * has rounded. */
#include "backend/backend.h"
#include "backend/cpu/kernels/bf16.h"
#include "support/networks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

enum { BATCH = 5, MAX_INPUTS = 3 };

static void want_bf16(void) {
  error err = {0};
  unsetenv("DEEPECG_CPU");
  if (precision_check(PRECISION_BF16, &err))
    return;
  assert_int_equal(err.code, ERROR_UNSUPPORTED);
  printf("NOT RUN: %s\n", err.message);
  skip();
}

/* ---- rounding ---- */

static float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static float rounded(float x) {
  return float_of((uint32_t)bf16_of(x) << 16);
}

static void test_rounding(void **state) {
  (void)state;
  assert_int_equal(bf16_of(1.0f), 0x3f80);
  assert_int_equal(bf16_of(-2.5f), 0xc020);
  assert_int_equal(bf16_of(float_of(0x3f808000)), 0x3f80); /* halfway: to the even one below */
  assert_int_equal(bf16_of(float_of(0x3f818000)), 0x3f82); /* and above */
  assert_int_equal(bf16_of(float_of(0x3f808001)), 0x3f81);
  assert_int_equal(bf16_of(float_of(0x7f7fffff)), 0x7f80); /* the largest float becomes infinite */
  assert_int_equal(bf16_of(INFINITY), 0x7f80);
  assert_true(isnan(rounded(float_of(0x7f800001))));
  assert_true(isnan(rounded(float_of(0xffffffff))));
}

/* ---- networks of one product ---- */

typedef struct product_case {
  const char *what;
  int64_t rows, in, out;                   /* linear; convolution: channels */
  int64_t kernel, stride, padding, groups; /* kernel 0: linear */
  activation_kind activation;
  bool residual;
} product_case;

static const product_case cases[] = {
    {"even", 24, 64, 48, 0, 0, 0, 0, ACTIVATION_NONE, false},
    {"odd inner count, lanes to spare", 13, 65, 77, 0, 0, 0, 0, ACTIVATION_GELU, true},
    {"two rows", 2, 97, 16, 0, 0, 0, 0, ACTIVATION_RELU, false},
    {"several blocks of rows and of the inner index", 341, 3075, 50, 0, 0, 0, 0, ACTIVATION_NONE, true},
    {"two taps", 101, 34, 40, 2, 2, 0, 1, ACTIVATION_GELU, false},
    {"odd channels", 50, 33, 20, 5, 1, 2, 1, ACTIVATION_LEAKY_RELU, true},
    {"groups with wide padding", 60, 4 * 15, 4 * 9, 32, 1, 16, 4, ACTIVATION_NONE, false},
    {"stride beyond the kernel", 90, 64, 30, 1, 3, 0, 1, ACTIVATION_NONE, false},
};
enum { CASE_COUNT = sizeof cases / sizeof *cases };

static void round_weights(graph *g) {
  for (int v = 0; v < graph_value_count(g); v++) {
    const graph_value *value = graph_value_get(g, v);
    float *data = (float *)value->data; /* network_weight's, which nobody else holds */
    for (size_t i = 0; data && value->shape.rank > 1 && i < shape_count(&value->shape); i++)
      data[i] = rounded(data[i]);
  }
}

static graph *write_linear(const product_case *c, uint64_t *seed) {
  graph *g = network_create();
  value_id x = network_input(g, SHAPE(1, c->rows, c->in));
  value_id operands[] = {x, network_weight(g, SHAPE(c->out, c->in), 0.3f, seed),
                         network_weight(g, SHAPE(c->out), 0.5f, seed),
                         c->residual ? network_input(g, SHAPE(1, c->rows, c->out)) : VALUE_NONE};
  op_attributes a = network_attributes();
  a.activation = c->activation;
  network_output(g, network_node(g, "linear", operands, 4, &a));
  return g;
}

static graph *write_conv(const product_case *c, uint64_t *seed) {
  graph *g = network_create();
  value_id x = network_input(g, SHAPE(1, c->in, c->rows));
  op_attributes a = network_attributes();
  a.kernel = c->kernel;
  a.stride = c->stride;
  a.groups = c->groups;
  a.padding_left = a.padding_right = c->padding;
  a.activation = c->activation;
  a.alpha = 0.1;
  int64_t length = (c->rows + 2 * c->padding - c->kernel) / c->stride + 1;
  value_id residual = c->residual ? network_input(g, SHAPE(1, c->out, length)) : VALUE_NONE;
  network_output(g, network_conv(g, x, c->out, a, true, residual, seed));
  return g;
}

static graph *write_case(const product_case *c, bool round) {
  uint64_t seed = 11;
  graph *g = (c->kernel ? write_conv : write_linear)(c, &seed);
  if (round)
    round_weights(g);
  return g;
}

/* ---- running ---- */

static size_t size_of(const graph *g, value_id v) {
  return shape_count(&graph_value_get(g, v)->shape);
}

static void run(const graph *g, const compile_options *options, float *const inputs[], size_t first,
                size_t batch, float *y) {
  error err = {0};
  const void *in[MAX_INPUTS];
  executable *e = cpu_backend.compile(g, options, &err);
  if (!e)
    fail_msg("%s", err.message);
  for (int i = 0; i < graph_input_count(g); i++)
    in[i] = inputs[i] + first * size_of(g, graph_input(g, i));
  assert_true(cpu_backend.run(e, in, (void *[]){y}, batch, &err));
  cpu_backend.destroy(e);
}

static void make_inputs(const graph *g, float *inputs[]) {
  uint64_t seed = 5;
  for (int i = 0; i < graph_input_count(g); i++) {
    size_t count = BATCH * size_of(g, graph_input(g, i));
    inputs[i] = malloc(count * sizeof(float));
    assert_non_null(inputs[i]);
    random_fill(inputs[i], count, &seed);
  }
}

/* As graph_evaluate gives it for the first sample; of the inputs only the first is an operand of the product.
 */
static void evaluate_twin(const product_case *c, float *const inputs[], float *truth) {
  error err = {0};
  graph *g = write_case(c, true);
  size_t count = size_of(g, graph_input(g, 0));
  float *x = malloc(count * sizeof *x);
  assert_non_null(x);
  for (size_t i = 0; i < count; i++)
    x[i] = rounded(inputs[0][i]);
  assert_true(graph_evaluate(g, (const void *[]){x, inputs[1]}, (void *[]){truth}, &err));
  free(x);
  graph_destroy(g);
}

static double largest_difference(const float *x, const float *y, size_t count, double *largest) {
  double difference = 0;
  *largest = 0;
  for (size_t i = 0; i < count; i++) {
    difference = fmax(difference, fabs((double)x[i] - (double)y[i]));
    *largest = fmax(*largest, fabs((double)y[i]));
  }
  return difference;
}

static void check_case(const product_case *c) {
  graph *g = write_case(c, false);
  float *inputs[MAX_INPUTS] = {NULL};
  make_inputs(g, inputs);
  size_t count = size_of(g, graph_output(g, 0));
  float *alone = malloc(BATCH * count * sizeof(float)), *together = malloc(BATCH * count * sizeof(float)),
        *truth = malloc(count * sizeof(float)), *fp32 = malloc(count * sizeof(float));
  assert_true(alone && together && truth && fp32);
  const compile_options one = {.threads = 1, .precision = PRECISION_BF16};
  for (size_t i = 0; i < BATCH; i++)
    run(g, &one, inputs, i, 1, alone + i * count);
  double largest;
  evaluate_twin(c, inputs, truth);
  double difference = largest_difference(alone, truth, count, &largest);
  if (!(difference <= 3e-6 * largest))
    fail_msg("%s: differs by %g from its twin, whose largest element is %g", c->what, difference, largest);
  run(g, &(compile_options){.threads = 1}, inputs, 0, 1, fp32);
  difference = largest_difference(alone, fp32, count, &largest);
  if (!(difference > 1e-5 * largest && difference < 2e-2 * largest))
    fail_msg("%s: differs by %g from float32, whose largest element is %g", c->what, difference, largest);
  for (int threads = 1; threads <= 4; threads++) {
    run(g, &(compile_options){.threads = threads, .precision = PRECISION_BF16}, inputs, 0, BATCH, together);
    if (memcmp(alone, together, BATCH * count * sizeof(float)) != 0)
      fail_msg("%s: bits differ for %d threads", c->what, threads);
  }
  free(alone);
  free(together);
  free(truth);
  free(fp32);
  free(inputs[0]);
  free(inputs[1]);
  graph_destroy(g);
}

static void test_products(void **state) {
  (void)state;
  want_bf16();
  for (size_t i = 0; i < CASE_COUNT; i++)
    check_case(&cases[i]);
}

/* ---- results that go into products as pairs ---- */

/* A step whose result is read by a product with the unit matrix, which shows what was rounded. */
typedef struct pairs_case {
  const char *what, *op;
  int64_t in, out;
  activation_kind activation;
  bool beside; /* somebody else reads the floats */
} pairs_case;

static const pairs_case pairs_cases[] = {
    {"GELU, odd number of columns", "linear", 64, 75, ACTIVATION_GELU, false},
    {"GELU", "linear", 70, 3 * 48 + 34, ACTIVATION_GELU, false},
    {"sums as they are", "linear", 64, 66, ACTIVATION_NONE, false},
    {"ReLU", "linear", 64, 48, ACTIVATION_RELU, false},
    {"leaky ReLU", "linear", 64, 49, ACTIVATION_LEAKY_RELU, false},
    {"tanh", "linear", 33, 48, ACTIVATION_TANH, false},
    {"long rows", "linear", 1600, 48, ACTIVATION_GELU, false},
    {"result read twice", "linear", 64, 48, ACTIVATION_GELU, true},
    {"with residual", "linear", 64, 64, ACTIVATION_TANH, false},
    {"layer norm", "layer_norm", 75, 75, ACTIVATION_NONE, false},
    {"layer norm, with residual", "layer_norm", 96, 96, ACTIVATION_NONE, true},
};
enum { PAIRS_ROWS = 41 };

static value_id unit_matrix(graph *g, int64_t size, uint64_t *seed) {
  value_id w = network_weight(g, SHAPE(size, size), 1, seed);
  float *data = (float *)graph_value_get(g, w)->data;
  for (int64_t i = 0; i < size * size; i++)
    data[i] = i % (size + 1) == 0;
  return w;
}

/* `whole`: with the product; else the step alone, on weights that are rounded. */
static graph *write_pairs_case(const pairs_case *c, bool whole) {
  uint64_t seed = 23;
  graph *g = network_create();
  value_id x = network_input(g, SHAPE(1, PAIRS_ROWS, c->in)),
           operands[4] = {x, VALUE_NONE, VALUE_NONE, VALUE_NONE};
  op_attributes a = network_attributes();
  a.activation = c->activation;
  a.alpha = 0.1;
  a.axis = 2;
  a.epsilon = 1e-5;
  bool linear = strcmp(c->op, "linear") == 0;
  operands[1] = linear ? network_weight(g, SHAPE(c->out, c->in), 0.3f, &seed)
                       : network_weight(g, SHAPE(c->out), 1, &seed);
  operands[2] = network_weight(g, SHAPE(c->out), 0.5f, &seed);
  if (linear && c->in == c->out)
    operands[3] = x;
  value_id y = network_node(g, c->op, operands, linear ? 4 : 3, &a);
  if (whole) {
    a = network_attributes();
    value_id unit[] = {y, unit_matrix(g, c->out, &seed), VALUE_NONE, VALUE_NONE};
    value_id copy = network_node(g, "linear", unit, 4, &a);
    y = c->beside ? network_node(g, "sub", (value_id[]){copy, y}, 2, &a) : copy;
  } else if (linear) {
    round_weights(g);
  }
  network_output(g, y);
  return g;
}

/* A sum on the edge may be rounded the other way, and GELU is not exact where it is rounded, least so in its
 * tail. */
static void check_rounded(const pairs_case *c, const float *y, const float *truth, size_t count) {
  size_t different = 0;
  for (size_t i = 0; i < count; i++) {
    float wanted = rounded(truth[i]), unit = fmaxf(fabsf(wanted) / 128, 6e-5f);
    if (c->beside)
      wanted -= truth[i];
    different += fabsf(truth[i]) > 0.05f && fabsf(y[i] - wanted) > 1e-6f;
    if (!(fabsf(y[i] - wanted) <= unit))
      fail_msg("%s: element %zu is %g instead of %g", c->what, i, (double)y[i], (double)wanted);
  }
  if (different > count / 20)
    fail_msg("%s: %zu of %zu elements are rounded otherwise", c->what, different, count);
}

static void check_pairs_case(const pairs_case *c) {
  error err = {0};
  graph *g = write_pairs_case(c, true), *step = write_pairs_case(c, false);
  float *inputs[MAX_INPUTS] = {NULL};
  make_inputs(g, inputs);
  size_t in = size_of(g, graph_input(g, 0)), count = size_of(g, graph_output(g, 0));
  float *y = malloc(BATCH * count * sizeof *y), *again = malloc(BATCH * count * sizeof *y),
        *truth = malloc(count * sizeof *truth);
  assert_true(y && again && truth);
  for (size_t i = 0; strcmp(c->op, "linear") == 0 && i < BATCH * in; i++)
    inputs[0][i] = rounded(inputs[0][i]);
  run(g, &(compile_options){.threads = 1, .precision = PRECISION_BF16}, inputs, 0, BATCH, y);
  assert_true(graph_evaluate(step, (const void *[]){inputs[0]}, (void *[]){truth}, &err));
  check_rounded(c, y, truth, count);
  for (size_t i = 0; i < BATCH; i++)
    run(g, &(compile_options){.threads = 3, .precision = PRECISION_BF16}, inputs, i, 1, again + i * count);
  assert_memory_equal(y, again, BATCH * count * sizeof *y);
  free(y);
  free(again);
  free(truth);
  free(inputs[0]);
  graph_destroy(g);
  graph_destroy(step);
}

static void test_pairs(void **state) {
  (void)state;
  want_bf16();
  for (size_t i = 0; i < sizeof pairs_cases / sizeof *pairs_cases; i++)
    check_pairs_case(&pairs_cases[i]);
}

/* Heads and filters on the signal itself keep to float32: the same bits. */
static void test_small_products(void **state) {
  (void)state;
  want_bf16();
  static const product_case kept[] = {
      {"head", 1, 300, 77, 0, 0, 0, 0, ACTIVATION_NONE, false},
      {"first filter", 200, 12, 64, 2, 2, 0, 1, ACTIVATION_GELU, false},
  };
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
    graph *g = write_case(&kept[i], false);
    float *inputs[MAX_INPUTS] = {NULL};
    make_inputs(g, inputs);
    size_t bytes = size_of(g, graph_output(g, 0)) * sizeof(float);
    float *fp32 = malloc(bytes), *bf16 = malloc(bytes);
    assert_true(fp32 && bf16);
    run(g, &(compile_options){.threads = 1}, inputs, 0, 1, fp32);
    run(g, &(compile_options){.threads = 1, .precision = PRECISION_BF16}, inputs, 0, 1, bf16);
    if (memcmp(fp32, bf16, bytes) != 0)
      fail_msg("%s: not computed in float32", kept[i].what);
    free(fp32);
    free(bf16);
    free(inputs[0]);
    graph_destroy(g);
  }
}

/* ---- attention ---- */

enum { HEADS = 3, HEAD_WIDTH = 21, WIDTH = HEADS * HEAD_WIDTH, MOST_STEPS = 75 };

static graph *write_attention(int64_t steps) {
  graph *g = network_create();
  value_id qkv[3];
  for (int i = 0; i < 3; i++)
    qkv[i] = network_input(g, SHAPE(1, steps, WIDTH));
  op_attributes a = network_attributes();
  a.heads = HEADS;
  a.scale = 0.4;
  network_output(g, network_node(g, "attention", qkv, 3, &a));
  return g;
}

/* One query of one head, everything that is multiplied rounded. */
static void attend_twin(float *const qkv[3], size_t steps, size_t query, size_t head, float *y) {
  double weights[MOST_STEPS], largest = -INFINITY, sum = 0;
  for (size_t key = 0; key < steps; key++) {
    weights[key] = 0;
    for (size_t i = head * HEAD_WIDTH; i < (head + 1) * HEAD_WIDTH; i++)
      weights[key] +=
          (double)rounded(qkv[0][query * WIDTH + i] * 0.4f) * (double)rounded(qkv[1][key * WIDTH + i]);
    largest = fmax(largest, weights[key]);
  }
  for (size_t key = 0; key < steps; key++)
    sum += weights[key] = exp(weights[key] - largest);
  for (size_t i = head * HEAD_WIDTH; i < (head + 1) * HEAD_WIDTH; i++) {
    double total = 0;
    for (size_t key = 0; key < steps; key++)
      total += (double)rounded((float)weights[key]) * (double)rounded(qkv[2][key * WIDTH + i]);
    y[query * WIDTH + i] = (float)(total / sum);
  }
}

static void check_attention(size_t steps) {
  graph *g = write_attention((int64_t)steps);
  float *inputs[MAX_INPUTS], *y = malloc(BATCH * steps * WIDTH * sizeof *y),
                             *again = malloc(BATCH * steps * WIDTH * sizeof *y),
                             *twin = malloc(steps * WIDTH * sizeof *twin);
  assert_true(y && again && twin);
  make_inputs(g, inputs);
  run(g, &(compile_options){.threads = 1, .precision = PRECISION_BF16}, inputs, 0, BATCH, y);
  for (size_t query = 0; query < steps; query++)
    for (size_t head = 0; head < HEADS; head++)
      attend_twin(inputs, steps, query, head, twin);
  double largest, difference = largest_difference(y, twin, steps * WIDTH, &largest);
  print_message("attention over %zu steps: largest difference %.2g of %.2g\n", steps, difference, largest);
  if (!(difference <= 4e-4 * largest)) /* a weight on the edge may be rounded the other way */
    fail_msg("attention over %zu steps differs by %g from its twin, whose largest element is %g", steps,
             difference, largest);
  for (size_t i = 0; i < BATCH; i++)
    run(g, &(compile_options){.threads = 3, .precision = PRECISION_BF16}, inputs, i, 1,
        again + i * steps * WIDTH);
  assert_memory_equal(y, again, BATCH * steps * WIDTH * sizeof *y);
  for (int i = 0; i < 3; i++)
    free(inputs[i]);
  free(y);
  free(again);
  free(twin);
  graph_destroy(g);
}

static void test_attention(void **state) {
  (void)state;
  want_bf16();
  check_attention(1);
  check_attention(17);
  check_attention(32);
  check_attention(MOST_STEPS);
}

/* ---- what an executable says of itself ---- */

static void test_executable(void **state) {
  (void)state;
  want_bf16();
  error err = {0};
  const product_case large = {"large", 20, 512, 512, 0, 0, 0, 0, ACTIVATION_NONE, false};
  graph *g = write_case(&large, false);
  executable *fp32 = cpu_backend.compile(g, &(compile_options){.threads = 1}, &err);
  executable *bf16 =
      cpu_backend.compile(g, &(compile_options){.threads = 1, .precision = PRECISION_BF16}, &err);
  assert_true(fp32 && bf16);
  assert_string_equal(cpu_backend.variant(bf16), "avx512bf16");
  assert_string_equal(cpu_backend.variant(fp32), "avx512");
  assert_true(cpu_backend.memory(bf16) < cpu_backend.memory(fp32) * 2 / 3);
  executable *sibling = cpu_backend.compile_sibling(g, bf16, &err);
  assert_non_null(sibling);
  assert_string_equal(cpu_backend.variant(sibling), "avx512bf16");
  cpu_backend.destroy(fp32);
  cpu_backend.destroy(bf16);
  cpu_backend.destroy(sibling);
  graph_destroy(g);
}

static void test_other_kernels(void **state) {
  (void)state;
  graph *g = write_case(&cases[0], false);
  for (int i = 0; i < 2; i++) {
    error err = {0};
    setenv("DEEPECG_CPU", i ? "avx2" : "generic", 1);
    assert_null(cpu_backend.compile(g, &(compile_options){.threads = 1, .precision = PRECISION_BF16}, &err));
    assert_int_equal(err.code, ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.message, i ? "" : "bf16"));
    assert_false(precision_check(PRECISION_BF16, &err));
  }
  unsetenv("DEEPECG_CPU");
  graph_destroy(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rounding),      cmocka_unit_test(test_products),
      cmocka_unit_test(test_pairs),         cmocka_unit_test(test_small_products),
      cmocka_unit_test(test_attention),     cmocka_unit_test(test_executable),
      cmocka_unit_test(test_other_kernels),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
