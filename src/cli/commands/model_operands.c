#include "cli/commands/model_operands.h"

#include <string.h>
#include <strings.h>

static void add(model_list *list, const char *id) {
  for (size_t i = 0; i < list->count; i++)
    if (strcmp(list->ids[i], id) == 0)
      return;
  list->ids[list->count++] = id;
}

void model_list_add_usual(model_list *list) {
  const char *ids[MAX_PUBLISHED_MODELS];
  size_t usual;
  published_models(ids, &usual);
  for (size_t i = 0; i < usual; i++)
    add(list, ids[i]);
}

static bool unknown(const char *name, error *err) {
  const char *ids[MAX_PUBLISHED_MODELS];
  size_t usual, count = published_models(ids, &usual);
  const char *nearest = nearest_text(name, ids, count);
  char all[900] = "all";
  for (size_t i = 0; i < count; i++) {
    size_t used = strlen(all);
    snprintf(all + used, sizeof all - used, ", %s", ids[i]);
  }
  if (nearest)
    return error_set(err, ERROR_USAGE, "there is no model '%s'; did you mean '%s'?", name, nearest);
  return error_set(err, ERROR_USAGE, "there is no model '%s'; one of %s", name, all);
}

bool model_operands(model_list *list, const operand_list *operands, error *err) {
  *list = (model_list){0};
  for (size_t i = 0; i < operands->count; i++) {
    const char *name = operands->items[i], *id = published_model(name);
    if (id)
      add(list, id);
    else if (strcasecmp(name, "all") == 0)
      model_list_add_usual(list);
    else
      return unknown(name, err);
  }
  return true;
}
