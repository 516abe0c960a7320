/* deepecg predict: a few ECG files, one answer each. */
#include "cli/commands/command.h"
#include "cli/commands/no_models.h"
#include "cli/commands/precision_option.h"
#include "cli/commands/predict_output.h"
#include "cli/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct predict_settings {
  const char *weights_folder, *models, *bert_model, *config;
  int units, precision;
  long threads;
  bool all, json, quiet;
} predict_settings;

static const char *const unit_names[] = {"stored", "physical", NULL};

#define FIELD(name) #name, .offset = offsetof(predict_settings, name)

static const option_spec predict_specs[] = {
    {FIELD(weights_folder), .kind = OPTION_TEXT, .default_text = "weights", .value_name = "DIR",
     .help = "one folder per model"},
    {FIELD(models), .kind = OPTION_TEXT, .default_text = "", .value_name = "NAMES",
     .help = "models, tasks or families, joined by commas; without it: those in weights_folder"},
    {FIELD(bert_model), .kind = OPTION_TEXT, .default_text = "Bert_diagnosis2classification_En_Fr",
     .value_name = "NAME", .help = "the text model, for the machine's statements"},
    {FIELD(all), .kind = OPTION_FLAG, .default_text = "False",
     .help = "every finding, not only those called or stated"},
    {FIELD(json), .kind = OPTION_FLAG, .default_text = "False", .help = "as JSON, with every finding"},
    {FIELD(units), .kind = OPTION_CHOICE, .choices = unit_names, .default_text = "stored",
     .value_name = "UNITS", .help = "stored: numbers as in the files; physical: microvolts where declared"},
    {FIELD(precision), PRECISION_OPTION},
    {FIELD(threads), .kind = OPTION_INTEGER, .default_text = "0", .minimum = 0, .maximum = 1024,
     .value_name = "N", .help = "compute threads; 0: one per processor"},
    {FIELD(config), .kind = OPTION_TEXT, .default_text = "heartwise.config", .value_name = "FILE",
     .help = "the pipeline's settings; those that matter here are taken from it"},
    {FIELD(quiet), .kind = OPTION_FLAG, .default_text = "False", .help = "warnings and errors only"},
    {0}};

static const option_table predict_options = {predict_specs, "DEEPECG_", "config", &run_options};

static bool check(const void *settings, error *err) {
  const predict_settings *s = settings;
  task_model models[TASK_MODELS_MAX];
  size_t count;
  return (task_models_named(s->models, models, &count, err) || error_prefix(err, "--models")) &&
         precision_option_check(s->precision, err);
}

static void say_problems(const prediction *p, const prediction_options *options) {
  for (size_t i = 0; i < options->model_count; i++)
    if (p->model_problems[i])
      fprintf(stderr, "deepecg predict: %s: no result: %s\n", task_model_id(&options->models[i]),
              p->model_problems[i]);
  if (p->text_problem)
    fprintf(stderr, "deepecg predict: the machine's statements are not read: %s\n", p->text_problem);
  for (size_t i = 0; i < p->count; i++)
    if (p->answers[i].problem)
      fprintf(stderr, "deepecg predict: %s\n", p->answers[i].problem);
}

static int exit_code(const prediction *p, const prediction_options *options) {
  if (p->answered == 0)
    return EXIT_NOTHING_SUCCEEDED;
  if (p->models_run == 0)
    return EXIT_MODEL_MISSING;
  return p->answered < p->count || p->models_run < options->model_count ? EXIT_SOME_FAILED : EXIT_OK;
}

static int answer(const operand_list *files, const prediction_options *options, const predict_settings *s,
                  terminal *t) {
  prediction p;
  error err;
  if (files->count > 1)
    report(&t->reporter, REPORT_INFO,
           "%zu files, cleaned together as one batch: scale and mains hum are the batch's", files->count);
  int code = EXIT_NOTHING_SUCCEEDED;
  bool ok = prediction_make(files->items, files->count, options, &t->reporter, &p, &err);
  terminal_finish(t);
  if (ok) {
    code = exit_code(&p, options);
    say_problems(&p, options);
    if (s->json)
      ok = predict_print_json(&p, options, &err);
    else
      predict_print_text(&p, options, &(predict_view){s->all, isatty(STDOUT_FILENO) && !getenv("NO_COLOR")});
  }
  if (!ok) {
    fprintf(stderr, "deepecg predict: %s\n", err.message);
    code = EXIT_NOTHING_SUCCEEDED;
  }
  prediction_clear(&p);
  return code;
}

static int run(const void *given, const operand_list *files) {
  const predict_settings *s = given;
  terminal t;
  terminal_init(&t, s->quiet);
  prediction_options options = {.weights_folder = s->weights_folder,
                                .text_model = s->bert_model,
                                .units = (ecg_units)s->units,
                                .threads = threads_wanted(s->threads),
                                .precision = (precision)s->precision};
  if (*s->models)
    task_models_named(s->models, options.models, &options.model_count, NULL);
  else
    options.model_count = task_models_present(s->weights_folder, options.models);
  return options.model_count ? answer(files, &options, s, &t)
                             : say_no_models(command_predict.title, s->weights_folder);
}

const command command_predict = {
    .name = "predict",
    .title = "deepecg predict",
    .summary = "ECG files without a table: an answer for each, on the terminal",
    .usage = "usage: deepecg predict [option ...] ECG-FILE ...\n\n"
             "Reads ECG files of any known format ('-': standard input), cleans them, and says what each "
             "model finds.\n"
             "Several files are cleaned together as one batch, as the published method asks for.\n",
    .notes = "Exit codes: 0 done; 1 some files or models failed; 2 wrong usage; 3 no model; 4 no file could "
             "be read.\n"
             "For research. Not a medical device.",
    .options = &predict_options,
    .settings_size = sizeof(predict_settings),
    .operand_name = "an ECG file",
    .check = check,
    .run = run,
};
