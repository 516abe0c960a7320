#include "pipeline/file_list.h"

#include "base/buffer.h"
#include "base/string_map.h"
#include "pipeline/paths.h"

#include <stdlib.h>

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

/* The file system is asked once per distinct path: `known` maps it to existing (1) or missing (0). */
static bool add_cell(file_list *list, string_map *known, const char *column, const char *name,
                     const char *ecg_signals_path, error *err) {
  char *path = path_join(list->memory, ecg_signals_path, name, err);
  if (!path)
    return false;
  enum { UNSEEN = 2 };
  size_t state = string_map_get(known, path, UNSEEN);
  if (state == UNSEEN) {
    state = path_exists(path);
    if (!string_map_add(known, path, state, NULL, err) || (state && !add_path(list, path, err)))
      return false;
  }
  return state || add_missing(list, (missing_file){column, name, path}, err);
}

bool file_list_make(file_list *list, const input_table *table, const char *ecg_signals_path, error *err) {
  *list = (file_list){.memory = arena_create(err)};
  if (!list->memory)
    return false;
  string_map known = {0};
  bool ok = true;
  for (size_t i = 0; i < table->task_count && ok; i++)
    for (size_t row = 0; row < csv_table_rows(table->csv) && ok; row++) {
      csv_cell cell = csv_table_cell(table->csv, row, table->tasks[i].file_column);
      if (!cell.is_null)
        ok = add_cell(list, &known, table->tasks[i].task->file_column, cell.text, ecg_signals_path, err);
    }
  string_map_free(&known);
  return ok;
}

void file_list_free(file_list *list) {
  arena_destroy(list->memory);
  free(list->paths);
  free(list->missing);
  *list = (file_list){0};
}
