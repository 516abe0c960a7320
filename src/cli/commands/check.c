/* deepecg check: a look at a table before a long run. */
#include "cli/commands/command.h"
#include "cli/commands/precision_option.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/terminal.h"
#include "pipeline/survey.h"
#include "tasks/tasks.h"

#include <jansson.h>
#include <stdio.h>

typedef struct check_settings {
  const char *ecg_signals_path, *weights_folder, *bert_model, *config;
  bool use_efficientnet, use_wcr, predictions_only, json, quiet;
  long threads, preprocessing_n_workers;
  int precision;
} check_settings;

#define FIELD(name) #name, .offset = offsetof(check_settings, name)

static const option_spec check_specs[] = {
    {FIELD(ecg_signals_path), .kind = OPTION_TEXT, .default_text = "ecg_signals", .value_name = "DIR",
     .help = "where the table's ECG files are"},
    {FIELD(weights_folder), .kind = OPTION_TEXT, .default_text = "weights", .value_name = "DIR",
     .help = "one folder per model"},
    {FIELD(use_efficientnet), .kind = OPTION_BOOLEAN, .default_text = "True", .value_name = "BOOL",
     .help = "the run will use the EfficientNet models"},
    {FIELD(use_wcr), .kind = OPTION_BOOLEAN, .default_text = "True", .value_name = "BOOL",
     .help = "the run will use the WCR models"},
    {FIELD(bert_model), .kind = OPTION_TEXT, .default_text = "Bert_diagnosis2classification_En_Fr",
     .value_name = "NAME", .help = "the text model that reads diagnoses"},
    {FIELD(predictions_only), .kind = OPTION_FLAG, .default_text = "False",
     .help = "the run will need no labels"},
    {FIELD(precision), PRECISION_OPTION},
    {FIELD(threads), .kind = OPTION_INTEGER, .default_text = "0", .minimum = 0, .maximum = 1024,
     .value_name = "N", .help = "compute threads; 0: one per processor"},
    {FIELD(preprocessing_n_workers), .kind = OPTION_INTEGER, .default_text = "16", .minimum = 1,
     .maximum = 1024, .value_name = "N", .help = "at most this many threads read files"},
    {FIELD(json), .kind = OPTION_FLAG, .default_text = "False", .help = "as JSON"},
    {FIELD(config), .kind = OPTION_TEXT, .default_text = "heartwise.config", .value_name = "FILE",
     .help = "the pipeline's settings; those that matter here are taken from it"},
    {FIELD(quiet), .kind = OPTION_FLAG, .default_text = "False", .help = "warnings and errors only"},
    {0}};

static const option_table check_options = {check_specs, "DEEPECG_", "config", &run_options};

static void print_duration(const char *what, double seconds) {
  if (seconds < 120)
    printf("%s %.0f s", what, seconds);
  else if (seconds < 7200)
    printf("%s %.0f min", what, seconds / 60);
  else
    printf("%s %.1f h", what, seconds / 3600);
}

static double total_seconds(const survey *s) {
  double seconds = s->preprocessing_seconds;
  for (size_t i = 0; i < s->model_count; i++)
    seconds += s->models[i].problem ? 0 : s->models[i].seconds;
  return seconds;
}

static void print_files(const survey *s) {
  printf("%zu rows name %zu ECG files that exist and %zu that don't\n", s->rows, s->files, s->missing);
  for (size_t i = 0; i < s->missing && i < SURVEY_EXAMPLES; i++) {
    fputs("  missing: ", stdout);
    terminal_print_copy(s->missing_examples[i].path);
    printf(" (%s)\n", s->missing_examples[i].message);
  }
  if (s->missing > SURVEY_EXAMPLES)
    printf("  ... and %zu more\n", s->missing - SURVEY_EXAMPLES);
  for (size_t i = 0; i < s->kind_count; i++) {
    const survey_kind *k = &s->kinds[i];
    printf("  %zu x %s", k->files, k->format);
    if (k->sampling_rate_hz > 0)
      printf(", %g Hz", k->sampling_rate_hz);
    if (k->samples)
      printf(", %zu samples", k->samples);
    putchar('\n');
  }
  if (s->warned)
    printf("%zu with a warning (the run's report will say which)\n", s->warned);
  if (s->same_stem)
    printf("%zu would fail: another file has the same name but for folder and ending\n", s->same_stem);
  if (s->failed)
    printf("%zu can't be used\n", s->failed);
  for (size_t i = 0; i < s->failed && i < SURVEY_EXAMPLES; i++)
    printf("  %s\n", s->failed_examples[i].message);
  if (s->failed > SURVEY_EXAMPLES)
    printf("  ... and %zu more\n", s->failed - SURVEY_EXAMPLES);
}

static void print_models(const survey *s) {
  puts("Models");
  for (size_t i = 0; i < s->model_count; i++) {
    const survey_model *m = &s->models[i];
    printf("  %-40s ", m->id);
    if (m->problem)
      printf("missing: %s\n", m->problem);
    else {
      print_duration("", m->seconds);
      printf(" for %zu\n", m->inputs);
    }
  }
  print_duration("Estimated time: preprocessing", s->preprocessing_seconds);
  print_duration(", in all", total_seconds(s));
  putchar('\n');
}

static json_t *examples_json(const survey_example *examples, size_t count) {
  json_t *list = json_array();
  for (size_t i = 0; list && i < count && i < SURVEY_EXAMPLES; i++)
    json_array_append_new(list,
                          json_pack("{s:s, s:s}", "file", examples[i].path, "what", examples[i].message));
  return list;
}

static bool print_json(const survey *s, error *err) {
  json_t *kinds = json_array(), *models = json_array();
  for (size_t i = 0; kinds && i < s->kind_count; i++)
    json_array_append_new(kinds,
                          json_pack("{s:s, s:f, s:I, s:I}", "format", s->kinds[i].format, "sampling_rate_hz",
                                    s->kinds[i].sampling_rate_hz, "samples", (json_int_t)s->kinds[i].samples,
                                    "files", (json_int_t)s->kinds[i].files));
  for (size_t i = 0; models && i < s->model_count; i++)
    json_array_append_new(models, json_pack("{s:s, s:I, s:f, s:s?}", "model", s->models[i].id, "inputs",
                                            (json_int_t)s->models[i].inputs, "seconds", s->models[i].seconds,
                                            "problem", s->models[i].problem));
  json_t *all = json_pack(
      "{s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:f, s:f}", "rows", (json_int_t)s->rows, "files",
      (json_int_t)s->files, "missing", (json_int_t)s->missing, "unusable", (json_int_t)s->failed,
      "with_warning", (json_int_t)s->warned, "same_stem", (json_int_t)s->same_stem, "kinds", kinds,
      "missing_examples", examples_json(s->missing_examples, s->missing), "unusable_examples",
      examples_json(s->failed_examples, s->failed), "models", models, "preprocessing_seconds",
      s->preprocessing_seconds, "estimated_seconds", total_seconds(s));
  return json_print(all, 0, err);
}

static int exit_code(const survey *s) {
  if (s->files == s->failed)
    return EXIT_NOTHING_SUCCEEDED;
  if (s->models_missing)
    return EXIT_MODEL_MISSING;
  return s->missing || s->failed || s->same_stem ? EXIT_SOME_FAILED : EXIT_OK;
}

static int look(const pipeline_options *options, const check_settings *settings, terminal *t) {
  survey s;
  error err;
  bool ok = survey_make(&s, options, &t->reporter, &err);
  terminal_finish(t);
  int code = ok ? exit_code(&s) : EXIT_NOTHING_SUCCEEDED;
  if (ok && settings->json) {
    ok = print_json(&s, &err);
  } else if (ok) {
    print_files(&s);
    print_models(&s);
  }
  if (!ok)
    fprintf(stderr, "deepecg check: %s\n", err.message);
  survey_clear(&s);
  return ok ? code : EXIT_NOTHING_SUCCEEDED;
}

static bool check(const void *given, error *err) {
  const check_settings *s = given;
  return precision_option_check(s->precision, err);
}

static int run(const void *given, const operand_list *tables) {
  const check_settings *s = given;
  if (tables->count > 1) {
    fprintf(stderr, "deepecg check: one table is wanted, not %zu\n", tables->count);
    return EXIT_USAGE;
  }
  terminal t;
  terminal_init(&t, s->quiet);
  pipeline_options options = {.data_path = tables->items[0],
                              .csv_file_name = "",
                              .ecg_signals_path = s->ecg_signals_path,
                              .weights_folder = s->weights_folder,
                              .bert_model = s->bert_model,
                              .use_efficientnet = s->use_efficientnet,
                              .use_wcr = s->use_wcr,
                              .predictions_only = s->predictions_only,
                              .precision = (precision)s->precision,
                              .threads = threads_wanted(s->threads),
                              .preprocessing_n_workers = (int)s->preprocessing_n_workers,
                              .cancelled = interrupt_flag()};
  return look(&options, s, &t);
}

const command command_check = {
    .name = "check",
    .title = "deepecg check",
    .summary = "before a long run: are all files and models there, and how long will it take?",
    .usage = "usage: deepecg check [option ...] TABLE.csv\n\n"
             "Reads every ECG file that the table names, opens every model that the run would need and tries "
             "it. Writes nothing.\n",
    .notes = "Exit codes: 0 all is there; 1 some files are missing or can't be used; 2 wrong usage; 3 a "
             "model is missing;\n"
             "4 no file or no table.",
    .options = &check_options,
    .settings_size = sizeof(check_settings),
    .operand_name = "the CSV table of ECG files",
    .check = check,
    .run = run,
};
