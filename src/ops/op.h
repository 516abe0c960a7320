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

size_t dtype_size(dtype type);
const char *dtype_name(dtype type); /* "f32", "i32" */

typedef struct shape {
  int rank; /* 0: a scalar */
  int64_t dims[TENSOR_MAX_RANK];
} shape;

enum { SHAPE_TEXT_SIZE = 160 };

/* Number of elements; false where the rank is out of range, a size is below 1, or the product exceeds 2^40.
 */
bool shape_elements(const shape *s, int64_t *elements);
bool shape_equal(const shape *a, const shape *b);
/* "(1, 12, 2500)"; SHAPE_TEXT_SIZE is enough for any shape. Returns `text`. */
const char *shape_text(const shape *s, char *text, size_t size);

typedef enum activation_kind {
  ACTIVATION_NONE,
  ACTIVATION_RELU,
  ACTIVATION_LEAKY_RELU,
  ACTIVATION_RELU6,
  ACTIVATION_SILU,
  ACTIVATION_GELU,
  ACTIVATION_GELU_TANH,
  ACTIVATION_MISH,
  ACTIVATION_SELU,
  ACTIVATION_ELU,
  ACTIVATION_HARDSWISH,
  ACTIVATION_HARDSIGMOID,
  ACTIVATION_SIGMOID,
  ACTIVATION_TANH,
  ACTIVATION_COUNT
} activation_kind;

/* y = f(x); alpha is leaky_relu's slope or elu's alpha. In float via double: the truth. */
float activation_apply(activation_kind kind, double alpha, float x);
const char *activation_name(activation_kind kind); /* "leaky_relu"; "none" */
bool activation_uses_alpha(activation_kind kind);

/* Attributes of all operators in one plain struct; a descriptor's attribute table says which of them it uses.
 * Attributes that an operator does not use are ignored. Zero-initialised is not a default: stride, dilation,
 * groups and step are at least 1. */
typedef struct op_attributes {
  int64_t kernel, stride, padding_left, padding_right, dilation, groups; /* convolution, pooling */
  int64_t axis;              /* normalisation, softmax, concat, slice; axes are never negative in a graph */
  int64_t start, stop, step; /* slice */
  int64_t output_size;       /* adaptive pooling */
  int64_t ints[TENSOR_MAX_RANK]; /* permutation, target shape, reduced axes, padding (begin, end per axis from
                                    the last) */
  int64_t ints_count;
  int64_t keep_dim, ceil_mode, count_include_pad, transpose_b, heads;
  double epsilon, alpha, value, scale;
  int64_t activation; /* activation_kind; for `activation` nodes, and fused into the epilogue of others */
} op_attributes;

/* Larger kernels, strides, dilations, paddings and output sizes than this are refused (and smaller than 0 or
 * 1). */
enum { OP_MAX_EXTENT = 1 << 24 };

typedef enum attribute_kind {
  ATTRIBUTE_INT,
  ATTRIBUTE_INT_PAIR, /* this field and the one after it: padding_left, padding_right */
  ATTRIBUTE_FLOAT,
  ATTRIBUTE_INTS,      /* ints[0..ints_count) */
  ATTRIBUTE_ACTIVATION /* activation, with alpha where it is used */
} attribute_kind;

typedef struct attribute_spec {
  const char *name;
  attribute_kind kind;
  size_t offset; /* into op_attributes */
  double usual;  /* the value that a printer may leave out (of both fields, for a pair); NAN: none */
} attribute_spec;

/* A read-only view of an operand. data is NULL for an absent optional operand. */
typedef struct tensor_view {
  dtype type;
  shape shape;
  const void *data;
} tensor_view;

typedef struct op_descriptor {
  const char *name;
  int min_inputs, max_inputs;       /* operands from min_inputs on are optional, except concat's */
  const attribute_spec *attributes; /* ends with a NULL name; may be NULL */
  /* Check operands and attributes and give the result's shape and type. inputs[i] is NULL for an absent
   * optional operand. The numbers may come from a foreign file: kernel, stride or groups 0, negative sizes
   * and overflows are errors that say which. Call it through op_infer, which checks what all operators have
   * in common. */
  bool (*infer)(const shape *const *inputs, const dtype *types, int input_count,
                const op_attributes *attributes, shape *result, dtype *result_type, error *err);
  /* The scalar truth. Operands have passed `infer`; `result` has room for the inferred shape and overlaps no
   * operand. Accumulates in double. Allocates nothing; safe in any thread. */
  void (*evaluate)(const tensor_view *inputs, int input_count, const op_attributes *attributes,
                   const shape *result_shape, void *result);
  /* Floating-point operations (2 per multiply-add; comparisons of pooling count as one), for inspect and
   * bench. NULL: counted as 0. */
  double (*flops)(const shape *const *inputs, int input_count, const op_attributes *attributes,
                  const shape *result);
} op_descriptor;

/* The operator's rule with the common checks around it: number of operands, none missing, valid shapes, a
 * result of at most 2^31 - 1 elements. Messages begin with the operator's name: "conv1d: stride=0 is
 * outside 1..16777216". */
bool op_infer(const op_descriptor *op, const shape *const *inputs, const dtype *types, int input_count,
              const op_attributes *attributes, shape *result, dtype *result_type, error *err);

/* All operators (ops.c). */
extern const op_descriptor *const op_table[];
extern const size_t op_count;
const op_descriptor *op_find(const char *name);

/* clang-format off */
/* Operators, operands in order ([x] = optional); attributes behind the semicolon. Operands and results are F32
 * unless said otherwise. Graph inputs and constants are values of the graph, not operators.
 *
 * conv1d           x (B,Cin,T), weight (Cout,Cin/groups,K), [bias (Cout)], [residual (B,Cout,To)]; kernel, stride,
 *                  padding_left, padding_right, dilation, groups, activation, alpha. The result is
 *                  activation(conv + bias + residual).
 * linear           x (...,In), weight (Out,In), [bias (Out)], [residual (...,Out)]; activation, alpha (as conv1d)
 * matmul           a (...,M,K), b (...,K,N) with NumPy broadcasting of leading axes; transpose_b: b is (...,N,K)
 * batch_norm       x (B,C,...), mean (C), variance (C), [gamma (C)], [beta (C)]; epsilon
 * group_norm       x (B,C,...), [gamma (C)], [beta (C)]; groups, epsilon (instance norm is groups = C)
 * layer_norm       x, [gamma], [beta] (of x's axes from `axis` on); axis = first normalised axis, epsilon
 * activation       x; activation (not none), alpha
 * prelu            x (B,C,...), slope (1) or (C)
 * softmax          x; axis
 * max_pool1d, avg_pool1d
 *                  x (B,C,T); kernel, stride, padding_left, padding_right, dilation (max), ceil_mode,
 *                  count_include_pad (avg)
 * adaptive_avg_pool1d, adaptive_max_pool1d
 *                  x (B,C,T); output_size
 * reduce_mean, reduce_sum, reduce_max
 *                  x; ints = axes (at least one), keep_dim
 * count_nonzero    x (F32 or I32); ints = axes, keep_dim (result F32)
 * add, sub, mul, div, maximum, minimum
 *                  a, b with NumPy broadcasting; a maximum or minimum with NaN is NaN
 * concat           1..OP_MAX_INPUTS tensors of one type; axis
 * slice            x (any type); axis, start, stop, step: 0 <= start < stop <= size, step >= 1
 * pad              x; ints = (begin, end) of the last axis, then of the one before, ..., none negative; value
 * reshape          x (any type); ints = whole target shape, no -1
 * transpose        x (any type); ints = permutation: result axis i is x's axis ints[i]
 * embedding        table (N,D), indices I32 (...): (...,D); an index outside the table gives a row of NaN
 * attention        q, k, v (B,T,H*D) each; heads, scale: softmax(q k^T * scale) v per head -> (B,T,H*D)
 */
/* clang-format on */

#endif
