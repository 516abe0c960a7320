#include "cli/commands/command.h"

#include <omp.h>
#include <stdio.h>

static int usage_error(const command *c, const error *err) {
  fprintf(stderr, "%s: %s\n", c->title, err->message);
  return EXIT_USAGE;
}

static int parse_and_run(const command *c, int argc, char **argv, arena *memory, error *err) {
  operand_list operands = {0};
  void *settings = arena_alloc(memory, c->settings_size, err);
  options_outcome outcome = OPTIONS_ERROR;
  if (settings)
    outcome =
        options_parse(c->options, argc, argv, settings, c->operand_name ? &operands : NULL, memory, err);
  switch (outcome) {
  case OPTIONS_HELP:
    puts(c->usage);
    options_print_help(c->options, stdout);
    if (*c->notes)
      printf("\n%s\n", c->notes);
    return EXIT_OK;
  case OPTIONS_VERSION:
    puts("deepecg " DEEPECG_VERSION);
    return EXIT_OK;
  case OPTIONS_ERROR:
    return usage_error(c, err);
  case OPTIONS_READY:
    break;
  }
  if (c->operand_name && !c->operands_optional && operands.count == 0) {
    error_set(err, ERROR_USAGE, "wants %s (--help says more)", c->operand_name);
    return usage_error(c, err);
  }
  for (size_t i = 0; i < operands.count; i++)
    if (!*operands.items[i]) {
      error_set(err, ERROR_USAGE, "name %zu is empty; wants %s", i + 1, c->operand_name);
      return usage_error(c, err);
    }
  if (c->check && !c->check(settings, err))
    return usage_error(c, err);
  return c->run(settings, &operands);
}

int command_main(const command *c, int argc, char **argv) {
  error err;
  arena *memory = arena_create(&err);
  int code = memory ? parse_and_run(c, argc, argv, memory, &err) : EXIT_INTERNAL;
  arena_destroy(memory);
  return code;
}

int threads_wanted(long n) {
  int threads = n ? (int)n : omp_get_num_procs();
  omp_set_num_threads(threads);
  return threads;
}
