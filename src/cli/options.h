/* One table of options drives parsing, --help, configuration keys and environment variables of a command. */
#ifndef DEEPECG_CLI_OPTIONS_H
#define DEEPECG_CLI_OPTIONS_H

#include "base/arena.h"
#include "base/error.h"

#include <stddef.h>
#include <stdio.h>

typedef enum option_kind {
  OPTION_TEXT,    /* const char * */
  OPTION_BOOLEAN, /* bool; takes yes/true/t/y/1 or no/false/f/n/0, any case */
  OPTION_FLAG,    /* bool; alone on the command line it means true, else --name=VALUE as OPTION_BOOLEAN */
  OPTION_INTEGER, /* long, in [minimum, maximum] */
  OPTION_NUMBER,  /* double, in [minimum, maximum] */
  OPTION_CHOICE,  /* int: index into choices */
  OPTION_DEVICE   /* const char *: cpu, cuda or cuda:N */
} option_kind;

typedef struct option_spec {
  const char *name; /* --name on the command line, `name: value` in a configuration file, PREFIX_NAME in the
                       environment */
  option_kind kind;
  size_t offset; /* of the field in the settings struct */
  const char *default_text;
  const char *value_name; /* for --help; NULL for flags */
  const char *help;
  const char *const *choices; /* NULL-terminated */
  double minimum, maximum;
  char letter;            /* -x on the command line; 0: none. -h and -V are taken */
  bool command_line_only; /* a configuration file's key and an environment variable of this name are meant for
                             another command. Such options stand first in the table */
} option_spec;

/* A command's options; specs ends with a NULL name. --help and --version are understood everywhere. */
typedef struct option_table option_table;

struct option_table {
  const option_spec *specs;
  const char *environment_prefix; /* "DEEPECG_"; NULL: no environment variables */
  const char
      *config_option; /* name of the option that holds the configuration file's path; NULL: no such file */
  const option_table *config_of; /* another command's, for which that file is written: what only that one has
                                    is passed over; NULL: the file is this command's own */
};

typedef enum options_outcome { OPTIONS_READY, OPTIONS_HELP, OPTIONS_VERSION, OPTIONS_ERROR } options_outcome;

/* Fill `settings` with, in rising precedence: defaults, the configuration file, the environment, the command
 * line. Texts live in `memory`. `operands` (may be NULL: none allowed) receives what is not an option. Errors
 * say what is wrong and what is allowed, in one line. */
typedef struct operand_list {
  const char **items;
  size_t count;
} operand_list;

options_outcome options_parse(const option_table *table, int argc, char **argv, void *settings,
                              operand_list *operands, arena *memory, error *err);

/* The option lines of --help. */
void options_print_help(const option_table *table, FILE *out);

/* The allowed text nearest to `text` (small edit distance), or NULL: for "did you mean". */
const char *nearest_text(const char *text, const char *const *allowed, size_t count);

#endif
