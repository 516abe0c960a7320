#include "base/atomic_file.h"
#include "base/leftovers.h"
#include "base/mapped_file.h"
#include "hub/bundle.h"
#include "hub/demo_models.h"
#include "hub/model_folder.h"
#include "hub/tar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 20 };

typedef struct bundle_writer {
  atomic_file *out;
  const reporter *r;
  const volatile sig_atomic_t *cancelled;
  arena *memory;
  error *err;
  char stage[96];
} bundle_writer;

static char *entry_name(bundle_writer *w, const char *model, const char *name) {
  return arena_printf(w->memory, w->err, "%s/%s", model, name);
}

static bool write_mapped(bundle_writer *w, const mapped_file *file) {
  for (size_t at = 0; at < file->size; at += CHUNK) {
    if (w->cancelled && *w->cancelled)
      return error_set(w->err, ERROR_IO, "interrupted");
    size_t n = file->size - at < CHUNK ? file->size - at : CHUNK;
    if (!atomic_file_write(w->out, file->data + at, n, w->err))
      return false;
    report_progress(w->r, w->stage, at / CHUNK + 1, (file->size + CHUNK - 1) / CHUNK);
  }
  return tar_end_file(w->out, file->size, w->err);
}

static bool add_file(bundle_writer *w, const char *folder, const char *name, const char *entry) {
  char *path = arena_printf(w->memory, w->err, "%s/%s", folder, name);
  mapped_file file;
  if (!entry || !path || !mapped_file_open(&file, path, w->err))
    return false;
  bool ok = tar_begin_file(w->out, entry, file.size, w->err) && write_mapped(w, &file);
  mapped_file_close(&file);
  return ok;
}

/* The folder's own manifest, checked, or one of what lies there. */
static bool manifest_of(bundle_writer *w, const char *folder, const char *model, manifest *m) {
  const char *names[MAX_MODEL_FILES];
  if (!model_folder_complete(folder, model, CHECK_HASHES, w->err))
    return false;
  if (manifest_read(m, folder, w->memory, NULL))
    return true;
  *m = (manifest){.repo = "", .revision = "", .commit = ""};
  return model_folder_list(folder, model, w->memory, names, &m->count, w->err) &&
         manifest_fill(m, folder, names, w->memory, w->err);
}

static bool add_manifest(bundle_writer *w, const char *model, const manifest *m) {
  char *text = manifest_text(m, w->err), *entry = entry_name(w, model, manifest_name);
  size_t size = text ? strlen(text) : 0;
  bool ok = text && entry && tar_begin_file(w->out, entry, size, w->err) &&
            atomic_file_write(w->out, text, size, w->err) && tar_end_file(w->out, size, w->err);
  free(text);
  return ok;
}

static bool add_model(bundle_writer *w, const char *weights_folder, const char *model) {
  char *folder = arena_printf(w->memory, w->err, "%s/%s", weights_folder, model);
  manifest m;
  snprintf(w->stage, sizeof w->stage, "Bundling %.60s (MiB)", model);
  if (!folder || !manifest_of(w, folder, model, &m) || !add_manifest(w, model, &m))
    return false;
  for (size_t i = 0; i < m.count; i++)
    if (!add_file(w, folder, m.files[i].name, entry_name(w, model, m.files[i].name)))
      return false;
  return true;
}

static bool write_models(bundle_writer *w, const char *weights_folder, const char *const *models,
                         size_t count) {
  if (demo_models_are_in(weights_folder) && !add_file(w, weights_folder, DEMO_NOTICE_NAME, DEMO_NOTICE_NAME))
    return false;
  for (size_t i = 0; i < count; i++)
    if (!add_model(w, weights_folder, models[i]))
      return error_prefix(w->err, "%s", models[i]);
  return tar_end(w->out, w->err);
}

bool bundle_write(const char *path, const char *weights_folder, const char *const *models, size_t count,
                  const reporter *r, const volatile sig_atomic_t *cancelled, error *err) {
  bundle_writer w = {.r = r, .cancelled = cancelled, .err = err, .memory = arena_create(err)};
  leftovers_remove_beside(path);
  w.out = w.memory ? atomic_file_create(path, ATOMIC_FILE_REPLACE, err) : NULL;
  bool ok = w.out && write_models(&w, weights_folder, models, count);
  if (ok)
    ok = atomic_file_commit(w.out, true, err);
  else
    atomic_file_discard(w.out);
  arena_destroy(w.memory);
  return ok;
}
