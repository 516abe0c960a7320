#include "pipeline/file_tree.h"

#include "base/buffer.h"
#include "pipeline/paths.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct listing {
  file_tree *tree;
  const char *root;
} listing;

static bool add(file_tree *tree, const char *path, const char *problem, error *err) {
  if (tree->count == FILE_TREE_MAX_FILES)
    return error_set(err, ERROR_LIMIT, "More than %d files", FILE_TREE_MAX_FILES);
  if (!array_reserve((void **)&tree->entries, &tree->capacity, tree->count + 1, sizeof *tree->entries, err))
    return false;
  tree->entries[tree->count++] = (file_tree_entry){path, problem};
  return true;
}

static int is_named(const struct dirent *entry) {
  return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

static bool list_folder(const listing *l, const char *path, int depth, error *err);

/* What vanishes while it is looked at is not there. */
static bool list_name(const listing *l, const char *folder, const char *name, int depth, error *err) {
  struct stat status;
  char *path = path_join(l->tree->memory, folder, name, err);
  char *whole = path ? path_join(l->tree->memory, l->root, path, err) : NULL;
  if (!whole)
    return false;
  if (lstat(whole, &status) != 0)
    return true;
  if (S_ISDIR(status.st_mode))
    return list_folder(l, path, depth + 1, err);
  if (S_ISLNK(status.st_mode) && stat(whole, &status) != 0)
    return true;
  return !S_ISREG(status.st_mode) || add(l->tree, path, NULL, err);
}

static bool cannot_be_read(const listing *l, const char *path, int reason, error *err) {
  if (!*path)
    return error_set_errno(err, reason, "%s", l->root);
  const char *problem = arena_strdup(l->tree->memory, strerrordesc_np(reason), err);
  return problem && add(l->tree, path, problem, err);
}

static bool list_folder(const listing *l, const char *path, int depth, error *err) {
  struct dirent **names;
  if (depth > FILE_TREE_MAX_DEPTH)
    return error_set(err, ERROR_LIMIT, "Folders are nested more than %d deep", FILE_TREE_MAX_DEPTH);
  char *whole =
      *path ? path_join(l->tree->memory, l->root, path, err) : arena_strdup(l->tree->memory, l->root, err);
  if (!whole)
    return false;
  int count = scandir(whole, &names, is_named, by_bytes);
  if (count < 0)
    return cannot_be_read(l, path, errno, err);
  bool done = true;
  for (int i = 0; i < count; i++) {
    done = done && list_name(l, path, names[i]->d_name, depth, err);
    free(names[i]);
  }
  free(names);
  return done;
}

bool file_tree_list(file_tree *tree, const char *root, error *err) {
  *tree = (file_tree){.memory = arena_create(err)};
  return tree->memory && list_folder(&(listing){tree, root}, "", 0, err);
}

void file_tree_free(file_tree *tree) {
  free(tree->entries);
  arena_destroy(tree->memory);
  *tree = (file_tree){0};
}
