/* Activations, arithmetic, reductions. */
#include "import/torchscript/aten.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- activations ---- */

/* detail: the activation_kind; alpha is negative_slope where there is one. */
bool lower_activation(aten_call *call, ts_value *result, error *err) {
  value_id x, id;
  double slope;
  return aten_tensor(call, "self", &x, err) && aten_real(call, "negative_slope", &slope, err) &&
         aten_activate(call, (activation_kind)call->op->detail, slope, x, &id, err) &&
         aten_result(call, id, result, err);
}

bool lower_gelu(aten_call *call, ts_value *result, error *err) {
  value_id x, id;
  const ts_value *approximate = aten_argument(call, "approximate");
  const char *word = approximate->kind == TS_STRING ? approximate->as.string : "";
  bool by_tanh = strcmp(word, "tanh") == 0;
  if (!by_tanh && strcmp(word, "none") != 0)
    return error_set(err, ERROR_UNSUPPORTED, "approximate='%.40s'", word);
  return aten_tensor(call, "self", &x, err) &&
         aten_activate(call, by_tanh ? ACTIVATION_GELU_TANH : ACTIVATION_GELU, 0, x, &id, err) &&
         aten_result(call, id, result, err);
}

bool lower_elu(aten_call *call, ts_value *result, error *err) {
  value_id x, id;
  double alpha, scale, input_scale;
  if (!aten_tensor(call, "self", &x, err) || !aten_real(call, "alpha", &alpha, err) ||
      !aten_real(call, "scale", &scale, err) || !aten_real(call, "input_scale", &input_scale, err))
    return false;
  if (scale != 1 || input_scale != 1)
    return error_set(err, ERROR_UNSUPPORTED, "scale=%g, input_scale=%g", scale, input_scale);
  return aten_activate(call, ACTIVATION_ELU, alpha, x, &id, err) && aten_result(call, id, result, err);
}

/* max(0, x) + min(0, alpha * (exp(x / alpha) - 1)) = alpha * elu(x / alpha) */
bool lower_celu(aten_call *call, ts_value *result, error *err) {
  value_id x, id;
  double alpha;
  if (!aten_tensor(call, "self", &x, err) || !aten_real(call, "alpha", &alpha, err))
    return false;
  if (!(alpha > 0))
    return error_set(err, ERROR_FORMAT, "alpha=%g", alpha);
  return (alpha == 1 || aten_scalar_binary(call, "mul", x, 1 / alpha, &x, err)) &&
         aten_activate(call, ACTIVATION_ELU, 1, x, &id, err) &&
         (alpha == 1 || aten_scalar_binary(call, "mul", id, alpha, &id, err)) &&
         aten_result(call, id, result, err);
}

/* In evaluation a leaky ReLU with the mean of the two slopes. */
bool lower_rrelu(aten_call *call, ts_value *result, error *err) {
  value_id x, id;
  double lower, upper;
  bool training;
  if (!aten_tensor(call, "self", &x, err) || !aten_real(call, "lower", &lower, err) ||
      !aten_real(call, "upper", &upper, err) || !aten_bool(call, "training", &training, err))
    return false;
  if (training)
    return error_set(err, ERROR_UNSUPPORTED, "the model was saved in training mode (call eval() first)");
  return aten_activate(call, ACTIVATION_LEAKY_RELU, (lower + upper) / 2, x, &id, err) &&
         aten_result(call, id, result, err);
}

bool lower_prelu(aten_call *call, ts_value *result, error *err) {
  value_id x, slope, id;
  return aten_tensor(call, "self", &x, err) && aten_tensor(call, "weight", &slope, err) &&
         aten_binary(call, "prelu", x, slope, &id, err) && aten_result(call, id, result, err);
}

bool lower_threshold(aten_call *call, ts_value *result, error *err) {
  value_id x, id;
  double threshold, value;
  if (!aten_tensor(call, "self", &x, err) || !aten_real(call, "threshold", &threshold, err) ||
      !aten_real(call, "value", &value, err))
    return false;
  if (threshold != 0 || value != 0)
    return error_set(err, ERROR_UNSUPPORTED, "threshold=%g, value=%g: only 0 and 0 are supported", threshold,
                     value);
  return aten_activate(call, ACTIVATION_RELU, 0, x, &id, err) && aten_result(call, id, result, err);
}

/* The upper bound wins where it is the smaller one. The common ramps are activations, which the layer before
 * takes in. */
bool lower_clamp(aten_call *call, ts_value *result, error *err) {
  value_id x;
  double low = 0, high = 0;
  bool has_low = aten_is_given(call, "min"), has_high = aten_is_given(call, "max");
  if (!aten_tensor(call, "self", &x, err) || (has_low && !aten_real(call, "min", &low, err)) ||
      (has_high && !aten_real(call, "max", &high, err)))
    return false;
  if (!has_low && !has_high)
    return error_set(err, ERROR_FORMAT, "neither min nor max");
  bool is_relu = has_low && low == 0, is_relu6 = is_relu && has_high && high == 6;
  bool good = is_relu6  ? aten_activate(call, ACTIVATION_RELU6, 0, x, &x, err)
              : is_relu ? aten_activate(call, ACTIVATION_RELU, 0, x, &x, err)
                        : !has_low || aten_scalar_binary(call, "maximum", x, low, &x, err);
  return good && (!has_high || is_relu6 || aten_scalar_binary(call, "minimum", x, high, &x, err)) &&
         aten_result(call, x, result, err);
}

/* The first half times the sigmoid of the second. */
bool lower_glu(aten_call *call, ts_value *result, error *err) {
  value_id x, value, gate, id;
  int axis;
  if (!aten_tensor(call, "self", &x, err) ||
      !aten_axis(call, "dim", lowering_shape(call->l, x)->rank, &axis, err))
    return false;
  int64_t size = lowering_shape(call->l, x)->dims[axis];
  if (size % 2 != 0)
    return error_set(err, ERROR_FORMAT, "an odd size, %" PRId64, size);
  return aten_slice(call, x, axis, 0, size / 2, 1, &value, err) &&
         aten_slice(call, x, axis, size / 2, size, 1, &gate, err) &&
         aten_activate(call, ACTIVATION_SIGMOID, 0, gate, &gate, err) &&
         aten_binary(call, "mul", value, gate, &id, err) && aten_result(call, id, result, err);
}

/* ---- arithmetic ---- */

/* Both operands as numbers, when both are known: then the result is a number too. */
static bool known_operands(const aten_call *call, ts_number *a, ts_number *b) {
  return ts_to_number(aten_argument(call, "self"), a) && ts_to_number(aten_argument(call, "other"), b);
}

static bool compute_known(ts_arithmetic operation, ts_number a, ts_number b, ts_value *result, error *err) {
  ts_number number;
  if (!ts_compute(operation, a, b, &number, err))
    return false;
  *result = ts_from_number(number);
  return true;
}

static bool binary_operands(aten_call *call, value_id *a, value_id *b, error *err) {
  return aten_tensor(call, "self", a, err) && aten_tensor(call, "other", b, err);
}

static bool join_lists(aten_call *call, ts_value *result, error *err) {
  const ts_sequence *a = aten_argument(call, "self")->as.sequence,
                    *b = aten_argument(call, "other")->as.sequence;
  size_t count = a->count + b->count;
  if (!lowering_charge(call->l, (int64_t)count, err) ||
      !ts_new_sequence(TS_LIST, count, call->l->memory, result, err))
    return false;
  for (size_t i = 0; i < count; i++)
    if (!ts_append(result, i < a->count ? a->items[i] : b->items[i - a->count], call->l->memory, err))
      return false;
  return true;
}

/* self + alpha * other; detail: TS_ADD, TS_SUB */
bool lower_add(aten_call *call, ts_value *result, error *err) {
  ts_arithmetic operation = (ts_arithmetic)call->op->detail;
  ts_number x, y, scale;
  value_id a, b, id;
  if (aten_argument(call, "self")->kind == TS_LIST && aten_argument(call, "other")->kind == TS_LIST)
    return join_lists(call, result, err);
  if (!ts_to_number(aten_argument(call, "alpha"), &scale))
    return error_set(err, ERROR_UNSUPPORTED, "alpha is not known");
  if (known_operands(call, &x, &y))
    return ts_compute(TS_MUL, y, scale, &y, err) && compute_known(operation, x, y, result, err);
  if (!binary_operands(call, &a, &b, err) ||
      (scale.real != 1 && !aten_scalar_binary(call, "mul", b, scale.real, &b, err)))
    return false;
  return aten_binary(call, operation == TS_ADD ? "add" : "sub", a, b, &id, err) &&
         aten_result(call, id, result, err);
}

/* other - alpha * self */
bool lower_rsub(aten_call *call, ts_value *result, error *err) {
  ts_number x, y, scale;
  value_id a, b, id;
  if (!ts_to_number(aten_argument(call, "alpha"), &scale))
    return error_set(err, ERROR_UNSUPPORTED, "alpha is not known");
  if (known_operands(call, &x, &y))
    return ts_compute(TS_MUL, x, scale, &x, err) && compute_known(TS_SUB, y, x, result, err);
  if (!binary_operands(call, &a, &b, err) ||
      (scale.real != 1 && !aten_scalar_binary(call, "mul", a, scale.real, &a, err)))
    return false;
  return aten_binary(call, "sub", b, a, &id, err) && aten_result(call, id, result, err);
}

bool lower_multiply(aten_call *call, ts_value *result, error *err) {
  ts_number x, y;
  value_id a, b, id;
  if (known_operands(call, &x, &y))
    return compute_known(TS_MUL, x, y, result, err);
  return binary_operands(call, &a, &b, err) && aten_binary(call, "mul", a, b, &id, err) &&
         aten_result(call, id, result, err);
}

/* The quotient, cut towards zero. */
static bool truncate_quotient(ts_number x, ts_number y, ts_value *result, error *err) {
  bool negative = (x.real < 0) != (y.real < 0);
  ts_number absolute[2] = {x, y};
  for (int i = 0; i < 2; i++)
    if (absolute[i].real < 0 && !ts_compute(TS_SUB, (ts_number){0}, absolute[i], &absolute[i], err))
      return false;
  ts_number quotient;
  return ts_compute(TS_FLOOR_DIV, absolute[0], absolute[1], &quotient, err) &&
         compute_known(TS_MUL, quotient, (ts_number){.integer = negative ? -1 : 1, .real = negative ? -1 : 1},
                       result, err);
}

bool lower_divide(aten_call *call, ts_value *result, error *err) {
  ts_number x, y;
  value_id a, b, id;
  const ts_value *mode = aten_argument(call, "rounding_mode");
  const char *rounding = mode && mode->kind == TS_STRING ? mode->as.string : "";
  if (known_operands(call, &x, &y)) {
    if (strcmp(rounding, "trunc") == 0)
      return truncate_quotient(x, y, result, err);
    return compute_known(strcmp(rounding, "floor") == 0 ? TS_FLOOR_DIV : TS_DIV, x, y, result, err);
  }
  if (*rounding)
    return error_set(err, ERROR_UNSUPPORTED, "rounding_mode='%.40s' on tensors", rounding);
  return binary_operands(call, &a, &b, err) && aten_binary(call, "div", a, b, &id, err) &&
         aten_result(call, id, result, err);
}

/* detail: 1 maximum, 0 minimum */
bool lower_maximum(aten_call *call, ts_value *result, error *err) {
  value_id a, b, id;
  return binary_operands(call, &a, &b, err) &&
         aten_binary(call, call->op->detail == 1 ? "maximum" : "minimum", a, b, &id, err) &&
         aten_result(call, id, result, err);
}

bool lower_power(aten_call *call, ts_value *result, error *err) {
  ts_number x, y;
  value_id a, id;
  const ts_value *exponent = aten_argument(call, "exponent");
  if (!ts_to_number(exponent, &y))
    return error_set(err, ERROR_UNSUPPORTED, "the exponent is %s", ts_kind_name(exponent->kind));
  if (ts_to_number(aten_argument(call, "self"), &x))
    return compute_known(TS_POWER, x, y, result, err);
  if (!aten_tensor(call, "self", &a, err))
    return false;
  if (y.real < 1 || y.real > 16 || y.real != floor(y.real))
    return error_set(err, ERROR_UNSUPPORTED, "exponent=%g of a tensor: only 1, 2, ... 16 are supported",
                     y.real);
  id = a;
  for (int i = 1; i < (int)y.real; i++)
    if (!aten_binary(call, "mul", id, a, &id, err))
      return false;
  return aten_result(call, id, result, err);
}

bool lower_square(aten_call *call, ts_value *result, error *err) {
  value_id x, id;
  return aten_tensor(call, "self", &x, err) && aten_binary(call, "mul", x, x, &id, err) &&
         aten_result(call, id, result, err);
}

bool lower_reciprocal(aten_call *call, ts_value *result, error *err) {
  value_id x, one, id;
  return aten_tensor(call, "self", &x, err) && lowering_fill(call->l, &(shape){.rank = 0}, 1, &one, err) &&
         aten_binary(call, "div", one, x, &id, err) && aten_result(call, id, result, err);
}

bool lower_negate(aten_call *call, ts_value *result, error *err) {
  ts_number number;
  value_id x, id;
  if (ts_to_number(aten_argument(call, "self"), &number))
    return compute_known(TS_SUB, (ts_number){0}, number, result, err);
  return aten_tensor(call, "self", &x, err) && aten_scalar_binary(call, "mul", x, -1, &id, err) &&
         aten_result(call, id, result, err);
}

/* |x| = relu(x) + relu(-x) */
bool lower_abs(aten_call *call, ts_value *result, error *err) {
  value_id x, positive, negative;
  return aten_tensor(call, "self", &x, err) && aten_activate(call, ACTIVATION_RELU, 0, x, &positive, err) &&
         aten_scalar_binary(call, "mul", x, -1, &negative, err) &&
         aten_activate(call, ACTIVATION_RELU, 0, negative, &negative, err) &&
         aten_binary(call, "add", positive, negative, &positive, err) &&
         aten_result(call, positive, result, err);
}

/* ---- reductions ---- */

/* The axes of the parameter dim; none means all. */
static bool read_axes(aten_call *call, int rank, op_attributes *a, error *err) {
  int64_t axes[TENSOR_MAX_RANK];
  int count;
  bool keep;
  bool is_flag = aten_argument(call, "dim")->kind == TS_BOOL; /* var(x, unbiased) */
  if (!aten_ints(call, "dim", TENSOR_MAX_RANK, axes, &count, err) || !aten_bool(call, "keepdim", &keep, err))
    return false;
  count = is_flag ? 0 : count;
  a->keep_dim = keep;
  a->ints_count = count ? count : rank;
  for (int i = 0; i < a->ints_count; i++) {
    int axis = i;
    if (count && !aten_wrap_axis(axes[i], rank, &axis, err))
      return false;
    a->ints[i] = axis;
  }
  return true;
}

/* A scalar is its own mean, sum and maximum. */
static bool append_reduction(aten_call *call, const char *op, value_id x, const op_attributes *a,
                             value_id *id, error *err) {
  *id = x;
  return a->ints_count == 0 || aten_unary(call, op, x, a, id, err);
}

static bool append_minimum(aten_call *call, value_id x, const op_attributes *a, value_id *id, error *err) {
  return aten_scalar_binary(call, "mul", x, -1, &x, err) &&
         append_reduction(call, "reduce_max", x, a, id, err) &&
         aten_scalar_binary(call, "mul", *id, -1, id, err);
}

/* detail: 0 mean, 1 sum, 2 maximum, 3 minimum */
bool lower_reduce(aten_call *call, ts_value *result, error *err) {
  static const char *const ops[] = {"reduce_mean", "reduce_sum", "reduce_max"};
  value_id x, id;
  op_attributes a = {0};
  if (!aten_tensor(call, "self", &x, err) || !read_axes(call, lowering_shape(call->l, x)->rank, &a, err))
    return false;
  bool good = call->op->detail == 3 ? append_minimum(call, x, &a, &id, err)
                                    : append_reduction(call, ops[call->op->detail], x, &a, &id, err);
  return good && aten_result(call, id, result, err);
}

/* max(x), max(x, dim) with its indices, max(x, other); detail: 1 maximum, 0 minimum */
bool lower_extreme(aten_call *call, ts_value *result, error *err) {
  bool maximum = call->op->detail == 1;
  const ts_value *second = aten_argument(call, "dim");
  value_id x, other, id;
  op_attributes a = {0};
  if (!aten_tensor(call, "self", &x, err))
    return false;
  if (second->kind == TS_TENSOR)
    return aten_tensor(call, "dim", &other, err) &&
           aten_binary(call, maximum ? "maximum" : "minimum", x, other, &id, err) &&
           aten_result(call, id, result, err);
  ts_value reduced;
  if (!read_axes(call, lowering_shape(call->l, x)->rank, &a, err) ||
      !(maximum ? append_reduction(call, "reduce_max", x, &a, &id, err)
                : append_minimum(call, x, &a, &id, err)) ||
      !aten_result(call, id, &reduced, err))
    return false;
  *result = reduced;
  return second->kind == TS_NONE ||
         (ts_new_sequence(TS_TUPLE, 2, call->l->memory, result, err) &&
          ts_append(result, reduced, call->l->memory, err) &&
          ts_append(result, ts_opaque("indices of a maximum"), call->l->memory, err));
}

/* Elements that are reduced into one, less the correction: 1 for the unbiased estimate. var(x, unbiased) has
 * its flag where the others have their axes. */
static bool variance_divisor(aten_call *call, const shape *s, const op_attributes *a, double *divisor,
                             error *err) {
  const char *flag = aten_argument(call, "dim")->kind == TS_BOOL ? "dim" : "unbiased";
  bool unbiased;
  double correction;
  if (!aten_bool(call, flag, &unbiased, err) || !aten_real(call, "correction", &correction, err))
    return false;
  double count = 1;
  for (int i = 0; i < a->ints_count; i++)
    count *= (double)s->dims[a->ints[i]];
  *divisor = count - (unbiased ? correction : 0);
  return *divisor > 0 || error_set(err, ERROR_FORMAT, "the variance of %g elements", count);
}

/* sum((x - mean)^2) / divisor */
bool lower_variance(aten_call *call, ts_value *result, error *err) {
  value_id x, mean, id;
  op_attributes a = {0};
  double divisor;
  if (!aten_tensor(call, "self", &x, err))
    return false;
  const shape s = *lowering_shape(call->l, x);
  if (!read_axes(call, s.rank, &a, err) || !variance_divisor(call, &s, &a, &divisor, err))
    return false;
  op_attributes kept = a;
  kept.keep_dim = 1;
  return append_reduction(call, "reduce_mean", x, &kept, &mean, err) &&
         aten_binary(call, "sub", x, mean, &id, err) && aten_binary(call, "mul", id, id, &id, err) &&
         append_reduction(call, "reduce_sum", id, &a, &id, err) &&
         aten_scalar_binary(call, "div", id, divisor, &id, err) && aten_result(call, id, result, err);
}
