#include "import/torchscript/aten.h"

#include "base/number_text.h"
#include "import/torchscript/aten_ops.h"

#include <inttypes.h>
#include <string.h>

/* ---- signatures ---- */

static const char *after_blanks(const char *text) {
  while (*text == ' ')
    text++;
  return text;
}

/* None, True, False, [], "text", 3, -1.5, 1e-05. The table is our own: what is none of these is a number. */
static bool read_default(const char *text, size_t length, ts_value *value, arena *memory, error *err) {
  static const struct {
    const char *text;
    ts_value value;
  } words[] = {{"None", {.kind = TS_NONE}},
               {"True", {.kind = TS_BOOL, .as.boolean = true}},
               {"False", {.kind = TS_BOOL, .as.boolean = false}}};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (strlen(words[i].text) == length && memcmp(words[i].text, text, length) == 0) {
      *value = words[i].value;
      return true;
    }
  }
  if (*text == '[')
    return ts_new_sequence(TS_LIST, 0, memory, value, err);
  if (*text == '"') {
    *value = ts_string(arena_strndup(memory, text + 1, length - 2, err));
    return value->as.string != NULL;
  }
  double number = 0;
  if (!parse_float64(text, length, &number))
    return error_set(err, ERROR_INTERNAL, "a default that can't be read: %.*s", (int)length, text);
  bool whole = !memchr(text, '.', length) && !memchr(text, 'e', length);
  *value = whole ? ts_int((int64_t)number) : ts_float(number);
  return true;
}

/* One parameter, "name" or "name=default"; returns where the next one begins. NULL and *err. */
static const char *read_parameter(aten_call *call, const char *text, error *err) {
  size_t name = strcspn(text, "=,)"), whole = name;
  int i = call->count++;
  call->parameters[i].name = text;
  call->parameters[i].length = name;
  if (text[name] == '=') {
    const char *value = text + name + 1;
    size_t length = strcspn(value, ",)");
    if (!read_default(value, length, &call->arguments[i], call->l->memory, err))
      return NULL;
    whole = name + 1 + length;
  }
  return after_blanks(text + whole + (text[whole] == ','));
}

static bool read_signature(aten_call *call, error *err) {
  const char *text = strchr(call->op->signature, '(') + 1;
  while (*text != ')')
    if (call->count == ATEN_MAX_PARAMETERS)
      return error_set(err, ERROR_INTERNAL, "too many parameters: %s", call->op->signature);
    else if (!(text = read_parameter(call, text, err)))
      return false;
  return true;
}

bool aten_begin(aten_call *call, lowering *l, const char *name, error *err) {
  *call = (aten_call){.l = l, .name = name};
  size_t length = strlen(name);
  call->op = aten_find(name, length);
  if (!call->op && length > 1 && name[length - 1] == '_') {
    call->op = aten_find(name, length - 1);
    call->in_place = true;
  }
  if (!call->op)
    return error_set(err, ERROR_UNSUPPORTED, "the operator %s%.200s is not supported",
                     strchr(name, '.') ? "" : "aten::", name);
  return read_signature(call, err);
}

static int find_parameter(const aten_call *call, const char *name) {
  size_t length = strlen(name);
  for (int i = 0; i < call->count; i++)
    if (call->parameters[i].length == length && memcmp(call->parameters[i].name, name, length) == 0)
      return i;
  return -1;
}

ts_value *aten_argument_place(aten_call *call, int position, const char *keyword, error *err) {
  int place = keyword ? find_parameter(call, keyword) : position < call->count ? position : -1;
  if (place >= 0)
    return &call->arguments[place];
  if (keyword)
    error_set(err, ERROR_UNSUPPORTED, "aten::%.100s: the parameter '%.100s' is not supported", call->name,
              keyword);
  else
    error_set(err, ERROR_UNSUPPORTED, "aten::%.100s: more than %d arguments", call->name, call->count);
  return NULL;
}

static bool has_all_arguments(const aten_call *call, error *err) {
  for (int i = 0; i < call->count; i++)
    if (call->arguments[i].kind == TS_UNSET)
      return error_set(err, ERROR_FORMAT, "the argument '%.*s' is missing", (int)call->parameters[i].length,
                       call->parameters[i].name);
  return true;
}

/* The result replaces what the first argument holds. */
static bool store_in_place(aten_call *call, ts_value *result, error *err) {
  ts_tensor *self = call->arguments[0].kind == TS_TENSOR ? call->arguments[0].as.tensor : NULL;
  if (!self || result->kind != TS_TENSOR || result->as.tensor == self)
    return true;
  value_id before, after;
  if (self->stored)
    return error_set(err, ERROR_UNSUPPORTED, "the weight '%s' is changed in place", self->name);
  if (!lowering_value_id(call->l, &call->arguments[0], &before, err) ||
      !lowering_value_id(call->l, result, &after, err))
    return false;
  if (!shape_equal(lowering_shape(call->l, before), lowering_shape(call->l, after)))
    return error_set(err, ERROR_FORMAT, "a change in place that would change the shape");
  lowering_change_tensor(self, after);
  *result = call->arguments[0];
  return true;
}

bool aten_finish(aten_call *call, ts_value *result, error *err) {
  if (has_all_arguments(call, err) && call->op->lower(call, result, err) &&
      (!call->in_place || store_in_place(call, result, err)))
    return true;
  return call->l->located ? false : error_prefix(err, "aten::%.100s", call->name);
}

/* ---- arguments ---- */

const ts_value *aten_argument(const aten_call *call, const char *parameter) {
  int place = find_parameter(call, parameter);
  return place < 0 ? NULL : &call->arguments[place];
}

bool aten_is_given(const aten_call *call, const char *parameter) {
  const ts_value *value = aten_argument(call, parameter);
  return value && value->kind != TS_NONE;
}

static bool wrong_kind(const char *parameter, const char *expected, const ts_value *value, error *err) {
  return error_set(err, ERROR_UNSUPPORTED, "%s is %s instead of %s", parameter, ts_kind_name(value->kind),
                   expected);
}

static bool get_number(const aten_call *call, const char *parameter, ts_number *number, error *err) {
  const ts_value *value = aten_argument(call, parameter);
  *number = (ts_number){0};
  return !value || ts_to_number(value, number) || wrong_kind(parameter, "a known number", value, err);
}

bool aten_int(const aten_call *call, const char *parameter, int64_t *result, error *err) {
  ts_number number;
  if (!get_number(call, parameter, &number, err))
    return false;
  *result = number.integer;
  return !number.is_real ||
         error_set(err, ERROR_FORMAT, "%s is %g instead of an int", parameter, number.real);
}

bool aten_bool(const aten_call *call, const char *parameter, bool *result, error *err) {
  int64_t value;
  if (!aten_int(call, parameter, &value, err))
    return false;
  *result = value != 0;
  return true;
}

bool aten_real(const aten_call *call, const char *parameter, double *result, error *err) {
  ts_number number;
  if (!get_number(call, parameter, &number, err))
    return false;
  *result = number.real;
  return true;
}

static bool read_ints(const char *parameter, const ts_value *items, size_t item_count, int max,
                      int64_t *values, int *count, error *err) {
  if (item_count > (size_t)max)
    return error_set(err, ERROR_UNSUPPORTED, "%s has %zu elements, at most %d are supported", parameter,
                     item_count, max);
  for (*count = 0; *count < (int)item_count; ++*count) {
    ts_number number;
    if (!ts_to_number(&items[*count], &number) || number.is_real)
      return wrong_kind(parameter, "known ints", &items[*count], err);
    values[*count] = number.integer;
  }
  return true;
}

bool aten_ints(const aten_call *call, const char *parameter, int max, int64_t *values, int *count,
               error *err) {
  const ts_value *value = aten_argument(call, parameter);
  *count = 0;
  if (!value || value->kind == TS_NONE)
    return true;
  if (value->kind == TS_LIST || value->kind == TS_TUPLE)
    return read_ints(parameter, value->as.sequence->items, value->as.sequence->count, max, values, count,
                     err);
  return read_ints(parameter, value, 1, max, values, count, err);
}

bool aten_single(const aten_call *call, const char *parameter, int64_t *value, error *err) {
  int count;
  if (!aten_ints(call, parameter, 1, value, &count, err))
    return false;
  return count == 1 || error_set(err, ERROR_FORMAT, "%s is empty", parameter);
}

bool aten_tensor(const aten_call *call, const char *parameter, value_id *id, error *err) {
  const ts_value *value = aten_argument(call, parameter);
  if (!value)
    return error_set(err, ERROR_INTERNAL, "no parameter '%s'", parameter);
  if (value->kind != TS_TENSOR && value->kind != TS_INT && value->kind != TS_FLOAT && value->kind != TS_BOOL)
    return wrong_kind(parameter, "a tensor", value, err);
  return lowering_value_id(call->l, value, id, err);
}

bool aten_optional_tensor(const aten_call *call, const char *parameter, value_id *id, error *err) {
  *id = VALUE_NONE;
  return !aten_is_given(call, parameter) || aten_tensor(call, parameter, id, err);
}

bool aten_wrap_axis(int64_t axis, int rank, int *wrapped, error *err) {
  int64_t place = axis < 0 ? axis + rank : axis;
  *wrapped = (int)place;
  return (place >= 0 && place < rank) ||
         error_set(err, ERROR_FORMAT, "dim=%" PRId64 " of a tensor of rank %d", axis, rank);
}

bool aten_axis(const aten_call *call, const char *parameter, int rank, int *axis, error *err) {
  int64_t value;
  return aten_int(call, parameter, &value, err) && aten_wrap_axis(value, rank, axis, err);
}

/* ---- operations ---- */

bool aten_append(aten_call *call, const char *op, const value_id *inputs, int count,
                 const op_attributes *attributes, value_id *result, error *err) {
  return lowering_append(call->l, op, inputs, count, attributes, result, err);
}

bool aten_unary(aten_call *call, const char *op, value_id x, const op_attributes *attributes,
                value_id *result, error *err) {
  return aten_append(call, op, &x, 1, attributes, result, err);
}

bool aten_binary(aten_call *call, const char *op, value_id a, value_id b, value_id *result, error *err) {
  return aten_append(call, op, (value_id[]){a, b}, 2, &(op_attributes){0}, result, err);
}

bool aten_scalar_binary(aten_call *call, const char *op, value_id a, double b, value_id *result, error *err) {
  value_id scalar;
  return lowering_fill(call->l, &(shape){.rank = 0}, b, &scalar, err) &&
         aten_binary(call, op, a, scalar, result, err);
}

bool aten_activate(aten_call *call, activation_kind kind, double alpha, value_id x, value_id *result,
                   error *err) {
  op_attributes attributes = {.activation = kind, .alpha = alpha};
  return aten_unary(call, "activation", x, &attributes, result, err);
}

bool aten_reshape(aten_call *call, value_id x, const shape *target, value_id *result, error *err) {
  op_attributes attributes = {.ints_count = target->rank};
  if (shape_equal(lowering_shape(call->l, x), target)) {
    *result = x;
    return true;
  }
  memcpy(attributes.ints, target->dims, (size_t)target->rank * sizeof *target->dims);
  return aten_unary(call, "reshape", x, &attributes, result, err);
}

bool aten_transpose(aten_call *call, value_id x, const int64_t *permutation, value_id *result, error *err) {
  int rank = lowering_shape(call->l, x)->rank;
  op_attributes attributes = {.ints_count = rank};
  memcpy(attributes.ints, permutation, (size_t)rank * sizeof *permutation);
  return aten_unary(call, "transpose", x, &attributes, result, err);
}

bool aten_slice(aten_call *call, value_id x, int axis, int64_t start, int64_t stop, int64_t step,
                value_id *result, error *err) {
  if (start == 0 && step == 1 && stop == lowering_shape(call->l, x)->dims[axis]) {
    *result = x;
    return true;
  }
  op_attributes attributes = {.axis = axis, .start = start, .stop = stop, .step = step};
  return aten_unary(call, "slice", x, &attributes, result, err);
}

bool aten_concat(aten_call *call, value_id *ids, size_t count, int axis, value_id *result, error *err) {
  op_attributes attributes = {.axis = axis};
  while (count > 1) { /* a round joins runs of OP_MAX_INPUTS */
    size_t joined = 0;
    for (size_t first = 0; first < count; first += OP_MAX_INPUTS) {
      size_t run = count - first < OP_MAX_INPUTS ? count - first : OP_MAX_INPUTS;
      if (!aten_append(call, "concat", ids + first, (int)run, &attributes, &ids[joined], err))
        return false;
      joined++;
    }
    count = joined;
  }
  *result = ids[0];
  return count == 1 || error_set(err, ERROR_FORMAT, "nothing to join");
}

bool aten_result(aten_call *call, value_id id, ts_value *result, error *err) {
  return lowering_new_tensor(call->l, id, result, err);
}

bool aten_view_result(aten_call *call, const char *parameter, value_id id, ts_value *result, error *err) {
  const ts_value *base = aten_argument(call, parameter);
  if (base->kind != TS_TENSOR)
    return aten_result(call, id, result, err);
  return lowering_new_view(call->l, base->as.tensor, id, result, err);
}
