/* A small network with every kind of layer that the published ones have: the backend's kernels against the
 * operators' scalar implementations, and one thread against several. */
#include "backend/backend.h"
#include "graph/graph.h"
#include "selftest/stages.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEADS = 12, SAMPLES = 400, WIDTH = 48, HEADS = 4, OUTPUTS = 7, BATCH = 3 };

/* Puts the network together. After a failure nothing more is done, and *err has the first reason. */
typedef struct author {
  graph *g;
  uint64_t random;
  bool failed;
  error *err;
} author;

/* Uniform in [-1, 1), the same everywhere. */
static float draw(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (float)(int32_t)(*state >> 40) / 8388608.0f - 1.0f;
}

static value_id weight(author *a, shape s, float scale) {
  int64_t count = 0;
  if (a->failed || !shape_elements(&s, &count))
    return VALUE_NONE;
  float *data = arena_alloc_array(graph_arena(a->g), (size_t)count, sizeof *data, a->err);
  for (int64_t i = 0; data && i < count; i++)
    data[i] = scale * draw(&a->random);
  value_id v = data ? graph_add_constant(a->g, "", DTYPE_F32, &s, data, a->err) : VALUE_NONE;
  a->failed = v == VALUE_NONE;
  return v;
}

static value_id node(author *a, const char *op, const value_id *operands, int count,
                     op_attributes attributes) {
  if (a->failed)
    return VALUE_NONE;
  value_id v = graph_append(a->g, op, operands, count, &attributes, "", "", a->err);
  a->failed = v == VALUE_NONE;
  return v;
}

static value_id conv(author *a, value_id x, int64_t in, int64_t out, op_attributes attributes,
                     value_id residual) {
  int64_t channels = in / attributes.groups;
  value_id operands[] = {x,
                         weight(a, (shape){3, {out, channels, attributes.kernel}},
                                sqrtf(3.0f / (float)(channels * attributes.kernel))),
                         weight(a, (shape){1, {out}}, 0.1f), residual};
  return node(a, "conv1d", operands, 4, attributes);
}

static op_attributes conv_attributes(int64_t kernel, int64_t stride, int64_t groups,
                                     activation_kind activation) {
  return (op_attributes){.kernel = kernel,
                         .stride = stride,
                         .padding_left = kernel / 2,
                         .padding_right = kernel / 2,
                         .dilation = 1,
                         .groups = groups,
                         .activation = activation,
                         .alpha = 0.01};
}

static value_id squeeze_excite(author *a, value_id x) {
  value_id mean = node(a, "adaptive_avg_pool1d", &x, 1, (op_attributes){.output_size = 1});
  value_id gate =
      conv(a, mean, WIDTH, WIDTH / 4, conv_attributes(1, 1, 1, ACTIVATION_LEAKY_RELU), VALUE_NONE);
  gate = conv(a, gate, WIDTH / 4, WIDTH, conv_attributes(1, 1, 1, ACTIVATION_SIGMOID), VALUE_NONE);
  return node(a, "mul", (value_id[]){x, gate}, 2, (op_attributes){0});
}

static value_id linear(author *a, value_id x, int64_t in, int64_t out, activation_kind activation) {
  value_id operands[] = {x, weight(a, (shape){2, {out, in}}, sqrtf(3.0f / (float)in)),
                         weight(a, (shape){1, {out}}, 0.1f)};
  return node(a, "linear", operands, 3, (op_attributes){.activation = activation});
}

static value_id layer_norm(author *a, value_id x) {
  value_id operands[] = {x, weight(a, (shape){1, {WIDTH}}, 1), weight(a, (shape){1, {WIDTH}}, 0.1f)};
  return node(a, "layer_norm", operands, 3, (op_attributes){.axis = 2, .epsilon = 1e-5});
}

/* One transformer layer on (1, times, width). */
static value_id transformer(author *a, value_id x) {
  value_id qkv[3];
  for (int i = 0; i < 3; i++)
    qkv[i] = linear(a, x, WIDTH, WIDTH, ACTIVATION_NONE);
  value_id y =
      node(a, "attention", qkv, 3, (op_attributes){.heads = HEADS, .scale = 1 / sqrt(WIDTH / HEADS)});
  x = layer_norm(a, node(a, "add", (value_id[]){x, y}, 2, (op_attributes){0}));
  y = linear(a, linear(a, x, WIDTH, 2 * WIDTH, ACTIVATION_GELU), 2 * WIDTH, WIDTH, ACTIVATION_NONE);
  return layer_norm(a, node(a, "add", (value_id[]){x, y}, 2, (op_attributes){0}));
}

static bool write_network(author *a) {
  const shape input = {3, {1, LEADS, SAMPLES}};
  value_id x = graph_add_input(a->g, "ecg", DTYPE_F32, &input, a->err);
  a->failed = x == VALUE_NONE;
  x = conv(a, x, LEADS, WIDTH, conv_attributes(3, 2, 1, ACTIVATION_LEAKY_RELU), VALUE_NONE);
  value_id y = conv(a, x, WIDTH, WIDTH, conv_attributes(5, 1, WIDTH, ACTIVATION_LEAKY_RELU), VALUE_NONE);
  x = conv(a, squeeze_excite(a, y), WIDTH, WIDTH, conv_attributes(1, 1, 1, ACTIVATION_NONE), x);
  x = conv(a, x, WIDTH, WIDTH, conv_attributes(3, 2, 4, ACTIVATION_GELU), VALUE_NONE);
  x = node(a, "transpose", &x, 1, (op_attributes){.ints = {0, 2, 1}, .ints_count = 3});
  x = transformer(a, x);
  x = node(a, "reduce_mean", &x, 1, (op_attributes){.ints = {1}, .ints_count = 1});
  x = linear(a, x, WIDTH, OUTPUTS, ACTIVATION_NONE);
  return !a->failed && graph_set_outputs(a->g, &x, 1, a->err);
}

static bool run_compiled(const graph *g, const compile_options *options, const float *input, float *output,
                         char *variant, error *err) {
  executable *e = cpu_backend.compile(g, options, err);
  const void *inputs[] = {input};
  void *outputs[] = {output};
  bool ok = e && cpu_backend.run(e, inputs, outputs, BATCH, err);
  if (ok)
    snprintf(variant, 32, "%s", cpu_backend.variant(e));
  cpu_backend.destroy(e);
  return ok;
}

static bool compare(const graph *g, const compile_options *several_threads, double bound, const float *input,
                    char *detail, error *err) {
  float truth[BATCH * OUTPUTS], one[BATCH * OUTPUTS], several[BATCH * OUTPUTS];
  char variant[32] = "";
  for (size_t i = 0; i < BATCH; i++) {
    const void *inputs[] = {input + i * LEADS * SAMPLES};
    void *outputs[] = {truth + i * OUTPUTS};
    if (!graph_evaluate(g, inputs, outputs, err))
      return false;
  }
  compile_options one_thread = *several_threads;
  one_thread.threads = 1;
  if (!run_compiled(g, &one_thread, input, one, variant, err) ||
      !run_compiled(g, several_threads, input, several, variant, err))
    return false;
  double worst = 0;
  for (size_t i = 0; i < BATCH * OUTPUTS; i++)
    worst = fmax(worst, fabs((double)one[i] - (double)truth[i]));
  bool same = memcmp(one, several, sizeof one) == 0;
  snprintf(detail, SELFTEST_DETAIL,
           "%s kernels, largest difference %.1e, the same bits for 1 and %d threads: %s", variant, worst,
           several_threads->threads, same ? "yes" : "no");
  return same && worst <= bound;
}

static bool check_network(const selftest_state *state, precision p, double bound, char *detail, error *err) {
  author a = {.g = graph_create(err), .random = 1, .err = err};
  float *input = malloc(sizeof(float) * BATCH * LEADS * SAMPLES);
  bool ok = a.g && (input || error_out_of_memory(err)) && write_network(&a) && graph_optimise(a.g, err);
  for (size_t i = 0; ok && i < BATCH * LEADS * SAMPLES; i++)
    input[i] = draw(&a.random);
  const compile_options several = {.threads = state->threads > 1 ? state->threads : 2, .precision = p};
  ok = ok && compare(a.g, &several, bound, input, detail, err);
  free(input);
  graph_destroy(a.g);
  return ok;
}

bool selftest_network(selftest_state *state, char *detail, error *err) {
  return check_network(state, PRECISION_FP32, 2e-5, detail, err);
}

bool selftest_network_bf16(selftest_state *state, char *detail, error *err) {
  error reason;
  if (precision_check(PRECISION_BF16, &reason))
    return check_network(state, PRECISION_BF16, 1e-2, detail, err);
  snprintf(detail, SELFTEST_DETAIL, "NOT RUN: %.*s", SELFTEST_DETAIL - 16, reason.message);
  return true;
}
