/* Layers with weights, pooling, normalisation, attention. */
#include "import/torchscript/aten.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- convolution ---- */

static bool pad_same(op_attributes *a, error *err) {
  int64_t reach;
  if (a->stride != 1)
    return error_set(err, ERROR_FORMAT, "padding='same' with stride=%" PRId64, a->stride);
  if (__builtin_mul_overflow(a->dilation, a->kernel - 1, &reach))
    return error_set(err, ERROR_FORMAT, "dilation=%" PRId64 " is too large", a->dilation);
  a->padding_left = reach / 2;
  a->padding_right = reach - reach / 2; /* the odd sample goes to the right */
  return true;
}

/* stride, padding and dilation, of which padding may be a word. */
static bool read_window(aten_call *call, op_attributes *a, error *err) {
  const ts_value *padding = aten_argument(call, "padding");
  if (!aten_single(call, "stride", &a->stride, err) || !aten_single(call, "dilation", &a->dilation, err))
    return false;
  if (padding->kind != TS_STRING) {
    bool good = aten_single(call, "padding", &a->padding_left, err);
    a->padding_right = a->padding_left;
    return good;
  }
  if (strcmp(padding->as.string, "valid") == 0)
    return true;
  if (strcmp(padding->as.string, "same") == 0)
    return pad_same(a, err);
  return error_set(err, ERROR_FORMAT, "padding='%.40s'", padding->as.string);
}

bool lower_convolution(aten_call *call, ts_value *result, error *err) {
  value_id inputs[3], id;
  bool transposed;
  op_attributes a = {0};
  if (!aten_tensor(call, "input", &inputs[0], err) || !aten_tensor(call, "weight", &inputs[1], err) ||
      !aten_optional_tensor(call, "bias", &inputs[2], err) ||
      !aten_bool(call, "transposed", &transposed, err))
    return false;
  const shape *weight = lowering_shape(call->l, inputs[1]);
  if (transposed)
    return error_set(err, ERROR_UNSUPPORTED, "a transposed convolution");
  if (weight->rank != 3)
    return error_set(err, ERROR_UNSUPPORTED, "a %d-D convolution: only 1-D ones are supported",
                     weight->rank - 2);
  a.kernel = weight->dims[2];
  return read_window(call, &a, err) && aten_int(call, "groups", &a.groups, err) &&
         aten_append(call, "conv1d", inputs, 3, &a, &id, err) && aten_result(call, id, result, err);
}

/* ---- matrices ---- */

bool lower_linear(aten_call *call, ts_value *result, error *err) {
  value_id inputs[3], id;
  return aten_tensor(call, "input", &inputs[0], err) && aten_tensor(call, "weight", &inputs[1], err) &&
         aten_optional_tensor(call, "bias", &inputs[2], err) &&
         aten_append(call, "linear", inputs, 3, &(op_attributes){0}, &id, err) &&
         aten_result(call, id, result, err);
}

/* What the argument is with its last two axes swapped, when that is at hand: then nothing needs to be moved.
 */
static value_id swapped(const aten_call *call, const char *parameter) {
  const ts_value *value = aten_argument(call, parameter);
  return value->kind == TS_TENSOR ? value->as.tensor->swapped : VALUE_NONE;
}

static bool swap_last_axes(aten_call *call, value_id x, value_id *result, error *err) {
  int rank = lowering_shape(call->l, x)->rank;
  int64_t permutation[TENSOR_MAX_RANK];
  for (int i = 0; i < rank; i++)
    permutation[i] = i < rank - 2 ? i : 2 * rank - 3 - i;
  return aten_transpose(call, x, permutation, result, err);
}

/* a (..., M, K) times b (..., K, N). `b_swapped`: b's transpose, or VALUE_NONE. A product with a weight is a
 * linear layer. */
static bool multiply_matrices(aten_call *call, value_id a, value_id b, value_id b_swapped, value_id *result,
                              error *err) {
  bool is_weight = lowering_shape(call->l, b)->rank == 2 &&
                   (graph_value_get(call->l->graph, b)->data ||
                    (b_swapped != VALUE_NONE && graph_value_get(call->l->graph, b_swapped)->data));
  op_attributes attributes = {.transpose_b = b_swapped != VALUE_NONE};
  if (!is_weight)
    return aten_append(call, "matmul", (value_id[]){a, b_swapped != VALUE_NONE ? b_swapped : b}, 2,
                       &attributes, result, err);
  if (b_swapped == VALUE_NONE && !swap_last_axes(call, b, &b_swapped, err))
    return false;
  return aten_append(call, "linear", (value_id[]){a, b_swapped}, 2, &(op_attributes){0}, result, err);
}

/* A vector as a matrix of one row or column; *added tells. */
static bool as_matrix(aten_call *call, value_id x, bool as_row, value_id *result, bool *added, error *err) {
  const shape *s = lowering_shape(call->l, x);
  *added = s->rank == 1;
  *result = x;
  if (s->rank == 0)
    return error_set(err, ERROR_FORMAT, "a matrix product with a scalar");
  shape matrix = {2, {as_row ? 1 : s->dims[0], as_row ? s->dims[0] : 1}};
  return !*added || aten_reshape(call, x, &matrix, result, err);
}

static bool drop_axis(aten_call *call, value_id x, int axis_from_end, value_id *result, error *err) {
  shape s = *lowering_shape(call->l, x);
  int axis = s.rank - axis_from_end;
  memmove(s.dims + axis, s.dims + axis + 1, (size_t)(s.rank - axis - 1) * sizeof *s.dims);
  s.rank--;
  return aten_reshape(call, x, &s, result, err);
}

bool lower_matmul(aten_call *call, ts_value *result, error *err) {
  value_id a, b, id;
  bool row_added, column_added;
  if (!aten_tensor(call, "self", &a, err) || !aten_tensor(call, "other", &b, err) ||
      !as_matrix(call, a, true, &a, &row_added, err) || !as_matrix(call, b, false, &b, &column_added, err) ||
      !multiply_matrices(call, a, b, column_added ? VALUE_NONE : swapped(call, "other"), &id, err))
    return false;
  if (column_added && !drop_axis(call, id, 1, &id, err))
    return false;
  if (row_added && !drop_axis(call, id, column_added ? 1 : 2, &id, err))
    return false;
  return aten_result(call, id, result, err);
}

/* beta * self + alpha * mat1 mat2 */
bool lower_addmm(aten_call *call, ts_value *result, error *err) {
  value_id bias, a, b, id;
  double alpha, beta;
  if (!aten_tensor(call, "self", &bias, err) || !aten_tensor(call, "mat1", &a, err) ||
      !aten_tensor(call, "mat2", &b, err) || !aten_real(call, "alpha", &alpha, err) ||
      !aten_real(call, "beta", &beta, err))
    return false;
  if (alpha != 1 && !aten_scalar_binary(call, "mul", a, alpha, &a, err))
    return false;
  if (beta != 1 && !aten_scalar_binary(call, "mul", bias, beta, &bias, err))
    return false;
  return multiply_matrices(call, a, b, swapped(call, "mat2"), &id, err) &&
         aten_binary(call, "add", id, bias, &id, err) && aten_result(call, id, result, err);
}

/* softmax(q k^T * scale + mask) v */
bool lower_attention(aten_call *call, ts_value *result, error *err) {
  value_id q, k, v, mask, scores;
  bool causal;
  double dropout, scale;
  if (!aten_tensor(call, "query", &q, err) || !aten_tensor(call, "key", &k, err) ||
      !aten_tensor(call, "value", &v, err) || !aten_optional_tensor(call, "attn_mask", &mask, err) ||
      !aten_bool(call, "is_causal", &causal, err) || !aten_real(call, "dropout_p", &dropout, err))
    return false;
  if (aten_argument(call, "attn_mask")->kind == TS_TENSOR &&
      aten_argument(call, "attn_mask")->as.tensor->boolean)
    return error_set(err, ERROR_UNSUPPORTED,
                     "attn_mask holds booleans: only masks that are added are supported");
  if (causal || dropout != 0)
    return error_set(err, ERROR_UNSUPPORTED,
                     causal ? "is_causal=True" : "dropout: was the model saved in training?");
  const shape *s = lowering_shape(call->l, q);
  if (s->rank < 2)
    return error_set(err, ERROR_FORMAT, "query has rank %d", s->rank);
  scale = 1 / sqrt((double)s->dims[s->rank - 1]);
  if (aten_is_given(call, "scale") && !aten_real(call, "scale", &scale, err))
    return false;
  op_attributes product = {.transpose_b = 1}, softmax = {.axis = s->rank - 1};
  return aten_append(call, "matmul", (value_id[]){q, k}, 2, &product, &scores, err) &&
         aten_scalar_binary(call, "mul", scores, scale, &scores, err) &&
         (mask == VALUE_NONE || aten_binary(call, "add", scores, mask, &scores, err)) &&
         aten_unary(call, "softmax", scores, &softmax, &scores, err) &&
         aten_append(call, "matmul", (value_id[]){scores, v}, 2, &(op_attributes){0}, &scores, err) &&
         aten_result(call, scores, result, err);
}

/* ---- normalisation ---- */

static bool refuse_training(aten_call *call, const char *flag, error *err) {
  bool training;
  if (!aten_bool(call, flag, &training, err))
    return false;
  return !training ||
         error_set(err, ERROR_UNSUPPORTED, "the model was saved in training mode (call eval() first)");
}

static bool append_batch_norm(aten_call *call, ts_value *result, error *err) {
  value_id inputs[5], id;
  op_attributes a = {0};
  return aten_tensor(call, "input", &inputs[0], err) && aten_tensor(call, "running_mean", &inputs[1], err) &&
         aten_tensor(call, "running_var", &inputs[2], err) &&
         aten_optional_tensor(call, "weight", &inputs[3], err) &&
         aten_optional_tensor(call, "bias", &inputs[4], err) && aten_real(call, "eps", &a.epsilon, err) &&
         aten_append(call, "batch_norm", inputs, 5, &a, &id, err) && aten_result(call, id, result, err);
}

bool lower_batch_norm(aten_call *call, ts_value *result, error *err) {
  return refuse_training(call, "training", err) && append_batch_norm(call, result, err);
}

/* `groups`: 0 to ask the argument num_groups. */
static bool append_group_norm(aten_call *call, int64_t groups, ts_value *result, error *err) {
  value_id inputs[3], id;
  op_attributes a = {.groups = groups};
  return aten_tensor(call, "input", &inputs[0], err) &&
         aten_optional_tensor(call, "weight", &inputs[1], err) &&
         aten_optional_tensor(call, "bias", &inputs[2], err) && aten_real(call, "eps", &a.epsilon, err) &&
         (groups || aten_int(call, "num_groups", &a.groups, err)) &&
         aten_append(call, "group_norm", inputs, 3, &a, &id, err) && aten_result(call, id, result, err);
}

bool lower_group_norm(aten_call *call, ts_value *result, error *err) {
  return append_group_norm(call, 0, result, err);
}

/* With the statistics of the input it is a group norm of one channel per group, else a batch norm. */
bool lower_instance_norm(aten_call *call, ts_value *result, error *err) {
  value_id x;
  bool own_statistics;
  if (!aten_bool(call, "use_input_stats", &own_statistics, err))
    return false;
  if (!own_statistics)
    return append_batch_norm(call, result, err);
  if (!aten_tensor(call, "input", &x, err))
    return false;
  const shape *s = lowering_shape(call->l, x);
  if (s->rank < 3)
    return error_set(err, ERROR_FORMAT, "input has rank %d", s->rank);
  return append_group_norm(call, s->dims[1], result, err);
}

bool lower_layer_norm(aten_call *call, ts_value *result, error *err) {
  value_id inputs[3], id;
  op_attributes a = {0};
  int64_t sizes[TENSOR_MAX_RANK];
  int count;
  if (!aten_tensor(call, "input", &inputs[0], err) ||
      !aten_optional_tensor(call, "weight", &inputs[1], err) ||
      !aten_optional_tensor(call, "bias", &inputs[2], err) || !aten_real(call, "eps", &a.epsilon, err) ||
      !aten_ints(call, "normalized_shape", TENSOR_MAX_RANK, sizes, &count, err))
    return false;
  const shape *s = lowering_shape(call->l, inputs[0]);
  bool fits = count >= 1 && count <= s->rank;
  for (int i = 0; fits && i < count; i++)
    fits = sizes[i] == s->dims[s->rank - count + i];
  if (!fits)
    return error_set(err, ERROR_FORMAT, "normalized_shape does not match the input");
  a.axis = s->rank - count;
  return aten_append(call, "layer_norm", inputs, 3, &a, &id, err) && aten_result(call, id, result, err);
}

/* weight = g * v / |v|, the norm taken over all axes but `axis`; g has an element per index of that axis. */
static void normalise_weight(const float *v, const float *g, const shape *s, int axis, float *weight) {
  int64_t elements = 1, inner = 1, count = s->dims[axis];
  for (int i = 0; i < s->rank; i++)
    elements *= s->dims[i];
  for (int i = axis + 1; i < s->rank; i++)
    inner *= s->dims[i];
  int64_t outer = elements / (inner * count);
  for (int64_t c = 0; c < count; c++) {
    double squares = 0;
    for (int64_t o = 0; o < outer; o++)
      for (int64_t i = 0; i < inner; i++) {
        double x = (double)v[(o * count + c) * inner + i];
        squares += x * x;
      }
    double factor = (double)g[c] / sqrt(squares);
    for (int64_t o = 0; o < outer; o++)
      for (int64_t i = 0; i < inner; i++)
        weight[(o * count + c) * inner + i] = (float)((double)v[(o * count + c) * inner + i] * factor);
  }
}

bool lower_weight_norm(aten_call *call, ts_value *result, error *err) {
  value_id v, g, id;
  int axis = 0;
  int64_t dim, elements, scales;
  if (!aten_tensor(call, "v", &v, err) || !aten_tensor(call, "g", &g, err) ||
      !aten_int(call, "dim", &dim, err) ||
      (dim != -1 && !aten_wrap_axis(dim, lowering_shape(call->l, v)->rank, &axis, err)))
    return false;
  /* copies: the graph's values move when it grows */
  const graph_value direction = *graph_value_get(call->l->graph, v),
                    scale = *graph_value_get(call->l->graph, g);
  if (!direction.data || !scale.data)
    return error_set(err, ERROR_UNSUPPORTED, "weight normalisation of what is no weight");
  if (!shape_elements(&direction.shape, &elements) || !shape_elements(&scale.shape, &scales))
    return error_set(err, ERROR_INTERNAL, "a value with an impossible shape");
  /* -1 is not the last axis here, but none: one norm of the whole tensor. */
  shape parted = dim == -1 ? (shape){2, {1, elements}} : direction.shape;
  if (scales != parted.dims[axis])
    return error_set(err, ERROR_FORMAT, "g and v don't match");
  float *weight;
  if (!lowering_charge(call->l, elements / 100, err) ||
      !(weight = arena_alloc_array(graph_arena(call->l->graph), (size_t)elements, sizeof *weight, err)))
    return false;
  normalise_weight(direction.data, scale.data, &parted, axis, weight);
  return lowering_add_constant(call->l, direction.name, &direction.shape, weight, &id, err) &&
         aten_result(call, id, result, err);
}

bool lower_dropout(aten_call *call, ts_value *result, error *err) {
  double p;
  if (!aten_real(call, "p", &p, err) || (p != 0 && !refuse_training(call, "train", err)))
    return false;
  *result = *aten_argument(call, "input");
  return true;
}

/* ---- pooling, softmax ---- */

/* detail: 0 maximum, 1 mean */
bool lower_pool(aten_call *call, ts_value *result, error *err) {
  value_id x, id;
  bool average = call->op->detail == 1, ceil_mode, count_padding;
  op_attributes a = {.dilation = 1};
  int64_t stride = 0;
  int strides;
  if (!aten_tensor(call, "self", &x, err) || !aten_single(call, "kernel_size", &a.kernel, err) ||
      !aten_ints(call, "stride", 1, &stride, &strides, err) ||
      !aten_single(call, "padding", &a.padding_left, err) ||
      (!average && !aten_single(call, "dilation", &a.dilation, err)) ||
      !aten_bool(call, "ceil_mode", &ceil_mode, err) ||
      !aten_bool(call, "count_include_pad", &count_padding, err))
    return false;
  a.stride = strides ? stride : a.kernel;
  a.padding_right = a.padding_left;
  a.ceil_mode = ceil_mode;
  a.count_include_pad = count_padding;
  return aten_unary(call, average ? "avg_pool1d" : "max_pool1d", x, &a, &id, err) &&
         aten_result(call, id, result, err);
}

/* detail: 0 maximum (with its indices), 1 mean */
bool lower_adaptive_pool(aten_call *call, ts_value *result, error *err) {
  value_id x, id;
  bool average = call->op->detail == 1;
  op_attributes a = {0};
  ts_value pooled;
  if (!aten_tensor(call, "self", &x, err) || !aten_single(call, "output_size", &a.output_size, err) ||
      !aten_unary(call, average ? "adaptive_avg_pool1d" : "adaptive_max_pool1d", x, &a, &id, err) ||
      !aten_result(call, id, &pooled, err))
    return false;
  *result = pooled;
  return average || (ts_new_sequence(TS_TUPLE, 2, call->l->memory, result, err) &&
                     ts_append(result, pooled, call->l->memory, err) &&
                     ts_append(result, ts_opaque("indices of a maximum"), call->l->memory, err));
}

bool lower_softmax(aten_call *call, ts_value *result, error *err) {
  value_id x, id;
  int axis;
  if (!aten_tensor(call, "self", &x, err) ||
      !aten_axis(call, "dim", lowering_shape(call->l, x)->rank, &axis, err))
    return false;
  return aten_unary(call, "softmax", x, &(op_attributes){.axis = axis}, &id, err) &&
         aten_result(call, id, result, err);
}
