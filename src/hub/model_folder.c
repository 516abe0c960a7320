#include "hub/model_folder.h"

#include "base/buffer.h"
#include "base/mapped_file.h"
#include "container/lfs_pointer.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { MAX_ENTRIES = 10000 };

typedef struct name_list {
  const char **items;
  size_t count, capacity;
} name_list;

static bool add_name(name_list *names, arena *memory, const char *name, error *err) {
  if (names->count == MAX_ENTRIES)
    return error_set(err, ERROR_LIMIT, "more than %d files", MAX_ENTRIES);
  if (!array_reserve((void **)&names->items, &names->capacity, names->count + 1, sizeof *names->items, err))
    return false;
  names->items[names->count] = arena_strdup(memory, name, err);
  return names->items[names->count++] != NULL;
}

/* A link that leads nowhere is not a file of the folder. */
static bool list_files(name_list *names, const char *folder, arena *memory, error *err) {
  DIR *directory = opendir(folder);
  if (!directory)
    return error_set_errno(err, errno, "%s", folder);
  bool ok = true;
  for (const struct dirent *entry; ok && (entry = readdir(directory));) {
    uint64_t size;
    char *path = arena_printf(memory, err, "%s/%s", folder, entry->d_name);
    ok = path && (!file_size_of(path, &size) || add_name(names, memory, entry->d_name, err));
  }
  closedir(directory);
  return ok;
}

bool model_folder_list(const char *folder, const char *model, arena *memory,
                       const char *names[MAX_MODEL_FILES], size_t *count, error *err) {
  name_list all = {0};
  size_t chosen[MAX_MODEL_FILES];
  *count = 0;
  bool ok = list_files(&all, folder, memory, err) &&
            model_files_choose(model, all.items, all.count, chosen, count, err);
  for (size_t i = 0; ok && i < *count; i++)
    names[i] = all.items[chosen[i]];
  free(all.items);
  return ok;
}

/* Empty, or the text that stands for a file in a clone without Git LFS. */
static bool is_hollow(const char *path) {
  mapped_file file;
  if (!mapped_file_open(&file, path, NULL))
    return false;
  bool hollow = file.size == 0 || is_lfs_pointer(file.data, file.size);
  mapped_file_close(&file);
  return hollow;
}

static bool as_the_manifest_says(const char *folder, const manifest *m, folder_check check, arena *memory,
                                 error *err) {
  for (size_t i = 0; i < m->count; i++) {
    const manifest_file *file = &m->files[i];
    char *path = arena_printf(memory, err, "%s/%s", folder, file->name);
    uint64_t size;
    if (!path)
      return false;
    if (!file_size_of(path, &size))
      return error_set(err, ERROR_NOT_FOUND, "%s: is not there", path);
    if (size != file->size)
      return error_set(err, ERROR_DATA, "%s: has %llu bytes of %llu", path, (unsigned long long)size,
                       (unsigned long long)file->size);
    file_facts facts = {.size = file->size, .sha256 = file->sha256};
    if (check == CHECK_HASHES && !file_matches(path, &facts, NULL, err))
      return false;
  }
  return true;
}

static bool none_is_hollow(const char *folder, const char *const *names, size_t count, arena *memory,
                           error *err) {
  for (size_t i = 0; i < count; i++) {
    char *path = arena_printf(memory, err, "%s/%s", folder, names[i]);
    if (!path)
      return false;
    if (is_hollow(path))
      return error_set(err, ERROR_DATA, "%s: holds nothing (empty, or a Git LFS pointer)", path);
  }
  return true;
}

static bool complete(const char *folder, const char *model, folder_check check, arena *memory, error *err) {
  const char *names[MAX_MODEL_FILES];
  size_t count;
  manifest m;
  error reason;
  if (!model_folder_list(folder, model, memory, names, &count, err))
    return false;
  if (manifest_read(&m, folder, memory, &reason))
    return as_the_manifest_says(folder, &m, check, memory, err);
  return none_is_hollow(folder, names, count, memory, err);
}

bool model_folder_complete(const char *folder, const char *model, folder_check check, error *err) {
  arena *memory = arena_create(err);
  bool ok = memory && complete(folder, model, check, memory, err);
  arena_destroy(memory);
  return ok;
}

bool manifest_fill(manifest *m, const char *folder, const char *const *names, arena *memory, error *err) {
  for (size_t i = 0; i < m->count; i++) {
    char *path = arena_printf(memory, err, "%s/%s", folder, names[i]);
    file_facts facts = {0};
    sha256_text sha256;
    if (!path || !file_size_of(path, &facts.size) || !file_matches(path, &facts, &sha256, err))
      return path ? error_set(err, ERROR_IO, "%s: cannot be read", path) : false;
    m->files[i] = (manifest_file){names[i], facts.size, arena_strdup(memory, sha256.hex, err)};
    if (!m->files[i].sha256)
      return false;
  }
  return true;
}

file_place model_file_place(const char *folder, const char *name, const file_facts *facts, arena *memory,
                            error *err) {
  char *path = arena_printf(memory, err, "%s/%s", folder, name);
  manifest m;
  if (!path)
    return PLACE_TAKEN;
  if (access(path, F_OK) != 0)
    return PLACE_FREE;
  if (file_matches(path, facts, NULL, NULL))
    return PLACE_DONE;
  if (is_hollow(path) || (manifest_read(&m, folder, memory, NULL) && manifest_find(&m, name)))
    return PLACE_FREE;
  error_set(err, ERROR_USAGE,
            "%s: is another file than the published one and stays; move it away to have that", path);
  return PLACE_TAKEN;
}

bool space_suffices(const char *folder, uint64_t bytes, error *err) {
  static const uint64_t margin = 1 << 20;
  struct statvfs status;
  if (statvfs(folder, &status) != 0)
    return error_set_errno(err, errno, "%s", folder);
  uint64_t room;
  if (__builtin_mul_overflow((uint64_t)status.f_bavail, (uint64_t)status.f_frsize, &room) ||
      (bytes <= UINT64_MAX - margin && room >= bytes + margin))
    return true;
  return error_set(err, ERROR_IO, "%s: %.1f MB are wanted and %.1f MB are free", folder,
                   ((double)bytes + (double)margin) / 1e6, (double)room / 1e6);
}
