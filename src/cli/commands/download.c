/* deepecg download: the published models into the weights folder, from the hub or from a bundle. */
#include "base/utf8.h"
#include "cli/commands/command.h"
#include "cli/commands/model_operands.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "hub/bundle.h"
#include "hub/hub.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct download_settings {
  const char *weights_folder, *revision, *hugging_face_api_key_path, *from;
  bool json, quiet;
} download_settings;

#define FIELD(name) #name, .offset = offsetof(download_settings, name)

static const option_spec download_specs[] = {
    {FIELD(weights_folder), .kind = OPTION_TEXT, .default_text = "weights", .value_name = "DIR",
     .help = "one folder per model; made where needed"},
    {FIELD(revision), .kind = OPTION_TEXT, .default_text = "", .value_name = "R",
     .help = "branch, tag or commit; without it main, and any complete folder is fine"},
    {FIELD(hugging_face_api_key_path), .kind = OPTION_TEXT, .default_text = "api_key.json",
     .value_name = "FILE", .help = "JSON file with the Hugging Face token"},
    {FIELD(from), .kind = OPTION_TEXT, .default_text = "", .value_name = "TAR",
     .help = "a file of deepecg bundle instead of the hub; no network"},
    {FIELD(json), .kind = OPTION_FLAG, .default_text = "False", .help = "the result as JSON"},
    {FIELD(quiet), .kind = OPTION_FLAG, .default_text = "False", .help = "warnings and errors only"},
    {0}};

static const option_table download_options = {download_specs, NULL, NULL, NULL};

static const char *const outcome_names[] = {[HUB_THERE] = "complete",
                                            [HUB_LINKED] = "linked",
                                            [HUB_DOWNLOADED] = "downloaded",
                                            [HUB_MISSING] = "missing",
                                            [HUB_FAILED] = "failed"};

/* The result of one model, as stdout has it. */
typedef struct result {
  const char *model, *outcome, *folder, *problem;
  uint64_t bytes;
} result;

/* A folder's name may hold bytes that are not UTF-8; JSON may not. */
static void add_result(json_t *list, const result *r) {
  char folder[4200];
  snprintf(folder, sizeof folder, "%s", r->folder);
  utf8_neutralise(folder);
  json_array_append_new(list,
                        json_pack("{s:s, s:s, s:s, s:I, s:s*}", "model", r->model, "outcome", r->outcome,
                                  "folder", folder, "bytes", (json_int_t)r->bytes, "problem", r->problem));
}

static void print_result(const result *r, json_t *list) {
  if (list)
    add_result(list, r);
  else if (!r->problem)
    printf("%-40s %s\n", r->folder, r->outcome);
}

static void print_list(json_t *list) {
  char *text = list ? json_dumps(list, JSON_INDENT(2)) : NULL;
  if (text)
    puts(text);
  free(text);
  json_decref(list);
}

static int exit_code(const size_t counts[], size_t total) {
  size_t failed = counts[HUB_FAILED];
  if (counts[HUB_MISSING])
    return EXIT_MODEL_MISSING;
  return failed == 0 ? EXIT_OK : failed == total ? EXIT_NOTHING_SUCCEEDED : EXIT_SOME_FAILED;
}

static int get_models(hub *h, const hub_settings *hub_set, const model_list *models, bool revision_wanted,
                      const terminal *t, json_t *list) {
  size_t counts[HUB_FAILED + 1] = {0};
  for (size_t i = 0; i < models->count; i++) {
    error err = {0};
    result r = {.model = models->ids[i]};
    hub_outcome outcome = hub_ensure(h, r.model, CHECK_HASHES, revision_wanted, &r.bytes, &err);
    bool ok = outcome < HUB_MISSING;
    r.outcome = outcome_names[outcome];
    r.folder = hub_folder(h, r.model, NULL);
    r.problem = ok ? NULL : err.message;
    counts[outcome]++;
    if (!ok)
      report(&t->reporter, REPORT_WARNING, "%s", err.message);
    print_result(&r, list);
    if (hub_cancelled(hub_set)) {
      counts[HUB_FAILED] += models->count - i - 1;
      break;
    }
  }
  return exit_code(counts, models->count);
}

static int from_hub(const download_settings *s, const hub_settings *hub_set, const model_list *models,
                    const terminal *t, json_t *list) {
  error err;
  hub *h = hub_open(hub_set, s->weights_folder, &t->reporter, &err);
  if (!h) {
    fprintf(stderr, "deepecg download: %s\n", err.message);
    return EXIT_INTERNAL;
  }
  int code = get_models(h, hub_set, models, *s->revision != '\0', t, list);
  hub_close(h);
  return code;
}

static int from_bundle(const download_settings *s, const model_list *models, const terminal *t,
                       json_t *list) {
  bundle_contents contents;
  error err;
  if (!bundle_read(s->from, s->weights_folder, models->ids, models->count, &t->reporter, interrupt_flag(),
                   &contents, &err)) {
    fprintf(stderr, "deepecg download: %s\n", err.message);
    return err.code == ERROR_NOT_FOUND ? EXIT_MODEL_MISSING : EXIT_NOTHING_SUCCEEDED;
  }
  for (size_t i = 0; i < contents.count; i++) {
    char folder[4200];
    snprintf(folder, sizeof folder, "%s/%s", s->weights_folder, contents.models[i]);
    print_result(&(result){.model = contents.models[i],
                           .outcome = contents.kept[i] ? "complete" : "unpacked",
                           .folder = folder},
                 list);
  }
  return EXIT_OK;
}

static int run_with(const download_settings *s, const operand_list *operands, arena *memory, terminal *t,
                    json_t *list) {
  error err;
  model_list models;
  hub_settings hub_set;
  if (!model_operands(&models, operands, &err) ||
      (!*s->from && !hub_settings_read(&hub_set, s->hugging_face_api_key_path, memory, &err))) {
    fprintf(stderr, "deepecg download: %s\n", err.message);
    return EXIT_USAGE;
  }
  if (*s->from)
    return from_bundle(s, &models, t, list);
  if (models.count == 0)
    model_list_add_usual(&models);
  hub_set.cancelled = interrupt_flag();
  hub_set.without_token = true;
  if (*s->revision)
    hub_set.revision = s->revision;
  return from_hub(s, &hub_set, &models, t, list);
}

static int run(const void *given, const operand_list *operands) {
  const download_settings *s = given;
  terminal t;
  terminal_init(&t, s->quiet);
  if (!isatty(STDERR_FILENO))
    t.reporter.progress = NULL;
  error err;
  arena *memory = arena_create(&err);
  json_t *list = s->json ? json_array() : NULL;
  int code = memory ? run_with(s, operands, memory, &t, list) : EXIT_INTERNAL;
  terminal_finish(&t);
  if (code != EXIT_USAGE)
    print_list(list);
  else
    json_decref(list);
  arena_destroy(memory);
  return code;
}

const command command_download = {
    .name = "download",
    .title = "deepecg download",
    .summary = "the published models into the weights folder, from the hub or from a bundle",
    .usage =
        "usage: deepecg download [MODEL ...|all] [option ...]\n\n"
        "Without a name: all that the pipeline uses. Goes on where an earlier download stopped; verifies "
        "every "
        "byte.\n"
        "The token: --hugging_face_api_key_path, HF_TOKEN, HF_TOKEN_PATH or $HF_HOME/token. HF_ENDPOINT, "
        "HF_HUB_OFFLINE,\n"
        "https_proxy, no_proxy, CURL_CA_BUNDLE and SSL_CERT_FILE are understood.\n\n"
        "Examples:\n"
        "  deepecg download efficientnetv2_77_classes wcr_77_classes\n"
        "  deepecg download --from models.tar\n",
    .notes =
        "Exit codes: 0 all there; 1 some failed; 2 wrong usage; 3 a model is missing and the hub was not "
        "asked;\n4 nothing succeeded.",
    .options = &download_options,
    .settings_size = sizeof(download_settings),
    .operand_name = "a model",
    .operands_optional = true,
    .run = run,
};
