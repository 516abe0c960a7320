#include "hub/cache.h"

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "hub/model_folder.h"
#include "hub/safe_path.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* models--heartwise--wcr_afib_5y, in any case. */
static char *repo_folder(const hub_settings *s, const char *model, arena *memory) {
  char *wanted = arena_printf(memory, NULL, "models--%s--%s", hub_organisation, model), *found = NULL;
  DIR *directory = wanted ? opendir(s->cache_folder) : NULL;
  if (!directory)
    return NULL;
  for (const struct dirent *entry; !found && (entry = readdir(directory));)
    if (strcasecmp(entry->d_name, wanted) == 0)
      found = arena_printf(memory, NULL, "%s/%s", s->cache_folder, entry->d_name);
  closedir(directory);
  return found;
}

/* refs/main holds the commit that the branch was at; a commit stands for itself. */
static const char *commit_of(const char *repo, const char *revision, arena *memory) {
  char *path = arena_printf(memory, NULL, "%s/refs/%s", repo, revision);
  mapped_file file;
  if (!path || !mapped_file_open(&file, path, NULL))
    return revision;
  size_t length = file.size;
  while (length && strchr(" \r\n", file.data[length - 1]))
    length--;
  const char *commit = length <= 64 ? arena_strndup(memory, (const char *)file.data, length, NULL) : NULL;
  mapped_file_close(&file);
  return commit ? commit : revision;
}

char *hub_cache_find(const hub_settings *s, const char *model, arena *memory) {
  if (!s->cache_folder || !path_is_safe(s->revision, strlen(s->revision)))
    return NULL;
  char *repo = repo_folder(s, model, memory);
  const char *commit = repo ? commit_of(repo, s->revision, memory) : NULL;
  if (!commit || !path_is_safe(commit, strlen(commit)))
    return NULL;
  char *snapshot = arena_printf(memory, NULL, "%s/snapshots/%s", repo, commit);
  return snapshot && model_folder_complete(snapshot, model, CHECK_SIZES, NULL) ? snapshot : NULL;
}

/* The cache keeps a file under its hash: sha256 for large files, git's name for small ones. */
static file_facts facts_of_blob(const char *blob) {
  const char *slash = strrchr(blob, '/'), *name = slash ? slash + 1 : blob;
  size_t length = strlen(name);
  file_facts facts = {0};
  file_size_of(blob, &facts.size);
  if (strspn(name, "0123456789abcdef") == length && length == 64)
    facts.sha256 = name;
  if (strspn(name, "0123456789abcdef") == length && length == 40)
    facts.git_oid = name;
  return facts;
}

static bool give_place(const char *blob, const char *path, arena *memory, error *err) {
  char *temporary = arena_printf(memory, err, "%s.link", path);
  if (!temporary)
    return false;
  unlink(temporary);
  if (link(blob, temporary) != 0 && symlink(blob, temporary) != 0)
    return error_set_errno(err, errno, "%s: cannot be linked to the Hugging Face cache", path);
  if (rename(temporary, path) != 0)
    return error_set_errno(err, errno, "%s: cannot be written", path);
  unlink(temporary); /* rename() of two links to one file leaves both */
  return true;
}

static bool link_file(const char *snapshot, const char *folder, const char *name, manifest *m, arena *memory,
                      error *err) {
  char *from = arena_printf(memory, err, "%s/%s", snapshot, name);
  char *to = arena_printf(memory, err, "%s/%s", folder, name);
  char real[PATH_MAX];
  if (!from || !to)
    return false;
  if (!realpath(from, real))
    return error_set_errno(err, errno, "%s", from);
  file_facts facts = facts_of_blob(real);
  sha256_text sha256;
  if (!file_matches(real, &facts, &sha256, err))
    return false;
  file_facts found = {.size = facts.size, .sha256 = sha256.hex};
  file_place place = model_file_place(folder, name, &found, memory, err);
  if (place == PLACE_TAKEN || (place == PLACE_FREE && !give_place(real, to, memory, err)))
    return false;
  char *hash = arena_strdup(memory, sha256.hex, err);
  m->files[m->count++] = (manifest_file){name, facts.size, hash};
  return hash != NULL;
}

bool hub_cache_link(const hub_settings *s, const char *snapshot, const char *model, const char *folder,
                    arena *memory, error *err) {
  const char *names[MAX_MODEL_FILES];
  size_t count;
  if (!model_folder_list(snapshot, model, memory, names, &count, err) || !make_folders(folder, err))
    return false;
  manifest m = {.repo = arena_printf(memory, err, "%s/%s", hub_organisation, model),
                .revision = s->revision,
                .commit = strrchr(snapshot, '/') + 1};
  if (!m.repo)
    return false;
  for (size_t i = 0; i < count; i++)
    if (!link_file(snapshot, folder, names[i], &m, memory, err))
      return false;
  return manifest_write(&m, folder, err);
}
