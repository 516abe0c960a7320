/* Operators of the network graph: one descriptor each, with its attributes, its shape rule and a plain scalar
 * implementation that is the truth for tests, for constant folding and for whatever no fast kernel covers.
 *
 * Logical layout is row-major, as PyTorch's: signals are (batch, channels, time). */
#ifndef DEEPECG_OPS_OP_H
#define DEEPECG_OPS_OP_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum { TENSOR_MAX_RANK = 6, OP_MAX_INPUTS = 32, OP_MAX_OUTPUTS = 1 };

typedef enum dtype { DTYPE_F32, DTYPE_I32 } dtype;

typedef struct shape {
  int rank; /* 0: a scalar */
  int64_t dims[TENSOR_MAX_RANK];
} shape;

/* Number of elements; false where the product does not fit in int64 or exceeds 2^40. */
bool shape_elements(const shape *s, int64_t *elements);
bool shape_equal(const shape *a, const shape *b);
/* "(1, 12, 2500)" */
const char *shape_text(const shape *s, char *text, size_t size);

typedef enum activation_kind {
  ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_LEAKY_RELU, ACTIVATION_RELU6, ACTIVATION_SILU, ACTIVATION_GELU,
  ACTIVATION_GELU_TANH, ACTIVATION_MISH, ACTIVATION_SELU, ACTIVATION_ELU, ACTIVATION_HARDSWISH, ACTIVATION_HARDSIGMOID,
  ACTIVATION_SIGMOID, ACTIVATION_TANH, ACTIVATION_COUNT
} activation_kind;

/* y = f(x); alpha is leaky_relu's slope or elu's alpha. Scalar, in float via double: the truth. */
float activation_apply(activation_kind kind, double alpha, float x);
const char *activation_name(activation_kind kind);

/* Attributes of all operators in one plain struct; a descriptor's attribute table says which of them it uses. */
typedef struct op_attributes {
  int64_t kernel, stride, padding_left, padding_right, dilation, groups; /* convolution, pooling */
  int64_t axis, axis_end;    /* normalisation, softmax, concat, slice, chunk ...; axes are never negative in a graph */
  int64_t start, stop, step; /* slice */
  int64_t output_size;       /* adaptive pooling */
  int64_t ints[TENSOR_MAX_RANK]; /* permutation, target shape, reduced axes, padding (begin, end per axis from the last) */
  int64_t ints_count;
  int64_t keep_dim, ceil_mode, count_include_pad, transpose_b, heads;
  double epsilon, alpha, value, scale;
  int64_t activation; /* activation_kind; for `activation` nodes, and fused into the epilogue of others */
} op_attributes;

typedef enum attribute_kind { ATTRIBUTE_INT, ATTRIBUTE_FLOAT, ATTRIBUTE_INTS, ATTRIBUTE_ACTIVATION } attribute_kind;

typedef struct attribute_spec {
  const char *name;
  attribute_kind kind;
  size_t offset; /* into op_attributes */
} attribute_spec;

/* A read-only view of an operand. data is NULL for an absent optional operand. */
typedef struct tensor_view {
  dtype type;
  shape shape;
  const void *data;
} tensor_view;

typedef struct op_descriptor {
  const char *name;
  int min_inputs, max_inputs;
  const attribute_spec *attributes; /* ends with a NULL name */
  /* Check operands and attributes and give the result's shape and type. inputs[i] is NULL for an absent optional operand. The
   * numbers may come from a foreign file: kernel, stride or groups 0, negative sizes and overflows are errors that say
   * which. */
  bool (*infer)(const shape *const *inputs, const dtype *types, int input_count, const op_attributes *attributes,
                shape *result, dtype *result_type, error *err);
  /* The scalar truth. Operands have passed `infer`; `result` has room for the inferred shape. Accumulates in double. */
  void (*evaluate)(const tensor_view *inputs, int input_count, const op_attributes *attributes, const shape *result_shape,
                   void *result);
  /* Floating-point operations (2 per multiply-add), for inspect and bench. NULL: counted as 0. */
  double (*flops)(const shape *const *inputs, int input_count, const op_attributes *attributes, const shape *result);
} op_descriptor;

/* All operators (ops.c). */
extern const op_descriptor *const op_table[];
extern const size_t op_count;
const op_descriptor *op_find(const char *name);

/* Operators, operands in order ([x] = optional):
 *   input                                            a graph input (no operands; shape given by the graph)
 *   constant                                         a weight (data owned by the graph)
 *   conv1d        x (B,Cin,T), weight (Cout,Cin/groups,K), [bias (Cout)], [residual (B,Cout,To)]
 *                 kernel, stride, padding_left, padding_right, dilation, groups, activation, alpha;
 *                 result = activation(conv + bias + residual)
 *   linear        x (...,In), weight (Out,In), [bias (Out)], [residual]; activation, alpha
 *   matmul        a (...,M,K), b (...,K,N) with NumPy broadcasting of leading axes; transpose_b
 *   batch_norm    x (B,C,...), mean, variance, [gamma], [beta]; epsilon
 *   group_norm    x (B,C,...), [gamma (C)], [beta (C)]; groups, epsilon       (instance_norm is groups = C)
 *   layer_norm    x, [gamma], [beta]; axis = first normalised axis, epsilon
 *   activation    x; activation, alpha
 *   prelu         x (B,C,...), slope (1 or C)
 *   softmax       x; axis
 *   max_pool1d, avg_pool1d   x (B,C,T); kernel, stride, padding_left, padding_right, dilation (max), ceil_mode,
 *                 count_include_pad (avg)
 *   adaptive_avg_pool1d, adaptive_max_pool1d   x (B,C,T); output_size
 *   reduce_mean, reduce_sum, reduce_max   x; ints = axes, keep_dim
 *   count_nonzero x; ints = axes, keep_dim (result F32)
 *   add, sub, mul, div       a, b with NumPy broadcasting
 *   concat        1..OP_MAX_INPUTS tensors; axis
 *   slice         x; axis, start, stop, step (> 0)
 *   pad           x; ints = (begin, end) of the last axis, then of the one before, ...; value
 *   reshape       x; ints = whole target shape, no -1
 *   transpose     x; ints = permutation
 *   embedding     table (N,D), indices I32 (...)
 *   attention     q, k, v (B,T,H*D) each; heads, scale: softmax(q k^T * scale) v per head -> (B,T,H*D)
 */

#endif
