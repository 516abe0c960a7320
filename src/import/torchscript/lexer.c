#include "import/torchscript/lexer.h"

#include "base/number_text.h"

#include <string.h>

void ts_lexer_init(ts_lexer *lexer, const char *file, const char *source, size_t size, arena *memory) {
  *lexer = (ts_lexer){.file = file, .next = source, .end = source + size, .line = 1, .memory = memory};
  lexer->at_line_start = true;
}

static bool fail(const ts_lexer *lexer, const char *what, error *err) {
  return error_set(err, ERROR_FORMAT, "%s:%d: %s", lexer->file, lexer->line, what);
}

static int peek(const ts_lexer *lexer, size_t ahead) {
  return (size_t)(lexer->end - lexer->next) > ahead ? (unsigned char)lexer->next[ahead] : -1;
}

static bool is_digit(int c) {
  return c >= '0' && c <= '9';
}

static bool is_name_start(int c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static void skip_comment(ts_lexer *lexer) {
  while (peek(lexer, 0) >= 0 && peek(lexer, 0) != '\n')
    lexer->next++;
}

/* Blanks, comments, and inside brackets line breaks. */
static void skip_blanks(ts_lexer *lexer) {
  for (;;) {
    int c = peek(lexer, 0);
    if (c == '#') {
      skip_comment(lexer);
    } else if (c == ' ' || c == '\t' || c == '\r') {
      lexer->next++;
    } else if (c == '\n' && lexer->bracket_depth) {
      lexer->next++;
      lexer->line++;
    } else {
      return;
    }
  }
}

static bool close_blocks(ts_lexer *lexer, int column, error *err) {
  while (lexer->indent_count && column < lexer->indents[lexer->indent_count - 1]) {
    lexer->indent_count--;
    lexer->pending_dedents++;
  }
  int current = lexer->indent_count ? lexer->indents[lexer->indent_count - 1] : 0;
  return column == current || fail(lexer, "the indentation matches no open block", err);
}

/* Go to the first line that holds more than blanks and a comment; its indentation. */
static bool measure_indentation(ts_lexer *lexer, int *column, error *err) {
  *column = 0;
  for (;;) {
    int c = peek(lexer, 0);
    if (c == '\t' || *column > TS_MAX_COLUMN)
      return fail(lexer, c == '\t' ? "a tab in the indentation" : "the indentation is too wide", err);
    if (c == '#') {
      skip_comment(lexer);
    } else if (c == '\n') {
      lexer->next++;
      lexer->line++;
      *column = 0;
    } else if (c == ' ' || c == '\r') {
      lexer->next++;
      ++*column;
    } else {
      return true;
    }
  }
}

/* *indented: a block opens here. */
static bool start_line(ts_lexer *lexer, bool *indented, error *err) {
  int column;
  if (!measure_indentation(lexer, &column, err))
    return false;
  lexer->at_line_start = false;
  if (peek(lexer, 0) < 0)
    return true;
  if (column <= (lexer->indent_count ? lexer->indents[lexer->indent_count - 1] : 0))
    return close_blocks(lexer, column, err);
  if (lexer->indent_count == TS_MAX_INDENTATION)
    return fail(lexer, "blocks are nested too deeply", err);
  lexer->indents[lexer->indent_count++] = column;
  *indented = true;
  return true;
}

static bool read_integer(ts_lexer *lexer, ts_token *token, error *err) {
  int64_t value = 0;
  for (size_t i = 0; i < token->length; i++)
    if (__builtin_mul_overflow(value, 10, &value) ||
        __builtin_add_overflow(value, token->start[i] - '0', &value))
      return fail(lexer, "an integer beyond 64 bits", err);
  token->kind = TOKEN_INT;
  token->integer = value;
  return true;
}

static bool read_number(ts_lexer *lexer, ts_token *token, error *err) {
  bool real = false;
  for (;; lexer->next++) {
    int c = peek(lexer, 0);
    bool sign = (c == '+' || c == '-') && (lexer->next[-1] == 'e' || lexer->next[-1] == 'E');
    if (c == '.' || c == 'e' || c == 'E')
      real = true;
    else if (!is_digit(c) && !(real && sign))
      break;
  }
  token->length = (size_t)(lexer->next - token->start);
  if (is_name_start(peek(lexer, 0)))
    return fail(lexer, "a number runs into a name", err);
  if (!real)
    return read_integer(lexer, token, err);
  token->kind = TOKEN_FLOAT;
  return parse_float64(token->start, token->length, &token->real) || fail(lexer, "a malformed number", err);
}

static int hex_digit(int c) {
  if (is_digit(c))
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Digits of \xHH (base 16, 2 of them) or \ooo (base 8, up to 3). */
static bool read_code(ts_lexer *lexer, int base, int max_digits, char *c) {
  int value = 0, digits = 0;
  for (; digits < max_digits; digits++, lexer->next++) {
    int digit = hex_digit(peek(lexer, 0));
    if (digit < 0 || digit >= base)
      break;
    value = value * base + digit;
  }
  *c = (char)value;
  return value < 256 && (base == 8 ? digits > 0 : digits == 2);
}

/* The character that an escape stands for; the backslash has been read. */
static bool read_escape(ts_lexer *lexer, char *c, error *err) {
  static const char letters[] = "abfnrtv\\'\"";
  static const char values[] = "\a\b\f\n\r\t\v\\'\"";
  int letter = peek(lexer, 0);
  const char *known = letter > 0 ? strchr(letters, letter) : NULL;
  bool good = true;
  if (known) {
    *c = values[known - letters];
    lexer->next++;
  } else if (letter == 'x') {
    lexer->next++;
    good = read_code(lexer, 16, 2, c);
  } else {
    good = read_code(lexer, 8, 3, c);
  }
  return good || fail(lexer, "an unknown escape in a string", err);
}

static bool read_string(ts_lexer *lexer, ts_token *token, error *err) {
  int quote = *lexer->next++;
  size_t room = 0; /* the value is never longer than what lies before a closing quote */
  while (peek(lexer, room) >= 0 && peek(lexer, room) != '\n' && peek(lexer, room) != quote)
    room += peek(lexer, room) == '\\' ? 2 : 1;
  if (peek(lexer, room) != quote)
    return fail(lexer, "a string without an end", err);
  char *text = arena_alloc(lexer->memory, room + 1, err);
  if (!text)
    return false;
  char *out = text;
  while (peek(lexer, 0) != quote) {
    char c = *lexer->next++;
    if (c == '\\' && !read_escape(lexer, &c, err))
      return false;
    *out++ = c;
  }
  lexer->next++;
  token->kind = TOKEN_STRING;
  token->text = text;
  token->length = (size_t)(lexer->next - token->start);
  return true;
}

static bool read_operator(ts_lexer *lexer, ts_token *token, error *err) {
  static const char *const pairs[] = {"->", "==", "!=", "<=", ">=", "//", "**"};
  token->kind = TOKEN_OPERATOR;
  token->length = 1;
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
    if (peek(lexer, 0) == pairs[i][0] && peek(lexer, 1) == pairs[i][1])
      token->length = 2;
  char c = *token->start;
  if (c == '\0' || !strchr("()[]{},:.=+-*/%<>!", c) || (c == '!' && token->length == 1)) {
    if (c < 0x20 || c > 0x7e)
      return fail(lexer, "an unexpected byte", err);
    return error_set(err, ERROR_FORMAT, "%s:%d: unexpected '%c'", lexer->file, lexer->line, c);
  }
  if (strchr("([{", c) && ++lexer->bracket_depth > TS_MAX_BRACKETS)
    return fail(lexer, "brackets are nested too deeply", err);
  if (strchr(")]}", c) && lexer->bracket_depth)
    lexer->bracket_depth--;
  lexer->next += token->length;
  return true;
}

static bool read_end(ts_lexer *lexer, ts_token *token, error *err) {
  if (lexer->bracket_depth)
    return fail(lexer, "the file ends inside brackets", err);
  if (lexer->indent_count) {
    lexer->indent_count--;
    token->kind = TOKEN_DEDENT;
  } else {
    token->kind = TOKEN_END;
  }
  return true;
}

static void read_newline(ts_lexer *lexer, ts_token *token) {
  token->kind = TOKEN_NEWLINE;
  lexer->line_has_token = false;
  lexer->at_line_start = true;
  if (peek(lexer, 0) == '\n') {
    lexer->next++;
    lexer->line++;
  }
}

bool ts_lexer_next(ts_lexer *lexer, ts_token *token, error *err) {
  *token = (ts_token){.kind = TOKEN_END, .line = lexer->line, .start = lexer->next};
  if (lexer->at_line_start) {
    bool indented = false;
    if (!start_line(lexer, &indented, err))
      return false;
    token->line = lexer->line;
    token->start = lexer->next;
    if (indented) {
      token->kind = TOKEN_INDENT;
      return true;
    }
  }
  if (lexer->pending_dedents) {
    lexer->pending_dedents--;
    token->kind = TOKEN_DEDENT;
    return true;
  }
  skip_blanks(lexer);
  token->line = lexer->line;
  token->start = lexer->next;
  int c = peek(lexer, 0);
  if (c == '\n' || (c < 0 && lexer->line_has_token && !lexer->bracket_depth)) {
    read_newline(lexer, token);
    return true;
  }
  if (c < 0)
    return read_end(lexer, token, err);
  lexer->line_has_token = true;
  if (is_digit(c) || (c == '.' && is_digit(peek(lexer, 1))))
    return read_number(lexer, token, err);
  if (c == '"' || c == '\'')
    return read_string(lexer, token, err);
  if (!is_name_start(c))
    return read_operator(lexer, token, err);
  token->kind = TOKEN_NAME;
  while (is_name_start(peek(lexer, 0)) || is_digit(peek(lexer, 0)))
    lexer->next++;
  token->length = (size_t)(lexer->next - token->start);
  return true;
}
