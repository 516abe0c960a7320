#include "cli/manual/manual.h"

static void put_quoted(FILE *out, const char *text) {
  fputc('\'', out);
  for (; *text; text++) {
    if (*text == '\'' || *text == '\\')
      fputc('\\', out);
    fputc(*text, out);
  }
  fputc('\'', out);
}

static void put_option(FILE *out, const option_spec *spec, const char *condition) {
  const char *const *values = option_values(spec);
  fprintf(out, "complete -c deepecg -n '%s' -l %s", condition, spec->name);
  if (spec->letter)
    fprintf(out, " -s %c", spec->letter);
  if (spec->kind != OPTION_FLAG)
    fputs(option_wants_path(spec) ? " -r -F" : " -x", out);
  if (values) {
    fputs(" -a '", out);
    for (; *values; values++)
      fprintf(out, "%s%s", *values, values[1] ? " " : "");
    fputc('\'', out);
  }
  fputs(" -d ", out);
  put_quoted(out, spec->help);
  fputc('\n', out);
}

void completion_fish_write(FILE *out) {
  char condition[512];
  int used = snprintf(condition, sizeof condition, "not __fish_seen_subcommand_from");
  fputs("# fish completion of deepecg\ncomplete -c deepecg -n __fish_use_subcommand -f\n", out);
  for (size_t i = 1; i < command_count; i++) {
    fprintf(out, "complete -c deepecg -n __fish_use_subcommand -f -a %s -d ", commands[i]->name);
    put_quoted(out, commands[i]->summary);
    fputc('\n', out);
    if (used > 0 && (size_t)used < sizeof condition)
      used += snprintf(condition + used, sizeof condition - (size_t)used, " %s", commands[i]->name);
  }
  for (size_t i = 0; i < command_count; i++) {
    if (i > 0)
      snprintf(condition, sizeof condition, "__fish_seen_subcommand_from %s", commands[i]->name);
    for (const option_spec *spec = commands[i]->options->specs; spec->name; spec++)
      put_option(out, spec, condition);
  }
}
