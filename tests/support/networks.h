/* Small networks for tests: seeded random numbers, and graphs put together in a line or two. Any error
 * aborts. */
#ifndef DEEPECG_TESTS_NETWORKS_H
#define DEEPECG_TESTS_NETWORKS_H

#include "graph/graph.h"

#include <stddef.h>
#include <stdint.h>

/* Uniform in [-1, 1); the state is any number. */
float random_float(uint64_t *state);
/* Uniform in low..high */
int64_t random_int(uint64_t *state, int64_t low, int64_t high);
void random_fill(float *x, size_t count, uint64_t *state);

size_t shape_count(const shape *s);

/* A shape from its sizes. */
#define SHAPE(...)                                                                                           \
  shape_of((const int64_t[]){__VA_ARGS__}, (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))
shape shape_of(const int64_t *dims, int rank);

graph *network_create(void);
value_id network_input(graph *g, shape s);
/* A constant of random numbers in [-scale, scale). */
value_id network_weight(graph *g, shape s, float scale, uint64_t *state);
/* Attributes with stride, dilation, groups and step 1, all else 0. */
op_attributes network_attributes(void);
value_id network_node(graph *g, const char *op, const value_id *inputs, int count, const op_attributes *a);
void network_output(graph *g, value_id v);

/* Convolution with random weights of a variance that keeps activations in range. bias and residual may be
 * left out. */
value_id network_conv(graph *g, value_id x, int64_t channels, op_attributes a, bool bias, value_id residual,
                      uint64_t *state);
/* An EfficientNetV2-like network on a (1, leads, samples) input: fused blocks, MBConv blocks with
 * squeeze-excite, head. With the published sizes where `small` is false. */
value_id network_efficientnet(graph *g, value_id x, bool small, int64_t labels, uint64_t *state);

#endif
