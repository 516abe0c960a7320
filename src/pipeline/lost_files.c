#include "pipeline/lost_files.h"

#include "pipeline/file_list.h"
#include "pipeline/paths.h"

bool lost_files_add(lost_files *lost, const char *path, error *err) {
  if (!lost->memory && !(lost->memory = arena_create(err)))
    return false;
  char *kept = arena_strdup(lost->memory, path, err);
  return kept && string_map_add(&lost->paths, kept, 1, NULL, err);
}

bool lost_files_of_table(lost_files *lost, const input_table *table, const char *ecg_signals_path,
                         error *err) {
  file_list files;
  string_map stems = {0};
  bool ok = file_list_make(&files, table, ecg_signals_path, err);
  for (size_t i = 0; i < files.count && ok; i++) {
    size_t owner = i;
    char *stem = path_stem(files.memory, files.paths[i], err);
    ok = stem && string_map_add(&stems, stem, i, &owner, err) &&
         (owner == i || lost_files_add(lost, files.paths[i], err));
  }
  string_map_free(&stems);
  file_list_free(&files);
  return ok;
}

bool lost_files_hold(const lost_files *lost, const char *path) {
  return string_map_get(&lost->paths, path, 0) != 0;
}

void lost_files_free(lost_files *lost) {
  string_map_free(&lost->paths);
  arena_destroy(lost->memory);
}
