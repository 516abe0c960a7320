#include "cli/manual/manual.h"

/* Help text inside a quoted specification of _arguments. */
static void put_help(FILE *out, const char *text) {
  for (; *text; text++) {
    if (*text == '\'')
      fputs("'\\''", out);
    else if (*text == '[' || *text == ']' || *text == ':')
      fprintf(out, "\\%c", *text);
    else
      fputc(*text, out);
  }
}

static void put_action(FILE *out, const option_spec *spec) {
  const char *const *values = option_values(spec);
  fprintf(out, ":%s:", spec->value_name ? spec->value_name : "value");
  if (values) {
    fputc('(', out);
    for (; *values; values++)
      fprintf(out, "%s%s", *values, values[1] ? " " : "");
    fputc(')', out);
  } else if (option_wants_path(spec)) {
    fputs("_files", out);
  }
}

static void put_command(FILE *out, const command *c) {
  fprintf(out, "_deepecg_%s() {\n  _arguments \\\n", c->name);
  for (const option_spec *spec = c->options->specs; spec->name; spec++) {
    bool flag = spec->kind == OPTION_FLAG;
    if (spec->letter)
      fprintf(out, "    '(-%c --%s)'{-%c,--%s}'[", spec->letter, spec->name, spec->letter, spec->name);
    else
      fprintf(out, "    '--%s%s[", spec->name, flag ? "" : "=");
    put_help(out, spec->help);
    fputc(']', out);
    if (!flag)
      put_action(out, spec);
    fputs("' \\\n", out);
  }
  fputs("    '--help[the options]' '--version[the version]'", out);
  fputs(c->operand_name ? " '*:file:_files'\n}\n\n" : "\n}\n\n", out);
}

void completion_zsh_write(FILE *out) {
  fputs("#compdef deepecg\n\n", out);
  for (size_t i = 0; i < command_count; i++)
    put_command(out, commands[i]);
  fputs("_deepecg() {\n  local -a commands=(\n", out);
  for (size_t i = 0; i < command_count; i++) {
    fprintf(out, "    '%s:", commands[i]->name);
    put_help(out, commands[i]->summary);
    fputs("'\n", out);
  }
  fputs("  )\n  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n    _describe command commands\n    "
        "return\n  fi\n"
        "  case $words[2] in\n",
        out);
  for (size_t i = 0; i < command_count; i++)
    fprintf(out, "    %s) shift words; (( CURRENT-- )); _deepecg_%s ;;\n", commands[i]->name,
            commands[i]->name);
  fprintf(out, "    *) _deepecg_%s ;;\n  esac\n}\n_deepecg \"$@\"\n", commands[0]->name);
}
