/* Convolutions, linear layers and matrix products on the processor backend: every variant against the scalar
 * truth, and the fusions that lowering makes of several nodes. */
#include "support/backend_checks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Sums of up to 6144 products: rounding errors grow with the root of that. */
static const double tolerance = 5e-6;

static void check_output(graph *g, value_id v, bool specials, const char *what) {
  network_output(g, v);
  check_graph(g, tolerance, specials, what);
  graph_destroy(g);
}

/* ---- convolutions ---- */

typedef struct conv_case {
  int64_t in, out, samples, kernel, stride, left, right, dilation, groups;
} conv_case;

static op_attributes attributes_of(const conv_case *c) {
  op_attributes a = network_attributes();
  a.kernel = c->kernel;
  a.stride = c->stride;
  a.padding_left = c->left;
  a.padding_right = c->right;
  a.dilation = c->dilation;
  a.groups = c->groups;
  return a;
}

static void check_sloped_conv(const conv_case *c, int64_t activation, double alpha, bool bias, bool residual,
                              bool specials) {
  char text[200];
  uint64_t seed = 3;
  graph *g = network_create();
  op_attributes a = attributes_of(c);
  a.activation = activation;
  a.alpha = alpha;
  value_id x = network_input(g, SHAPE(1, c->in, c->samples)), r = VALUE_NONE;
  int64_t positions = (c->samples + c->left + c->right - c->dilation * (c->kernel - 1) - 1) / c->stride + 1;
  if (residual)
    r = network_input(g, SHAPE(1, c->out, positions));
  snprintf(text, sizeof text,
           "conv %d>%d samples %d kernel %d stride %d padding %d,%d dilation %d groups %d, %s", (int)c->in,
           (int)c->out, (int)c->samples, (int)c->kernel, (int)c->stride, (int)c->left, (int)c->right,
           (int)c->dilation, (int)c->groups, activation_name((activation_kind)activation));
  check_output(g, network_conv(g, x, c->out, a, bias, r, &seed), specials, text);
}

static void check_conv(const conv_case *c, int64_t activation, bool bias, bool residual, bool specials) {
  check_sloped_conv(c, activation, 0.3, bias, residual, specials);
}

static const conv_case conv_cases[] = {
    {1, 1, 1, 1, 1, 0, 0, 1, 1},
    {12, 12, 300, 3, 1, 1, 1, 1, 1},
    {12, 24, 131, 3, 1, 1, 1, 1, 1},
    {3, 5, 7, 5, 2, 9, 1, 1, 1},
    {7, 33, 40, 2, 2, 0, 0, 1, 1},
    {64, 70, 29, 3, 1, 1, 1, 1, 1},
    {17, 49, 15, 1, 1, 0, 0, 1, 1},
    {16, 48, 31, 1, 3, 0, 2, 1, 1},
    {5, 20, 33, 3, 1, 4, 4, 4, 1},
    {12, 8, 50, 3, 2, 2, 0, 3, 4},
    {6, 12, 44, 1, 1, 0, 0, 1, 3},
    {48, 48, 40, 128, 1, 64, 64, 1, 3},
    {70, 33, 70, 5, 1, 2, 2, 1, 1},
    {130, 40, 23, 3, 1, 1, 1, 1, 1},
    {768, 50, 9, 1, 1, 0, 0, 1, 1},
    {66, 2, 3, 128, 5, 128, 128, 1, 1},
    {33, 33, 60, 3, 1, 1, 1, 1, 33},
    {16, 16, 9, 5, 2, 2, 2, 1, 16},
    {70, 70, 45, 5, 1, 2, 2, 1, 70},
    {24, 24, 31, 7, 2, 3, 3, 1, 24},
    {24, 24, 20, 7, 1, 9, 0, 1, 24},
    /* By way of the spectrum: one window and several, groups that don't fill a vector or fill several panels.
     */
    {64, 96, 150, 64, 1, 32, 31, 1, 2},
    {40, 54, 95, 70, 1, 35, 34, 1, 2},
    {51, 180, 156, 128, 1, 64, 63, 1, 3},
    {32, 32, 100, 65, 1, 0, 0, 1, 2},
    {192, 200, 300, 2, 2, 0, 0, 1, 1}, /* Strassen's product */
    {40, 40, 37, 3, 2, 1, 0, 1, 40},
    {20, 20, 37, 4, 3, 5, 1, 2, 20},
    {5, 10, 21, 3, 1, 1, 1, 1, 5},
};
enum { CONV_CASES = sizeof conv_cases / sizeof *conv_cases };

static void test_conv_shapes(void **state) {
  use_variant(state);
  for (size_t i = 0; i < CONV_CASES; i++) {
    check_conv(&conv_cases[i], ACTIVATION_NONE, false, false, false);
    check_conv(&conv_cases[i], ACTIVATION_LEAKY_RELU, true, true, false);
    check_conv(&conv_cases[i], ACTIVATION_GELU, true, false, false); /* a residual rules the spectrum out */
  }
}

static void test_conv_activations(void **state) {
  use_variant(state);
  static const size_t cases[] = {2, 7, 13, 16, 18};
  for (int64_t activation = 0; activation < ACTIVATION_COUNT; activation++)
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
      check_conv(&conv_cases[cases[i]], activation, true, i % 2, false);
}

/* Sizes that fast convolution takes: every number of taps, tiles at both edges, pairs of rows. */
static void test_fast_convolution(void **state) {
  use_variant(state);
  static const conv_case cases[] = {
      {24, 24, 200, 3, 1, 1, 1, 1, 1}, {32, 32, 130, 5, 1, 2, 2, 1, 1}, {24, 32, 150, 5, 2, 2, 2, 1, 1},
      {32, 64, 160, 3, 2, 1, 1, 1, 1}, {40, 33, 99, 4, 1, 1, 2, 1, 1},  {13, 17, 301, 2, 1, 0, 1, 1, 1},
      {12, 12, 90, 5, 1, 0, 7, 1, 1},  {64, 128, 97, 3, 1, 1, 1, 1, 1}, {16, 48, 160, 4, 2, 1, 1, 1, 1},
      {12, 20, 170, 7, 2, 3, 3, 1, 1}, {17, 12, 77, 3, 1, 11, 0, 1, 1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    check_conv(&cases[i], ACTIVATION_NONE, false, false, false);
    check_conv(&cases[i], ACTIVATION_LEAKY_RELU, true, true, false);
    check_conv(&cases[i], ACTIVATION_GELU, true, i % 2, false);
  }
  for (int64_t samples = 58; samples <= 75; samples++)
    check_conv(&(conv_case){12, 40, samples, 3, 1, 1, 1, 1, 1}, ACTIVATION_RELU, true, false, false);
}

/* ---- one filter, several convolutions ---- */

static shape filter_shape(const conv_case *c) {
  return SHAPE(c->out, c->in / c->groups, c->kernel);
}

/* Both convolutions read the same numbers, and their results are put together. */
static void check_shared_filter(const conv_case *first, const conv_case *second, const char *what) {
  graph *g = network_create();
  const conv_case *cases[] = {first, second};
  shape shapes[] = {filter_shape(first), filter_shape(second)};
  uint64_t seed = 19;
  bool larger = shape_count(&shapes[1]) > shape_count(&shapes[0]);
  const float *data = graph_value_get(g, network_weight(g, shapes[larger], 0.2f, &seed))->data;
  value_id results[2];
  for (int i = 0; i < 2; i++) {
    error err;
    value_id x = network_input(g, SHAPE(1, cases[i]->in, cases[i]->samples));
    value_id w = graph_add_constant(g, "w", DTYPE_F32, &shapes[i], data, &err);
    op_attributes a = attributes_of(cases[i]);
    results[i] = network_node(g, "conv1d", (const value_id[]){x, w}, 2, &a);
  }
  op_attributes a = network_attributes();
  a.axis = 1;
  check_output(g, network_node(g, "concat", results, 2, &a), false, what);
}

/* What was made of a filter for one convolution may not serve another that needs it differently. */
static void test_shared_filters(void **state) {
  use_variant(state);
  const conv_case pairs = {16, 40, 400, 3, 2, 0, 1, 1, 1}, far = {16, 40, 138, 3, 1, 64, 0, 1, 1};
  check_shared_filter(&far, &pairs, "stride 1 with wide padding, stride 2");
  check_shared_filter(&pairs, &far, "stride 2, stride 1 with wide padding");
  const conv_case odd = {16, 40, 400, 3, 2, 1, 0, 1, 1}, wider = {16, 40, 394, 3, 2, 4, 3, 1, 1};
  check_shared_filter(&pairs, &odd, "even and odd padding");
  check_shared_filter(&pairs, &wider, "even paddings");
  const conv_case two = {32, 128, 100, 64, 1, 32, 31, 1, 2}, four = {64, 64, 100, 64, 1, 32, 31, 1, 4};
  check_shared_filter(&four, &two, "spectra for four and for two groups");
  check_shared_filter(&two, &four, "spectra for two and for four groups");
  const conv_case dense = {32, 50, 90, 3, 1, 1, 1, 2, 1}, tall = {64, 25, 90, 3, 1, 1, 1, 2, 1};
  check_shared_filter(&dense, &tall, "the same numbers in other shapes");
}

/* Slopes with which leaky_relu isn't the larger of x and alpha x. */
static void test_slopes(void **state) {
  use_variant(state);
  static const double slopes[] = {1.5, -0.5, 0};
  static const conv_case cases[] = {
      {12, 24, 80, 3, 1, 1, 1, 1, 1}, {12, 24, 80, 1, 1, 0, 0, 1, 1}, {24, 24, 80, 3, 1, 1, 1, 1, 24}};
  for (size_t i = 0; i < 3; i++)
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
      check_sloped_conv(&cases[k], ACTIVATION_LEAKY_RELU, slopes[i], true, false, false);
}

/* NaN and infinities in the signal reach the outputs whose windows hold them, and no others. */
static void test_conv_specials(void **state) {
  use_variant(state);
  static const int64_t kernels[] = {1, 3};
  for (size_t i = 0; i < 2; i++)
    for (int64_t groups = 1; groups <= 8; groups += 7) {
      conv_case c = {8, 24, 90, kernels[i], 1, kernels[i] / 2, kernels[i] / 2, 1, groups};
      if (groups == 8)
        c.out = 8;
      check_conv(&c, ACTIVATION_NONE, true, false, true);
      check_conv(&c, ACTIVATION_RELU, true, true, true);
    }
}

/* Every number of rows that a last tile can have. */
static void test_conv_rows(void **state) {
  use_variant(state);
  for (int64_t samples = 1; samples <= 31; samples++)
    for (int64_t out = 8; out <= 40; out += 16) {
      conv_case c = {9, out, samples, 3, 1, 1, 1, 1, 1};
      check_conv(&c, ACTIVATION_RELU, true, false, false);
    }
}

/* ---- linear layers and products ---- */

static void check_linear(int64_t rows, int64_t in, int64_t out, int64_t activation, bool residual) {
  char text[100];
  uint64_t seed = 5;
  graph *g = network_create();
  op_attributes a = network_attributes();
  a.activation = activation;
  value_id operands[4] = {network_input(g, SHAPE(1, rows, in)),
                          network_weight(g, SHAPE(out, in), 0.1f, &seed),
                          network_weight(g, SHAPE(out), 0.1f, &seed), VALUE_NONE};
  if (residual)
    operands[3] = network_input(g, SHAPE(1, rows, out));
  snprintf(text, sizeof text, "linear %d x %d > %d", (int)rows, (int)in, (int)out);
  check_output(g, network_node(g, "linear", operands, 4, &a), false, text);
}

static void test_linear(void **state) {
  use_variant(state);
  static const int64_t sizes[][3] = {{1, 1, 1},      {1, 640, 77},  {1, 33, 50},   {2, 768, 20},
                                     {20, 320, 64},  {20, 321, 64}, {17, 769, 49}, {29, 800, 3},
                                     {190, 400, 40}, {350, 330, 17}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    check_linear(sizes[i][0], sizes[i][1], sizes[i][2], ACTIVATION_NONE, false);
    check_linear(sizes[i][0], sizes[i][1], sizes[i][2], ACTIVATION_GELU, true);
  }
}

/* Strassen's product: pairs of panels and panels without a partner; odd halves of rows; several blocks of
 * rows and of inner indices, of which the last may be too short. */
static void test_large_linear(void **state) {
  use_variant(state);
  static const int64_t sizes[][3] = {{64, 384, 96},   {65, 386, 120}, {157, 768, 250},
                                     {130, 1602, 97}, {200, 387, 96}, {300, 1000, 144}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    check_linear(sizes[i][0], sizes[i][1], sizes[i][2], ACTIVATION_NONE, i % 2);
    check_linear(sizes[i][0], sizes[i][1], sizes[i][2], ACTIVATION_GELU, true);
  }
}

static void check_matmul(shape a, shape b, bool transpose_b) {
  graph *g = network_create();
  op_attributes attributes = network_attributes();
  attributes.transpose_b = transpose_b;
  value_id operands[2] = {network_input(g, a), network_input(g, b)};
  check_output(g, network_node(g, "matmul", operands, 2, &attributes), false, "matmul");
}

static void test_matmul(void **state) {
  use_variant(state);
  check_matmul(SHAPE(1, 1), SHAPE(1, 1), false);
  check_matmul(SHAPE(31, 17), SHAPE(17, 70), false);
  check_matmul(SHAPE(31, 17), SHAPE(70, 17), true);
  check_matmul(SHAPE(1, 3, 20, 64), SHAPE(1, 3, 33, 64), true);
  check_matmul(SHAPE(4, 1, 5, 6), SHAPE(3, 6, 9), false);
  check_matmul(SHAPE(7, 6), SHAPE(2, 3, 6, 40), false);
}

/* ---- what lowering makes of several nodes ---- */

static value_id pool(graph *g, value_id x) {
  op_attributes a = network_attributes();
  a.output_size = 1;
  return network_node(g, "adaptive_avg_pool1d", &x, 1, &a);
}

static value_id conv(graph *g, value_id x, conv_case c, int64_t activation, uint64_t *seed) {
  op_attributes a = attributes_of(&c);
  a.activation = activation;
  a.alpha = 0.01;
  return network_conv(g, x, c.out, a, true, VALUE_NONE, seed);
}

static value_id binary(graph *g, const char *op, value_id a, value_id b) {
  op_attributes attributes = network_attributes();
  return network_node(g, op, (const value_id[]){a, b}, 2, &attributes);
}

/* A convolution, its mean as a gate, and what becomes of the gated signal. */
static void test_gates(void **state) {
  use_variant(state);
  static const char *const names[] = {"gate > conv",    "gate > wide conv", "gate > sum",
                                      "gate as output", "gate as residual", "gate used twice"};
  for (int after = 0; after < 6; after++) {
    uint64_t seed = 11;
    graph *g = network_create();
    value_id x = network_input(g, SHAPE(1, 20, 61));
    value_id y = conv(g, x, (conv_case){20, 20, 61, 3, 1, 1, 1, 1, 1}, ACTIVATION_LEAKY_RELU, &seed);
    value_id z = binary(g, "mul", after % 2 ? pool(g, y) : y, after % 2 ? y : pool(g, y));
    if (after == 0)
      z = conv(g, z, (conv_case){20, 33, 61, 3, 2, 1, 1, 1, 1}, ACTIVATION_SILU, &seed);
    else if (after == 1)
      z = conv(g, z, (conv_case){20, 7, 61, 19, 1, 9, 9, 1, 1}, ACTIVATION_NONE, &seed);
    else if (after == 2)
      z = binary(g, "add", x, z);
    else if (after == 4) {
      op_attributes a = attributes_of(&(conv_case){20, 20, 61, 1, 1, 0, 0, 1, 1});
      z = network_conv(g, x, 20, a, false, z, &seed);
    } else if (after == 5)
      z = binary(g, "add", z, conv(g, z, (conv_case){20, 20, 61, 1, 1, 0, 0, 1, 1}, ACTIVATION_NONE, &seed));
    check_output(g, z, false, names[after]);
  }
}

/* A pointwise convolution before a depthwise one; the mean of the result; the same where it can't be fused.
 */
static void test_expansion(void **state) {
  use_variant(state);
  static const int64_t inputs[] = {5, 24, 400};
  for (size_t i = 0; i < 3; i++)
    for (int twice = 0; twice < 2; twice++) {
      uint64_t seed = 13;
      int64_t in = inputs[i], middle = 50, samples = i == 1 ? 500 : 60;
      graph *g = network_create();
      value_id x = network_input(g, SHAPE(1, in, samples));
      value_id y = conv(g, x, (conv_case){in, middle, samples, 1, 1, 0, 0, 1, 1}, ACTIVATION_GELU, &seed);
      value_id z = conv(g, y, (conv_case){middle, middle, samples, 5, 2, 2, 2, 1, middle},
                        ACTIVATION_LEAKY_RELU, &seed);
      z = binary(g, "mul", z, pool(g, z));
      if (twice)
        z = binary(g, "add", pool(g, z), pool(g, y));
      check_output(g, z, false, twice ? "expansion used twice" : "expansion");
    }
}

/* The mean of a convolution: of one without an activation before the convolution, of others from sums. */
static void test_means(void **state) {
  use_variant(state);
  static const int64_t activations[] = {ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_SILU};
  for (int64_t kernel = 1; kernel <= 3; kernel += 2)
    for (size_t i = 0; i < 3; i++)
      for (int kept = 0; kept < 2; kept++) {
        uint64_t seed = 17;
        int64_t samples = kept ? 47 : 247;
        graph *g = network_create();
        value_id x = network_input(g, SHAPE(1, 21, samples));
        value_id y = conv(g, x, (conv_case){21, 37, samples, kernel, 1, kernel / 2, kernel / 2, 1, 1},
                          activations[i], &seed);
        value_id mean = pool(g, y);
        check_output(g, kept ? binary(g, "sub", y, mean) : mean, false, "mean of a convolution");
      }
}

/* A gated signal may take its signal's place only where nobody reads the signal later. */
static void test_gated_signal_used_again(void **state) {
  use_variant(state);
  uint64_t seed = 23;
  graph *g = network_create();
  value_id x = network_input(g, SHAPE(1, 21, 47));
  value_id y = conv(g, x, (conv_case){21, 37, 47, 3, 1, 1, 1, 1, 1}, ACTIVATION_RELU, &seed);
  value_id gated = binary(g, "mul", y, pool(g, y));
  check_output(g, binary(g, "sub", gated, y), false, "signal used after its gate");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_EVERY_VARIANT(test_conv_shapes),      ON_EVERY_VARIANT(test_conv_activations),
      ON_EVERY_VARIANT(test_conv_specials),    ON_EVERY_VARIANT(test_conv_rows),
      ON_EVERY_VARIANT(test_linear),           ON_EVERY_VARIANT(test_large_linear),
      ON_EVERY_VARIANT(test_matmul),           ON_EVERY_VARIANT(test_gates),
      ON_EVERY_VARIANT(test_expansion),        ON_EVERY_VARIANT(test_means),
      ON_EVERY_VARIANT(test_fast_convolution), ON_EVERY_VARIANT(test_shared_filters),
      ON_EVERY_VARIANT(test_slopes),           ON_EVERY_VARIANT(test_gated_signal_used_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
