/* Subcommands: one file each beside this one, one line each in table.c. */
#ifndef DEEPECG_CLI_COMMANDS_COMMAND_H
#define DEEPECG_CLI_COMMANDS_COMMAND_H

#include "cli/options.h"

/* The program's exit codes. The three pipeline modes use 0, 1 and 2 only. */
enum {
  EXIT_OK = 0,
  EXIT_SOME_FAILED = 1,
  EXIT_USAGE = 2,
  EXIT_MODEL_MISSING = 3,
  EXIT_NOTHING_SUCCEEDED = 4,
  EXIT_INTERNAL = 70
};

typedef struct command {
  const char *name;
  const char *title;   /* what stands before messages: "deepecg synth" */
  const char *summary; /* one line for the list of commands */
  const char *usage;   /* what --help shows before the options */
  const char *notes;   /* and after them; may be "" */
  const option_table *options;
  size_t settings_size;
  const char *operand_name; /* NULL: the command takes options only; else at least one operand is wanted */
  bool operands_optional;   /* where operand_name is set: none is fine too */
  /* Options beyond what each kind of option checks by itself; may be NULL. */
  bool (*check)(const void *settings, error *err);
  int (*run)(const void *settings, const operand_list *operands); /* returns the exit code */
} command;

extern const command command_run;
extern const option_table run_options; /* of the pipeline, for which heartwise.config is written */
extern const command command_download;
extern const command command_bundle;
extern const command command_inspect;
extern const command command_predict;
extern const command command_check;
extern const command command_drift;
extern const command command_plot;
extern const command command_extract;
extern const command command_synth;
extern const command command_selftest;
extern const command command_bench;

/* All of them (table.c), the pipeline first: it is also what runs without a command's name. */
extern const command *const commands[];
extern const size_t command_count;

/* Parse argv (argv[0] is not looked at), answer --help, --version and mistakes, or run. Returns the exit
 * code. */
int command_main(const command *c, int argc, char **argv);

/* The number of threads for --threads N, where 0 is one per processor. The parts that ask OpenMP itself, such
 * as the fit of smooth curves, keep to it from then on. */
int threads_wanted(long n);

#endif
