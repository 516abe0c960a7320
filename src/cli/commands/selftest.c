/* deepecg selftest: does the installed program compute what it should? */
#include "selftest/selftest.h"
#include "cli/commands/command.h"

#include <stdio.h>

typedef struct selftest_settings {
  long threads;
} selftest_settings;

static const option_spec selftest_specs[] = {
    {"threads", OPTION_INTEGER, offsetof(selftest_settings, threads), .default_text = "0", .minimum = 0,
     .maximum = 1024, .value_name = "N", .help = "compute threads; 0: one per processor"},
    {0}};

static const option_table selftest_options = {selftest_specs, NULL, NULL, NULL};

static void print_result(void *context, const selftest_result *result) {
  (void)context;
  printf("%-30s %-7s %s\n", result->stage, result->passed ? "OK" : "DIFFERS", result->detail);
}

static int run(const void *settings, const operand_list *operands) {
  (void)operands;
  const selftest_settings *s = settings;
  size_t failed = selftest_run(threads_wanted(s->threads), print_result, NULL);
  if (failed)
    printf("%zu failed: do not trust this installation's results\n", failed);
  else
    puts("OK");
  return failed ? EXIT_SOME_FAILED : EXIT_OK;
}

const command command_selftest = {
    .name = "selftest",
    .title = "deepecg selftest",
    .summary = "known answers through every stage: does this installation compute what it should?",
    .usage = "usage: deepecg selftest [--threads N]\n\n"
             "Makes synthetic ECGs, reads and cleans them, runs a small network by the kernels of this "
             "processor and by their\n"
             "plain definition, computes metrics, and compares with known answers. DEEPECG_CPU chooses other "
             "kernels.\n",
    .notes = "Exit codes: 0 all is well; 1 something differs.",
    .options = &selftest_options,
    .settings_size = sizeof(selftest_settings),
    .run = run,
};
