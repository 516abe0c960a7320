#include "import/torchscript/value.h"

#include "container/little_endian.h"

#include <math.h>
#include <string.h>

const char *ts_kind_name(ts_kind kind) {
  static const char *const names[] = {
      [TS_UNSET] = "a variable without a value",
      [TS_NONE] = "None",
      [TS_BOOL] = "a bool",
      [TS_INT] = "an int",
      [TS_FLOAT] = "a float",
      [TS_STRING] = "a string",
      [TS_TENSOR] = "a tensor",
      [TS_LIST] = "a list",
      [TS_TUPLE] = "a tuple",
      [TS_DICT] = "a dict",
      [TS_OBJECT] = "an object",
      [TS_FUNCTION] = "a function",
      [TS_OPAQUE] = "an unsupported value",
  };
  return names[kind];
}

static ts_number whole(int64_t value) {
  return (ts_number){.integer = value, .real = (double)value};
}

static ts_number real(double value) {
  return (ts_number){.is_real = true, .real = value};
}

static double double_of_bits(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

bool ts_read_scalar(const stored_tensor *t, ts_number *number, arena *memory, error *err) {
  const uint8_t *at = t->storage + (size_t)t->offset * stored_dtype_size(t->type);
  const float *narrow; /* exact for all kinds that get there */
  switch (t->type) {
  case STORED_F64:
    *number = real(double_of_bits(read_u64(at)));
    return true;
  case STORED_I64:
    *number = whole((int64_t)read_u64(at));
    return true;
  case STORED_I32:
    *number = whole((int32_t)read_u32(at));
    return true;
  default:
    break;
  }
  if (!(narrow = stored_tensor_f32(t, memory, err)))
    return false;
  bool is_real = t->type == STORED_F32 || t->type == STORED_F16 || t->type == STORED_BF16;
  *number = is_real ? real((double)*narrow) : whole((int64_t)*narrow);
  return true;
}

bool ts_to_number(const ts_value *value, ts_number *number) {
  switch (value->kind) {
  case TS_BOOL:
    *number = whole(value->as.boolean);
    return true;
  case TS_INT:
    *number = whole(value->as.integer);
    return true;
  case TS_FLOAT:
    *number = real(value->as.real);
    return true;
  case TS_TENSOR:
    if (!value->as.tensor->scalar || value->as.tensor->stale)
      return false;
    *number = *value->as.tensor->scalar;
    return true;
  default:
    return false;
  }
}

static bool compute_whole(ts_arithmetic operation, int64_t a, int64_t b, int64_t *result) {
  switch (operation) {
  case TS_ADD:
    return !__builtin_add_overflow(a, b, result);
  case TS_SUB:
    return !__builtin_sub_overflow(a, b, result);
  case TS_MUL:
    return !__builtin_mul_overflow(a, b, result);
  default:
    break;
  }
  if (b == -1 && a == INT64_MIN)
    return false;
  bool down = a % b != 0 && (a < 0) != (b < 0);
  *result = operation == TS_FLOOR_DIV ? a / b - down : a % b + (down ? b : 0);
  return true;
}

static double compute_real(ts_arithmetic operation, double a, double b) {
  switch (operation) {
  case TS_ADD:
    return a + b;
  case TS_SUB:
    return a - b;
  case TS_MUL:
    return a * b;
  case TS_DIV:
    return a / b;
  case TS_FLOOR_DIV:
    return floor(a / b);
  case TS_REMAINDER:
    return a - b * floor(a / b);
  case TS_POWER:
    return pow(a, b);
  }
  return 0;
}

/* a ** b of whole numbers stays whole where b >= 0 and a double holds it exactly. */
static bool is_whole_power(ts_number a, ts_number b, double power) {
  return !a.is_real && !b.is_real && b.integer >= 0 && fabs(power) <= 9007199254740992.0;
}

bool ts_compute(ts_arithmetic operation, ts_number a, ts_number b, ts_number *result, error *err) {
  bool divides = operation == TS_DIV || operation == TS_FLOOR_DIV || operation == TS_REMAINDER;
  if (divides && b.real == 0)
    return error_set(err, ERROR_FORMAT, "a division by 0");
  if (a.is_real || b.is_real || operation == TS_DIV || operation == TS_POWER) {
    double value = compute_real(operation, a.real, b.real);
    bool is_whole = operation == TS_POWER && is_whole_power(a, b, value);
    *result = is_whole ? whole((int64_t)value) : real(value);
    return true;
  }
  int64_t value = 0;
  if (!compute_whole(operation, a.integer, b.integer, &value))
    return error_set(err, ERROR_FORMAT, "an integer beyond 64 bits");
  *result = whole(value);
  return true;
}

ts_value ts_from_number(ts_number number) {
  return number.is_real ? ts_float(number.real) : ts_int(number.integer);
}

static bool equal_numbers(ts_number a, ts_number b) {
  return a.is_real || b.is_real ? a.real == b.real : a.integer == b.integer;
}

static bool equal_atoms(const ts_value *a, const ts_value *b) {
  ts_number x, y;
  if (ts_to_number(a, &x) && ts_to_number(b, &y))
    return equal_numbers(x, y);
  if (a->kind != b->kind)
    return false;
  return a->kind == TS_NONE || (a->kind == TS_STRING && strcmp(a->as.string, b->as.string) == 0);
}

bool ts_equal(const ts_value *a, const ts_value *b) {
  bool sequences = (a->kind == TS_LIST || a->kind == TS_TUPLE) && a->kind == b->kind;
  if (!sequences)
    return equal_atoms(a, b);
  const ts_sequence *x = a->as.sequence, *y = b->as.sequence;
  bool equal = x->count == y->count;
  for (size_t i = 0; equal && i < x->count; i++)
    equal = equal_atoms(&x->items[i], &y->items[i]);
  return equal;
}

int64_t ts_equal_cost(const ts_value *a) {
  bool is_sequence = a->kind == TS_LIST || a->kind == TS_TUPLE;
  return 1 + (is_sequence ? (int64_t)a->as.sequence->count : 0);
}

bool ts_new_sequence(ts_kind kind, size_t capacity, arena *memory, ts_value *result, error *err) {
  ts_sequence *s = arena_alloc(memory, sizeof *s, err);
  if (!s || !(s->items = arena_alloc_array(memory, capacity, sizeof *s->items, err)))
    return false;
  s->capacity = capacity;
  *result = (ts_value){.kind = kind, .as.sequence = s};
  return true;
}

bool ts_append(ts_value *sequence, ts_value item, arena *memory, error *err) {
  ts_sequence *s = sequence->as.sequence;
  if (s->count == s->capacity) {
    size_t capacity = s->capacity ? 2 * s->capacity : 4;
    ts_value *items = arena_alloc_array(memory, capacity, sizeof *items, err);
    if (!items)
      return false;
    if (s->count)
      memcpy(items, s->items, s->count * sizeof *items);
    s->items = items;
    s->capacity = capacity;
  }
  s->items[s->count++] = item;
  return true;
}
