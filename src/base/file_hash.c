#include "base/file_hash.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { CHUNK = 1 << 20, NICENESS = 5 };

struct file_hash {
  pthread_t thread;
  int file;
  char *path;
  atomic_bool cancelled;
  sha256_text sum;
  bool done;
  error problem;
};

static bool hash_file(file_hash *h, uint8_t *chunk) {
  sha256_state state;
  sha256_begin(&state);
  ssize_t size;
  while ((size = read(h->file, chunk, CHUNK)) != 0) {
    if (atomic_load(&h->cancelled))
      return error_set(&h->problem, ERROR_DATA, "%s: interrupted", h->path);
    if (size > 0)
      sha256_add(&state, chunk, (size_t)size);
    else if (errno != EINTR)
      return error_set_errno(&h->problem, errno, "%s", h->path);
  }
  h->sum = sha256_end(&state);
  return true;
}

static void *run(void *context) {
  file_hash *h = context;
  /* On Linux this thread's alone: those that compute go first, but nobody starves it. */
  setpriority(PRIO_PROCESS, 0, NICENESS);
  uint8_t *chunk = malloc(CHUNK);
  h->done = chunk ? hash_file(h, chunk) : error_out_of_memory(&h->problem);
  free(chunk);
  return NULL;
}

static void destroy(file_hash *h) {
  if (h->file >= 0)
    close(h->file);
  free(h->path);
  free(h);
}

static bool start(file_hash *h, const char *path, error *err) {
  h->path = strdup(path);
  if (!h->path)
    return error_out_of_memory(err);
  h->file = open(path, O_RDONLY | O_CLOEXEC);
  if (h->file < 0)
    return error_set_errno(err, errno, "%s", path);
  int refused = pthread_create(&h->thread, NULL, run, h);
  return !refused || error_set_errno(err, refused, "%s: no thread for its checksum", path);
}

file_hash *file_hash_start(const char *path, error *err) {
  file_hash *h = calloc(1, sizeof *h);
  if (!h) {
    error_out_of_memory(err);
    return NULL;
  }
  h->file = -1;
  if (start(h, path, err))
    return h;
  destroy(h);
  return NULL;
}

bool file_hash_finish(file_hash *h, sha256_text *sum, error *err) {
  pthread_join(h->thread, NULL);
  bool done = h->done;
  if (done)
    *sum = h->sum;
  else if (err)
    *err = h->problem;
  destroy(h);
  return done;
}

void file_hash_cancel(file_hash *h) {
  if (!h)
    return;
  atomic_store(&h->cancelled, true);
  pthread_join(h->thread, NULL);
  destroy(h);
}
