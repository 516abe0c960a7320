#include "base/atomic_file.h"

#include "base/leftovers.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_SIZE = 1 << 16, TRIES = 100 };

struct atomic_file {
  char *path, *temporary;
  int fd, lock; /* a duplicate: the temporary file is held until it has its name */
  atomic_file_mode mode;
  bool failed;
  error first_failure;
  size_t used;
  char bytes[BUFFER_SIZE];
};

static void destroy(atomic_file *file) {
  if (file->lock >= 0)
    close(file->lock);
  free(file->path);
  free(file->temporary);
  free(file);
}

/* In the folder of the final name, but not that name with a suffix: it could exceed NAME_MAX where the final
 * name does not. */
static int open_temporary(atomic_file *file) {
  const char *slash = strrchr(file->path, '/');
  size_t folder_length = slash ? (size_t)(slash - file->path) + 1 : 0, size = folder_length + 64;
  file->temporary = malloc(size);
  if (!file->temporary) {
    errno = ENOMEM;
    return -1;
  }
  for (int attempt = 0; attempt < TRIES; attempt++) {
    uint64_t serial;
    if (getrandom(&serial, sizeof serial, 0) != sizeof serial)
      return -1;
    snprintf(file->temporary, size, "%.*s" LEFTOVER_PREFIX "%016" PRIx64 ".tmp", (int)folder_length,
             file->path, serial);
    int fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 ? leftover_hold(fd, file->temporary) : errno != EEXIST)
      return fd;
    if (fd >= 0)
      close(fd);
  }
  return -1;
}

/* Renaming over a device or a FIFO would replace it (/dev/null!), over a folder would fail at the very end.
 */
static bool may_take_place_of(const char *path, error *err) {
  struct stat status;
  if (stat(path, &status) != 0 || S_ISREG(status.st_mode))
    return true;
  return error_set(err, ERROR_IO, "%s: cannot be written: it is %s", path,
                   S_ISDIR(status.st_mode) ? "a folder" : "not a regular file");
}

atomic_file *atomic_file_create(const char *path, atomic_file_mode mode, error *err) {
  if (!may_take_place_of(path, err))
    return NULL;
  atomic_file *file = calloc(1, sizeof *file);
  if (!file || !(file->path = strdup(path))) {
    free(file);
    error_out_of_memory(err);
    return NULL;
  }
  file->mode = mode;
  file->lock = -1;
  file->fd = open_temporary(file);
  if (file->fd >= 0 && (file->lock = fcntl(file->fd, F_DUPFD_CLOEXEC, 0)) >= 0)
    return file;
  error_set_errno(err, errno, "%s: cannot be written", path);
  if (file->fd >= 0) {
    close(file->fd);
    unlink(file->temporary);
  }
  destroy(file);
  return NULL;
}

static bool fail(atomic_file *file, int reason, error *err) {
  if (!file->failed) {
    file->failed = true;
    error_set_errno(&file->first_failure, reason, "%s: cannot be written", file->path);
  }
  if (err)
    *err = file->first_failure;
  return false;
}

static bool write_all(atomic_file *file, const char *bytes, size_t size, error *err) {
  while (size) {
    ssize_t written = write(file->fd, bytes, size);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return fail(file, written < 0 ? errno : EIO, err);
    bytes += written;
    size -= (size_t)written;
  }
  return true;
}

static bool flush(atomic_file *file, error *err) {
  size_t size = file->used;
  file->used = 0;
  return write_all(file, file->bytes, size, err);
}

bool atomic_file_write(atomic_file *file, const void *bytes, size_t size, error *err) {
  if (file->failed)
    return fail(file, 0, err);
  if (size > BUFFER_SIZE - file->used && !flush(file, err))
    return false;
  if (size > BUFFER_SIZE)
    return write_all(file, bytes, size, err);
  memcpy(file->bytes + file->used, bytes, size);
  file->used += size;
  return true;
}

bool atomic_file_printf(atomic_file *file, error *err, const char *format, ...) {
  char line[512], *text = line;
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (length >= (int)sizeof line && (text = malloc((size_t)length + 1)))
    vsnprintf(text, (size_t)length + 1, format, again);
  va_end(again);
  bool ok =
      length >= 0 && text ? atomic_file_write(file, text, (size_t)length, err) : fail(file, ENOMEM, err);
  if (text != line)
    free(text);
  return ok;
}

static int sync_folder_of(const char *path) {
  char *folder = strdup(path);
  if (!folder)
    return ENOMEM;
  char *slash = strrchr(folder, '/');
  if (slash)
    slash[slash == folder] = '\0';
  int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  free(folder);
  if (fd < 0)
    return errno;
  /* Some file systems cannot sync a folder; the file itself is safe then. */
  int reason = fsync(fd) != 0 && errno != EINVAL ? errno : 0;
  close(fd);
  return reason;
}

static bool give_new_name(atomic_file *file, error *err) {
  /* link() fails where the name exists, on every file system and without a race; some file systems lack it.
   */
  if (link(file->temporary, file->path) == 0) {
    unlink(file->temporary);
    return true;
  }
  if (errno != EEXIST && renameat2(AT_FDCWD, file->temporary, AT_FDCWD, file->path, RENAME_NOREPLACE) == 0)
    return true;
  return errno == EEXIST ? error_set(err, ERROR_USAGE, "%s: exists already", file->path)
                         : fail(file, errno, err);
}

static bool give_name(atomic_file *file, error *err) {
  if (file->mode == ATOMIC_FILE_NEW)
    return give_new_name(file, err);
  return rename(file->temporary, file->path) == 0 || fail(file, errno, err);
}

static bool finish_bytes(atomic_file *file, bool sync, error *err) {
  bool ok = file->failed ? fail(file, 0, err) : flush(file, err);
  if (ok && sync && fsync(file->fd) != 0 && errno != EINVAL)
    ok = fail(file, errno, err);
  if (close(file->fd) != 0 && ok) /* some file systems report a full disk only here */
    ok = fail(file, errno, err);
  return ok;
}

bool atomic_file_commit(atomic_file *file, bool sync, error *err) {
  bool ok = finish_bytes(file, sync, err) && give_name(file, err);
  if (!ok)
    unlink(file->temporary);
  int reason = ok && sync ? sync_folder_of(file->path) : 0;
  if (reason)
    ok = fail(file, reason, err);
  destroy(file);
  return ok;
}

void atomic_file_discard(atomic_file *file) {
  if (!file)
    return;
  close(file->fd);
  unlink(file->temporary);
  destroy(file);
}

bool atomic_file_save(const char *path, atomic_file_mode mode, bool sync, const void *bytes, size_t size,
                      error *err) {
  atomic_file *file = atomic_file_create(path, mode, err);
  if (!file)
    return false;
  if (!atomic_file_write(file, bytes, size, err)) {
    atomic_file_discard(file);
    return false;
  }
  return atomic_file_commit(file, sync, err);
}

static bool make_folder(const char *path, error *err) {
  struct stat status;
  if (mkdir(path, 0777) == 0)
    return true;
  int reason = errno; /* what it is for a folder that exists depends on the file system */
  if (stat(path, &status) == 0)
    return S_ISDIR(status.st_mode) || error_set(err, ERROR_IO, "%s: is there, but not a folder", path);
  if (reason == EEXIST) /* a link that leads nowhere */
    reason = errno;
  return error_set_errno(err, reason, "%s: cannot make this folder", path);
}

bool make_folders(const char *path, error *err) {
  char *partial = strdup(path);
  if (!partial)
    return error_out_of_memory(err);
  bool ok = true;
  for (size_t i = 1, length = strlen(path); ok && i < length; i++) {
    if (partial[i] != '/')
      continue;
    partial[i] = '\0';
    ok = make_folder(partial, err);
    partial[i] = '/';
  }
  ok = ok && make_folder(partial, err);
  free(partial);
  return ok;
}

bool sync_file_system(const char *folder, error *err) {
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return error_set_errno(err, errno, "%s", folder);
  int reason = syncfs(fd) != 0 ? errno : 0;
  close(fd);
  return reason ? error_set_errno(err, reason, "%s: cannot be written to disk", folder) : true;
}
