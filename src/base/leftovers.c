#include "base/leftovers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

typedef enum hold { HELD, NOT_HELD, NO_LOCKS } hold;

/* A lock counts only on what still has the name: between opening and locking it may have been removed. Nobody
 * removes a name but under its lock, so that it stays as it is from here on. */
static hold try_to_hold(int fd, const char *path) {
  struct stat opened, named;
  if (flock(fd, LOCK_EX | LOCK_NB) != 0)
    return errno == EWOULDBLOCK ? NOT_HELD : NO_LOCKS;
  bool same = fstat(fd, &opened) == 0 && lstat(path, &named) == 0 && opened.st_dev == named.st_dev &&
              opened.st_ino == named.st_ino;
  return same ? HELD : NOT_HELD;
}

bool leftover_hold(int fd, const char *path) {
  return try_to_hold(fd, path) != NOT_HELD;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk) {
  (void)status, (void)kind, (void)walk;
  return remove(path);
}

void folder_remove(const char *path) {
  nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* What stands between prefix and end is as long as programs make it, and of digits and letters: what a user
 * has named so himself is not touched. */
typedef struct pattern {
  const char *prefix;
  size_t least, most;
  const char *end;
  bool is_folder;
} pattern;

static const pattern patterns[] = {
    {LEFTOVER_PREFIX, 16, 16, ".tmp", false},
    {LEFTOVER_PREFIX, 14, 24, ".run", false},
    {LEFTOVER_PREFIX "import-", 6, 6, "", true},
};

static bool matches(const pattern *p, const char *name) {
  static const char allowed[] = "0123456789_-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  size_t prefix = strlen(p->prefix);
  if (strncmp(name, p->prefix, prefix) != 0)
    return false;
  size_t middle = strspn(name + prefix, allowed);
  return middle >= p->least && middle <= p->most && strcmp(name + prefix + middle, p->end) == 0;
}

static void remove_unless_held(const char *path, bool is_folder) {
  /* Network file systems lock for writing only what is open for writing. */
  int flags = is_folder ? O_RDONLY | O_DIRECTORY : O_RDWR;
  int fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    return;
  if (try_to_hold(fd, path) == HELD) {
    if (is_folder)
      folder_remove(path);
    else
      unlink(path);
  }
  close(fd);
}

static const pattern *find_pattern(const char *name) {
  for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
    if (matches(&patterns[i], name))
      return &patterns[i];
  return NULL;
}

static void look_at(const char *folder, const char *name) {
  const pattern *p = find_pattern(name);
  char path[4096];
  struct stat status;
  if (!p)
    return;
  int length = snprintf(path, sizeof path, "%s/%s", folder, name);
  if (length < 0 || (size_t)length >= sizeof path || lstat(path, &status) != 0)
    return;
  if (p->is_folder ? S_ISDIR(status.st_mode) : S_ISREG(status.st_mode))
    remove_unless_held(path, p->is_folder);
}

void leftovers_remove(const char *folder) {
  DIR *entries = opendir(folder);
  if (!entries)
    return;
  for (const struct dirent *entry; (entry = readdir(entries));)
    look_at(folder, entry->d_name);
  closedir(entries);
}

void leftovers_remove_beside(const char *path) {
  const char *slash = strrchr(path, '/');
  char folder[4096];
  int length =
      snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
  if (length > 0 && (size_t)length < sizeof folder)
    leftovers_remove(folder);
}
