#include "hub/manifest.h"

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "hub/safe_path.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

const char manifest_name[] = ".deepecg-files.json";

static bool take_text(const char **to, const json_t *object, const char *key, arena *memory, error *err) {
  const char *text = json_string_value(json_object_get(object, key));
  *to = text ? arena_strdup(memory, text, err) : NULL;
  return *to || error_set(err, ERROR_FORMAT, "\"%s\" is not a text", key);
}

static bool read_file(manifest_file *file, const json_t *entry, arena *memory, error *err) {
  const json_t *size = json_object_get(entry, "size");
  if (!take_text(&file->name, entry, "name", memory, err) ||
      !take_text(&file->sha256, entry, "sha256", memory, err))
    return false;
  if (!path_is_safe(file->name, strlen(file->name)) || strchr(file->name, '/'))
    return error_set(err, ERROR_FORMAT, "'%.200s' is not a plain name", file->name);
  if (strlen(file->sha256) != 64 || strspn(file->sha256, "0123456789abcdef") != 64)
    return error_set(err, ERROR_FORMAT, "%.200s has no sha256", file->name);
  if (!json_is_integer(size) || json_integer_value(size) < 0 ||
      (uint64_t)json_integer_value(size) > LARGEST_MODEL_FILE)
    return error_set(err, ERROR_FORMAT, "%.200s has no usable size", file->name);
  file->size = (uint64_t)json_integer_value(size);
  return true;
}

static bool read_root(manifest *m, const json_t *root, arena *memory, error *err) {
  const json_t *files = json_object_get(root, "files");
  if (!json_is_array(files) || json_array_size(files) == 0 || json_array_size(files) > MAX_MODEL_FILES)
    return error_set(err, ERROR_FORMAT, "\"files\" is not a list of 1 to %d files", MAX_MODEL_FILES);
  if (!take_text(&m->repo, root, "repo", memory, err) ||
      !take_text(&m->revision, root, "revision", memory, err) ||
      !take_text(&m->commit, root, "commit", memory, err))
    return false;
  for (size_t i = 0; i < json_array_size(files); i++) {
    if (!read_file(&m->files[i], json_array_get(files, i), memory, err))
      return false;
    if (manifest_find(m, m->files[i].name))
      return error_set(err, ERROR_FORMAT, "%.200s is there twice", m->files[i].name);
    m->count++;
  }
  return true;
}

bool manifest_parse(manifest *m, const char *name, const char *text, size_t size, arena *memory, error *err) {
  *m = (manifest){0};
  json_error_t problem;
  json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &problem);
  bool ok = root ? read_root(m, root, memory, err) : error_set(err, ERROR_FORMAT, "%s", problem.text);
  json_decref(root);
  return ok || error_prefix(err, "%s", name);
}

bool manifest_read(manifest *m, const char *folder, arena *memory, error *err) {
  char *path = arena_printf(memory, err, "%s/%s", folder, manifest_name);
  mapped_file file;
  if (!path || !mapped_file_open(&file, path, err))
    return false;
  bool ok = file.size <= LARGEST_MANIFEST
                ? manifest_parse(m, path, (const char *)file.data, file.size, memory, err)
                : error_set(err, ERROR_LIMIT, "%s: too large", path);
  mapped_file_close(&file);
  return ok;
}

char *manifest_text(const manifest *m, error *err) {
  json_t *files = json_array();
  for (size_t i = 0; i < m->count; i++)
    json_array_append_new(files, json_pack("{s:s, s:I, s:s}", "name", m->files[i].name, "size",
                                           (json_int_t)m->files[i].size, "sha256", m->files[i].sha256));
  json_t *root = json_pack("{s:s, s:s, s:s, s:o}", "repo", m->repo, "revision", m->revision, "commit",
                           m->commit, "files", files);
  char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
  json_decref(root);
  if (!text)
    error_out_of_memory(err);
  return text;
}

bool manifest_write(const manifest *m, const char *folder, error *err) {
  char *text = manifest_text(m, err);
  arena *memory = text ? arena_create(err) : NULL;
  char *path = memory ? arena_printf(memory, err, "%s/%s", folder, manifest_name) : NULL;
  bool ok = path && atomic_file_save(path, ATOMIC_FILE_REPLACE, true, text, strlen(text), err);
  arena_destroy(memory);
  free(text);
  return ok;
}

const manifest_file *manifest_find(const manifest *m, const char *name) {
  for (size_t i = 0; i < m->count; i++)
    if (strcmp(m->files[i].name, name) == 0)
      return &m->files[i];
  return NULL;
}
