#include "pipeline/model_folders.h"

#include "hub/hub.h"

#include <string.h>

typedef struct needed_models {
  size_t count;
  const char *ids[MAX_PUBLISHED_MODELS];
} needed_models;

static void need(needed_models *needed, const char *id) {
  for (size_t i = 0; i < needed->count; i++)
    if (strcmp(needed->ids[i], id) == 0)
      return;
  if (needed->count < MAX_PUBLISHED_MODELS)
    needed->ids[needed->count++] = id;
}

static void need_for_task(needed_models *needed, const input_task *task, const pipeline_options *options) {
  const task_info *info = task->task;
  if (options->use_wcr)
    need(needed, info->models[FAMILY_WCR]);
  if (options->use_efficientnet)
    need(needed, info->models[FAMILY_EFFICIENTNET]);
  bool reads_text = info->kind == TASK_77_LABELS && task->label_column >= 0;
  if (reads_text && (options->use_wcr || options->use_efficientnet))
    need(needed, options->bert_model);
}

static void ensure(hub *h, const char *id, const reporter *r, error_list *errors) {
  error reason;
  hub_outcome outcome = hub_ensure(h, id, CHECK_SIZES, false, NULL, &reason);
  if (outcome == HUB_MISSING)
    report(r, REPORT_WARNING, "%s", reason.message);
  if (outcome == HUB_FAILED)
    error_list_add(errors, id, "not downloaded", reason.message);
}

void model_folders_ensure(const input_table *table, const pipeline_options *options, const reporter *r,
                          error_list *errors) {
  if (!options->hub)
    return;
  needed_models needed = {0};
  for (size_t i = 0; i < table->task_count; i++)
    need_for_task(&needed, &table->tasks[i], options);
  error reason;
  hub *h = hub_open(options->hub, options->weights_folder, r, &reason);
  if (!h)
    error_list_add(errors, "models", "not looked for", reason.message);
  for (size_t i = 0; h && i < needed.count && !hub_cancelled(options->hub); i++)
    ensure(h, needed.ids[i], r, errors);
  hub_close(h);
}
