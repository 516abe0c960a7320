/* deepecg bundle: model folders in one file, for machines without a way to the hub. */
#include "hub/bundle.h"
#include "cli/commands/command.h"
#include "cli/commands/model_operands.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "hub/model_folder.h"

#include <stdio.h>
#include <unistd.h>

typedef struct bundle_settings {
  const char *out, *weights_folder;
  bool quiet;
} bundle_settings;

#define FIELD(name) #name, .offset = offsetof(bundle_settings, name)

static const option_spec bundle_specs[] = {
    {FIELD(out), .kind = OPTION_TEXT, .default_text = "", .value_name = "TAR", .help = "the file to write"},
    {FIELD(weights_folder), .kind = OPTION_TEXT, .default_text = "weights", .value_name = "DIR",
     .help = "where the models' folders are"},
    {FIELD(quiet), .kind = OPTION_FLAG, .default_text = "False", .help = "warnings and errors only"},
    {0}};

static const option_table bundle_options = {bundle_specs, NULL, NULL, NULL};

static bool check(const void *settings, error *err) {
  const bundle_settings *s = settings;
  return *s->out || error_set(err, ERROR_USAGE, "--out: wanted, the tar file to write");
}

static bool is_complete(const char *weights_folder, const char *model, error *err) {
  char folder[4200];
  snprintf(folder, sizeof folder, "%s/%s", weights_folder, model);
  return model_folder_complete(folder, model, CHECK_SIZES, err);
}

/* All complete folders where none was named; else those that were, which must be complete. */
static int choose(const bundle_settings *s, model_list *models) {
  error err;
  if (models->count == 0) {
    const char *ids[MAX_PUBLISHED_MODELS];
    size_t usual, count = published_models(ids, &usual);
    for (size_t i = 0; i < count; i++)
      if (is_complete(s->weights_folder, ids[i], NULL))
        models->ids[models->count++] = ids[i];
    if (models->count == 0)
      fprintf(stderr, "deepecg bundle: %s holds no complete model; get some with deepecg download\n",
              s->weights_folder);
    return models->count ? EXIT_OK : EXIT_MODEL_MISSING;
  }
  int code = EXIT_OK;
  for (size_t i = 0; i < models->count; i++)
    if (!is_complete(s->weights_folder, models->ids[i], &err)) {
      fprintf(stderr, "deepecg bundle: %s\n", err.message);
      code = EXIT_MODEL_MISSING;
    }
  return code;
}

static int run(const void *given, const operand_list *operands) {
  const bundle_settings *s = given;
  model_list models;
  error err;
  if (!model_operands(&models, operands, &err)) {
    fprintf(stderr, "deepecg bundle: %s\n", err.message);
    return EXIT_USAGE;
  }
  int code = choose(s, &models);
  if (code != EXIT_OK)
    return code;
  terminal t;
  terminal_init(&t, s->quiet);
  if (!isatty(STDERR_FILENO))
    t.reporter.progress = NULL;
  bool ok =
      bundle_write(s->out, s->weights_folder, models.ids, models.count, &t.reporter, interrupt_flag(), &err);
  terminal_finish(&t);
  if (!ok) {
    fprintf(stderr, "deepecg bundle: %s\n", err.message);
    return EXIT_NOTHING_SUCCEEDED;
  }
  for (size_t i = 0; i < models.count; i++)
    puts(models.ids[i]);
  report(&t.reporter, REPORT_INFO, "%zu models are in %s; there: deepecg download --from FILE", models.count,
         s->out);
  return EXIT_OK;
}

const command command_bundle = {
    .name = "bundle",
    .title = "deepecg bundle",
    .summary = "model folders in one file, for machines without a way to the hub",
    .usage = "usage: deepecg bundle --out models.tar [MODEL ...|all] [--weights_folder DIR]\n\n"
             "Without a name: every model whose folder is complete. Every byte is verified first.\n"
             "On the other machine: deepecg download --from models.tar\n",
    .notes = "Exit codes: 0 done; 2 wrong usage; 3 a model is missing or damaged; 4 not written.",
    .options = &bundle_options,
    .settings_size = sizeof(bundle_settings),
    .operand_name = "a model",
    .operands_optional = true,
    .check = check,
    .run = run,
};
