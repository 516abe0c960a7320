#include "hub/download.h"

#include "base/atomic_file.h"
#include "hub/listing.h"
#include "hub/model_folder.h"
#include "hub/transfer.h"

#include <stdlib.h>
#include <string.h>

typedef struct download {
  hub_client *client;
  const char *model, *repo, *folder;
  arena *memory;
  hub_listing listing;
  const hub_file *files[MAX_MODEL_FILES]; /* by rising size: a folder is complete only with its last file */
  bool wanted[MAX_MODEL_FILES];
  size_t count;
  uint64_t bytes;
} download;

static void sort_by_size(download *d) {
  for (size_t i = 1; i < d->count; i++)
    for (size_t j = i; j > 0 && d->files[j]->size < d->files[j - 1]->size; j--) {
      const hub_file *larger = d->files[j - 1];
      d->files[j - 1] = d->files[j];
      d->files[j] = larger;
    }
}

static bool choose_files(download *d, error *err) {
  const char **names = arena_alloc_array(d->memory, d->listing.count + 1, sizeof *names, err);
  size_t chosen[MAX_MODEL_FILES];
  if (!names)
    return false;
  for (size_t i = 0; i < d->listing.count; i++)
    names[i] = d->listing.files[i].path;
  if (!model_files_choose(d->model, names, d->listing.count, chosen, &d->count, err))
    return error_prefix(err, "the hub's %s", d->repo);
  for (size_t i = 0; i < d->count; i++)
    d->files[i] = &d->listing.files[chosen[i]];
  sort_by_size(d);
  return true;
}

static transfer_job job_of(const download *d, size_t i) {
  const char *revision = *d->listing.commit ? d->listing.commit : hub_client_settings(d->client)->revision;
  return (transfer_job){.repo = d->repo, .revision = revision, .file = d->files[i], .folder = d->folder};
}

static bool see_what_is_there(download *d, error *err) {
  for (size_t i = 0; i < d->count; i++) {
    const hub_file *file = d->files[i];
    file_facts facts = {.size = file->size, .sha256 = file->sha256, .git_oid = file->git_oid};
    file_place place = model_file_place(d->folder, file->path, &facts, d->memory, err);
    if (place == PLACE_TAKEN)
      return false;
    d->wanted[i] = place == PLACE_FREE;
    transfer_job job = job_of(d, i);
    if (d->wanted[i])
      d->bytes += transfer_bytes_left(&job, d->memory);
  }
  return space_suffices(d->folder, d->bytes, err);
}

/* Get the file where it is wanted, and say what its manifest entry is. */
static bool get_file(download *d, size_t i, manifest_file *entry, error *err) {
  const hub_file *file = d->files[i];
  transfer_job job = job_of(d, i);
  transfer_result result = {0};
  if (d->wanted[i]) {
    if (!transfer_file(d->client, &job, &result, err))
      return false;
    if (!*d->listing.commit)
      memcpy(d->listing.commit, result.commit, sizeof result.commit);
  } else {
    char *path = arena_printf(d->memory, err, "%s/%s", d->folder, file->path);
    file_facts facts = {.size = file->size};
    if (!path || !file_matches(path, &facts, &result.sha256, err))
      return false;
  }
  *entry = (manifest_file){file->path, file->size, arena_strdup(d->memory, result.sha256.hex, err)};
  return entry->sha256 != NULL;
}

static bool get_files(download *d, error *err) {
  manifest m = {.repo = d->repo,
                .revision = hub_client_settings(d->client)->revision,
                .commit = d->listing.commit,
                .count = d->count};
  for (size_t i = 0; i < d->count; i++)
    if (!get_file(d, i, &m.files[i], err))
      return false;
  if (!manifest_write(&m, d->folder, err))
    return false;
  for (size_t i = 0; i < d->count; i++) {
    transfer_job job = job_of(d, i);
    transfer_remove_leftovers(&job);
  }
  return true;
}

static bool run(download *d, error *err) {
  d->repo = arena_printf(d->memory, err, "%s/%s", hub_organisation, d->model);
  return d->repo && hub_listing_get(&d->listing, d->client, d->repo, d->memory, err) &&
         choose_files(d, err) && make_folders(d->folder, err) && see_what_is_there(d, err) &&
         get_files(d, err);
}

bool download_model(hub_client *client, const char *model, const char *folder, uint64_t *bytes, error *err) {
  download d = {.client = client, .model = model, .folder = folder, .memory = arena_create(err)};
  bool ok = d.memory && run(&d, err);
  *bytes = d.bytes;
  hub_listing_free(&d.listing);
  arena_destroy(d.memory);
  return ok;
}
