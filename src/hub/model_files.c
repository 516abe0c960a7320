#include "hub/model_files.h"

#include "tasks/tasks.h"

#include <string.h>
#include <strings.h>

const char hub_organisation[] = "heartwise";

typedef struct text_file {
  const char *name;
  bool required;
} text_file;

static const text_file text_files[] = {{"config.json", true},
                                       {"vocab.txt", true},
                                       {"model.safetensors", true},
                                       {"tokenizer_config.json", false},
                                       {"special_tokens_map.json", false}};

size_t published_models(const char *ids[MAX_PUBLISHED_MODELS], size_t *usual) {
  size_t count = 0;
  for (model_family family = FAMILY_COUNT; family-- > 0;)
    for (size_t i = 0; i < task_count && count < MAX_PUBLISHED_MODELS; i++)
      ids[count++] = tasks[i].models[family];
  for (const char *const *text = bert_models; *text && count < MAX_PUBLISHED_MODELS; text++) {
    ids[count++] = *text;
    if (text == bert_models)
      *usual = count;
  }
  return count;
}

const char *published_model(const char *name) {
  const char *ids[MAX_PUBLISHED_MODELS];
  size_t usual, count = published_models(ids, &usual);
  for (size_t i = 0; i < count; i++)
    if (strcasecmp(ids[i], name) == 0)
      return ids[i];
  return NULL;
}

static bool is_text_model(const char *model) {
  for (const char *const *text = bert_models; *text; text++)
    if (strcmp(*text, model) == 0)
      return true;
  return false;
}

static bool choose_text_files(const char *model, const char *const *names, size_t count, size_t *chosen,
                              size_t *chosen_count, error *err) {
  for (size_t f = 0; f < sizeof text_files / sizeof *text_files; f++) {
    size_t i = 0;
    while (i < count && strcmp(names[i], text_files[f].name) != 0)
      i++;
    if (i < count)
      chosen[(*chosen_count)++] = i;
    else if (text_files[f].required)
      return error_set(err, ERROR_NOT_FOUND, "%s: %s is not there", model, text_files[f].name);
  }
  return true;
}

static bool is_network_file(const char *name) {
  size_t length = strlen(name);
  return length > 3 && strcmp(name + length - 3, ".pt") == 0 && name[0] != '.' &&
         strcmp(name, "base_ssl.pt") != 0 && !strchr(name, '/');
}

static bool is_named_as(const char *name, const char *model) {
  size_t length = strlen(model);
  return strncasecmp(name, model, length) == 0 && strcmp(name + length, ".pt") == 0;
}

static bool choose_network_file(const char *model, const char *const *names, size_t count, size_t *chosen,
                                size_t *chosen_count, error *err) {
  size_t found = 0;
  bool preferred = false;
  for (size_t i = 0; i < count; i++) {
    if (!is_network_file(names[i]))
      continue;
    found++;
    if (is_named_as(names[i], model))
      preferred = true;
    else if (found > 1)
      continue;
    chosen[0] = i;
  }
  if (found == 0)
    return error_set(err, ERROR_NOT_FOUND, "%s: no .pt model file is there", model);
  if (found > 1 && !preferred)
    return error_set(err, ERROR_USAGE, "%s: %zu .pt files are there and none is called %s.pt: which is it?",
                     model, found, model);
  *chosen_count = 1;
  return true;
}

bool model_files_choose(const char *model, const char *const *names, size_t count,
                        size_t chosen[MAX_MODEL_FILES], size_t *chosen_count, error *err) {
  *chosen_count = 0;
  return is_text_model(model) ? choose_text_files(model, names, count, chosen, chosen_count, err)
                              : choose_network_file(model, names, count, chosen, chosen_count, err);
}

const char *model_files_wanted(const char *model) {
  return is_text_model(model) ? "model.safetensors, config.json, vocab.txt, tokenizer_config.json and "
                                "special_tokens_map.json"
                              : "the model's .pt file (base_ssl.pt is not needed)";
}
