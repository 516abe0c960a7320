/* deepecg synth: synthetic 12-lead ECGs with their table. */
#include "synth/synth.h"
#include "cli/commands/command.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"

#include <stdio.h>

typedef struct synth_settings {
  const char *out;
  long count, seed, threads;
  int format, leads, rate;
  double hum_hz, hum_microvolts;
  bool truth, quiet;
} synth_settings;

static const char *const format_names[] = {"muse", "cardiosoft", "npy", "mixed", NULL};
static const char *const leads_names[] = {"usual", "8", "12", "mixed", NULL};
static const char *const rate_names[] = {"500", "250", "mixed", NULL};
static const unsigned rates_hz[] = {500, 250, SYNTH_RATE_MIXED};

#define FIELD(name) #name, .offset = offsetof(synth_settings, name)

static const option_spec synth_specs[] = {
    {FIELD(out), .kind = OPTION_TEXT, .default_text = "", .value_name = "DIR",
     .help = "the folder to write to; made where needed"},
    {FIELD(count), .kind = OPTION_INTEGER, .default_text = "100", .minimum = 1, .maximum = SYNTH_MAX_COUNT,
     .value_name = "N", .help = "how many ECGs"},
    {FIELD(seed), .kind = OPTION_INTEGER, .default_text = "1", .minimum = 0, .maximum = 9007199254740992.0,
     .value_name = "S", .help = "another seed, other ECGs; the same one, the same bytes"},
    {FIELD(format), .kind = OPTION_CHOICE, .choices = format_names, .default_text = "muse",
     .value_name = "FORMAT", .help = "muse, cardiosoft, npy or mixed (each in turn)"},
    {FIELD(leads), .kind = OPTION_CHOICE, .choices = leads_names, .default_text = "usual",
     .value_name = "LEADS", .help = "stored leads: usual (as the format does), 8, 12 or mixed"},
    {FIELD(rate), .kind = OPTION_CHOICE, .choices = rate_names, .default_text = "500", .value_name = "HZ",
     .help = "sampling rate: 500, 250 or mixed"},
    {FIELD(hum_hz), .kind = OPTION_NUMBER, .default_text = "60", .minimum = 0, .maximum = 100,
     .value_name = "HZ", .help = "mains frequency; 0: none"},
    {FIELD(hum_microvolts), .kind = OPTION_NUMBER, .default_text = "25", .minimum = 0, .maximum = 1000,
     .value_name = "UV", .help = "amplitude of the hum"},
    {FIELD(truth), .kind = OPTION_FLAG, .default_text = "False",
     .help = "write truth.csv too: a 0/1 column per finding"},
    {FIELD(threads), .kind = OPTION_INTEGER, .default_text = "0", .minimum = 0, .maximum = 1024,
     .value_name = "N", .help = "0: one per processor"},
    {FIELD(quiet), .kind = OPTION_FLAG, .default_text = "False", .help = "warnings and errors only"},
    {0}};

static const option_table synth_command_options = {synth_specs, NULL, NULL, NULL};

static bool check(const void *settings, error *err) {
  const synth_settings *s = settings;
  return *s->out || error_set(err, ERROR_USAGE, "--out: wanted, the folder to write to");
}

static int run(const void *given, const operand_list *operands) {
  (void)operands;
  const synth_settings *s = given;
  terminal t;
  terminal_init(&t, s->quiet);
  threads_wanted(s->threads);
  synth_options options = {.count = (size_t)s->count,
                           .seed = (uint64_t)s->seed,
                           .format = (synth_format)s->format,
                           .leads = (synth_leads)s->leads,
                           .rate_hz = rates_hz[s->rate],
                           .hum_hz = s->hum_hz,
                           .hum_microvolts = s->hum_microvolts,
                           .truth = s->truth,
                           .cancelled = interrupt_flag()};
  error err;
  bool ok = synth_write(s->out, &options, &t.reporter, &err);
  terminal_finish(&t);
  if (ok)
    report(&t.reporter, REPORT_INFO, "%zu synthetic ECGs and table.csv are in %s", options.count, s->out);
  else
    fprintf(stderr, "deepecg synth: %s\n", err.message);
  return ok ? EXIT_OK : EXIT_NOTHING_SUCCEEDED;
}

const command command_synth = {
    .name = "synth",
    .title = "deepecg synth",
    .summary = "synthetic 12-lead ECGs with their table of statements and labels",
    .usage = "usage: deepecg synth --out DIR [--count N] [--seed S] [--format muse|cardiosoft|npy|mixed] "
             "[option ...]\n\n"
             "Writes ECG files and DIR/table.csv, ready for deepecg --data_path DIR/table.csv "
             "--ecg_signals_path DIR.\n"
             "The same options give the same bytes on every machine.\n",
    .notes = "The ECGs are made up: what a network says of them means nothing for a patient.\n"
             "Exit codes: 0 done; 2 wrong usage; 4 not all could be written, and there is no table.",
    .options = &synth_command_options,
    .settings_size = sizeof(synth_settings),
    .check = check,
    .run = run,
};
