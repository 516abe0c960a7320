#include "container/pickle.h"

#include "base/buffer.h"
#include "base/checked.h"
#include "base/number_text.h"
#include "container/little_endian.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The pickle machine. A mark is kept as the stack's height when it was set; values below it can't be popped.
 */
typedef struct machine {
  const uint8_t *p, *end;
  arena *memory;
  size_t memory_before; /* what the arena held already */
  size_t values;
  pickle_value **stack;
  size_t height, stack_capacity;
  size_t *marks;
  size_t mark_count, mark_capacity;
  pickle_value **memo; /* NULL: not set */
  size_t memo_capacity, memo_count;
  error *err;
} machine;

/* ---- Bytes of the pickle ---- */

static const uint8_t *take(machine *m, uint64_t size) {
  if (size > (uint64_t)(m->end - m->p)) {
    error_set(m->err, ERROR_FORMAT, "the pickle is cut short");
    return NULL;
  }
  const uint8_t *bytes = m->p;
  m->p += size;
  return bytes;
}

/* A little-endian number of 1, 2, 4 or 8 bytes. */
static bool take_number(machine *m, unsigned width, uint64_t *number) {
  const uint8_t *bytes = take(m, width);
  if (!bytes)
    return false;
  *number = width == 1   ? bytes[0]
            : width == 2 ? read_u16(bytes)
            : width == 4 ? read_u32(bytes)
                         : read_u64(bytes);
  return true;
}

/* Bytes of the pickle up to a newline. */
typedef struct line {
  const char *text;
  size_t length;
} line;

static bool take_line(machine *m, line *l) {
  *l = (line){0};
  const uint8_t *newline = memchr(m->p, '\n', (size_t)(m->end - m->p));
  if (!newline)
    return error_set(m->err, ERROR_FORMAT, "the pickle is cut short");
  *l = (line){(const char *)m->p, (size_t)(newline - m->p)};
  m->p = newline + 1;
  return true;
}

static bool line_is(line l, const char *text) {
  return l.length == strlen(text) && memcmp(l.text, text, l.length) == 0;
}

/* ---- Values ---- */

static void *allocate(machine *m, size_t count, size_t element_size) {
  size_t size, total;
  if (!checked_mul(count, element_size, &size) ||
      !checked_add(arena_used(m->memory) - m->memory_before, size, &total) || total > PICKLE_MAX_MEMORY) {
    error_set(m->err, ERROR_LIMIT, "the pickle's values take more than %d MiB", PICKLE_MAX_MEMORY >> 20);
    return NULL;
  }
  return arena_alloc(m->memory, size, m->err);
}

static pickle_value *new_value(machine *m, pickle_kind kind) {
  if (++m->values > PICKLE_MAX_VALUES) {
    error_set(m->err, ERROR_LIMIT, "the pickle has more than %d values", PICKLE_MAX_VALUES);
    return NULL;
  }
  pickle_value *value = allocate(m, 1, sizeof *value);
  if (value)
    value->kind = kind;
  return value;
}

/* A value with `size` bytes of text, to be filled, and a NUL. */
static pickle_value *new_text(machine *m, pickle_kind kind, size_t size, char **text) {
  pickle_value *value = new_value(m, kind);
  *text = value ? allocate(m, size + 1, 1) : NULL;
  if (!*text)
    return NULL;
  value->as.text.text = *text;
  value->as.text.length = size;
  return value;
}

static pickle_value *copy_text(machine *m, pickle_kind kind, const void *bytes, size_t size) {
  char *text;
  pickle_value *value = new_text(m, kind, size, &text);
  if (value && size)
    memcpy(text, bytes, size);
  return value;
}

static pickle_value *new_global(machine *m, line module, line name) {
  if (memchr(module.text, '\0', module.length) || memchr(name.text, '\0', name.length)) {
    error_set(m->err, ERROR_FORMAT, "a class's name holds a NUL");
    return NULL;
  }
  pickle_value *value = new_value(m, PICKLE_GLOBAL);
  char *text = value ? allocate(m, module.length + name.length + 2, 1) : NULL;
  if (!text)
    return NULL;
  value->as.global.module = memcpy(text, module.text, module.length);
  value->as.global.name = memcpy(text + module.length + 1, name.text, name.length);
  return value;
}

static pickle_value *new_reduce(machine *m, pickle_value *callable, pickle_value *arguments) {
  if (arguments->kind != PICKLE_TUPLE) {
    error_set(m->err, ERROR_FORMAT, "the arguments of a call aren't a tuple");
    return NULL;
  }
  pickle_value *value = new_value(m, PICKLE_REDUCE);
  if (value) {
    value->as.reduce.callable = callable;
    value->as.reduce.arguments = arguments;
  }
  return value;
}

static bool extend(machine *m, pickle_value *container, pickle_value *const *items, size_t count) {
  size_t wanted = container->as.list.count + count;
  if (wanted > container->as.list.capacity) {
    size_t capacity = container->as.list.count ? 2 * wanted : wanted;
    pickle_value **grown = allocate(m, capacity, sizeof *grown);
    if (!grown)
      return false;
    if (container->as.list.count)
      memcpy(grown, container->as.list.items, container->as.list.count * sizeof *grown);
    container->as.list.items = grown;
    container->as.list.capacity = capacity;
  }
  if (count)
    memcpy(container->as.list.items + container->as.list.count, items, count * sizeof *items);
  container->as.list.count = wanted;
  return true;
}

/* ---- The stack, the marks, the memo ---- */

static bool push(machine *m, pickle_value *value) {
  if (!value)
    return false;
  if (m->height >= PICKLE_MAX_VALUES)
    return error_set(m->err, ERROR_LIMIT, "the pickle's stack grows beyond %d values", PICKLE_MAX_VALUES);
  void *stack = m->stack;
  if (!array_reserve(&stack, &m->stack_capacity, m->height + 1, sizeof *m->stack, m->err))
    return false;
  m->stack = stack;
  m->stack[m->height++] = value;
  return true;
}

static size_t floor_of_stack(const machine *m) {
  return m->mark_count ? m->marks[m->mark_count - 1] : 0;
}

/* The topmost `count` values above the last mark, which stay valid until the next push; NULL when there are
 * fewer. */
static pickle_value **pop(machine *m, size_t count) {
  if (m->height - floor_of_stack(m) < count) {
    error_set(m->err, ERROR_FORMAT, "the stack is empty");
    return NULL;
  }
  m->height -= count;
  return m->stack + m->height;
}

static pickle_value *top(machine *m) {
  pickle_value **value = pop(m, 1);
  if (!value)
    return NULL;
  m->height++;
  return *value;
}

/* All values above the last mark, and the mark; the pointer isn't NULL even when there are none. */
static pickle_value **pop_to_mark(machine *m, size_t *count) {
  static pickle_value *none[1];
  if (!m->mark_count) {
    error_set(m->err, ERROR_FORMAT, "a mark is missing");
    return NULL;
  }
  size_t floor = m->marks[--m->mark_count];
  *count = m->height - floor;
  m->height = floor;
  return *count ? m->stack + floor : none;
}

static bool memo_put(machine *m, uint64_t index) {
  pickle_value *value = top(m);
  if (!value)
    return false;
  if (index >= PICKLE_MAX_VALUES)
    return error_set(m->err, ERROR_LIMIT, "memo index %" PRIu64 "; at most %d are kept", index,
                     PICKLE_MAX_VALUES - 1);
  size_t before = m->memo_capacity;
  void *memo = m->memo;
  if (!array_reserve(&memo, &m->memo_capacity, (size_t)index + 1, sizeof *m->memo, m->err))
    return false;
  m->memo = memo;
  if (m->memo_capacity > before)
    memset(m->memo + before, 0, (m->memo_capacity - before) * sizeof *m->memo);
  m->memo_count += m->memo[index] == NULL;
  m->memo[index] = value;
  return true;
}

static bool memo_get(machine *m, uint64_t index) {
  if (index >= m->memo_capacity || !m->memo[index])
    return error_set(m->err, ERROR_FORMAT, "memo index %" PRIu64 " was never set", index);
  return push(m, m->memo[index]);
}

/* ---- Numbers ---- */

static pickle_value *new_integer(machine *m, int64_t integer) {
  pickle_value *value = new_value(m, PICKLE_INT);
  if (value)
    value->as.integer = integer;
  return value;
}

static pickle_value *new_bool(machine *m, bool truth) {
  pickle_value *value = new_value(m, PICKLE_BOOL);
  if (value)
    value->as.integer = truth;
  return value;
}

static pickle_value *new_float(machine *m, double real) {
  pickle_value *value = new_value(m, PICKLE_FLOAT);
  if (value)
    value->as.real = real;
  return value;
}

/* digits[0..length) without a sign and leading zeros. */
static pickle_value *integer_from_digits(machine *m, bool negative, const char *digits, size_t length) {
  int64_t integer = 0;
  bool fits = true;
  for (size_t i = 0; i < length && fits; i++)
    fits = checked_mul_i64(integer, 10, &integer) &&
           checked_add_i64(integer, negative ? '0' - digits[i] : digits[i] - '0', &integer);
  if (fits)
    return new_integer(m, integer);
  char *text;
  pickle_value *value = new_text(m, PICKLE_BIG_INT, length + negative, &text);
  if (value) {
    *text = '-';
    memcpy(text + negative, digits, length);
  }
  return value;
}

static pickle_value *integer_from_decimal(machine *m, const char *text, size_t length) {
  bool negative = length && *text == '-';
  text += negative;
  length -= negative;
  size_t digits = 0;
  while (digits < length && text[digits] >= '0' && text[digits] <= '9')
    digits++;
  if (length == 0 || digits < length) {
    error_set(m->err, ERROR_FORMAT, "an integer isn't decimal");
    return NULL;
  }
  for (; length > 1 && *text == '0'; text++, length--)
    ;
  if (length > PICKLE_MAX_INTEGER * 2) {
    error_set(m->err, ERROR_LIMIT, "an integer of %zu digits", length);
    return NULL;
  }
  return integer_from_digits(m, negative, text, length);
}

enum { BIG_WORDS = PICKLE_MAX_INTEGER / 4, BIG_DIGITS = BIG_WORDS * 10 };

/* Divide the number (least word first) by 10^9; the remainder is returned. */
static uint32_t divide_by_billion(uint32_t *words, size_t count) {
  uint64_t remainder = 0;
  for (size_t i = count; i-- > 0;) {
    uint64_t dividend = remainder << 32 | words[i];
    words[i] = (uint32_t)(dividend / 1000000000);
    remainder = dividend % 1000000000;
  }
  return (uint32_t)remainder;
}

/* Two's complement, least byte first. */
static pickle_value *integer_from_bytes(machine *m, const uint8_t *bytes, size_t size) {
  uint8_t sign = size && bytes[size - 1] & 0x80 ? 0xff : 0;
  uint32_t words[BIG_WORDS];
  size_t count = (size + 3) / 4;
  uint64_t carry = sign & 1;
  for (size_t i = 0; i < count; i++) {
    uint32_t word = 0;
    for (size_t j = 4 * i; j < 4 * i + 4; j++)
      word |= (uint32_t)((j < size ? bytes[j] : sign) ^ sign) << 8 * (j % 4);
    carry += word;
    words[i] = (uint32_t)carry;
    carry >>= 32;
  }
  char digits[BIG_DIGITS];
  char *first = digits + sizeof digits;
  while (count) {
    uint32_t group = divide_by_billion(words, count);
    for (int i = 0; i < 9; i++, group /= 10)
      *--first = (char)('0' + group % 10);
    while (count && words[count - 1] == 0)
      count--;
  }
  while (first < digits + sizeof digits && *first == '0')
    first++;
  return integer_from_digits(m, sign, first, (size_t)(digits + sizeof digits - first));
}

static bool run_binary_integer(machine *m, unsigned width) {
  uint64_t number;
  if (!take_number(m, width, &number))
    return false;
  return push(m, new_integer(m, width == 4 ? (int32_t)(uint32_t)number : (int64_t)number));
}

static bool run_long(machine *m, unsigned width) {
  uint64_t size;
  if (!take_number(m, width, &size))
    return false;
  if (size > PICKLE_MAX_INTEGER)
    return error_set(m->err, ERROR_LIMIT, "an integer of %" PRIu64 " bytes", size);
  const uint8_t *bytes = take(m, size);
  return bytes && push(m, integer_from_bytes(m, bytes, (size_t)size));
}

/* INT: also the booleans of protocol 0, "00" and "01". */
static bool run_decimal(machine *m, unsigned unused) {
  (void)unused;
  line l;
  if (!take_line(m, &l))
    return false;
  if (line_is(l, "00") || line_is(l, "01"))
    return push(m, new_bool(m, line_is(l, "01")));
  return push(m, integer_from_decimal(m, l.text, l.length));
}

static bool run_decimal_long(machine *m, unsigned unused) {
  (void)unused;
  line l;
  if (!take_line(m, &l))
    return false;
  return push(m, integer_from_decimal(m, l.text, l.length - (l.length && l.text[l.length - 1] == 'L')));
}

static bool run_float(machine *m, unsigned unused) {
  (void)unused;
  line l;
  if (!take_line(m, &l))
    return false;
  double real = NAN;
  if (line_is(l, "inf"))
    real = INFINITY;
  else if (line_is(l, "-inf"))
    real = -INFINITY;
  else if (!line_is(l, "nan") && !parse_float64(l.text, l.length, &real))
    return error_set(m->err, ERROR_FORMAT, "a float isn't decimal");
  return push(m, new_float(m, real));
}

static bool run_binary_float(machine *m, unsigned unused) {
  (void)unused;
  const uint8_t *bytes = take(m, 8);
  if (!bytes)
    return false;
  uint64_t bits = __builtin_bswap64(read_u64(bytes)); /* the one big-endian number of a pickle */
  double real;
  memcpy(&real, &bits, sizeof real);
  return push(m, new_float(m, real));
}

static bool run_none(machine *m, unsigned unused) {
  (void)unused;
  return push(m, new_value(m, PICKLE_NONE));
}

static bool run_bool(machine *m, unsigned truth) {
  return push(m, new_bool(m, truth));
}

/* ---- Texts ---- */

static bool run_counted(machine *m, pickle_kind kind, unsigned width) {
  uint64_t size;
  if (!take_number(m, width, &size))
    return false;
  const uint8_t *bytes = take(m, size);
  return bytes && push(m, copy_text(m, kind, bytes, (size_t)size));
}

static bool run_text(machine *m, unsigned width) {
  return run_counted(m, PICKLE_TEXT, width);
}

static bool run_bytes(machine *m, unsigned width) {
  return run_counted(m, PICKLE_BYTES, width);
}

/* `count` hexadecimal digits at *p, before `end`. */
static bool take_hex(const char **p, const char *end, int count, uint32_t *number) {
  *number = 0;
  for (int i = 0; i < count; i++, ++*p) {
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *digit = *p < end ? memchr(digits, **p, sizeof digits - 1) : NULL;
    if (!digit)
      return false;
    *number = *number << 4 | (uint32_t)((digit - digits) % 16);
  }
  return true;
}

/* What follows a backslash in Python 2's repr of a str. */
static bool take_escape(const char **p, const char *end, char *c) {
  static const char letters[] = "\\'\"nrt", meanings[] = "\\'\"\n\r\t";
  if (*p == end)
    return false;
  char letter = *(*p)++;
  const char *known = memchr(letters, letter, sizeof letters - 1);
  if (known) {
    *c = meanings[known - letters];
    return true;
  }
  uint32_t number = 0;
  bool ok = letter == 'x' && take_hex(p, end, 2, &number);
  *c = (char)number;
  return ok;
}

/* STRING: a quoted repr. */
static bool run_quoted(machine *m, unsigned unused) {
  (void)unused;
  line l;
  if (!take_line(m, &l))
    return false;
  if (l.length < 2 || (l.text[0] != '\'' && l.text[0] != '"') || l.text[l.length - 1] != l.text[0])
    return error_set(m->err, ERROR_FORMAT, "a text isn't in quotes");
  char *text;
  pickle_value *value = new_text(m, PICKLE_TEXT, l.length - 2, &text);
  if (!value)
    return false;
  char *to = text;
  for (const char *p = l.text + 1, *end = l.text + l.length - 1; p < end;) {
    char c = *p++;
    if (c == '\\' && !take_escape(&p, end, &c))
      return error_set(m->err, ERROR_FORMAT, "a text has an unknown escape");
    *to++ = c;
  }
  *to = '\0';
  value->as.text.length = (size_t)(to - text);
  return push(m, value);
}

static char *put_utf8(char *to, uint32_t c) {
  if (c < 0x80) {
    *to++ = (char)c;
    return to;
  }
  int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
  *to++ = (char)(lead[more] | c >> 6 * more);
  while (more-- > 0)
    *to++ = (char)(0x80 | (c >> 6 * more & 0x3f));
  return to;
}

/* UNICODE: Latin-1 with \uXXXX and \UXXXXXXXX; any other backslash is itself, and so is the character behind
 * it. */
static bool run_raw_unicode(machine *m, unsigned unused) {
  (void)unused;
  line l;
  if (!take_line(m, &l))
    return false;
  char *text;
  pickle_value *value = new_text(m, PICKLE_TEXT, 2 * l.length, &text);
  if (!value)
    return false;
  char *to = text;
  for (const char *p = l.text, *end = l.text + l.length; p < end;) {
    uint32_t c = (uint8_t)*p++;
    if (c == '\\' && p < end) {
      char kind = *p++;
      if (kind != 'u' && kind != 'U') {
        to = put_utf8(to, c);
        c = (uint8_t)kind;
      } else if (!take_hex(&p, end, kind == 'u' ? 4 : 8, &c) || c > 0x10ffff) {
        return error_set(m->err, ERROR_FORMAT, "a text has a damaged \\%c escape", kind);
      }
    }
    to = put_utf8(to, c);
  }
  *to = '\0';
  value->as.text.length = (size_t)(to - text);
  return push(m, value);
}

/* ---- Containers ---- */

static bool push_container(machine *m, pickle_kind kind, pickle_value *const *items, size_t count) {
  pickle_value *value = new_value(m, kind);
  return value && extend(m, value, items, count) && push(m, value);
}

static bool run_empty(machine *m, unsigned kind) {
  return push(m, new_value(m, (pickle_kind)kind));
}

static bool run_small_tuple(machine *m, unsigned count) {
  pickle_value **items = pop(m, count);
  return items && push_container(m, PICKLE_TUPLE, items, count);
}

static bool run_marked(machine *m, unsigned kind) {
  size_t count;
  pickle_value **items = pop_to_mark(m, &count);
  if (!items)
    return false;
  if (kind == PICKLE_DICT && count % 2)
    return error_set(m->err, ERROR_FORMAT, "a dict's last key has no value");
  return push_container(m, (pickle_kind)kind, items, count);
}

/* The container that items are added to: the value itself, or what an object (OrderedDict, deque, ...) holds
 * besides. */
static pickle_value *items_of(machine *m, pickle_value *owner, pickle_kind kind) {
  if (owner->kind == PICKLE_REDUCE) {
    if (!owner->as.reduce.items)
      owner->as.reduce.items = new_value(m, kind);
    owner = owner->as.reduce.items;
  }
  if (owner && owner->kind != kind) {
    error_set(m->err, ERROR_FORMAT, "items are added to a value that doesn't take them");
    return NULL;
  }
  return owner;
}

static bool add_items(machine *m, unsigned kind, pickle_value *const *items, size_t count) {
  if (kind == PICKLE_DICT && count % 2)
    return error_set(m->err, ERROR_FORMAT, "a dict's last key has no value");
  pickle_value *owner = top(m);
  pickle_value *container = owner ? items_of(m, owner, (pickle_kind)kind) : NULL;
  return container && extend(m, container, items, count);
}

static bool run_add_one(machine *m, unsigned kind) {
  size_t count = kind == PICKLE_DICT ? 2 : 1;
  pickle_value **items = pop(m, count);
  return items && add_items(m, kind, items, count);
}

static bool run_add_marked(machine *m, unsigned kind) {
  size_t count;
  pickle_value **items = pop_to_mark(m, &count);
  return items && add_items(m, kind, items, count);
}

/* ---- Classes, calls, objects: opaque ---- */

static bool take_global(machine *m, pickle_value **global) {
  line module, name;
  if (!take_line(m, &module) || !take_line(m, &name))
    return false;
  *global = new_global(m, module, name);
  return *global != NULL;
}

static bool run_global(machine *m, unsigned unused) {
  (void)unused;
  pickle_value *global;
  return take_global(m, &global) && push(m, global);
}

static bool run_stack_global(machine *m, unsigned unused) {
  (void)unused;
  pickle_value **names = pop(m, 2);
  if (!names)
    return false;
  const pickle_value *module = names[0], *name = names[1];
  if (module->kind != PICKLE_TEXT || name->kind != PICKLE_TEXT)
    return error_set(m->err, ERROR_FORMAT, "a class's name isn't text");
  return push(m, new_global(m, (line){module->as.text.text, module->as.text.length},
                            (line){name->as.text.text, name->as.text.length}));
}

/* REDUCE and NEWOBJ. */
static bool run_call(machine *m, unsigned unused) {
  (void)unused;
  pickle_value **parts = pop(m, 2);
  return parts && push(m, new_reduce(m, parts[0], parts[1]));
}

static bool run_call_with_keywords(machine *m, unsigned unused) {
  (void)unused;
  pickle_value **parts = pop(m, 3);
  if (!parts)
    return false;
  if (parts[2]->kind != PICKLE_DICT)
    return error_set(m->err, ERROR_FORMAT, "the keywords of a call aren't a dict");
  pickle_value *call = new_reduce(m, parts[0], parts[1]);
  if (!call)
    return false;
  call->as.reduce.keywords = parts[2];
  return push(m, call);
}

static bool push_instance(machine *m, pickle_value *global, pickle_value *const *arguments, size_t count) {
  pickle_value *tuple = new_value(m, PICKLE_TUPLE);
  return tuple && extend(m, tuple, arguments, count) && push(m, new_reduce(m, global, tuple));
}

static bool run_instance(machine *m, unsigned unused) {
  (void)unused;
  pickle_value *global;
  size_t count;
  if (!take_global(m, &global))
    return false;
  pickle_value **arguments = pop_to_mark(m, &count);
  return arguments && push_instance(m, global, arguments, count);
}

static bool run_object(machine *m, unsigned unused) {
  (void)unused;
  size_t count;
  pickle_value **parts = pop_to_mark(m, &count);
  if (!parts)
    return false;
  if (!count)
    return error_set(m->err, ERROR_FORMAT, "an object without a class");
  return push_instance(m, parts[0], parts + 1, count - 1);
}

static bool run_build(machine *m, unsigned unused) {
  (void)unused;
  pickle_value **state = pop(m, 1);
  pickle_value *object = state ? top(m) : NULL;
  if (!object)
    return false;
  if (object->kind != PICKLE_REDUCE || object->as.reduce.state)
    return error_set(m->err, ERROR_UNSUPPORTED,
                     object->kind == PICKLE_REDUCE ? "an object's state is set twice"
                                                   : "a state is set on a value that isn't an object");
  object->as.reduce.state = *state;
  return true;
}

static bool push_persistent(machine *m, pickle_value *id) {
  pickle_value *value = id ? new_value(m, PICKLE_PERSISTENT) : NULL;
  if (!value)
    return false;
  value->as.persistent_id = id;
  return push(m, value);
}

static bool run_persistent_line(machine *m, unsigned unused) {
  (void)unused;
  line l;
  return take_line(m, &l) && push_persistent(m, copy_text(m, PICKLE_TEXT, l.text, l.length));
}

static bool run_persistent(machine *m, unsigned unused) {
  (void)unused;
  pickle_value **id = pop(m, 1);
  return id && push_persistent(m, *id);
}

/* ---- Stack, memo, framing ---- */

static bool run_mark(machine *m, unsigned unused) {
  (void)unused;
  if (m->mark_count >= PICKLE_MAX_MARKS)
    return error_set(m->err, ERROR_LIMIT, "the pickle is nested deeper than %d", PICKLE_MAX_MARKS);
  void *marks = m->marks;
  if (!array_reserve(&marks, &m->mark_capacity, m->mark_count + 1, sizeof *m->marks, m->err))
    return false;
  m->marks = marks;
  m->marks[m->mark_count++] = m->height;
  return true;
}

/* POP takes a mark when nothing is above it. */
static bool run_pop(machine *m, unsigned unused) {
  (void)unused;
  if (m->mark_count && m->height == floor_of_stack(m)) {
    m->mark_count--;
    return true;
  }
  return pop(m, 1) != NULL;
}

static bool run_pop_mark(machine *m, unsigned unused) {
  (void)unused;
  size_t count;
  return pop_to_mark(m, &count) != NULL;
}

static bool run_duplicate(machine *m, unsigned unused) {
  (void)unused;
  return push(m, top(m));
}

static bool take_memo_line(machine *m, uint64_t *index) {
  line l;
  if (!take_line(m, &l))
    return false;
  *index = 0;
  for (size_t i = 0; i < l.length; i++) {
    if (l.text[i] < '0' || l.text[i] > '9' || i > 18)
      return error_set(m->err, ERROR_FORMAT, "a memo index isn't a number");
    *index = *index * 10 + (uint64_t)(l.text[i] - '0');
  }
  return l.length > 0 || error_set(m->err, ERROR_FORMAT, "a memo index is empty");
}

/* width 0: a decimal line. */
static bool run_put(machine *m, unsigned width) {
  uint64_t index = 0;
  return (width ? take_number(m, width, &index) : take_memo_line(m, &index)) && memo_put(m, index);
}

static bool run_get(machine *m, unsigned width) {
  uint64_t index = 0;
  return (width ? take_number(m, width, &index) : take_memo_line(m, &index)) && memo_get(m, index);
}

static bool run_memoize(machine *m, unsigned unused) {
  (void)unused;
  return memo_put(m, m->memo_count);
}

static bool run_protocol(machine *m, unsigned unused) {
  (void)unused;
  uint64_t protocol;
  if (!take_number(m, 1, &protocol))
    return false;
  return protocol <= 5 ||
         error_set(m->err, ERROR_UNSUPPORTED, "pickle protocol %d; 0 to 5 are read", (int)protocol);
}

/* Frames only help those who read from a stream. */
static bool run_frame(machine *m, unsigned unused) {
  (void)unused;
  uint64_t size;
  if (!take_number(m, 8, &size))
    return false;
  return size <= (uint64_t)(m->end - m->p) || error_set(m->err, ERROR_FORMAT, "the pickle is cut short");
}

static bool run_extension(machine *m, unsigned unused) {
  (void)unused;
  return error_set(m->err, ERROR_UNSUPPORTED, "an extension code (copyreg), whose meaning isn't in the file");
}

static bool run_outside_buffer(machine *m, unsigned unused) {
  (void)unused;
  return error_set(m->err, ERROR_UNSUPPORTED, "an out-of-band buffer, which isn't in the file");
}

enum { STOP = '.' };

static const struct opcode {
  bool (*run)(machine *m, unsigned argument);
  unsigned argument;
} opcodes[256] = {
    ['I'] = {run_decimal, 0},
    ['J'] = {run_binary_integer, 4},
    ['K'] = {run_binary_integer, 1},
    ['M'] = {run_binary_integer, 2},
    ['L'] = {run_decimal_long, 0},
    [0x8a] = {run_long, 1},
    [0x8b] = {run_long, 4},
    ['F'] = {run_float, 0},
    ['G'] = {run_binary_float, 0},
    ['N'] = {run_none, 0},
    [0x88] = {run_bool, true},
    [0x89] = {run_bool, false},
    ['S'] = {run_quoted, 0},
    ['T'] = {run_text, 4}, /* Python 2's str */
    ['U'] = {run_text, 1},
    ['V'] = {run_raw_unicode, 0},
    [0x8c] = {run_text, 1},
    ['X'] = {run_text, 4},
    [0x8d] = {run_text, 8},
    ['C'] = {run_bytes, 1},
    ['B'] = {run_bytes, 4},
    [0x8e] = {run_bytes, 8},
    [0x96] = {run_bytes, 8}, /* bytearray */
    [0x97] = {run_outside_buffer, 0},
    [0x98] = {run_outside_buffer, 0},
    [')'] = {run_empty, PICKLE_TUPLE},
    ['t'] = {run_marked, PICKLE_TUPLE},
    [0x85] = {run_small_tuple, 1},
    [0x86] = {run_small_tuple, 2},
    [0x87] = {run_small_tuple, 3},
    [']'] = {run_empty, PICKLE_LIST},
    ['l'] = {run_marked, PICKLE_LIST},
    ['a'] = {run_add_one, PICKLE_LIST},
    ['e'] = {run_add_marked, PICKLE_LIST},
    ['}'] = {run_empty, PICKLE_DICT},
    ['d'] = {run_marked, PICKLE_DICT},
    ['s'] = {run_add_one, PICKLE_DICT},
    ['u'] = {run_add_marked, PICKLE_DICT},
    [0x8f] = {run_empty, PICKLE_SET},
    [0x90] = {run_add_marked, PICKLE_SET},
    [0x91] = {run_marked, PICKLE_SET}, /* frozenset */
    ['c'] = {run_global, 0},
    [0x93] = {run_stack_global, 0},
    ['R'] = {run_call, 0},
    [0x81] = {run_call, 0},
    [0x92] = {run_call_with_keywords, 0},
    ['i'] = {run_instance, 0},
    ['o'] = {run_object, 0},
    ['b'] = {run_build, 0},
    ['P'] = {run_persistent_line, 0},
    ['Q'] = {run_persistent, 0},
    ['('] = {run_mark, 0},
    ['0'] = {run_pop, 0},
    ['1'] = {run_pop_mark, 0},
    ['2'] = {run_duplicate, 0},
    ['p'] = {run_put, 0},
    ['q'] = {run_put, 1},
    ['r'] = {run_put, 4},
    [0x94] = {run_memoize, 0},
    ['g'] = {run_get, 0},
    ['h'] = {run_get, 1},
    ['j'] = {run_get, 4},
    [0x80] = {run_protocol, 0},
    [0x95] = {run_frame, 0},
    [0x82] = {run_extension, 0},
    [0x83] = {run_extension, 0},
    [0x84] = {run_extension, 0},
};

static bool run_opcode(machine *m, uint8_t code) {
  if (!opcodes[code].run)
    return error_set(m->err, ERROR_FORMAT, "0x%02x isn't a pickle opcode", code);
  return opcodes[code].run(m, opcodes[code].argument);
}

static pickle_value *run(machine *m) {
  const uint8_t *start = m->p;
  for (;;) {
    size_t offset = (size_t)(m->p - start);
    const uint8_t *code = take(m, 1);
    if (code && *code == STOP) {
      pickle_value *result = top(m);
      if (result)
        return result;
    } else if (code && run_opcode(m, *code)) {
      continue;
    }
    error_prefix(m->err, "pickle, byte %zu", offset);
    return NULL;
  }
}

pickle_value *pickle_parse(const uint8_t *data, size_t size, arena *memory, error *err) {
  machine m = {
      .p = data, .end = data + size, .memory = memory, .memory_before = arena_used(memory), .err = err};
  pickle_value *result = run(&m);
  free(m.stack);
  free(m.marks);
  free(m.memo);
  return result;
}

/* ---- Looking things up ---- */

bool pickle_is_text(const pickle_value *value, const char *text) {
  return value && value->kind == PICKLE_TEXT && value->as.text.length == strlen(text) &&
         memcmp(value->as.text.text, text, value->as.text.length) == 0;
}

bool pickle_is_call(const pickle_value *value, const char *module, const char *name) {
  if (!value || value->kind != PICKLE_REDUCE || value->as.reduce.callable->kind != PICKLE_GLOBAL)
    return false;
  const pickle_value *callable = value->as.reduce.callable;
  return strcmp(callable->as.global.module, module) == 0 && strcmp(callable->as.global.name, name) == 0;
}

const pickle_value *pickle_get(const pickle_value *dict, const char *key) {
  if (dict && dict->kind == PICKLE_REDUCE)
    dict = dict->as.reduce.items;
  if (!dict || dict->kind != PICKLE_DICT)
    return NULL;
  for (size_t i = dict->as.list.count; i >= 2; i -= 2)
    if (pickle_is_text(dict->as.list.items[i - 2], key))
      return dict->as.list.items[i - 1];
  return NULL;
}

const pickle_value *pickle_attribute(const pickle_value *object, const char *name) {
  if (!object || object->kind != PICKLE_REDUCE || !object->as.reduce.state)
    return NULL;
  const pickle_value *state = object->as.reduce.state;
  if (state->kind != PICKLE_TUPLE)
    return pickle_get(state, name);
  const pickle_value *found = NULL;
  for (size_t i = 0; i < state->as.list.count && i < 2 && !found; i++)
    found = pickle_get(state->as.list.items[i], name);
  return found;
}
