#include "cli/manual/manual.h"

static void put_words(FILE *out, const option_spec *specs) {
  for (const option_spec *spec = specs; spec->name; spec++)
    fprintf(out, "--%s ", spec->name);
  fputs("--help --version", out);
}

/* What may follow an option that takes a value. */
static void put_values(FILE *out, const option_spec *spec) {
  const char *const *values = option_values(spec);
  if (spec->kind == OPTION_FLAG)
    return;
  fprintf(out, "    --%s)\n", spec->name);
  fputs("      COMPREPLY=($(compgen ", out);
  if (values) {
    fputs("-W '", out);
    for (; *values; values++)
      fprintf(out, "%s ", *values);
    fputs("' ", out);
  } else {
    fputs(option_wants_path(spec) ? "-f " : "-W '' ", out);
  }
  fputs("-- \"$word\"))\n      return ;;\n", out);
}

/* The options of one command; those of different commands may share a name, so that each has its own
 * function. */
static void put_command(FILE *out, const command *c) {
  fprintf(out, "_deepecg_%s() {\n  local word=$1 previous=$2\n  case $previous in\n", c->name);
  for (const option_spec *spec = c->options->specs; spec->name; spec++)
    put_values(out, spec);
  fputs("  esac\n  if [[ $word == -* ]]; then\n    COMPREPLY=($(compgen -W '", out);
  put_words(out, c->options->specs);
  fputs("' -- \"$word\"))\n", out);
  if (c->operand_name)
    fputs("  else\n    COMPREPLY=($(compgen -f -- \"$word\"))\n", out);
  fputs("  fi\n}\n\n", out);
}

void completion_bash_write(FILE *out) {
  fputs("# bash completion of deepecg\n\n", out);
  for (size_t i = 0; i < command_count; i++)
    put_command(out, commands[i]);
  fputs("_deepecg() {\n  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n  "
        "COMPREPLY=()\n",
        out);
  fputs("  case ${COMP_WORDS[1]} in\n", out);
  for (size_t i = 0; i < command_count; i++)
    fprintf(out, "    %s) [[ $COMP_CWORD -gt 1 ]] && { _deepecg_%s \"$word\" \"$previous\"; return; } ;;\n",
            commands[i]->name, commands[i]->name);
  fprintf(
      out,
      "  esac\n  _deepecg_%s \"$word\" \"$previous\"\n  if [[ $COMP_CWORD -eq 1 && $word != -* ]]; then\n",
      commands[0]->name);
  fputs("    COMPREPLY=($(compgen -W '", out);
  for (size_t i = 0; i < command_count; i++)
    fprintf(out, "%s ", commands[i]->name);
  fputs("' -- \"$word\"))\n  fi\n}\ncomplete -o filenames -F _deepecg deepecg\n", out);
}
