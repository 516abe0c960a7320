#include "pipeline/file_list.h"

#include "base/buffer.h"
#include "base/string_map.h"
#include "pipeline/paths.h"

#include <stdlib.h>
#include <string.h>

static bool add_path(file_list *list, const char *path, error *err) {
  void *paths = list->paths;
  if (!array_reserve(&paths, &list->capacity, list->count + 1, sizeof *list->paths, err))
    return false;
  list->paths = paths;
  list->paths[list->count++] = path;
  return true;
}

static bool add_missing(file_list *list, missing_file missing, error *err) {
  void *all = list->missing;
  if (!array_reserve(&all, &list->missing_capacity, list->missing_count + 1, sizeof *list->missing, err))
    return false;
  list->missing = all;
  list->missing[list->missing_count++] = missing;
  return true;
}

/* What tells two paths apart, as a part of the cell: the name, and of an absolute name that lies in the
 * folder of the ECGs what follows the folder. */
static const char *key_of(const char *name, const char *folder) {
  size_t length = strlen(folder);
  if (*name != '/' || length == 0 || strncmp(name, folder, length) != 0)
    return name;
  const char *rest = name + length;
  if (folder[length - 1] != '/' && *rest++ != '/')
    return name;
  return *rest == '/' ? name : rest;
}

/* The file system is asked once per distinct path: `known` maps its key to existing (1) or missing (0). */
static bool add_cell(file_list *list, string_map *known, const char *column, const char *name,
                     const char *ecg_signals_path, buffer *path, error *err) {
  enum { UNSEEN = 2 };
  const char *key = key_of(name, ecg_signals_path);
  size_t state = string_map_get(known, key, UNSEEN);
  if (state == UNSEEN) {
    if (!path_join_into(path, ecg_signals_path, name, err))
      return false;
    state = path_exists(path->data);
    const char *kept = state ? arena_strndup(list->memory, path->data, path->size, err) : "";
    if (!kept || !string_map_add(known, key, state, NULL, err) || (state && !add_path(list, kept, err)))
      return false;
  }
  return state || add_missing(list, (missing_file){column, name}, err);
}

bool file_list_make(file_list *list, const input_table *table, const char *ecg_signals_path, error *err) {
  *list = (file_list){.memory = arena_create(err)};
  if (!list->memory)
    return false;
  string_map known = {0};
  buffer path = {0};
  bool ok = true;
  for (size_t i = 0; i < table->task_count && ok; i++)
    for (size_t row = 0; row < csv_table_rows(table->csv) && ok; row++) {
      csv_cell cell = csv_table_cell(table->csv, row, table->tasks[i].file_column);
      if (!cell.is_null)
        ok = add_cell(list, &known, table->tasks[i].task->file_column, cell.text, ecg_signals_path, &path,
                      err);
    }
  buffer_free(&path);
  string_map_free(&known);
  return ok;
}

void file_list_free(file_list *list) {
  arena_destroy(list->memory);
  free(list->paths);
  free(list->missing);
  *list = (file_list){0};
}
