/* deepecg drift: how far a precision moves the models' answers on the user's own records. */
#include "drift/drift.h"
#include "cli/commands/command.h"
#include "cli/commands/drift_output.h"
#include "cli/commands/no_models.h"
#include "cli/commands/precision_option.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"

#include <stdio.h>

typedef struct drift_settings {
  const char *weights_folder, *models, *bert_model, *ecg_signals_path, *config;
  int precision, units;
  bool cleaned, json, quiet;
  long threads;
} drift_settings;

static const char *const unit_names[] = {"stored", "physical", NULL};

#define FIELD(name) #name, .offset = offsetof(drift_settings, name)

/* The run's precision, in its configuration file or the environment, would be fp32 for most: compared with
 * itself it never moves, which says nothing. */
static const option_spec drift_specs[] = {
    {FIELD(precision), .kind = OPTION_CHOICE, .choices = precision_names, .default_text = "bf16",
     .value_name = "PRECISION", .command_line_only = true,
     .help = "what is compared with fp32; bf16 wants AVX512-BF16"},
    {FIELD(ecg_signals_path), .kind = OPTION_TEXT, .default_text = "ecg_signals", .value_name = "DIR",
     .help = "where the table's ECG files are"},
    {FIELD(cleaned), .kind = OPTION_FLAG, .default_text = "False",
     .help = "the files are cleaned records (.base64), as in a run's preprocessing_folder"},
    {FIELD(weights_folder), .kind = OPTION_TEXT, .default_text = "weights", .value_name = "DIR",
     .help = "one folder per model"},
    {FIELD(models), .kind = OPTION_TEXT, .default_text = "", .value_name = "NAMES",
     .help = "models, tasks or families, joined by commas; without it: those in weights_folder"},
    {FIELD(bert_model), .kind = OPTION_TEXT, .default_text = "Bert_diagnosis2classification_En_Fr",
     .value_name = "NAME", .help = "the text model that reads diagnoses"},
    {FIELD(units), .kind = OPTION_CHOICE, .choices = unit_names, .default_text = "stored",
     .value_name = "UNITS", .help = "stored: numbers as in the files; physical: microvolts where declared"},
    {FIELD(threads), .kind = OPTION_INTEGER, .default_text = "0", .minimum = 0, .maximum = 1024,
     .value_name = "N", .help = "compute threads; 0: one per processor"},
    {FIELD(config), .kind = OPTION_TEXT, .default_text = "heartwise.config", .value_name = "FILE",
     .help = "the pipeline's settings; those that matter here are taken from it"},
    {FIELD(json), .kind = OPTION_FLAG, .default_text = "False", .help = "as JSON, with every label"},
    {FIELD(quiet), .kind = OPTION_FLAG, .default_text = "False", .help = "warnings and errors only"},
    {0}};

static const option_table drift_command_options = {drift_specs, "DEEPECG_", "config", &run_options};

static bool check(const void *given, error *err) {
  const drift_settings *s = given;
  task_model models[TASK_MODELS_MAX];
  size_t count;
  return (task_models_named(s->models, models, &count, err) || error_prefix(err, "--models")) &&
         precision_option_check(s->precision, err);
}

static void say_problems(const drift *d) {
  for (size_t i = 0; i < d->failed; i++)
    fprintf(stderr, "deepecg drift: %s\n", d->problems[i]);
  for (size_t i = 0; i < d->model_count && d->failed < d->records; i++)
    if (d->models[i].problem)
      fprintf(stderr, "deepecg drift: %s: not compared: %s\n", d->models[i].id, d->models[i].problem);
}

static int exit_code(const drift *d) {
  if (d->failed == d->records)
    return EXIT_NOTHING_SUCCEEDED;
  if (d->models_failed == d->model_count)
    return EXIT_MODEL_MISSING;
  return d->failed || d->models_failed ? EXIT_SOME_FAILED : EXIT_OK;
}

static int compare(const operand_list *operands, const drift_options *options, const drift_settings *s,
                   terminal *t) {
  drift d;
  error err;
  int code = EXIT_NOTHING_SUCCEEDED;
  bool ok = drift_make(operands->items, operands->count, options, &t->reporter, &d, &err);
  terminal_finish(t);
  if (ok) {
    code = exit_code(&d);
    say_problems(&d);
    if (s->json)
      ok = drift_print_json(&d, options->precision, &err);
    else if (d.failed < d.records)
      drift_print_text(&d, options->precision);
  }
  if (!ok) {
    fprintf(stderr, "deepecg drift: %s\n", err.message);
    code = err.code == ERROR_USAGE ? EXIT_USAGE : EXIT_NOTHING_SUCCEEDED;
  }
  drift_clear(&d);
  return code;
}

static int run(const void *given, const operand_list *operands) {
  const drift_settings *s = given;
  terminal t;
  terminal_init(&t, s->quiet);
  drift_options options = {.precision = (precision)s->precision,
                           .weights_folder = s->weights_folder,
                           .text_model = s->bert_model,
                           .ecg_signals_path = s->ecg_signals_path,
                           .cleaned = s->cleaned,
                           .units = (ecg_units)s->units,
                           .threads = threads_wanted(s->threads),
                           .cancelled = interrupt_flag()};
  if (*s->models)
    task_models_named(s->models, options.models, &options.model_count, NULL);
  else
    options.model_count = task_models_present(s->weights_folder, options.models);
  return options.model_count ? compare(operands, &options, s, &t)
                             : say_no_models(command_drift.title, s->weights_folder);
}

const command command_drift = {
    .name = "drift",
    .title = "deepecg drift",
    .summary = "how far a precision moves the models' answers on your own ECGs",
    .usage =
        "usage: deepecg drift [--precision PRECISION] [option ...] TABLE.csv|FILE-OR-FOLDER ...\n\n"
        "Runs the ECGs through the models twice, in fp32 and in PRECISION, and says for each model: the "
        "largest and mean\n"
        "difference of a probability, the calls at the operating points that change, and the AUC in "
        "both where the table\n"
        "has labels (of the 77: what the text model, in fp32, makes of the diagnosis). Writes nothing.\n",
    .notes =
        "EfficientNets are computed in fp32 in either precision. A text model without a folder is left out.\n"
        "Memory: one model at a time, and 120 kB per ECG, up to 1 GB: more ECGs are taken 8000 at a time.\n"
        "Exit codes: 0 done; 1 some files or models failed; 2 wrong usage; 3 no model; 4 no file could "
        "be read.\n"
        "For research. Not a medical device.",
    .options = &drift_command_options,
    .settings_size = sizeof(drift_settings),
    .operand_name = "a CSV table, or ECG files and folders",
    .check = check,
    .run = run,
};
