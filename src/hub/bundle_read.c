#include "base/atomic_file.h"
#include "base/leftovers.h"
#include "base/mapped_file.h"
#include "hub/bundle.h"
#include "hub/demo_models.h"
#include "hub/model_folder.h"
#include "hub/safe_path.h"
#include "hub/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_ENTRIES = 10000, CHUNK = 1 << 20 };

typedef struct bundle_reader {
  const char *weights_folder;
  char *staging;    /* a folder of its own in the weights folder; everything is unpacked there first */
  int staging_lock; /* its descriptor; see base/leftovers.h */
  const char *const *wanted;
  size_t wanted_count;
  bool demo; /* the notice of demo models is among the entries */
  const reporter *r;
  const volatile sig_atomic_t *cancelled;
  bundle_contents *contents;
  arena *memory;
} bundle_reader;

/* --- which entries */

/* "./a/b/" as "a/b"; "" for the folder itself. */
static char *plain_name(const bundle_reader *b, const char *name, error *err) {
  while (name[0] == '.' && name[1] == '/')
    name += 2;
  size_t length = strlen(name);
  while (length > 1 && name[length - 1] == '/')
    length--;
  if (length == 1 && name[0] == '.')
    length = 0;
  if (length && !path_is_safe(name, length)) {
    error_set(err, ERROR_FORMAT, "'%.200s' is a name that could leave the folder", name);
    return NULL;
  }
  return arena_strndup(b->memory, name, length, err);
}

static bool is_wanted(const bundle_reader *b, const char *model) {
  for (size_t i = 0; i < b->wanted_count; i++)
    if (strcmp(b->wanted[i], model) == 0)
      return true;
  return b->wanted_count == 0;
}

/* Could the model need a file of this name? */
static bool may_be_needed(const char *model, const char *name) {
  static const char *const text_model[] = {"config.json", "vocab.txt", "model.safetensors"};
  const char *names[4] = {name};
  size_t count = 1, chosen[MAX_MODEL_FILES], chosen_count;
  if (strcmp(name, manifest_name) == 0)
    return true;
  for (size_t i = 0; i < 3; i++)
    if (strcmp(name, text_model[i]) != 0)
      names[count++] = text_model[i];
  if (!model_files_choose(model, names, count, chosen, &chosen_count, NULL))
    return false;
  for (size_t i = 0; i < chosen_count; i++)
    if (chosen[i] == 0)
      return true;
  return false;
}

static bool add_model(bundle_reader *b, const char *model, error *err) {
  bundle_contents *c = b->contents;
  for (size_t i = 0; i < c->count; i++)
    if (c->models[i] == model)
      return true;
  if (c->count == MAX_PUBLISHED_MODELS)
    return error_set(err, ERROR_INTERNAL, "more models than are published");
  char *folder = arena_printf(b->memory, err, "%s/%s", b->staging, model);
  c->models[c->count++] = model;
  return folder && make_folders(folder, err);
}

static char *notice_in(const bundle_reader *b, const char *folder, error *err) {
  return arena_printf(b->memory, err, "%s/" DEMO_NOTICE_NAME, folder);
}

/* Where to unpack an entry to; *path stays NULL for one that is not needed. */
static bool choose_place(bundle_reader *b, char *name, char **path, error *err) {
  *path = NULL;
  char *slash = strrchr(name, '/');
  if (strcmp(slash ? slash + 1 : name, DEMO_NOTICE_NAME) == 0) {
    if (b->demo)
      return true;
    b->demo = true;
    *path = notice_in(b, b->staging, err);
    return *path != NULL;
  }
  if (!slash)
    return true;
  *slash = '\0';
  char *before = strrchr(name, '/');
  const char *model = published_model(before ? before + 1 : name);
  if (!model || !is_wanted(b, model) || !may_be_needed(model, slash + 1))
    return true;
  *path = arena_printf(b->memory, err, "%s/%s/%s", b->staging, model, slash + 1);
  return *path && add_model(b, model, err);
}

/* --- unpacking */

static bool write_all(int fd, const uint8_t *bytes, size_t size) {
  while (size) {
    ssize_t written = write(fd, bytes, size);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return false;
    bytes += written;
    size -= (size_t)written;
  }
  return true;
}

static bool copy_bytes(bundle_reader *b, int fd, const char *path, const tar_entry *entry, error *err) {
  for (uint64_t at = 0; at < entry->size; at += CHUNK) {
    if (b->cancelled && *b->cancelled)
      return error_set(err, ERROR_IO, "interrupted");
    size_t n = entry->size - at < CHUNK ? (size_t)(entry->size - at) : CHUNK;
    if (!write_all(fd, entry->data + at, n))
      return error_set_errno(err, errno, "%s: cannot be written", path);
    report_progress(b->r, "Unpacking (MiB)", (size_t)(at / CHUNK) + 1,
                    (size_t)((entry->size + CHUNK - 1) / CHUNK));
  }
  return true;
}

static bool unpack(bundle_reader *b, const tar_entry *entry, const char *path, error *err) {
  if (entry->size > LARGEST_MODEL_FILE)
    return error_set(err, ERROR_LIMIT, "larger than is accepted");
  if (!space_suffices(b->staging, entry->size, err))
    return false;
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0)
    return errno == EEXIST ? error_set(err, ERROR_FORMAT, "is there twice")
                           : error_set_errno(err, errno, "%s: cannot be written", path);
  bool ok = copy_bytes(b, fd, path, entry, err);
  if (close(fd) != 0 && ok)
    ok = error_set_errno(err, errno, "%s: cannot be written", path);
  return ok;
}

static bool take_entry(bundle_reader *b, const tar_entry *entry, error *err) {
  char *plain = plain_name(b, entry->name, err), *path;
  if (!plain)
    return false;
  if (entry->kind == TAR_OTHER)
    return error_set(err, ERROR_FORMAT, "'%.200s' is a link or a device; only files and folders are accepted",
                     entry->name);
  if (entry->kind == TAR_FOLDER)
    return true;
  if (!choose_place(b, plain, &path, err))
    return false;
  return !path || unpack(b, entry, path, err) || error_prefix(err, "'%.200s'", entry->name);
}

static bool unpack_all(bundle_reader *b, const mapped_file *file, error *err) {
  tar_reader tar = tar_reader_of(file->data, file->size, b->memory);
  for (size_t entries = 0;; entries++) {
    tar_entry entry;
    bool end;
    if (entries == MAX_ENTRIES)
      return error_set(err, ERROR_LIMIT, "more than %d entries", MAX_ENTRIES);
    if (!tar_next(&tar, &entry, &end, err))
      return false;
    if (end)
      return true;
    if (!take_entry(b, &entry, err))
      return false;
  }
}

/* --- checking and moving in */

/* Is what was unpacked what the model needs, all of it and nothing else? A tar that was made by hand has no
 * manifest: it is made now. */
static bool check_model(bundle_reader *b, const char *model, error *err) {
  char *folder = arena_printf(b->memory, err, "%s/%s", b->staging, model);
  const char *names[MAX_MODEL_FILES];
  manifest m = {0};
  error reason;
  if (!folder || !model_folder_list(folder, model, b->memory, names, &m.count, err))
    return false;
  size_t needed = m.count;
  if (!manifest_read(&m, folder, b->memory, &reason)) {
    if (reason.code != ERROR_NOT_FOUND)
      return error_set(err, reason.code, "%s", reason.message);
    m = (manifest){.repo = "", .revision = "", .commit = "", .count = needed};
    return model_folder_complete(folder, model, CHECK_SIZES, err) &&
           manifest_fill(&m, folder, names, b->memory, err) && manifest_write(&m, folder, err);
  }
  for (size_t i = 0; i < needed; i++)
    if (!manifest_find(&m, names[i]))
      return error_set(err, ERROR_FORMAT, "%s is not in the manifest", names[i]);
  return model_folder_complete(folder, model, CHECK_HASHES, err);
}

static bool check_all(bundle_reader *b, error *err) {
  const bundle_contents *c = b->contents;
  for (size_t i = 0; i < b->wanted_count; i++) {
    size_t at = 0;
    while (at < c->count && strcmp(c->models[at], b->wanted[i]) != 0)
      at++;
    if (at == c->count)
      return error_set(err, ERROR_NOT_FOUND, "holds no %s", b->wanted[i]);
  }
  if (c->count == 0)
    return error_set(err, ERROR_NOT_FOUND, "holds no model's folder");
  for (size_t i = 0; i < c->count; i++)
    if (!check_model(b, c->models[i], err))
      return error_prefix(err, "%s", c->models[i]);
  return true;
}

typedef struct move_in {
  char *from, *to; /* the model's folders */
  manifest m;
} move_in;

static bool nothing_is_lost(bundle_reader *b, const move_in *move, error *err) {
  for (size_t i = 0; i < move->m.count; i++) {
    file_facts facts = {.size = move->m.files[i].size, .sha256 = move->m.files[i].sha256};
    if (model_file_place(move->to, move->m.files[i].name, &facts, b->memory, err) == PLACE_TAKEN)
      return false;
  }
  return true;
}

static bool plan_move(bundle_reader *b, size_t i, move_in *move, error *err) {
  const char *model = b->contents->models[i];
  move->from = arena_printf(b->memory, err, "%s/%s", b->staging, model);
  move->to = move->from ? arena_printf(b->memory, err, "%s/%s", b->weights_folder, model) : NULL;
  if (!move->to)
    return false;
  b->contents->kept[i] = model_folder_complete(move->to, model, CHECK_SIZES, NULL);
  return b->contents->kept[i] ||
         (manifest_read(&move->m, move->from, b->memory, err) && nothing_is_lost(b, move, err));
}

static bool move_file(bundle_reader *b, const move_in *move, const char *name, error *err) {
  char *from = arena_printf(b->memory, err, "%s/%s", move->from, name);
  char *to = arena_printf(b->memory, err, "%s/%s", move->to, name);
  return from && to && (rename(from, to) == 0 || error_set_errno(err, errno, "%s: cannot be written", to));
}

static bool move_notice(bundle_reader *b, error *err) {
  char *from = notice_in(b, b->staging, err), *to = notice_in(b, b->weights_folder, err);
  return from && to && (rename(from, to) == 0 || error_set_errno(err, errno, "%s: cannot be written", to));
}

static bool move_all(bundle_reader *b, error *err) {
  move_in moves[MAX_PUBLISHED_MODELS] = {0};
  const bundle_contents *c = b->contents;
  bool comes = false;
  for (size_t i = 0; i < c->count; i++) {
    if (!plan_move(b, i, &moves[i], err))
      return false;
    comes = comes || !c->kept[i];
  }
  if (!sync_file_system(b->staging, err))
    return false;
  /* First: no demo model may stand there without it, even if this program is killed. */
  if (b->demo && comes && !move_notice(b, err))
    return false;
  for (size_t i = 0; i < c->count; i++) {
    if (!c->kept[i] && !make_folders(moves[i].to, err))
      return false;
    for (size_t f = 0; !c->kept[i] && f < moves[i].m.count; f++)
      if (!move_file(b, &moves[i], moves[i].m.files[f].name, err))
        return false;
    if (!c->kept[i] && !move_file(b, &moves[i], manifest_name, err))
      return false;
  }
  return true;
}

/* --- the whole */

static bool make_staging(bundle_reader *b, error *err) {
  char *name = arena_printf(b->memory, err, "%s/" LEFTOVER_PREFIX "import-XXXXXX", b->weights_folder);
  if (!name || !make_folders(b->weights_folder, err))
    return false;
  leftovers_remove(b->weights_folder);
  if (!mkdtemp(name))
    return error_set_errno(err, errno, "%s: cannot be written to", b->weights_folder);
  b->staging = name;
  b->staging_lock = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (b->staging_lock >= 0 && leftover_hold(b->staging_lock, name))
    return true;
  if (b->staging_lock >= 0)
    close(b->staging_lock);
  rmdir(name);
  return error_set(err, ERROR_IO, "%s: cannot be opened", name);
}

static bool run(bundle_reader *b, const char *path, const mapped_file *file, error *err) {
  if (!make_staging(b, err))
    return false;
  bool ok = (unpack_all(b, file, err) && check_all(b, err)) || error_prefix(err, "%s", path);
  ok = ok && move_all(b, err);
  folder_remove(b->staging);
  close(b->staging_lock);
  return ok;
}

bool bundle_read(const char *path, const char *weights_folder, const char *const *models, size_t count,
                 const reporter *r, const volatile sig_atomic_t *cancelled, bundle_contents *contents,
                 error *err) {
  *contents = (bundle_contents){0};
  bundle_reader b = {.weights_folder = weights_folder,
                     .wanted = models,
                     .wanted_count = count,
                     .r = r,
                     .cancelled = cancelled,
                     .contents = contents,
                     .memory = arena_create(err)};
  mapped_file file;
  if (!b.memory || !mapped_file_open(&file, path, err)) {
    arena_destroy(b.memory);
    return false;
  }
  bool ok = run(&b, path, &file, err);
  if (!ok)
    contents->count = 0;
  mapped_file_close(&file);
  arena_destroy(b.memory);
  return ok;
}
