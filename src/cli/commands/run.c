/* deepecg --mode full_run|preprocessing|analysis ...: the pipeline of the reference, under its names. */
#include "cli/commands/command.h"
#include "cli/commands/precision_option.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "hub/settings.h"
#include "pipeline/pipeline.h"
#include "tasks/tasks.h"

#include <stdio.h>
#include <string.h>

typedef struct run_settings {
  int mode, units, precision;
  const char *config, *data_path, *csv_file_name, *ecg_signals_path, *preprocessing_folder, *output_folder;
  const char *weights_folder, *bert_model, *hugging_face_api_key_path;
  const char *diagnosis_classifier_device, *signal_processing_device;
  bool use_efficientnet, use_wcr, predictions_only, diagnosis_from_file, quiet;
  long batch_size, preprocessing_n_workers, threads, batch_records;
} run_settings;

static const char *const unit_names[] = {"stored", "physical", NULL};

#define FIELD(name) #name, .offset = offsetof(run_settings, name)

static const option_spec run_specs[] = {
    {FIELD(mode), .kind = OPTION_CHOICE, .choices = pipeline_mode_names, .default_text = "full_run",
     .value_name = "MODE", .help = "full_run, preprocessing or analysis"},
    {FIELD(data_path), .kind = OPTION_TEXT, .default_text = "", .value_name = "PATH",
     .help = "the CSV table, or the folder that holds csv_file_name"},
    {FIELD(csv_file_name), .kind = OPTION_TEXT, .default_text = "", .value_name = "NAME",
     .help = "the table's name in data_path's folder"},
    {FIELD(ecg_signals_path), .kind = OPTION_TEXT, .default_text = "ecg_signals", .value_name = "DIR",
     .help = "where the table's ECG files are"},
    {FIELD(preprocessing_folder), .kind = OPTION_TEXT, .default_text = "preprocessing", .value_name = "DIR",
     .help = "where cleaned ECGs go"},
    {FIELD(output_folder), .kind = OPTION_TEXT, .default_text = "outputs", .value_name = "DIR",
     .help = "where reports, probabilities and metrics go"},
    {FIELD(weights_folder), .kind = OPTION_TEXT, .default_text = "weights", .value_name = "DIR",
     .help = "one folder per model"},
    {FIELD(use_efficientnet), .kind = OPTION_BOOLEAN, .default_text = "True", .value_name = "BOOL",
     .help = "run the EfficientNet models"},
    {FIELD(use_wcr), .kind = OPTION_BOOLEAN, .default_text = "True", .value_name = "BOOL",
     .help = "run the WCR models"},
    {FIELD(bert_model), .kind = OPTION_TEXT, .default_text = "Bert_diagnosis2classification_En_Fr",
     .value_name = "NAME", .help = "the text model that reads diagnoses"},
    {FIELD(precision), PRECISION_OPTION},
    {FIELD(batch_size), .kind = OPTION_INTEGER, .default_text = "32", .minimum = 1, .maximum = 65536,
     .value_name = "N", .help = "at most this many ECGs at a time per thread"},
    {FIELD(threads), .kind = OPTION_INTEGER, .default_text = "0", .minimum = 0, .maximum = 1024,
     .value_name = "N", .help = "compute threads; 0: one per processor"},
    {FIELD(preprocessing_n_workers), .kind = OPTION_INTEGER, .default_text = "16", .minimum = 1,
     .maximum = 1024, .value_name = "N", .help = "at most this many threads read files"},
    {FIELD(batch_records), .kind = OPTION_INTEGER, .default_text = "10000", .minimum = 1, .maximum = 10000000,
     .value_name = "N", .help = "ECGs that share the statistics of the cleaning"},
    {FIELD(units), .kind = OPTION_CHOICE, .choices = unit_names, .default_text = "stored",
     .value_name = "UNITS", .help = "stored: numbers as in the files; physical: microvolts where declared"},
    {FIELD(predictions_only), .kind = OPTION_FLAG, .default_text = "False",
     .help = "file columns and rows need no labels; no metrics"},
    {FIELD(diagnosis_from_file), .kind = OPTION_FLAG, .default_text = "False",
     .help = "an empty diagnosis cell takes the ECG file's own statements"},
    {FIELD(diagnosis_classifier_device), .kind = OPTION_DEVICE, .default_text = "cpu", .value_name = "DEVICE",
     .help = "cpu, cuda or cuda:N (runs on the CPU)"},
    {FIELD(signal_processing_device), .kind = OPTION_DEVICE, .default_text = "cpu", .value_name = "DEVICE",
     .help = "cpu, cuda or cuda:N (runs on the CPU)"},
    {FIELD(hugging_face_api_key_path), .kind = OPTION_TEXT, .default_text = "api_key.json",
     .value_name = "FILE", .help = "JSON file with the Hugging Face token"},
    {FIELD(config), .kind = OPTION_TEXT, .default_text = "heartwise.config", .value_name = "FILE",
     .help = "settings as lines of 'key: value'"},
    {FIELD(quiet), .kind = OPTION_FLAG, .default_text = "False", .help = "warnings and errors only"},
    {0}};

const option_table run_options = {run_specs, "DEEPECG_", "config", NULL};

static bool on_gpu(const char *device) {
  return strncmp(device, "cuda", 4) == 0;
}

static bool bert_model_known(const char *name) {
  for (const char *const *known = bert_models; *known; known++)
    if (strcmp(*known, name) == 0)
      return true;
  return false;
}

static bool check(const void *settings, error *err) {
  const run_settings *s = settings;
  if (!*s->data_path)
    return error_set(err, ERROR_USAGE,
                     "--data_path: wanted, the CSV table of ECG files (--help shows an example)");
  if (!bert_model_known(s->bert_model))
    return error_set(err, ERROR_USAGE, "--bert_model: '%s' is not allowed; one of %s, %s", s->bert_model,
                     bert_models[0], bert_models[1]);
  return precision_option_check(s->precision, err);
}

static pipeline_options options_of(const run_settings *s) {
  return (pipeline_options){.mode = (pipeline_mode)s->mode,
                            .data_path = s->data_path,
                            .csv_file_name = s->csv_file_name,
                            .ecg_signals_path = s->ecg_signals_path,
                            .preprocessing_folder = s->preprocessing_folder,
                            .output_folder = s->output_folder,
                            .weights_folder = s->weights_folder,
                            .bert_model = s->bert_model,
                            .precision = (precision)s->precision,
                            .use_efficientnet = s->use_efficientnet,
                            .use_wcr = s->use_wcr,
                            .predictions_only = s->predictions_only,
                            .diagnosis_from_file = s->diagnosis_from_file,
                            .units = (ecg_units)s->units,
                            .batch_size = (int)s->batch_size,
                            .threads = threads_wanted(s->threads),
                            .preprocessing_n_workers = (int)s->preprocessing_n_workers,
                            .batch_records = (size_t)s->batch_records,
                            .cancelled = interrupt_flag()};
}

static void say_summary(const terminal *t, const pipeline_options *options, const run_summary *s) {
  const reporter *r = &t->reporter;
  if (!*s->stamp)
    return;
  if (options->mode != MODE_ANALYSIS)
    report(r, REPORT_INFO,
           "%zu of %zu ECGs cleaned into %s, %zu failed, %zu with a warning (reports: %s/batch_*)",
           s->cleaned, s->files, options->preprocessing_folder, s->failed, s->warnings,
           options->output_folder);
  if (options->mode != MODE_PREPROCESSING)
    report(r, REPORT_INFO, "%zu predictions in %zu result files: %s/*_%s_*", s->rows_predicted,
           s->result_files, options->output_folder, s->stamp);
}

/* Without a token nothing is downloaded; what else is wrong with the settings must not stop a run whose
 * models are there. */
static void prepare_hub(hub_settings *hub, const run_settings *s, arena *memory, const terminal *t) {
  error reason;
  if (!hub_settings_read(hub, s->hugging_face_api_key_path, memory, &reason))
    report(&t->reporter, REPORT_WARNING, "%s", reason.message);
  hub->cancelled = interrupt_flag();
}

static int run(const void *given, const operand_list *operands) {
  (void)operands;
  const run_settings *settings = given;
  terminal t;
  terminal_init(&t, settings->quiet);
  if (on_gpu(settings->diagnosis_classifier_device) || on_gpu(settings->signal_processing_device))
    report(&t.reporter, REPORT_WARNING, "there is no GPU backend yet; everything runs on the CPU");
  pipeline_options options = options_of(settings);
  arena *memory = arena_create(NULL);
  hub_settings hub;
  if (memory)
    prepare_hub(&hub, settings, memory, &t);
  options.hub = memory ? &hub : NULL;
  error_list errors = {0};
  run_summary summary;
  pipeline_run(&options, &t.reporter, &errors, &summary);
  terminal_finish(&t);
  say_summary(&t, &options, &summary);
  size_t count = errors.count;
  if (count)
    puts("Errors encountered:");
  for (size_t i = 0; i < count; i++)
    printf("  %s\n", errors.lines[i] ? errors.lines[i] : "out of memory");
  error_list_free(&errors);
  arena_destroy(memory);
  return count ? EXIT_SOME_FAILED : EXIT_OK;
}

const command command_run = {
    .name = "run",
    .title = "deepecg",
    .summary = "the pipeline (also without this word): ECG files in, probabilities and metrics out",
    .usage = "usage: deepecg [--mode full_run|preprocessing|analysis] --data_path TABLE.csv [option ...]\n\n"
             "Examples:\n"
             "  deepecg --data_path inputs/data_rows_template.csv\n"
             "  deepecg --mode preprocessing --data_path table.csv --ecg_signals_path /data/ecgs\n\n"
             "Every option can also stand in the configuration file (key: value) or the environment "
             "(DEEPECG_KEY).\n"
             "The command line wins over the environment, the environment over the file.\n",
    .notes =
        "Exit codes: 0 done; 1 'Errors encountered:' has lines; 2 wrong usage.\n"
        "ECGs that fail alone are in the reports and don't change the exit code.\n"
        "Ctrl-C (SIGINT), SIGTERM or a closed terminal (SIGHUP) stops between two ECGs, with exit code 1: "
        "models\nthat are done are written in full, the others have no file. A second Ctrl-C or SIGTERM ends "
        "the\nprogram at once.",
    .options = &run_options,
    .settings_size = sizeof(run_settings),
    .check = check,
    .run = run,
};
