/* deepecg inspect FILE: what an ECG file or a model file is. */
#include "base/mapped_file.h"
#include "cli/commands/command.h"
#include "cli/terminal.h"
#include "ecg/describe.h"
#include "model/model.h"

#include <stdio.h>
#include <sys/stat.h>

typedef struct inspect_settings {
  bool json;
} inspect_settings;

static const option_spec inspect_specs[] = {
    {"json", OPTION_FLAG, offsetof(inspect_settings, json), .default_text = "False", .help = "as JSON"}, {0}};

static const option_table inspect_options = {inspect_specs, NULL, NULL, NULL};

static bool describe_file(const char *path, const mapped_file *file, bool json, buffer *text, error *err) {
  if (ecg_looks_like(file->data, file->size))
    return ecg_describe(path, file->data, file->size, json, text, err);
  return model_inspect(path, json, text, err) || error_prefix(err, "no ECG of a known format; as a model");
}

/* The content says whether it is an ECG; a folder can only be a model's. */
static bool describe(const char *path, bool json, buffer *text, error *err) {
  mapped_file file;
  struct stat status;
  if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
    return model_inspect(path, json, text, err);
  if (!mapped_file_open(&file, path, err))
    return false;
  bool ok = describe_file(path, &file, json, text, err);
  mapped_file_close(&file);
  return ok;
}

static bool inspect_one(const char *path, bool json) {
  buffer text = {0};
  error err;
  bool ok = describe(path, json, &text, &err);
  if (ok && json)
    fwrite(text.data, 1, text.size, stdout);
  else if (ok)
    terminal_print(text.data);
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
    .summary = "what an ECG file or a model file is",
    .usage =
        "usage: deepecg inspect [--json] FILE ...\n\n"
        "Of an ECG file: format, rate, length, unit, device, leads, range and amplitude per lead, what the "
        "pipeline\n"
        "makes of it; never a name, an identifier or a date.\n"
        "Of a model file or folder (TorchScript, fairseq, Hugging Face BERT): kind, sha256, the settings "
        "that "
        "shape\n"
        "the network, inputs, outputs, parameters, FLOPs for one ECG or text, stored tensors, graph.\n",
    .notes = "",
    .options = &inspect_options,
    .settings_size = sizeof(inspect_settings),
    .operand_name = "an ECG file, a model file or a model folder",
    .run = run,
};
