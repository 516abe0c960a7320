/* Numbers, lists and texts: what is known when the graph is made. */
#include "import/torchscript/aten.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- sizes ---- */

bool lower_size(aten_call *call, ts_value *result, error *err) {
  value_id x;
  int axis;
  if (!aten_tensor(call, "self", &x, err))
    return false;
  const shape *s = lowering_shape(call->l, x);
  if (aten_is_given(call, "dim")) {
    if (!aten_axis(call, "dim", s->rank, &axis, err))
      return false;
    *result = ts_int(s->dims[axis]);
    return true;
  }
  if (!ts_new_sequence(TS_LIST, (size_t)s->rank, call->l->memory, result, err))
    return false;
  for (int i = 0; i < s->rank; i++)
    if (!ts_append(result, ts_int(s->dims[i]), call->l->memory, err))
      return false;
  return true;
}

bool lower_len(aten_call *call, ts_value *result, error *err) {
  const ts_value *self = aten_argument(call, "self");
  value_id x;
  switch (self->kind) {
  case TS_LIST:
  case TS_TUPLE:
    *result = ts_int((int64_t)self->as.sequence->count);
    return true;
  case TS_DICT:
    *result = ts_int((int64_t)self->as.sequence->count / 2);
    return true;
  case TS_STRING:
    *result = ts_int((int64_t)strlen(self->as.string));
    return true;
  default:
    break;
  }
  if (!aten_tensor(call, "self", &x, err))
    return false;
  const shape *s = lowering_shape(call->l, x);
  if (s->rank == 0)
    return error_set(err, ERROR_FORMAT, "of a scalar");
  *result = ts_int(s->dims[0]);
  return true;
}

bool lower_dim(aten_call *call, ts_value *result, error *err) {
  value_id x;
  if (!aten_tensor(call, "self", &x, err))
    return false;
  *result = ts_int(lowering_shape(call->l, x)->rank);
  return true;
}

bool lower_numel(aten_call *call, ts_value *result, error *err) {
  value_id x;
  int64_t elements = 0;
  if (!aten_tensor(call, "self", &x, err))
    return false;
  shape_elements(lowering_shape(call->l, x), &elements);
  *result = ts_int(elements);
  return true;
}

/* ---- numbers ---- */

static bool read_number(aten_call *call, const char *parameter, ts_number *number, error *err) {
  const ts_value *value = aten_argument(call, parameter);
  if (ts_to_number(value, number))
    return true;
  return error_set(err, ERROR_UNSUPPORTED, "%s is %s: only known numbers are supported", parameter,
                   ts_kind_name(value->kind));
}

bool lower_number(aten_call *call, ts_value *result, error *err) {
  ts_number number;
  if (!read_number(call, "self", &number, err))
    return false;
  *result = ts_from_number(number);
  return true;
}

bool lower_to_int(aten_call *call, ts_value *result, error *err) {
  ts_number number;
  if (!read_number(call, "self", &number, err))
    return false;
  if (number.is_real && !(fabs(number.real) < 9.2e18))
    return error_set(err, ERROR_FORMAT, "int() of %g", number.real);
  *result = ts_int(number.is_real ? (int64_t)number.real : number.integer);
  return true;
}

bool lower_to_float(aten_call *call, ts_value *result, error *err) {
  ts_number number;
  if (!read_number(call, "self", &number, err))
    return false;
  *result = ts_float(number.real);
  return true;
}

bool lower_to_bool(aten_call *call, ts_value *result, error *err) {
  ts_number number;
  if (!read_number(call, "self", &number, err))
    return false;
  *result = ts_bool(number.real != 0);
  return true;
}

/* detail: TS_FLOOR_DIV, TS_REMAINDER */
bool lower_integer_divide(aten_call *call, ts_value *result, error *err) {
  ts_number a, b, number;
  if (!read_number(call, "self", &a, err) || !read_number(call, "other", &b, err) ||
      !ts_compute((ts_arithmetic)call->op->detail, a, b, &number, err))
    return false;
  *result = ts_from_number(number);
  return true;
}

/* detail: 'q' square root, 'f' floor, 'c' ceil */
bool lower_number_function(aten_call *call, ts_value *result, error *err) {
  ts_number number;
  if (!read_number(call, "self", &number, err))
    return false;
  double x = number.real, y = call->op->detail == 'q'   ? sqrt(x)
                              : call->op->detail == 'f' ? floor(x)
                                                        : ceil(x);
  bool whole = call->op->detail != 'q' && fabs(y) < 9.2e18;
  *result = whole ? ts_int((int64_t)y) : ts_float(y);
  return true;
}

/* Of two numbers or a list of them; detail: 1 maximum, 0 minimum */
bool lower_extreme_number(aten_call *call, ts_value *result, error *err) {
  const ts_value *self = aten_argument(call, "self");
  bool is_list = self->kind == TS_LIST && self->as.sequence->count > 0;
  const ts_value *items = is_list ? self->as.sequence->items : call->arguments;
  size_t count = is_list ? self->as.sequence->count : 2;
  ts_number best;
  for (size_t i = 0; i < count; i++) {
    ts_number number;
    if (!ts_to_number(&items[i], &number))
      return error_set(err, ERROR_UNSUPPORTED, "of %s", ts_kind_name(items[i].kind));
    if (i == 0 || (call->op->detail == 1 ? number.real > best.real : number.real < best.real))
      best = number;
  }
  *result = ts_from_number(best);
  return lowering_charge(call->l, (int64_t)count, err);
}

/* How many steps range(lo, hi, step) makes. */
bool lower_range_length(aten_call *call, ts_value *result, error *err) {
  int64_t low, high, step;
  if (!aten_int(call, "lo", &low, err) || !aten_int(call, "hi", &high, err) ||
      !aten_int(call, "step", &step, err))
    return false;
  int64_t limit = (int64_t)1 << 40;
  if (step == 0 || low < -limit || low > limit || high < -limit || high > limit || step < -limit ||
      step > limit)
    return error_set(err, ERROR_FORMAT, "range(%" PRId64 ", %" PRId64 ", %" PRId64 ")", low, high, step);
  int64_t span = step > 0 ? high - low : low - high, size = step > 0 ? step : -step;
  *result = ts_int(span > 0 ? (span - 1) / size + 1 : 0);
  return true;
}

bool lower_derive_index(aten_call *call, ts_value *result, error *err) {
  int64_t index, start, step;
  if (!aten_int(call, "index", &index, err) || !aten_int(call, "start", &start, err) ||
      !aten_int(call, "step", &step, err))
    return false;
  if (__builtin_mul_overflow(index, step, &index) || __builtin_add_overflow(start, index, &index))
    return error_set(err, ERROR_FORMAT, "an integer beyond 64 bits");
  *result = ts_int(index);
  return true;
}

/* ---- comparisons and logic ---- */

static bool holds(const char *name, double a, double b) {
  switch (name[0]) {
  case 'l':
    return name[1] == 't' ? a < b : a <= b;
  default:
    return name[1] == 't' ? a > b : a >= b;
  }
}

/* eq, ne, lt, le, gt, ge */
bool lower_compare(aten_call *call, ts_value *result, error *err) {
  const ts_value *a = aten_argument(call, "self"), *b = aten_argument(call, "other");
  ts_number x, y;
  bool numbers = ts_to_number(a, &x) && ts_to_number(b, &y);
  if (!numbers && (a->kind == TS_TENSOR || b->kind == TS_TENSOR))
    return error_set(err, ERROR_UNSUPPORTED, "comparing tensors");
  bool equality = call->name[0] == 'e' || call->name[0] == 'n';
  if (equality && !lowering_charge(call->l, ts_equal_cost(a), err))
    return false;
  if (!equality && !numbers)
    return error_set(err, ERROR_FORMAT, "an order of %s and %s", ts_kind_name(a->kind),
                     ts_kind_name(b->kind));
  *result = ts_bool(equality ? ts_equal(a, b) == (call->name[0] == 'e') : holds(call->name, x.real, y.real));
  return true;
}

bool lower_not(aten_call *call, ts_value *result, error *err) {
  bool value;
  if (!aten_bool(call, "self", &value, err))
    return false;
  *result = ts_bool(!value);
  return true;
}

/* detail: '&', '|', '^' */
bool lower_logic(aten_call *call, ts_value *result, error *err) {
  bool a, b;
  if (!aten_bool(call, "self", &a, err) || !aten_bool(call, "other", &b, err))
    return false;
  *result = ts_bool(call->op->detail == '&' ? a && b : call->op->detail == '|' ? a || b : a != b);
  return true;
}

/* Only against None is it asked in practice. detail: 1 is, 0 is not */
bool lower_is(aten_call *call, ts_value *result, error *err) {
  const ts_value *a = aten_argument(call, "self"), *b = aten_argument(call, "other");
  if (a->kind != TS_NONE && b->kind != TS_NONE)
    return error_set(err, ERROR_UNSUPPORTED, "the identity of %s and %s", ts_kind_name(a->kind),
                     ts_kind_name(b->kind));
  *result = ts_bool((a->kind == b->kind) == (call->op->detail == 1));
  return true;
}

bool lower_contains(aten_call *call, ts_value *result, error *err) {
  const ts_value *self = aten_argument(call, "self"), *item = aten_argument(call, "item");
  if (self->kind != TS_LIST && self->kind != TS_DICT)
    return error_set(err, ERROR_UNSUPPORTED, "in %s", ts_kind_name(self->kind));
  const ts_sequence *s = self->as.sequence;
  if (!lowering_charge(call->l, (int64_t)s->count * ts_equal_cost(item), err))
    return false;
  bool found = false;
  for (size_t i = 0; !found && i < s->count; i += self->kind == TS_DICT ? 2 : 1)
    found = ts_equal(&s->items[i], item);
  *result = ts_bool(found);
  return true;
}

/* ---- lists, texts ---- */

bool lower_list(aten_call *call, ts_value *result, error *err) {
  const ts_value *self = aten_argument(call, "self");
  if (self->kind != TS_LIST && self->kind != TS_TUPLE)
    return error_set(err, ERROR_UNSUPPORTED, "of %s", ts_kind_name(self->kind));
  const ts_sequence *s = self->as.sequence;
  if (!lowering_charge(call->l, (int64_t)s->count, err) ||
      !ts_new_sequence(TS_LIST, s->count, call->l->memory, result, err))
    return false;
  for (size_t i = 0; i < s->count; i++)
    if (!ts_append(result, s->items[i], call->l->memory, err))
      return false;
  return true;
}

bool lower_append_item(aten_call *call, ts_value *result, error *err) {
  ts_value *self = &call->arguments[0];
  if (self->kind != TS_LIST)
    return error_set(err, ERROR_UNSUPPORTED, "to %s", ts_kind_name(self->kind));
  *result = *self;
  return ts_append(self, *aten_argument(call, "item"), call->l->memory, err);
}

/* Only messages are formatted: the pattern says enough. */
bool lower_format(aten_call *call, ts_value *result, error *err) {
  (void)err;
  *result = call->arguments[0];
  return true;
}

bool lower_warn(aten_call *call, ts_value *result, error *err) {
  (void)call, (void)err;
  *result = ts_none();
  return true;
}

bool lower_raise(aten_call *call, ts_value *result, error *err) {
  (void)result;
  const ts_value *message = aten_argument(call, "message");
  return error_set(err, ERROR_DATA, "the model refuses this input: %.300s",
                   message->kind == TS_STRING ? message->as.string : "no reason given");
}

/* detail: torch's number of the type float */
bool lower_type(aten_call *call, ts_value *result, error *err) {
  (void)err;
  *result = ts_int(call->op->detail);
  return true;
}

bool lower_opaque(aten_call *call, ts_value *result, error *err) {
  (void)err;
  *result = ts_opaque(call->name);
  return true;
}
