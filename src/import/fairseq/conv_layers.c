#include "import/fairseq/conv_layers.h"

#include "base/checked.h"
#include "ops/op.h"

#include <inttypes.h>
#include <string.h>

enum { MAX_NESTING = 16 };

typedef struct expression {
  const char *text;
  size_t length, at;
  error *err;
} expression;

/* What an operand of + and * is. */
typedef struct operand {
  bool is_list;
  int64_t number;
  conv_layers list;
} operand;

static bool refuse(const expression *e, const char *what) {
  return error_set(e->err, ERROR_FORMAT, "%s at character %zu", what, e->at);
}

static char peek(expression *e) {
  while (e->at < e->length && strchr(" \t\r\n", e->text[e->at]) && e->text[e->at])
    e->at++;
  return e->at < e->length ? e->text[e->at] : '\0';
}

static bool accept(expression *e, char c) {
  if (peek(e) != c)
    return false;
  e->at++;
  return true;
}

static bool expect(expression *e, char c) {
  char what[] = "'?' is missing";
  what[1] = c;
  return accept(e, c) || refuse(e, what);
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool parse_number(expression *e, int64_t *number) {
  if (!is_digit(peek(e)))
    return refuse(e, "a number is missing");
  *number = 0;
  for (; e->at < e->length && is_digit(e->text[e->at]); e->at++)
    if (!checked_mul_i64(*number, 10, number) || !checked_add_i64(*number, e->text[e->at] - '0', number))
      return error_set(e->err, ERROR_LIMIT, "a number of more than 64 bits at character %zu", e->at);
  return true;
}

static bool parse_size(expression *e, int64_t *size) {
  if (!parse_number(e, size))
    return false;
  if (*size < 1 || *size > OP_MAX_EXTENT)
    return error_set(e->err, ERROR_LIMIT, "%" PRId64 " is outside 1..%d", *size, OP_MAX_EXTENT);
  return true;
}

/* (width, kernel, stride), a comma behind them allowed; the bracket is behind us. */
static bool parse_layer(expression *e, char closing, conv_layer *layer) {
  if (!parse_size(e, &layer->width) || !expect(e, ',') || !parse_size(e, &layer->kernel) || !expect(e, ',') ||
      !parse_size(e, &layer->stride))
    return false;
  accept(e, ',');
  return expect(e, closing);
}

static bool append(const expression *e, conv_layers *layers, const conv_layer *more, size_t count) {
  if (count > CONV_LAYERS_MAX - layers->count)
    return error_set(e->err, ERROR_LIMIT, "more than %d convolutions", CONV_LAYERS_MAX);
  memcpy(layers->items + layers->count, more, count * sizeof *more);
  layers->count += count;
  return true;
}

static bool parse_list(expression *e, conv_layers *list) {
  while (!accept(e, ']')) {
    conv_layer layer;
    char closing = accept(e, '(') ? ')' : ']';
    if ((closing == ']' && !expect(e, '[')) || !parse_layer(e, closing, &layer) ||
        !append(e, list, &layer, 1))
      return false;
    if (!accept(e, ','))
      return expect(e, ']');
  }
  return true;
}

static bool parse_sum(expression *e, int nesting, operand *result);

static bool parse_factor(expression *e, int nesting, operand *result) {
  *result = (operand){0};
  if (accept(e, '[')) {
    result->is_list = true;
    return parse_list(e, &result->list);
  }
  if (!accept(e, '('))
    return parse_number(e, &result->number);
  if (nesting >= MAX_NESTING)
    return error_set(e->err, ERROR_LIMIT, "more than %d parentheses in each other", MAX_NESTING);
  return parse_sum(e, nesting + 1, result) && expect(e, ')');
}

static bool repeat(const expression *e, operand *list, int64_t times) {
  if (times > CONV_LAYERS_MAX)
    return error_set(e->err, ERROR_LIMIT,
                     "a list repeated %" PRId64 " times; at most %d convolutions are read", times,
                     CONV_LAYERS_MAX);
  conv_layers once = list->list;
  list->list.count = 0;
  for (int64_t i = 0; i < times; i++)
    if (!append(e, &list->list, once.items, once.count))
      return false;
  return true;
}

static bool parse_product(expression *e, int nesting, operand *result) {
  if (!parse_factor(e, nesting, result))
    return false;
  while (accept(e, '*')) {
    operand right;
    if (!parse_factor(e, nesting, &right))
      return false;
    if (result->is_list == right.is_list)
      return refuse(e, "a list can only be multiplied by a number");
    int64_t times = result->is_list ? right.number : result->number;
    if (right.is_list)
      *result = right;
    if (!repeat(e, result, times))
      return false;
  }
  return true;
}

static bool parse_sum(expression *e, int nesting, operand *result) {
  if (!parse_product(e, nesting, result))
    return false;
  while (accept(e, '+')) {
    operand right;
    if (!parse_product(e, nesting, &right))
      return false;
    if (!result->is_list || !right.is_list)
      return refuse(e, "a list can only be joined with a list");
    if (!append(e, &result->list, right.list.items, right.list.count))
      return false;
  }
  return true;
}

bool conv_layers_parse(const char *text, size_t length, conv_layers *layers, error *err) {
  expression e = {text, length, 0, err};
  operand result;
  if (!parse_sum(&e, 0, &result))
    return false;
  if (peek(&e) || e.at < e.length)
    return refuse(&e, "unexpected text");
  if (!result.is_list || result.list.count == 0)
    return error_set(err, ERROR_FORMAT, "not a list of convolutions");
  *layers = result.list;
  return true;
}
