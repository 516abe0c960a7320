#include "model/model_file.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define SAFETENSORS "model.safetensors"

static bool is_candidate(const char *name) {
  size_t length = strlen(name);
  return length > 3 && strcmp(name + length - 3, ".pt") == 0 && strcmp(name, "base_ssl.pt") != 0 &&
         name[0] != '.';
}

/* "a/b/" -> "b" */
static char *folder_name(arena *memory, const char *path, error *err) {
  size_t end = strlen(path);
  while (end > 1 && path[end - 1] == '/')
    end--;
  size_t start = end;
  while (start > 0 && path[start - 1] != '/')
    start--;
  return arena_strndup(memory, path + start, end - start, err);
}

typedef struct candidates {
  size_t count;
  char *first;     /* alphabetically */
  char *preferred; /* named as the folder */
} candidates;

static bool consider(candidates *found, arena *memory, const char *name, const char *wanted, error *err) {
  if (!is_candidate(name))
    return true;
  char *copy = arena_strdup(memory, name, err);
  if (!copy)
    return false;
  found->count++;
  if (!found->first || strcmp(copy, found->first) < 0)
    found->first = copy;
  if (strncmp(copy, wanted, strlen(wanted)) == 0 && strcmp(copy + strlen(wanted), ".pt") == 0)
    found->preferred = copy;
  return true;
}

static bool list_candidates(candidates *found, arena *memory, const char *folder, const char *wanted,
                            error *err) {
  DIR *directory = opendir(folder);
  if (!directory)
    return error_set_errno(err, errno, "%s", folder);
  bool ok = true;
  for (struct dirent *entry; ok && (entry = readdir(directory));)
    ok = consider(found, memory, entry->d_name, wanted, err);
  closedir(directory);
  return ok;
}

/* Is there such an entry in the folder? */
static bool folder_has(arena *memory, const char *folder, const char *name) {
  const char *path = arena_printf(memory, NULL, "%s/%s", folder, name);
  struct stat status;
  return path && stat(path, &status) == 0;
}

static bool refuse_folder(arena *memory, const char *folder, error *err) {
  if (folder_has(memory, folder, "pytorch_model.bin"))
    return error_set(err, ERROR_UNSUPPORTED,
                     "%s: the folder holds pytorch_model.bin only; convert it with transformers: "
                     "AutoModelForSequenceClassification.from_pretrained(FOLDER).save_pretrained(FOLDER)",
                     folder);
  if (folder_has(memory, folder, "base_ssl.pt"))
    return error_set(err, ERROR_NOT_FOUND,
                     "%s: the folder holds base_ssl.pt only, a network that was only pre-trained", folder);
  return error_set(err, ERROR_NOT_FOUND, "%s: the folder holds no .pt or model.safetensors file", folder);
}

static char *find_in_folder(arena *memory, const char *folder, const reporter *r, error *err) {
  if (folder_has(memory, folder, SAFETENSORS))
    return arena_printf(memory, err, "%s/%s", folder, SAFETENSORS);
  char *wanted = folder_name(memory, folder, err);
  candidates found = {0};
  if (!wanted || !list_candidates(&found, memory, folder, wanted, err))
    return NULL;
  if (found.count == 0) {
    refuse_folder(memory, folder, err);
    return NULL;
  }
  if (found.count > 1 && !found.preferred) {
    error_set(err, ERROR_USAGE, "%s: holds %zu .pt files and none is called %s.pt: which is the model?",
              folder, found.count, wanted);
    return NULL;
  }
  char *chosen = found.preferred ? found.preferred : found.first;
  if (found.count > 1)
    report(r, REPORT_NOTICE, "%s: of %zu .pt files, %s is read", folder, found.count, chosen);
  else if (folder_has(memory, folder, "base_ssl.pt"))
    report(r, REPORT_INFO, "%s: %s is read, base_ssl.pt isn't needed", folder, chosen);
  return arena_printf(memory, err, "%s/%s", folder, chosen);
}

char *model_file_find(arena *memory, const char *path, const reporter *r, error *err) {
  struct stat status;
  if (stat(path, &status) != 0) {
    error_set_errno(err, errno, "%s: the model is not there", path);
    return NULL;
  }
  return S_ISDIR(status.st_mode) ? find_in_folder(memory, path, r, err) : arena_strdup(memory, path, err);
}
