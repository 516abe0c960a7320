#include "cli/manual/manual.h"

#include <ctype.h>
#include <string.h>

/* Text as man(7) shows it: no line begins with a request, hyphens stay hyphens that can be copied. */
static void put_text(FILE *out, const char *text) {
  bool line_start = true;
  for (; *text; text++) {
    if (line_start && (*text == '.' || *text == '\''))
      fputs("\\&", out);
    if (*text == '-')
      fputs("\\-", out);
    else if (*text == '\\')
      fputs("\\e", out);
    else
      fputc(*text, out);
    line_start = *text == '\n';
  }
}

static void put_section(FILE *out, const char *title, const char *text) {
  if (!*text)
    return;
  fprintf(out, ".SH %s\n", title);
  put_text(out, text);
  fputc('\n', out);
}

/* A command's usage text begins with the line "usage: ..."; lines of examples are indented. */
static void put_usage(FILE *out, const command *c) {
  const char *text = c->usage, *end = strchr(text, '\n');
  static const char lead[] = "usage: ";
  if (strncmp(text, lead, sizeof lead - 1) == 0)
    text += sizeof lead - 1;
  fputs(".SH SYNOPSIS\n", out);
  for (; text < end; text++) {
    char letter[2] = {*text, 0};
    put_text(out, letter);
  }
  fputs("\n.SH DESCRIPTION\n", out);
  fputs(".nf\n", out);
  put_text(out, *end ? end + 1 + strspn(end, "\n") - 1 : end);
  fputs("\n.fi\n", out);
}

static void put_option(FILE *out, const option_spec *spec) {
  fputs(".TP\n.B ", out);
  if (spec->letter)
    fprintf(out, "\\-%c, ", spec->letter);
  fputs("\\-\\-", out);
  put_text(out, spec->name);
  if (spec->value_name)
    fprintf(out, " \\fI%s\\fR", spec->value_name);
  fputc('\n', out);
  put_text(out, spec->help);
  if (spec->default_text && *spec->default_text && spec->kind != OPTION_FLAG) {
    fputs(" (default: ", out);
    put_text(out, spec->default_text);
    fputc(')', out);
  }
  fputc('\n', out);
}

static void put_environment(FILE *out, const option_table *table) {
  if (!table->environment_prefix)
    return;
  fputs(".SH ENVIRONMENT\nEvery option", out);
  const option_spec *example = table->specs;
  for (; example->command_line_only; example++) {
    fputs(" but \\-\\-", out);
    put_text(out, example->name);
  }
  fputs(" can be set by a variable, below the command line and above the configuration file: ", out);
  fprintf(out, "%s", table->environment_prefix);
  for (const char *c = example->name; *c; c++)
    fputc(toupper((unsigned char)*c), out);
  fputs(" for \\-\\-", out);
  put_text(out, example->name);
  fputs(", and so on.\n", out);
}

static void put_see_also(FILE *out, const command *c) {
  fputs(".SH SEE ALSO\n", out);
  const char *comma = "";
  if (c != commands[0]) {
    fputs(".BR deepecg (1)", out);
    comma = ",\n";
  }
  for (size_t i = 1; i < command_count; i++)
    if (commands[i] != c) {
      fprintf(out, "%s.BR deepecg\\-%s (1)", comma, commands[i]->name);
      comma = ",\n";
    }
  fputc('\n', out);
}

void man_page_write(const command *c, FILE *out) {
  bool pipeline = c == commands[0];
  fprintf(out, ".TH DEEPECG%s", pipeline ? "" : "\\-");
  for (const char *p = pipeline ? "" : c->name; *p; p++)
    fputc(toupper((unsigned char)*p), out);
  fprintf(out, " 1 \"\" \"deepecg %s\" \"deepecg manual\"\n.SH NAME\ndeepecg%s%s \\- ", DEEPECG_VERSION,
          pipeline ? "" : "\\-", pipeline ? "" : c->name);
  put_text(out, c->summary);
  fputc('\n', out);
  put_usage(out, c);
  fputs(".SH OPTIONS\n", out);
  for (const option_spec *spec = c->options->specs; spec->name; spec++)
    put_option(out, spec);
  fputs(
      ".TP\n.B \\-h, \\-\\-help\nthe options, on standard output\n.TP\n.B \\-V, \\-\\-version\nthe version\n",
      out);
  put_environment(out, c->options);
  put_section(out, "NOTES", c->notes);
  put_see_also(out, c);
}
