#include "support/networks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t random_bits(uint64_t *state) { /* splitmix64 */
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

float random_float(uint64_t *state) {
  return (float)(random_bits(state) >> 40) / 8388608.0f - 1.0f;
}

int64_t random_int(uint64_t *state, int64_t low, int64_t high) {
  return low + (int64_t)(random_bits(state) % (uint64_t)(high - low + 1));
}

void random_fill(float *x, size_t count, uint64_t *state) {
  for (size_t i = 0; i < count; i++)
    x[i] = random_float(state);
}

size_t shape_count(const shape *s) {
  int64_t elements = 0;
  return shape_elements(s, &elements) ? (size_t)elements : 0;
}

shape shape_of(const int64_t *dims, int rank) {
  shape s = {.rank = rank};
  for (int i = 0; i < rank; i++)
    s.dims[i] = dims[i];
  return s;
}

static void must(bool done, const error *err) {
  if (done)
    return;
  fprintf(stderr, "network: %s\n", err->message);
  abort();
}

graph *network_create(void) {
  error err;
  graph *g = graph_create(&err);
  must(g != NULL, &err);
  return g;
}

value_id network_input(graph *g, shape s) {
  error err;
  value_id v = graph_add_input(g, "x", DTYPE_F32, &s, &err);
  must(v != VALUE_NONE, &err);
  return v;
}

value_id network_weight(graph *g, shape s, float scale, uint64_t *state) {
  error err;
  float *data = arena_alloc_array(graph_arena(g), shape_count(&s), sizeof *data, &err);
  must(data != NULL, &err);
  for (size_t i = 0; i < shape_count(&s); i++)
    data[i] = scale * random_float(state);
  value_id v = graph_add_constant(g, "w", DTYPE_F32, &s, data, &err);
  must(v != VALUE_NONE, &err);
  return v;
}

op_attributes network_attributes(void) {
  return (op_attributes){.stride = 1, .dilation = 1, .groups = 1, .step = 1};
}

value_id network_node(graph *g, const char *op, const value_id *inputs, int count, const op_attributes *a) {
  error err;
  value_id v = graph_append(g, op, inputs, count, a, "", "", &err);
  must(v != VALUE_NONE, &err);
  return v;
}

void network_output(graph *g, value_id v) {
  error err;
  must(graph_set_outputs(g, &v, 1, &err), &err);
}

value_id network_conv(graph *g, value_id x, int64_t channels, op_attributes a, bool bias, value_id residual,
                      uint64_t *state) {
  int64_t per_group = graph_value_get(g, x)->shape.dims[1] / a.groups;
  float scale = sqrtf(3.0f / (float)(per_group * a.kernel));
  value_id operands[4] = {x, network_weight(g, SHAPE(channels, per_group, a.kernel), scale, state),
                          VALUE_NONE, residual};
  if (bias)
    operands[2] = network_weight(g, SHAPE(channels), 0.1f, state);
  return network_node(g, "conv1d", operands, 4, &a);
}

/* ---- an EfficientNetV2-like network ---- */

static op_attributes conv_attributes(int64_t kernel, int64_t stride, int64_t groups,
                                     activation_kind activation) {
  op_attributes a = network_attributes();
  a.kernel = kernel;
  a.stride = stride;
  a.groups = groups;
  a.padding_left = a.padding_right = kernel / 2;
  a.activation = activation;
  a.alpha = 0.01;
  return a;
}

static value_id squeeze_excite(graph *g, value_id x, uint64_t *state) {
  int64_t channels = graph_value_get(g, x)->shape.dims[1];
  op_attributes pool = network_attributes();
  pool.output_size = 1;
  value_id gate = network_node(g, "adaptive_avg_pool1d", &x, 1, &pool);
  gate = network_conv(g, gate, channels / 4 ? channels / 4 : 1,
                      conv_attributes(1, 1, 1, ACTIVATION_LEAKY_RELU), true, VALUE_NONE, state);
  gate =
      network_conv(g, gate, channels, conv_attributes(1, 1, 1, ACTIVATION_SIGMOID), true, VALUE_NONE, state);
  return network_node(g, "mul", (const value_id[]){x, gate}, 2, &pool);
}

static value_id fused_block(graph *g, value_id x, int64_t channels, int64_t kernel, int64_t stride,
                            uint64_t *state) {
  value_id y = network_conv(g, x, channels, conv_attributes(kernel, stride, 1, ACTIVATION_LEAKY_RELU), true,
                            VALUE_NONE, state);
  y = squeeze_excite(g, y, state);
  op_attributes a = network_attributes();
  return shape_equal(&graph_value_get(g, x)->shape, &graph_value_get(g, y)->shape)
             ? network_node(g, "add", (const value_id[]){x, y}, 2, &a)
             : y;
}

static value_id mbconv_block(graph *g, value_id x, int64_t channels, int64_t kernel, int64_t stride,
                             uint64_t *state) {
  int64_t in = graph_value_get(g, x)->shape.dims[1], middle = 2 * in;
  value_id y =
      network_conv(g, x, middle, conv_attributes(1, 1, 1, ACTIVATION_LEAKY_RELU), true, VALUE_NONE, state);
  y = network_conv(g, y, middle, conv_attributes(kernel, stride, middle, ACTIVATION_LEAKY_RELU), true,
                   VALUE_NONE, state);
  y = squeeze_excite(g, y, state);
  return network_conv(g, y, channels, conv_attributes(1, 1, 1, ACTIVATION_NONE), true,
                      in == channels && stride == 1 ? x : VALUE_NONE, state);
}

typedef struct stage {
  bool fused;
  int64_t channels, kernel, stride;
  int blocks;
} stage;

static value_id run_stage(graph *g, value_id x, const stage *s, uint64_t *state) {
  for (int i = 0; i < s->blocks; i++)
    x = (s->fused ? fused_block : mbconv_block)(g, x, s->channels, s->kernel, i == 0 ? s->stride : 1, state);
  return x;
}

value_id network_efficientnet(graph *g, value_id x, bool small, int64_t labels, uint64_t *state) {
  static const stage published[] = {{true, 12, 3, 1, 2}, {true, 24, 3, 1, 4},  {true, 32, 5, 2, 4},
                                    {true, 64, 3, 2, 6}, {false, 80, 5, 2, 8}, {false, 128, 3, 2, 10}};
  static const stage reduced[] = {
      {true, 5, 3, 1, 2}, {true, 20, 5, 2, 2}, {false, 33, 5, 2, 2}, {false, 48, 3, 2, 1}};
  x = network_conv(g, x, small ? 5 : 12, conv_attributes(3, 1, 1, ACTIVATION_LEAKY_RELU), true, VALUE_NONE,
                   state);
  size_t count = small ? sizeof reduced / sizeof *reduced : sizeof published / sizeof *published;
  for (size_t i = 0; i < count; i++)
    x = run_stage(g, x, small ? &reduced[i] : &published[i], state);
  x = network_conv(g, x, small ? 77 : 640, conv_attributes(1, 1, 1, ACTIVATION_NONE), true, VALUE_NONE,
                   state);
  op_attributes a = network_attributes();
  a.output_size = 1;
  x = network_node(g, "adaptive_avg_pool1d", &x, 1, &a);
  int64_t features = graph_value_get(g, x)->shape.dims[1];
  a.ints[0] = 1;
  a.ints[1] = features;
  a.ints_count = 2;
  x = network_node(g, "reshape", &x, 1, &a);
  value_id operands[3] = {x, network_weight(g, SHAPE(labels, features), 0.2f, state),
                          network_weight(g, SHAPE(labels), 0.1f, state)};
  return network_node(g, "linear", operands, 3, &a);
}
