/* The tree of TorchScript's serialised source. Types are read and dropped: the lowering follows values. */
#ifndef DEEPECG_IMPORT_TORCHSCRIPT_PARSER_H
#define DEEPECG_IMPORT_TORCHSCRIPT_PARSER_H

#include "base/arena.h"
#include "base/error.h"
#include "import/torchscript/names.h"

#include <stddef.h>
#include <stdint.h>

typedef enum ts_expression_kind {
  EXPR_NONE,
  EXPR_BOOL,
  EXPR_INT,
  EXPR_FLOAT,
  EXPR_STRING,
  EXPR_NAME,      /* a local variable or a built-in function: text, slot */
  EXPR_PATH,      /* a dotted name from torch, ops, CONSTANTS or __torch__: text */
  EXPR_ATTRIBUTE, /* items[0].text */
  EXPR_SUBSCRIPT, /* items[0][items[1]] */
  EXPR_SLICE,     /* items[0]:items[1]:items[2], each may be NULL; only as a subscript */
  EXPR_LIST,
  EXPR_TUPLE,
  EXPR_DICT,     /* key, value, key, value, ... */
  EXPR_CALL,     /* items[0](items[1], ...); keywords[i] names items[i + 1] or is NULL */
  EXPR_OPERATOR, /* text: the operator's aten name; one or two operands */
  EXPR_AND,
  EXPR_OR,
  EXPR_NOT,
  EXPR_CONDITIONAL /* items[1] if items[0] else items[2] */
} ts_expression_kind;

typedef struct ts_expression ts_expression;
struct ts_expression {
  ts_expression_kind kind;
  int line;
  int depth; /* of the tree below, at most TS_MAX_EXPRESSION_DEPTH */
  int count;
  int slot; /* NAME: the place in the function's frame */
  const char *text;
  union {
    int64_t integer; /* INT, BOOL */
    double real;
    ts_expression **items;
  } as;
  const char **keywords; /* CALL */
  const void *resolved;  /* PATH: what the lowering found under it, kept for the next visit */
};

typedef enum ts_statement_kind {
  STATEMENT_EXPRESSION,
  STATEMENT_ASSIGN,
  STATEMENT_RETURN,
  STATEMENT_IF,
  STATEMENT_FOR,
  STATEMENT_WHILE,
  STATEMENT_ASSERT,
  STATEMENT_PASS
} ts_statement_kind;

typedef struct ts_block {
  struct ts_statement **statements;
  int count;
} ts_block;

typedef struct ts_statement {
  ts_statement_kind kind;
  int line;
  ts_expression *target; /* ASSIGN, FOR */
  ts_expression *value;  /* the expression, the condition, what FOR runs over; NULL: `return` alone */
  ts_block body, otherwise;
  const char *origin; /* "file:line", made by the lowering when first needed */
} ts_statement;

typedef struct ts_parameter {
  const char *name;
  int slot;
  ts_expression *default_value; /* or NULL */
} ts_parameter;

typedef struct ts_function {
  const char *name;
  const char *file;
  int line;
  ts_parameter *parameters;
  int parameter_count;
  int slot_count; /* size of a frame */
  const char **slot_names;
  ts_block body;
} ts_function;

/* Functions or classes by name. */
typedef struct ts_definitions {
  void **items;
  int count;
  ts_names names;
} ts_definitions;

typedef struct ts_class {
  const char *name;
  const char *file;
  ts_definitions methods; /* ts_function */
} ts_class;

/* One source file. */
typedef struct ts_source {
  const char *file;
  ts_definitions classes;   /* ts_class */
  ts_definitions functions; /* ts_function */
} ts_source;

enum { TS_MAX_EXPRESSION_DEPTH = 200 };

/* Parse a whole file. `file` (for messages) and the tree live in `memory`; the text is not needed afterwards.
 * NULL and *err with file and line. */
ts_source *ts_parse(const char *file, const char *text, size_t size, arena *memory, error *err);

/* The definition with this name, or NULL. */
void *ts_find_definition(const ts_definitions *definitions, const char *name);

#endif
