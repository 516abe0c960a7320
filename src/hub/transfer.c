#include "hub/transfer.h"

#include "hub/file_check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX_WRONG = 2 }; /* complete downloads whose hash is wrong */

typedef struct transfer {
  hub_client *client;
  const transfer_job *job;
  transfer_result *result;
  const char *path, *part;
  char stage[96];
  int fd;
  bool waited;         /* for another run, which may have finished the file */
  uint64_t size;       /* bytes in the partial file */
  uint64_t first_size; /* at the start of this call */
  uint64_t attempt_size;
  size_t shown;
} transfer;

static const char *hash_of(const hub_file *file) {
  return file->sha256 ? file->sha256 : file->git_oid;
}

/* The name holds the hash: what is left of another revision is never gone on with. */
static char *part_path(const transfer_job *job, arena *memory, error *err) {
  return arena_printf(memory, err, "%s/.%s.%.16s.part", job->folder, job->file->path, hash_of(job->file));
}

uint64_t transfer_bytes_left(const transfer_job *job, arena *memory) {
  char *part = part_path(job, memory, NULL);
  uint64_t size = 0;
  if (!part || !file_size_of(part, &size) || size > job->file->size)
    return job->file->size;
  return job->file->size - size;
}

/* --- the partial file */

static bool io_error(const transfer *t, error *err) {
  return error_set_errno(err, errno, "%s: cannot be written", t->path);
}

/* Is what was opened and locked still what the name means? Another run may have finished meanwhile. */
static bool still_in_place(const transfer *t) {
  struct stat opened, named;
  return fstat(t->fd, &opened) == 0 && stat(t->part, &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

static bool lock(transfer *t, error *err) {
  while (flock(t->fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK)
      return true; /* a file system without locks; equal names hold equal bytes, so that nothing is lost */
    if (!t->waited)
      report(hub_client_reporter(t->client), REPORT_NOTICE, "%s: another run is downloading it; waiting",
             t->path);
    t->waited = true;
    if (hub_cancelled(hub_client_settings(t->client)))
      return error_set(err, ERROR_IO, "interrupted");
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
  }
  return true;
}

static bool open_part(transfer *t, error *err) {
  for (;;) {
    t->fd = open(t->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (t->fd < 0)
      return io_error(t, err);
    if (!lock(t, err))
      return false;
    if (still_in_place(t))
      break;
    close(t->fd);
  }
  struct stat status;
  if (fstat(t->fd, &status) != 0 || !S_ISREG(status.st_mode))
    return error_set(err, ERROR_IO, "%s: not a regular file", t->part);
  t->size = (uint64_t)status.st_size;
  return true;
}

static bool empty_part(transfer *t, error *err) {
  t->size = 0;
  return ftruncate(t->fd, 0) == 0 || io_error(t, err);
}

/* --- an answer's bytes */

static bool answer_fits(const transfer *t, const http_response *response, error *err) {
  const hub_file *file = t->job->file;
  if (file->sha256 && strlen(response->linked_etag) == 64 && strcmp(response->linked_etag, file->sha256) != 0)
    return error_set(err, ERROR_DATA, "%s/%s: has changed on the hub meanwhile; please start again",
                     t->job->repo, file->path);
  if (response->status == 206 && response->first_byte != t->size)
    return error_set(err, ERROR_FORMAT, "%s/%s: the hub sends another part than was asked for", t->job->repo,
                     file->path);
  if (response->total && response->total != file->size)
    return error_set(err, ERROR_FORMAT, "%s/%s: the hub sends %llu bytes where its list says %llu",
                     t->job->repo, file->path, (unsigned long long)response->total,
                     (unsigned long long)file->size);
  return true;
}

static bool start(void *context, const http_response *response, error *err) {
  transfer *t = context;
  if (!answer_fits(t, response, err))
    return false;
  memcpy(t->result->commit, response->commit, sizeof t->result->commit);
  return response->status == 206 || t->size == 0 || empty_part(t, err); /* 200: from the beginning again */
}

/* The last step is shown by show_end, so that it comes once. */
static void show(transfer *t) {
  enum { MEGABYTE = 1000000 };
  size_t done = t->size > t->first_size ? (size_t)(t->size - t->first_size) / MEGABYTE : 0;
  size_t total = (size_t)(t->job->file->size - t->first_size) / MEGABYTE + 1;
  if (done == t->shown || done >= total)
    return;
  t->shown = done;
  report_progress(hub_client_reporter(t->client), t->stage, done, total);
}

static void show_end(const transfer *t) {
  size_t total = (size_t)(t->job->file->size - t->first_size) / 1000000 + 1;
  report_progress(hub_client_reporter(t->client), t->stage, total, total);
}

static bool take_bytes(void *context, const void *bytes, size_t size, error *err) {
  transfer *t = context;
  if (size > t->job->file->size - t->size)
    return error_set(err, ERROR_FORMAT, "%s/%s: the hub sends more than its list says", t->job->repo,
                     t->job->file->path);
  const char *at = bytes;
  while (size) {
    ssize_t written = pwrite(t->fd, at, size, (off_t)t->size);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return io_error(t, err);
    at += written;
    size -= (size_t)written;
    t->size += (uint64_t)written;
  }
  show(t);
  return true;
}

/* --- the whole */

static char *address(const transfer *t, arena *memory, error *err) {
  char *revision = url_escape(memory, t->job->revision, err);
  char *name = url_escape(memory, t->job->file->path, err);
  return revision && name
             ? arena_printf(memory, err, "%s/%s/resolve/%s/%s", hub_client_settings(t->client)->endpoint,
                            t->job->repo, revision, name)
             : NULL;
}

static bool get_rest(transfer *t, const char *url, error *err) {
  http_request request = {.url = url,
                          .repo = t->job->repo,
                          .what = t->job->file->path,
                          .start = start,
                          .bytes = take_bytes,
                          .context = t};
  retry_count tries = {0};
  while (t->size < t->job->file->size) {
    http_response response;
    request.offset = t->attempt_size = t->size;
    http_outcome outcome = hub_client_get(t->client, &request, &response, err);
    if (outcome == HTTP_REFUSED)
      return false;
    if (t->size == t->job->file->size)
      break;
    if (outcome == HTTP_DONE)
      error_set(err, ERROR_IO, "%s: %s: cut off", t->job->repo, t->job->file->path);
    if (response.status == 416 && !empty_part(t, err))
      return false;
    uint64_t progress = t->size > t->attempt_size ? t->size - t->attempt_size : 0;
    if (!hub_client_wait(t->client, &tries, &request, &response, progress, err))
      return false;
  }
  return true;
}

static bool give_name(transfer *t, error *err) {
  if (fsync(t->fd) != 0 && errno != EINVAL)
    return io_error(t, err);
  return rename(t->part, t->path) == 0 || io_error(t, err);
}

/* A wrong hash may come from the part that an earlier run left: from the beginning again, once. */
static bool get_right(transfer *t, const char *url, error *err) {
  const hub_file *file = t->job->file;
  file_facts facts = {.size = file->size, .sha256 = file->sha256, .git_oid = file->git_oid};
  if (t->waited && file_matches(t->path, &facts, &t->result->sha256, NULL)) {
    unlink(t->part);
    return true;
  }
  t->first_size = t->size;
  for (int wrong = 0; get_rest(t, url, err);) {
    if (file_matches(t->part, &facts, &t->result->sha256, err)) {
      show_end(t);
      return give_name(t, err);
    }
    if (err->code != ERROR_DATA || !empty_part(t, NULL))
      return false;
    t->first_size = 0;
    if (++wrong == MAX_WRONG) {
      unlink(t->part);
      return error_set(err, ERROR_DATA,
                       "%s/%s: the bytes that arrive are not those of the list (sha256 differs)",
                       t->job->repo, file->path);
    }
    report(hub_client_reporter(t->client), REPORT_NOTICE, "%s/%s: the hash differs; from the beginning again",
           t->job->repo, file->path);
  }
  return false;
}

static bool run(transfer *t, arena *memory, error *err) {
  const transfer_job *job = t->job;
  t->part = part_path(job, memory, err);
  t->path = t->part ? arena_printf(memory, err, "%s/%s", job->folder, job->file->path) : NULL;
  const char *url = t->path ? address(t, memory, err) : NULL;
  if (!url)
    return false;
  snprintf(t->stage, sizeof t->stage, "Downloading %.60s (MB)", job->file->path);
  bool ok = open_part(t, err) && get_right(t, url, err);
  if (t->fd >= 0)
    close(t->fd); /* gives the lock back */
  return ok;
}

bool transfer_file(hub_client *client, const transfer_job *job, transfer_result *result, error *err) {
  *result = (transfer_result){0};
  error reason;
  transfer t = {.client = client, .job = job, .result = result, .fd = -1};
  arena *memory = arena_create(&reason);
  bool ok = memory && run(&t, memory, &reason);
  arena_destroy(memory);
  if (!ok && err)
    *err = reason;
  return ok;
}

void transfer_remove_leftovers(const transfer_job *job) {
  char start_of_name[300];
  int length = snprintf(start_of_name, sizeof start_of_name, ".%s.", job->file->path);
  int folder = open(job->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = folder >= 0 ? fdopendir(folder) : NULL;
  if (!directory) {
    if (folder >= 0)
      close(folder);
    return;
  }
  for (const struct dirent *entry; (entry = readdir(directory));) {
    size_t name_length = strlen(entry->d_name);
    if (strncmp(entry->d_name, start_of_name, (size_t)length) == 0 &&
        name_length == (size_t)length + 16 + 5 && strcmp(entry->d_name + name_length - 5, ".part") == 0)
      unlinkat(folder, entry->d_name, 0);
  }
  closedir(directory);
}
