#include "prediction/prediction.h"

#include "base/buffer.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

const char *task_model_id(const task_model *m) {
  return m->task->models[m->family];
}

static size_t list_all(task_model models[TASK_MODELS_MAX]) {
  size_t count = 0;
  for (size_t t = 0; t < task_count; t++)
    for (model_family f = 0; f < FAMILY_COUNT && count < TASK_MODELS_MAX; f++)
      models[count++] = (task_model){&tasks[t], f};
  return count;
}

bool model_folder_present(const char *weights_folder, const char *id) {
  char folder[4096];
  struct stat status;
  int length = snprintf(folder, sizeof folder, "%s/%s", weights_folder, id);
  return length > 0 && (size_t)length < sizeof folder && stat(folder, &status) == 0 &&
         S_ISDIR(status.st_mode);
}

size_t task_models_present(const char *weights_folder, task_model models[TASK_MODELS_MAX]) {
  size_t all = list_all(models), kept = 0;
  for (size_t i = 0; i < all; i++)
    if (model_folder_present(weights_folder, task_model_id(&models[i])))
      models[kept++] = models[i];
  return kept;
}

static bool is_named(const task_model *m, const char *name, size_t length) {
  const char *const names[] = {task_model_id(m), m->task->label_column, families[m->family].name, "all"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strlen(names[i]) == length && strncmp(names[i], name, length) == 0)
      return true;
  return false;
}

static bool refuse(const char *name, size_t length, error *err) {
  task_model all[TASK_MODELS_MAX];
  size_t count = list_all(all);
  buffer allowed = {0};
  for (size_t t = 0; t < task_count; t++)
    buffer_printf(&allowed, NULL, ", %s", tasks[t].label_column);
  for (size_t i = 0; i < count; i++)
    buffer_printf(&allowed, NULL, ", %s", task_model_id(&all[i]));
  error_set(err, ERROR_USAGE, "no model is called '%.*s'; there are: all, %s, %s%s", (int)length, name,
            families[FAMILY_WCR].name, families[FAMILY_EFFICIENTNET].name, allowed.data ? allowed.data : "");
  buffer_free(&allowed);
  return false;
}

bool task_models_named(const char *names, task_model models[TASK_MODELS_MAX], size_t *count, error *err) {
  task_model all[TASK_MODELS_MAX];
  bool wanted[TASK_MODELS_MAX] = {false};
  size_t total = list_all(all);
  for (const char *name = names; *name;) {
    size_t length = strcspn(name, ",");
    bool known = false;
    for (size_t i = 0; i < total; i++)
      if (is_named(&all[i], name, length))
        known = wanted[i] = true;
    if (!known)
      return refuse(name, length, err);
    name += length + (name[length] == ',');
  }
  *count = 0;
  for (size_t i = 0; i < total; i++)
    if (wanted[i])
      models[(*count)++] = all[i];
  return true;
}
