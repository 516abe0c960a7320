#include "import/torchscript/parser.h"

#include "import/torchscript/lexer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_NESTING = 500, MAX_PATH_LENGTH = 1000 };

typedef struct parser {
  ts_lexer lexer;
  ts_token token; /* the one not yet consumed */
  arena *memory;
  ts_function *function; /* whose names get slots; NULL in types and class bodies */
  ts_names slots;
  int nesting;
} parser;

/* ---- tokens ---- */

static bool advance(parser *p, error *err) {
  return ts_lexer_next(&p->lexer, &p->token, err);
}

static bool token_is(const parser *p, const char *text) {
  bool worded = p->token.kind == TOKEN_NAME || p->token.kind == TOKEN_OPERATOR;
  return worded && p->token.length == strlen(text) && memcmp(p->token.start, text, p->token.length) == 0;
}

static bool fail_at(const parser *p, int line, const char *what, error *err) {
  return error_set(err, ERROR_FORMAT, "%s:%d: syntax error: %s", p->lexer.file, line, what);
}

static bool fail_unexpected(const parser *p, const char *expected, error *err) {
  char found[64];
  switch (p->token.kind) {
  case TOKEN_END:
    strcpy(found, "the end of the file");
    break;
  case TOKEN_NEWLINE:
    strcpy(found, "the end of the line");
    break;
  case TOKEN_INDENT:
  case TOKEN_DEDENT:
    strcpy(found, "a change of indentation");
    break;
  default:
    snprintf(found, sizeof found, "'%.*s'", p->token.length < 40 ? (int)p->token.length : 40, p->token.start);
  }
  return error_set(err, ERROR_FORMAT, "%s:%d: syntax error: %s instead of %s", p->lexer.file, p->token.line,
                   found, expected);
}

/* Consume the token if it is `text`. */
static bool accept(parser *p, const char *text, bool *accepted, error *err) {
  *accepted = token_is(p, text);
  return !*accepted || advance(p, err);
}

static bool expect(parser *p, const char *text, error *err) {
  if (token_is(p, text))
    return advance(p, err);
  char quoted[32];
  snprintf(quoted, sizeof quoted, "'%s'", text);
  return fail_unexpected(p, quoted, err);
}

static bool expect_kind(parser *p, ts_token_kind kind, const char *what, error *err) {
  return p->token.kind == kind ? advance(p, err) : fail_unexpected(p, what, err);
}

static bool is_keyword(const parser *p) {
  static const char *const keywords[] = {
      "and",    "as",   "assert", "break",  "class", "continue", "def",  "del",   "elif",   "else",
      "except", "for",  "from",   "global", "if",    "import",   "in",   "is",    "lambda", "not",
      "or",     "pass", "raise",  "return", "try",   "while",    "with", "yield", "finally"};
  for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
    if (token_is(p, keywords[i]))
      return true;
  return false;
}

/* A name that is no keyword. NULL and *err. */
static const char *expect_name(parser *p, const char *what, error *err) {
  if (p->token.kind != TOKEN_NAME || is_keyword(p)) {
    fail_unexpected(p, what, err);
    return NULL;
  }
  const char *name = arena_strndup(p->memory, p->token.start, p->token.length, err);
  return name && advance(p, err) ? name : NULL;
}

/* An array in the arena that has room for one more than `count` elements: grows at 4, 8, 16 ... */
static void *with_room(parser *p, void *array, int count, size_t element_size, error *err) {
  if (count != 0 && (count < 4 || (count & (count - 1)) != 0))
    return array;
  size_t room = count ? 2 * (size_t)count : 4;
  void *larger = arena_alloc_array(p->memory, room, element_size, err);
  if (larger && count)
    memcpy(larger, array, (size_t)count * element_size);
  return larger;
}

/* ---- expressions ---- */

static ts_expression *parse_expression(parser *p, error *err);

static ts_expression *new_expression(parser *p, ts_expression_kind kind, int line, error *err) {
  ts_expression *e = arena_alloc(p->memory, sizeof *e, err);
  if (e)
    *e = (ts_expression){.kind = kind, .line = line, .depth = 1, .slot = -1};
  return e;
}

/* child may be NULL (an absent bound of a slice). */
static bool add_item(parser *p, ts_expression *parent, ts_expression *child, error *err) {
  ts_expression **items = with_room(p, parent->as.items, parent->count, sizeof *items, err);
  if (!items)
    return false;
  parent->as.items = items;
  items[parent->count++] = child;
  if (child && child->depth >= parent->depth)
    parent->depth = child->depth + 1;
  return parent->depth <= TS_MAX_EXPRESSION_DEPTH ||
         fail_at(p, parent->line, "the expression is nested too deeply", err);
}

static ts_expression *combine(parser *p, ts_expression_kind kind, const char *text, ts_expression *a,
                              ts_expression *b, error *err) {
  ts_expression *e = new_expression(p, kind, a->line, err);
  if (!e || !add_item(p, e, a, err) || (b && !add_item(p, e, b, err)))
    return NULL;
  e->text = text;
  return e;
}

static int slot_of(parser *p, const char *name, error *err) {
  int slot = ts_names_get(&p->slots, name);
  if (slot >= 0)
    return slot;
  ts_function *f = p->function;
  const char **names = with_room(p, f->slot_names, f->slot_count, sizeof *names, err);
  if (!names || !ts_names_put(&p->slots, name, f->slot_count, p->memory, err))
    return -1;
  f->slot_names = names;
  names[f->slot_count] = name;
  return f->slot_count++;
}

static ts_expression *parse_name(parser *p, error *err) {
  static const struct {
    const char *name;
    ts_expression_kind kind;
    int64_t integer;
    double real;
  } words[] = {{"None", EXPR_NONE, 0, 0},
               {"True", EXPR_BOOL, 1, 0},
               {"False", EXPR_BOOL, 0, 0},
               {"inf", EXPR_FLOAT, 0, HUGE_VAL},
               {"nan", EXPR_FLOAT, 0, (double)NAN}};
  ts_expression *e = new_expression(p, EXPR_NAME, p->token.line, err);
  if (!e || !(e->text = expect_name(p, "an expression", err)))
    return NULL;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (strcmp(e->text, words[i].name) == 0) {
      e->kind = words[i].kind;
      if (e->kind == EXPR_FLOAT)
        e->as.real = words[i].real;
      else
        e->as.integer = words[i].integer;
      return e;
    }
  }
  if (p->function && (e->slot = slot_of(p, e->text, err)) < 0)
    return NULL;
  return e;
}

/* Expressions up to `close`, a trailing comma allowed; *commas counts them. The opening bracket has been
 * read. */
static bool parse_items(parser *p, ts_expression *parent, const char *close, int *commas, error *err) {
  *commas = 0;
  while (!token_is(p, close)) {
    ts_expression *item = parse_expression(p, err);
    if (!item || !add_item(p, parent, item, err))
      return false;
    bool comma;
    if (!accept(p, ",", &comma, err))
      return false;
    if (!comma)
      break;
    ++*commas;
  }
  return expect(p, close, err);
}

static ts_expression *parse_parentheses(parser *p, error *err) {
  ts_expression *tuple = new_expression(p, EXPR_TUPLE, p->token.line, err);
  int commas;
  if (!tuple || !advance(p, err) || !parse_items(p, tuple, ")", &commas, err))
    return NULL;
  return tuple->count == 1 && commas == 0 ? tuple->as.items[0] : tuple;
}

static ts_expression *parse_list(parser *p, error *err) {
  ts_expression *list = new_expression(p, EXPR_LIST, p->token.line, err);
  int commas;
  return list && advance(p, err) && parse_items(p, list, "]", &commas, err) ? list : NULL;
}

static ts_expression *parse_dict(parser *p, error *err) {
  ts_expression *dict = new_expression(p, EXPR_DICT, p->token.line, err);
  if (!dict || !advance(p, err))
    return NULL;
  bool comma = true;
  while (comma && !token_is(p, "}")) {
    ts_expression *key = parse_expression(p, err);
    if (!key || !add_item(p, dict, key, err) || !expect(p, ":", err))
      return NULL;
    ts_expression *value = parse_expression(p, err);
    if (!value || !add_item(p, dict, value, err) || !accept(p, ",", &comma, err))
      return NULL;
  }
  return expect(p, "}", err) ? dict : NULL;
}

static ts_expression *parse_literal(parser *p, error *err) {
  ts_expression *e = new_expression(p, EXPR_INT, p->token.line, err);
  if (!e)
    return NULL;
  switch (p->token.kind) {
  case TOKEN_INT:
    e->as.integer = p->token.integer;
    break;
  case TOKEN_FLOAT:
    e->kind = EXPR_FLOAT;
    e->as.real = p->token.real;
    break;
  default:
    e->kind = EXPR_STRING;
    e->text = p->token.text;
  }
  return advance(p, err) ? e : NULL;
}

static ts_expression *parse_atom(parser *p, error *err) {
  switch (p->token.kind) {
  case TOKEN_INT:
  case TOKEN_FLOAT:
  case TOKEN_STRING:
    return parse_literal(p, err);
  case TOKEN_NAME:
    return parse_name(p, err);
  default:
    break;
  }
  if (token_is(p, "("))
    return parse_parentheses(p, err);
  if (token_is(p, "["))
    return parse_list(p, err);
  if (token_is(p, "{"))
    return parse_dict(p, err);
  fail_unexpected(p, "an expression", err);
  return NULL;
}

static bool is_path_root(const ts_expression *e) {
  static const char *const roots[] = {"torch", "ops", "CONSTANTS", "__torch__"};
  for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
    if (e->kind == EXPR_NAME && strcmp(e->text, roots[i]) == 0)
      return true;
  return false;
}

static ts_expression *parse_attribute(parser *p, ts_expression *base, error *err) {
  int line = p->token.line;
  const char *name = advance(p, err) ? expect_name(p, "an attribute's name", err) : NULL;
  if (!name)
    return NULL;
  if (base->kind != EXPR_PATH && !is_path_root(base))
    return combine(p, EXPR_ATTRIBUTE, name, base, NULL, err);
  if (strlen(base->text) + strlen(name) > MAX_PATH_LENGTH) {
    fail_at(p, line, "a dotted name is too long", err);
    return NULL;
  }
  ts_expression *path = new_expression(p, EXPR_PATH, base->line, err);
  if (path)
    path->text = arena_printf(p->memory, err, "%s.%s", base->text, name);
  return path && path->text ? path : NULL;
}

/* The value of `name=value`, when `name` has just been read as an expression and '=' follows. */
static bool parse_keyword_value(parser *p, ts_expression **argument, const char **keyword, error *err) {
  if ((*argument)->kind != EXPR_NAME)
    return fail_at(p, p->token.line, "a keyword that is no name", err);
  *keyword = (*argument)->text;
  return advance(p, err) && (*argument = parse_expression(p, err));
}

static ts_expression *parse_call(parser *p, ts_expression *callee, error *err) {
  ts_expression *call = combine(p, EXPR_CALL, NULL, callee, NULL, err);
  if (!call || !advance(p, err))
    return NULL;
  bool comma = true;
  while (comma && !token_is(p, ")")) {
    const char *keyword = NULL;
    ts_expression *argument = parse_expression(p, err);
    if (!argument || (token_is(p, "=") && !parse_keyword_value(p, &argument, &keyword, err)))
      return NULL;
    const char **keywords = with_room(p, call->keywords, call->count - 1, sizeof *keywords, err);
    if (!keywords)
      return NULL;
    call->keywords = keywords;
    keywords[call->count - 1] = keyword;
    if (!add_item(p, call, argument, err) || !accept(p, ",", &comma, err))
      return NULL;
  }
  return expect(p, ")", err) ? call : NULL;
}

/* One place inside [...]: an expression or a slice. */
static ts_expression *parse_index(parser *p, error *err) {
  ts_expression *bounds[3] = {NULL, NULL, NULL};
  int line = p->token.line, colons = 0;
  while (!token_is(p, "]") && !token_is(p, ",")) {
    if (token_is(p, ":") && colons < 2) {
      colons++;
      if (!advance(p, err))
        return NULL;
    } else if (bounds[colons] || !(bounds[colons] = parse_expression(p, err))) {
      if (bounds[colons])
        fail_unexpected(p, "']'", err);
      return NULL;
    }
  }
  if (!colons && bounds[0])
    return bounds[0];
  if (!colons) {
    fail_unexpected(p, "an index", err);
    return NULL;
  }
  ts_expression *slice = new_expression(p, EXPR_SLICE, line, err);
  for (int i = 0; slice && i < 3; i++)
    if (!add_item(p, slice, bounds[i], err))
      return NULL;
  return slice;
}

static ts_expression *parse_subscript(parser *p, ts_expression *base, error *err) {
  ts_expression *tuple = new_expression(p, EXPR_TUPLE, p->token.line, err);
  bool comma = true;
  if (!tuple || !advance(p, err))
    return NULL;
  while (comma && (tuple->count == 0 || !token_is(p, "]"))) {
    ts_expression *index = parse_index(p, err);
    if (!index || !add_item(p, tuple, index, err) || !accept(p, ",", &comma, err))
      return NULL;
  }
  ts_expression *index = tuple->count == 1 ? tuple->as.items[0] : tuple;
  return expect(p, "]", err) ? combine(p, EXPR_SUBSCRIPT, NULL, base, index, err) : NULL;
}

static ts_expression *parse_postfix(parser *p, error *err) {
  ts_expression *e = parse_atom(p, err);
  while (e) {
    if (token_is(p, "."))
      e = parse_attribute(p, e, err);
    else if (token_is(p, "("))
      e = parse_call(p, e, err);
    else if (token_is(p, "["))
      e = parse_subscript(p, e, err);
    else
      break;
  }
  return e;
}

static bool enter(parser *p, error *err) {
  return ++p->nesting <= MAX_NESTING || fail_at(p, p->token.line, "nested too deeply", err);
}

static ts_expression *parse_unary(parser *p, error *err);

static ts_expression *parse_power(parser *p, error *err) {
  ts_expression *base = parse_postfix(p, err);
  if (!base || !token_is(p, "**"))
    return base;
  ts_expression *exponent = advance(p, err) ? parse_unary(p, err) : NULL;
  return exponent ? combine(p, EXPR_OPERATOR, "pow", base, exponent, err) : NULL;
}

static ts_expression *negate(parser *p, ts_expression *e, error *err) {
  if (e->kind == EXPR_INT)
    e->as.integer = -e->as.integer; /* the lexer gives none below 0 */
  else if (e->kind == EXPR_FLOAT)
    e->as.real = -e->as.real;
  else
    return combine(p, EXPR_OPERATOR, "neg", e, NULL, err);
  return e;
}

static ts_expression *parse_unary(parser *p, error *err) {
  ts_expression *e;
  if (!enter(p, err))
    return NULL;
  if (token_is(p, "-")) {
    e = advance(p, err) ? parse_unary(p, err) : NULL;
    e = e ? negate(p, e, err) : NULL;
  } else if (token_is(p, "+")) {
    e = advance(p, err) ? parse_unary(p, err) : NULL;
  } else {
    e = parse_power(p, err);
  }
  p->nesting--;
  return e;
}

typedef struct binary_operator {
  const char *token, *name;
  int precedence;
} binary_operator;

static const binary_operator *current_binary(const parser *p) {
  static const binary_operator operators[] = {
      {"is", "__is__", 1}, {"==", "eq", 1},       {"!=", "ne", 1},       {"<=", "le", 1}, {">=", "ge", 1},
      {"<", "lt", 1},      {">", "gt", 1},        {"+", "add", 2},       {"-", "sub", 2}, {"*", "mul", 3},
      {"/", "div", 3},     {"//", "floordiv", 3}, {"%", "remainder", 3},
  };
  for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
    if (token_is(p, operators[i].token))
      return &operators[i];
  return NULL;
}

/* Left-associative operators of at least this precedence. */
static ts_expression *parse_binary(parser *p, int precedence, error *err) {
  ts_expression *left = parse_unary(p, err);
  const binary_operator *op;
  while (left && (op = current_binary(p)) && op->precedence >= precedence) {
    const char *name = op->name;
    bool negated = false;
    if (!advance(p, err) || (op->token[0] == 'i' && !accept(p, "not", &negated, err)))
      return NULL;
    ts_expression *right = parse_binary(p, op->precedence + 1, err);
    left = right ? combine(p, EXPR_OPERATOR, negated ? "__isnot__" : name, left, right, err) : NULL;
  }
  return left;
}

static ts_expression *parse_not(parser *p, error *err) {
  if (!token_is(p, "not"))
    return parse_binary(p, 1, err);
  ts_expression *e = enter(p, err) && advance(p, err) ? parse_not(p, err) : NULL;
  p->nesting--;
  return e ? combine(p, EXPR_NOT, NULL, e, NULL, err) : NULL;
}

static ts_expression *parse_logical(parser *p, bool is_or, error *err) {
  ts_expression *left = is_or ? parse_logical(p, false, err) : parse_not(p, err);
  while (left && token_is(p, is_or ? "or" : "and")) {
    ts_expression *right = NULL;
    if (advance(p, err))
      right = is_or ? parse_logical(p, false, err) : parse_not(p, err);
    left = right ? combine(p, is_or ? EXPR_OR : EXPR_AND, NULL, left, right, err) : NULL;
  }
  return left;
}

static ts_expression *parse_conditional_tail(parser *p, ts_expression *value, error *err) {
  ts_expression *condition = advance(p, err) ? parse_logical(p, true, err) : NULL;
  if (!condition || !expect(p, "else", err))
    return NULL;
  ts_expression *otherwise = parse_expression(p, err);
  ts_expression *e = otherwise ? combine(p, EXPR_CONDITIONAL, NULL, condition, value, err) : NULL;
  return e && add_item(p, e, otherwise, err) ? e : NULL;
}

static ts_expression *parse_expression(parser *p, error *err) {
  if (!enter(p, err))
    return NULL;
  ts_expression *e = parse_logical(p, true, err);
  if (e && token_is(p, "if"))
    e = parse_conditional_tail(p, e, err);
  p->nesting--;
  return e;
}

/* "a", or the tuple "a, b," of a statement. */
static ts_expression *parse_expressions(parser *p, error *err) {
  ts_expression *first = parse_expression(p, err);
  if (!first || !token_is(p, ","))
    return first;
  ts_expression *tuple = combine(p, EXPR_TUPLE, NULL, first, NULL, err);
  while (tuple && token_is(p, ",")) {
    if (!advance(p, err))
      return NULL;
    if (p->token.kind == TOKEN_NEWLINE || token_is(p, "="))
      break;
    ts_expression *next = parse_expression(p, err);
    if (!next || !add_item(p, tuple, next, err))
      return NULL;
  }
  return tuple;
}

/* Names in types and defaults are no local variables. */
static ts_expression *parse_outside_function(parser *p, error *err) {
  ts_function *function = p->function;
  p->function = NULL;
  ts_expression *e = parse_expression(p, err);
  p->function = function;
  return e;
}

/* ": type", if there is one. */
static bool skip_annotation(parser *p, error *err) {
  bool annotated;
  return accept(p, ":", &annotated, err) && (!annotated || parse_outside_function(p, err));
}

/* ---- statements ---- */

static bool parse_block(parser *p, ts_block *block, error *err);

static bool is_target(const ts_expression *e) {
  switch (e->kind) {
  case EXPR_NAME:
    return true;
  case EXPR_TUPLE:
    for (int i = 0; i < e->count; i++)
      if (!is_target(e->as.items[i]))
        return false;
    return true;
  default:
    return false;
  }
}

static bool parse_assignment(parser *p, ts_statement *s, error *err) {
  s->kind = STATEMENT_EXPRESSION;
  s->value = parse_expressions(p, err);
  if (!s->value || !skip_annotation(p, err))
    return false;
  if (token_is(p, "=")) {
    s->kind = STATEMENT_ASSIGN;
    s->target = s->value;
    if (!is_target(s->target))
      return fail_at(p, s->line, "this can't be assigned to", err);
    if (!advance(p, err) || !(s->value = parse_expressions(p, err)))
      return false;
  }
  return expect_kind(p, TOKEN_NEWLINE, "the end of the line", err);
}

static bool parse_return(parser *p, ts_statement *s, error *err) {
  s->kind = STATEMENT_RETURN;
  if (p->token.kind != TOKEN_NEWLINE && !(s->value = parse_expressions(p, err)))
    return false;
  return expect_kind(p, TOKEN_NEWLINE, "the end of the line", err);
}

static bool parse_assert(parser *p, ts_statement *s, error *err) {
  s->kind = STATEMENT_ASSERT;
  bool message;
  if (!(s->value = parse_expression(p, err)) || !accept(p, ",", &message, err) ||
      (message && !parse_expression(p, err)))
    return false;
  return expect_kind(p, TOKEN_NEWLINE, "the end of the line", err);
}

static bool parse_if(parser *p, ts_statement *s, error *err);

/* `elif` is an `if` inside the else. */
static bool parse_elif(parser *p, ts_block *block, error *err) {
  ts_statement *s = arena_alloc(p->memory, sizeof *s, err);
  ts_statement **statements = with_room(p, NULL, 0, sizeof *statements, err);
  if (!s || !statements)
    return false;
  s->line = p->token.line;
  statements[0] = s;
  *block = (ts_block){.statements = statements, .count = 1};
  bool good = enter(p, err) && advance(p, err) && parse_if(p, s, err);
  p->nesting--;
  return good;
}

static bool parse_if(parser *p, ts_statement *s, error *err) {
  s->kind = STATEMENT_IF;
  if (!(s->value = parse_expression(p, err)) || !parse_block(p, &s->body, err))
    return false;
  if (token_is(p, "elif"))
    return parse_elif(p, &s->otherwise, err);
  bool otherwise;
  return accept(p, "else", &otherwise, err) && (!otherwise || parse_block(p, &s->otherwise, err));
}

static bool parse_for(parser *p, ts_statement *s, error *err) {
  s->kind = STATEMENT_FOR;
  if (!(s->target = parse_postfix(p, err)))
    return false;
  if (!is_target(s->target))
    return fail_at(p, s->line, "this can't be assigned to", err);
  return expect(p, "in", err) && (s->value = parse_expression(p, err)) && parse_block(p, &s->body, err);
}

static bool parse_while(parser *p, ts_statement *s, error *err) {
  s->kind = STATEMENT_WHILE;
  return (s->value = parse_expression(p, err)) && parse_block(p, &s->body, err);
}

static bool parse_pass(parser *p, ts_statement *s, error *err) {
  s->kind = STATEMENT_PASS;
  return expect_kind(p, TOKEN_NEWLINE, "the end of the line", err);
}

static bool parse_statement(parser *p, ts_statement *s, error *err) {
  static const struct {
    const char *word;
    bool (*parse)(parser *p, ts_statement *s, error *err);
  } forms[] = {{"return", parse_return}, {"if", parse_if},     {"for", parse_for},
               {"while", parse_while},   {"pass", parse_pass}, {"assert", parse_assert}};
  s->line = p->token.line;
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
    if (token_is(p, forms[i].word))
      return advance(p, err) && forms[i].parse(p, s, err);
  return parse_assignment(p, s, err);
}

static bool open_block(parser *p, error *err) {
  return expect(p, ":", err) && expect_kind(p, TOKEN_NEWLINE, "the end of the line", err) &&
         expect_kind(p, TOKEN_INDENT, "an indented block", err);
}

static bool parse_block(parser *p, ts_block *block, error *err) {
  if (!open_block(p, err))
    return false;
  while (p->token.kind != TOKEN_DEDENT) {
    ts_statement *s = arena_alloc(p->memory, sizeof *s, err);
    ts_statement **statements = with_room(p, block->statements, block->count, sizeof *statements, err);
    if (!s || !statements)
      return false;
    block->statements = statements;
    statements[block->count++] = s;
    if (!parse_statement(p, s, err))
      return false;
  }
  return advance(p, err);
}

/* ---- functions, classes, files ---- */

static bool parse_parameter(parser *p, ts_function *f, error *err) {
  ts_parameter *parameters = with_room(p, f->parameters, f->parameter_count, sizeof *parameters, err);
  if (!parameters)
    return false;
  f->parameters = parameters;
  ts_parameter *parameter = &parameters[f->parameter_count];
  int line = p->token.line;
  parameter->name = expect_name(p, "a parameter's name", err);
  if (!parameter->name)
    return false;
  if (ts_names_get(&p->slots, parameter->name) >= 0)
    return fail_at(p, line, "two parameters with the same name", err);
  parameter->slot = slot_of(p, parameter->name, err);
  f->parameter_count++;
  bool has_default;
  if (parameter->slot < 0 || !skip_annotation(p, err) || !accept(p, "=", &has_default, err))
    return false;
  return !has_default || (parameter->default_value = parse_outside_function(p, err));
}

static bool parse_signature(parser *p, ts_function *f, error *err) {
  bool comma = true, returns;
  if (!expect(p, "(", err))
    return false;
  while (comma && !token_is(p, ")"))
    if (!parse_parameter(p, f, err) || !accept(p, ",", &comma, err))
      return false;
  return expect(p, ")", err) && accept(p, "->", &returns, err) &&
         (!returns || parse_outside_function(p, err));
}

static ts_function *parse_function(parser *p, error *err) {
  ts_function *f = arena_alloc(p->memory, sizeof *f, err);
  if (!f)
    return NULL;
  f->file = p->lexer.file;
  f->line = p->token.line;
  if (!advance(p, err) || !(f->name = expect_name(p, "a function's name", err)))
    return NULL;
  p->function = f;
  p->slots = (ts_names){0};
  bool good = parse_signature(p, f, err) && parse_block(p, &f->body, err);
  p->function = NULL;
  return good ? f : NULL;
}

void *ts_find_definition(const ts_definitions *definitions, const char *name) {
  int index = ts_names_get(&definitions->names, name);
  return index >= 0 ? definitions->items[index] : NULL;
}

static bool define(parser *p, ts_definitions *definitions, const char *name, void *item, int line,
                   error *err) {
  if (ts_find_definition(definitions, name))
    return error_set(err, ERROR_FORMAT, "%s:%d: '%.100s' is defined twice", p->lexer.file, line, name);
  void **items = with_room(p, definitions->items, definitions->count, sizeof *items, err);
  if (!items)
    return false;
  definitions->items = items;
  items[definitions->count] = item;
  return ts_names_put(&definitions->names, name, definitions->count++, p->memory, err);
}

static bool define_function(parser *p, ts_definitions *functions, error *err) {
  ts_function *f = parse_function(p, err);
  return f && define(p, functions, f->name, f, f->line, err);
}

/* `x : T`, `x : T = value`, `__parameters__ = [...]`, `__annotations__["0"] = T`, `pass`: nothing the
 * lowering needs. */
static bool skip_declaration(parser *p, error *err) {
  if (token_is(p, "pass"))
    return advance(p, err) && expect_kind(p, TOKEN_NEWLINE, "the end of the line", err);
  bool has_value;
  return parse_expression(p, err) && skip_annotation(p, err) && accept(p, "=", &has_value, err) &&
         (!has_value || parse_expression(p, err)) &&
         expect_kind(p, TOKEN_NEWLINE, "the end of the line", err);
}

static ts_class *parse_class(parser *p, error *err) {
  ts_class *c = arena_alloc(p->memory, sizeof *c, err);
  if (!c || !advance(p, err) || !(c->name = expect_name(p, "a class's name", err)))
    return NULL;
  c->file = p->lexer.file;
  bool has_base;
  if (!accept(p, "(", &has_base, err) || (has_base && !(parse_expression(p, err) && expect(p, ")", err))) ||
      !open_block(p, err))
    return NULL;
  while (p->token.kind != TOKEN_DEDENT)
    if (!(token_is(p, "def") ? define_function(p, &c->methods, err) : skip_declaration(p, err)))
      return NULL;
  return advance(p, err) ? c : NULL;
}

static bool define_class(parser *p, ts_definitions *classes, error *err) {
  int line = p->token.line;
  ts_class *c = parse_class(p, err);
  return c && define(p, classes, c->name, c, line, err);
}

ts_source *ts_parse(const char *file, const char *text, size_t size, arena *memory, error *err) {
  parser p = {.memory = memory};
  ts_source *source = arena_alloc(memory, sizeof *source, err);
  if (!source)
    return NULL;
  source->file = file;
  ts_lexer_init(&p.lexer, file, text, size, memory);
  bool good = advance(&p, err);
  while (good && p.token.kind != TOKEN_END) {
    if (token_is(&p, "class"))
      good = define_class(&p, &source->classes, err);
    else if (token_is(&p, "def"))
      good = define_function(&p, &source->functions, err);
    else
      good = skip_declaration(&p, err);
  }
  return good ? source : NULL;
}
