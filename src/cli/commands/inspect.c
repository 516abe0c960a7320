/* deepecg inspect FILE: what a model file is. */
#include "cli/commands/command.h"
#include "model/model.h"

#include <stdio.h>

typedef struct inspect_settings {
  bool json;
} inspect_settings;

static const option_spec inspect_specs[] = {
    {"json", OPTION_FLAG, offsetof(inspect_settings, json), .default_text = "False", .help = "as JSON"}, {0}};

static const option_table inspect_options = {inspect_specs, NULL, NULL};

static bool inspect_one(const char *path, bool json) {
  buffer text = {0};
  error err;
  bool ok = model_inspect(path, json, &text, &err);
  if (ok)
    fwrite(text.data, 1, text.size, stdout);
  else
    fprintf(stderr, "deepecg inspect: %s\n", err.message);
  buffer_free(&text);
  return ok;
}

static int run(const void *settings, const operand_list *files) {
  const inspect_settings *s = settings;
  size_t failed = 0;
  for (size_t i = 0; i < files->count; i++)
    failed += !inspect_one(files->items[i], s->json);
  return failed == 0 ? EXIT_OK : failed == files->count ? EXIT_NOTHING_SUCCEEDED : EXIT_SOME_FAILED;
}

const command command_inspect = {
    .name = "inspect",
    .title = "deepecg inspect",
    .summary = "what a model file is: inputs, outputs, parameters, graph",
    .usage =
        "usage: deepecg inspect [--json] MODEL ...\n\n"
        "Prints what a model file is: kind, inputs, outputs, parameters, FLOPs for one ECG, and its graph.\n",
    .notes = "",
    .options = &inspect_options,
    .settings_size = sizeof(inspect_settings),
    .operand_name = "a model file or folder",
    .run = run,
};
