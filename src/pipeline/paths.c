#include "pipeline/paths.h"

#include <string.h>
#include <unistd.h>

bool path_join_into(buffer *path, const char *folder, const char *name, error *err) {
  buffer_clear(path);
  if (*name == '/' || *folder == '\0')
    return buffer_append_text(path, name, err);
  bool slash = folder[strlen(folder) - 1] == '/';
  return buffer_printf(path, err, "%s%s%s", folder, slash ? "" : "/", name);
}

char *path_join(arena *memory, const char *folder, const char *name, error *err) {
  buffer path = {0};
  char *kept = path_join_into(&path, folder, name, err) ? arena_strdup(memory, path.data, err) : NULL;
  buffer_free(&path);
  return kept;
}

char *path_stem(arena *memory, const char *name, error *err) {
  const char *slash = strrchr(name, '/');
  const char *base = slash ? slash + 1 : name;
  /* A leading dot begins no extension (".hidden", "..x"), as os.path.splitext has it. */
  const char *first = base + strspn(base, ".");
  const char *dot = strrchr(first, '.');
  return arena_strndup(memory, base, dot ? (size_t)(dot - base) : strlen(base), err);
}

char *preprocessed_path(arena *memory, const char *preprocessing_folder, const char *stem, error *err) {
  return arena_printf(memory, err, "%s/%s.base64", preprocessing_folder, stem);
}

bool path_exists(const char *path) {
  return access(path, F_OK) == 0;
}
