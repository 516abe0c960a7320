/* deepecg extract: DICOM ECGs to arrays and the table that the pipeline reads. */
#include "pipeline/extract.h"
#include "cli/commands/command.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"

#include <stdio.h>
#include <sys/stat.h>

typedef struct extract_settings {
  const char *dicom, *out;
  long threads;
  bool quiet;
} extract_settings;

#define FIELD(name) #name, .offset = offsetof(extract_settings, name)

static const option_spec extract_specs[] = {
    {FIELD(dicom), .kind = OPTION_TEXT, .default_text = "", .value_name = "DIR",
     .help = "the folder of DICOM files, with all folders in it"},
    {FIELD(out), .kind = OPTION_TEXT, .default_text = "", .value_name = "DIR",
     .help = "the folder to write to; made where needed"},
    {FIELD(threads), .kind = OPTION_INTEGER, .default_text = "0", .minimum = 0, .maximum = 1024,
     .value_name = "N", .help = "0: one per processor"},
    {FIELD(quiet), .kind = OPTION_FLAG, .default_text = "False", .help = "warnings and errors only"},
    {0}};

static const option_table extract_command_options = {extract_specs, NULL, NULL, NULL};

static bool check(const void *settings, error *err) {
  const extract_settings *s = settings;
  struct stat status;
  if (!*s->dicom)
    return error_set(err, ERROR_USAGE, "--dicom: wanted, the folder of DICOM files");
  if (!*s->out)
    return error_set(err, ERROR_USAGE, "--out: wanted, the folder to write to");
  if (stat(s->dicom, &status) != 0 || !S_ISDIR(status.st_mode))
    return error_set(err, ERROR_USAGE, "--dicom: there is no folder '%s'", s->dicom);
  return true;
}

static void say(const reporter *r, const extract_summary *s, const char *out) {
  report(r, REPORT_INFO, "%zu ECGs are in %s, %zu of them with a warning; table: %s/%s", s->extracted, out,
         s->warnings, out, extract_table_name);
  if (s->without_statements)
    report(
        r, REPORT_INFO,
        "%zu ECGs come without a statement: their diagnosis in the table is empty (--predictions_only keeps "
        "them)",
        s->without_statements);
  if (s->not_dicom || s->other_objects)
    report(r, REPORT_INFO, "%zu files skipped that are not DICOM, %zu DICOM objects that are no waveform",
           s->not_dicom, s->other_objects);
  if (s->failed)
    report(r, REPORT_WARNING, "%zu failed: %s/%s says which and why", s->failed, out, extract_report_name);
}

static int exit_code(const extract_summary *s) {
  return s->extracted == 0 ? EXIT_NOTHING_SUCCEEDED : s->failed ? EXIT_SOME_FAILED : EXIT_OK;
}

static int run(const void *given, const operand_list *operands) {
  (void)operands;
  const extract_settings *s = given;
  terminal t;
  terminal_init(&t, s->quiet);
  extract_options options = {s->dicom, s->out, threads_wanted(s->threads), interrupt_flag()};
  extract_summary summary;
  error err;
  bool done = extract_run(&options, &t.reporter, &summary, &err);
  terminal_finish(&t);
  if (done) {
    say(&t.reporter, &summary, s->out);
    return exit_code(&summary);
  }
  fprintf(stderr, "deepecg extract: %s\n", err.message);
  return err.code == ERROR_MEMORY || err.code == ERROR_INTERNAL ? EXIT_INTERNAL : EXIT_NOTHING_SUCCEEDED;
}

const command command_extract = {
    .name = "extract",
    .title = "deepecg extract",
    .summary = "DICOM ECGs to NPY arrays with their table of statements",
    .usage =
        "usage: deepecg extract --dicom DIR --out DIR [option ...]\n\n"
        "Writes ecg_signal_0.npy, ecg_signal_1.npy, ... and DIR/table.csv, ready for deepecg --data_path "
        "DIR/table.csv\n"
        "--ecg_signals_path DIR. (The pipeline reads DICOM files itself too.)\n",
    .notes =
        "DIR/extract_report.csv says which file became which array, and why others failed.\n"
        "Exit codes: 0 done; 1 some files failed; 2 wrong usage; 4 nothing could be extracted, or it was "
        "interrupted: no table.",
    .options = &extract_command_options,
    .settings_size = sizeof(extract_settings),
    .check = check,
    .run = run,
};
