#include "cli/options.h"

#include "base/mapped_file.h"
#include "base/number_text.h"
#include "cli/config_file.h"

#include <ctype.h>
#include <getopt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CODE_HELP = 'h', CODE_VERSION = 'V', CODE_FIRST = 256 };

static void *field(void *settings, const option_spec *spec) {
  return (char *)settings + spec->offset;
}

static size_t spec_count(const option_table *table) {
  size_t n = 0;
  while (table->specs[n].name)
    n++;
  return n;
}

static const option_spec *find_spec(const option_table *table, const char *name) {
  for (const option_spec *spec = table->specs; spec->name; spec++)
    if (strcmp(spec->name, name) == 0)
      return spec;
  return NULL;
}

static bool parse_boolean(const char *text, bool *value) {
  static const char *const yes[] = {"yes", "true", "t", "y", "1"}, *const no[] = {"no", "false", "f", "n",
                                                                                  "0"};
  for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
    if (strcasecmp(text, yes[i]) == 0)
      return *value = true;
    if (strcasecmp(text, no[i]) == 0)
      return !(*value = false);
  }
  return false;
}

static bool device_known(const char *text) {
  if (strcmp(text, "cpu") == 0 || strcmp(text, "cuda") == 0)
    return true;
  if (strncmp(text, "cuda:", 5) != 0 || !text[5] || strlen(text) > 8)
    return false;
  return strspn(text + 5, "0123456789") == strlen(text + 5);
}

static size_t edit_distance(const char *a, const char *b) {
  enum { LONGEST = 64 };
  size_t n = strlen(a), m = strlen(b), row[LONGEST + 1];
  if (n > LONGEST || m > LONGEST)
    return LONGEST;
  for (size_t j = 0; j <= m; j++)
    row[j] = j;
  for (size_t i = 1; i <= n; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= m; j++) {
      size_t above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);
      if (above + 1 < best)
        best = above + 1;
      if (row[j - 1] + 1 < best)
        best = row[j - 1] + 1;
      diagonal = above;
      row[j] = best;
    }
  }
  return row[m];
}

const char *nearest_text(const char *text, const char *const *allowed, size_t count) {
  const char *best = NULL;
  size_t best_distance = strlen(text) / 3 + 2;
  for (size_t i = 0; i < count; i++) {
    size_t distance = edit_distance(text, allowed[i]);
    if (distance < best_distance) {
      best_distance = distance;
      best = allowed[i];
    }
  }
  return best;
}

static bool assign_choice(const option_spec *spec, int *value, const char *text, const char *where,
                          error *err) {
  char allowed[256] = "";
  for (int i = 0; spec->choices[i]; i++) {
    if (strcmp(text, spec->choices[i]) == 0) {
      *value = i;
      return true;
    }
    size_t used = strlen(allowed);
    snprintf(allowed + used, sizeof allowed - used, "%s%s", i ? ", " : "", spec->choices[i]);
  }
  return error_set(err, ERROR_USAGE, "%s: '%s' is not allowed; one of %s", where, text, allowed);
}

static bool assign_number(const option_spec *spec, void *value, const char *text, const char *where,
                          error *err) {
  double number;
  bool whole = spec->kind == OPTION_INTEGER;
  if (!parse_float64(text, strlen(text), &number) || !(number >= spec->minimum && number <= spec->maximum) ||
      (whole && number != (double)(long)number))
    return error_set(err, ERROR_USAGE, "%s: '%s' is not allowed; a %snumber from %.15g to %.15g", where, text,
                     whole ? "whole " : "", spec->minimum, spec->maximum);
  if (whole)
    *(long *)value = (long)number;
  else
    *(double *)value = number;
  return true;
}

/* `where` names the place for messages: "--mode", "heartwise.config:3: mode", "DEEPECG_MODE". */
static bool assign(const option_spec *spec, void *settings, const char *text, const char *where,
                   arena *memory, error *err) {
  void *value = field(settings, spec);
  switch (spec->kind) {
  case OPTION_TEXT:
    /* An unset variable of a script's, most likely; put before a name it would mean the root. */
    if (!*text && *spec->default_text && strcmp(spec->value_name, "DIR") == 0)
      return error_set(err, ERROR_USAGE, "%s: a folder's name is empty ('.' is the current folder)", where);
    *(const char **)value = arena_strdup(memory, text, err);
    return *(const char **)value != NULL;
  case OPTION_DEVICE:
    if (!device_known(text))
      return error_set(err, ERROR_USAGE, "%s: '%s' is not allowed; one of cpu, cuda, cuda:N", where, text);
    *(const char **)value = arena_strdup(memory, text, err);
    return *(const char **)value != NULL;
  case OPTION_BOOLEAN:
  case OPTION_FLAG:
    return parse_boolean(text, value) ||
           error_set(err, ERROR_USAGE,
                     "%s: '%s' is not allowed; one of True, False (or yes, no, t, f, y, n, 1, 0)", where,
                     text);
  case OPTION_INTEGER:
  case OPTION_NUMBER:
    return assign_number(spec, value, text, where, err);
  case OPTION_CHOICE:
    return assign_choice(spec, value, text, where, err);
  }
  return error_set(err, ERROR_INTERNAL, "%s: unknown kind of option", where);
}

static bool unknown_option(const option_table *table, const char *name, const char *where, error *err) {
  const char **names = malloc((spec_count(table) + 2) * sizeof *names);
  size_t n = 0;
  for (const option_spec *spec = table->specs; names && spec->name; spec++)
    names[n++] = spec->name;
  if (names) {
    names[n++] = "help";
    names[n++] = "version";
  }
  const char *nearest = names ? nearest_text(name, names, n) : NULL;
  free(names);
  if (nearest)
    return error_set(err, ERROR_USAGE, "%s: there is no option '%s'; did you mean '%s'? (--help lists all)",
                     where, name, nearest);
  return error_set(err, ERROR_USAGE, "%s: there is no option '%s' (--help lists all)", where, name);
}

static bool assign_defaults(const option_table *table, void *settings, arena *memory, error *err) {
  for (const option_spec *spec = table->specs; spec->name; spec++)
    if (spec->default_text && !assign(spec, settings, spec->default_text, spec->name, memory, err))
      return false;
  return true;
}

typedef struct config_context {
  const option_table *table;
  void *settings;
  arena *memory;
  const char *path;
} config_context;

static bool assign_config_line(void *context, size_t line, const char *key, const char *value, error *err) {
  const config_context *c = context;
  char where[400];
  snprintf(where, sizeof where, "%s:%zu: %s", c->path, line, key);
  const option_spec *spec = find_spec(c->table, key);
  if (spec && spec->command_line_only)
    spec = NULL;
  if (!spec && c->table->config_of && find_spec(c->table->config_of, key))
    return true;
  if (!spec || (c->table->config_option && strcmp(key, c->table->config_option) == 0)) {
    snprintf(where, sizeof where, "%s:%zu", c->path, line);
    return unknown_option(c->table->config_of ? c->table->config_of : c->table, key, where, err);
  }
  return assign(spec, c->settings, value, where, c->memory, err);
}

static bool assign_environment(const option_table *table, void *settings, arena *memory, error *err) {
  for (const option_spec *spec = table->specs; spec->name; spec++) {
    char name[96];
    snprintf(name, sizeof name, "%s%s", table->environment_prefix, spec->name);
    for (char *c = name; *c; c++)
      *c = (char)toupper((unsigned char)*c);
    const char *text = spec->command_line_only ? NULL : getenv(name);
    if (text && *text && !assign(spec, settings, text, name, memory, err))
      return false;
  }
  return true;
}

/* One option of the command line, kept until defaults, file and environment have been applied. */
typedef struct given_option {
  const option_spec *spec;
  const char *text;
} given_option;

static struct option *getopt_table(const option_table *table, arena *memory, error *err) {
  size_t n = spec_count(table);
  struct option *longs = arena_alloc_array(memory, n + 3, sizeof *longs, err);
  if (!longs)
    return NULL;
  for (size_t i = 0; i < n; i++)
    longs[i] = (struct option){table->specs[i].name,
                               table->specs[i].kind == OPTION_FLAG ? optional_argument : required_argument,
                               NULL, CODE_FIRST + (int)i};
  longs[n] = (struct option){"help", no_argument, NULL, CODE_HELP};
  longs[n + 1] = (struct option){"version", no_argument, NULL, CODE_VERSION};
  return longs;
}

/* How many options these words can give at most: one each, or as many flags as they have letters. */
static size_t most_options(int argc, char **argv) {
  size_t most = 0;
  for (int i = 0; i < argc; i++)
    most += strlen(argv[i]) + 1;
  return most;
}

/* The option letters as getopt wants them; `text` has room for 2 per option and 4 more. */
static void getopt_letters(const option_table *table, char *text) {
  text = stpcpy(text, ":hV");
  for (const option_spec *spec = table->specs; spec->name; spec++)
    if (spec->letter) {
      *text++ = spec->letter;
      if (spec->kind != OPTION_FLAG)
        *text++ = ':';
    }
  *text = '\0';
}

static const option_spec *spec_of_code(const option_table *table, int code) {
  if (code >= CODE_FIRST)
    return &table->specs[code - CODE_FIRST];
  const option_spec *spec = table->specs;
  while (spec->letter != code)
    spec++;
  return spec;
}

static bool say_bad_argument(const option_table *table, int code, const char *argument, error *err) {
  char name[128];
  snprintf(name, sizeof name, "%s", argument ? argument : "");
  char *equals = strchr(name, '=');
  if (equals)
    *equals = '\0';
  if (code == ':')
    return error_set(err, ERROR_USAGE, "%s: wants a value", name);
  if (strncmp(name, "--", 2) == 0)
    return unknown_option(table, name + 2, "command line", err);
  return error_set(err, ERROR_USAGE, "command line: there is no option '%s' (--help lists all)", name);
}

static options_outcome scan(const option_table *table, int argc, char **argv, given_option *given,
                            size_t *count, arena *memory, error *err) {
  const struct option *longs = getopt_table(table, memory, err);
  char *letters = arena_alloc(memory, 2 * spec_count(table) + 4, err);
  if (!longs || !letters)
    return OPTIONS_ERROR;
  getopt_letters(table, letters);
  opterr = 0;
  optind = 0; /* glibc: start afresh */
  for (int code, at = 1; (code = getopt_long(argc, argv, letters, longs, NULL)) != -1; at = optind) {
    if (code == CODE_HELP)
      return OPTIONS_HELP;
    if (code == CODE_VERSION)
      return OPTIONS_VERSION;
    if (code == '?' || code == ':') {
      char letter[] = {'-', (char)optopt, '\0'};
      const char *argument =
          optind > 0 && optind <= argc ? argv[optind - 1] : argv[at < argc ? at : argc - 1];
      /* getopt leaves a letter in optopt, and optind before the word that holds it; h and V stand for
       * --help=x and --version=x. */
      bool is_letter = optopt > 0 && optopt < CODE_FIRST && optopt != CODE_HELP && optopt != CODE_VERSION;
      say_bad_argument(table, code, is_letter ? letter : argument, err);
      return OPTIONS_ERROR;
    }
    given[*count].spec = spec_of_code(table, code);
    given[(*count)++].text = optarg ? optarg : "true";
  }
  return OPTIONS_READY;
}

static bool assign_config(const option_table *table, const given_option *given, size_t count, void *settings,
                          arena *memory, error *err) {
  const option_spec *spec = find_spec(table, table->config_option);
  const char *path = NULL;
  for (size_t i = 0; i < count; i++)
    if (given[i].spec == spec)
      path = given[i].text;
  char name[96];
  snprintf(name, sizeof name, "%s%s", table->environment_prefix ? table->environment_prefix : "", spec->name);
  for (char *c = name; *c; c++)
    *c = (char)toupper((unsigned char)*c);
  if (!path && table->environment_prefix)
    path = getenv(name);
  bool named = path && *path;
  if (!named)
    path = spec->default_text;
  config_context context = {table, settings, memory, path};
  error reason;
  if (config_file_read(path, assign_config_line, &context, &reason))
    return true;
  /* Only a file that somebody named must exist. */
  if (reason.code == ERROR_NOT_FOUND && !named)
    return true;
  *err = reason;
  return false;
}

options_outcome options_parse(const option_table *table, int argc, char **argv, void *settings,
                              operand_list *operands, arena *memory, error *err) {
  given_option *given = arena_alloc_array(memory, most_options(argc, argv), sizeof *given, err);
  if (!given)
    return OPTIONS_ERROR;
  size_t count = 0;
  options_outcome outcome = scan(table, argc, argv, given, &count, memory, err);
  if (outcome != OPTIONS_READY)
    return outcome;
  if (optind < argc && !operands) {
    error_set(err, ERROR_USAGE, "command line: '%s' is not an option (--help lists all)", argv[optind]);
    return OPTIONS_ERROR;
  }
  if (!assign_defaults(table, settings, memory, err) ||
      (table->config_option && !assign_config(table, given, count, settings, memory, err)) ||
      (table->environment_prefix && !assign_environment(table, settings, memory, err)))
    return OPTIONS_ERROR;
  for (size_t i = 0; i < count; i++) {
    char where[96];
    snprintf(where, sizeof where, "--%s", given[i].spec->name);
    if (!assign(given[i].spec, settings, given[i].text, where, memory, err))
      return OPTIONS_ERROR;
  }
  if (operands)
    *operands = (operand_list){(const char **)(uintptr_t)(argv + optind), (size_t)(argc - optind)};
  return OPTIONS_READY;
}

void options_print_help(const option_table *table, FILE *out) {
  for (const option_spec *spec = table->specs; spec->name; spec++) {
    char left[96], letter[] = "-x, ";
    letter[1] = spec->letter;
    snprintf(left, sizeof left, "%s--%s%s%s", spec->letter ? letter : "", spec->name,
             spec->value_name ? " " : "", spec->value_name ? spec->value_name : "");
    fprintf(out, "  %-36s %s", left, spec->help);
    if (spec->default_text && *spec->default_text && spec->kind != OPTION_FLAG)
      fprintf(out, " [%s]", spec->default_text);
    fputc('\n', out);
  }
  fprintf(out, "  %-36s %s\n  %-36s %s\n", "-h, --help", "this text", "-V, --version", "the version");
}
