/* Tokens of TorchScript's serialised source: a small subset of Python. */
#ifndef DEEPECG_IMPORT_TORCHSCRIPT_LEXER_H
#define DEEPECG_IMPORT_TORCHSCRIPT_LEXER_H

#include "base/arena.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef enum ts_token_kind {
  TOKEN_END,
  TOKEN_NEWLINE, /* end of a statement; line breaks inside brackets don't count */
  TOKEN_INDENT,
  TOKEN_DEDENT,
  TOKEN_NAME, /* also keywords */
  TOKEN_INT,
  TOKEN_FLOAT,
  TOKEN_STRING,
  TOKEN_OPERATOR
} ts_token_kind;

typedef struct ts_token {
  ts_token_kind kind;
  int line;
  const char *start; /* the token as it stands in the source */
  size_t length;
  int64_t integer;  /* INT */
  double real;      /* FLOAT */
  const char *text; /* STRING: its value, escapes resolved; a NUL in it ends it */
} ts_token;

enum { TS_MAX_INDENTATION = 100, TS_MAX_COLUMN = 10000, TS_MAX_BRACKETS = 200 };

/* Reads from front to back; the source is borrowed, texts of strings live in `memory`. */
typedef struct ts_lexer {
  const char *file; /* for messages */
  const char *next, *end;
  int line;
  int bracket_depth;
  int indents[TS_MAX_INDENTATION]; /* columns of the open blocks */
  int indent_count;
  int pending_dedents;
  bool at_line_start;
  bool line_has_token; /* does the statement need a NEWLINE? */
  arena *memory;
} ts_lexer;

void ts_lexer_init(ts_lexer *lexer, const char *file, const char *source, size_t size, arena *memory);

/* The next token; after the last one TOKEN_END for ever. Errors name file and line. */
bool ts_lexer_next(ts_lexer *lexer, ts_token *token, error *err);

#endif
