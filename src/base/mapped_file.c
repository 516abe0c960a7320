#include "base/mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t empty_file[1];

static bool map(mapped_file *file, int fd, size_t size) {
  void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED)
    return false;
  *file = (mapped_file){.data = data, .size = size, .mapped = size};
  return true;
}

/* What is there of `size` bytes: another program may be cutting the file. */
static bool read_bytes(mapped_file *file, int fd, size_t size) {
  uint8_t *data = malloc(size);
  size_t done = 0;
  for (ssize_t count = 1; data && done < size && count != 0;) {
    count = read(fd, data + done, size - done);
    if (count > 0)
      done += (size_t)count;
    else if (count < 0 && errno != EINTR) {
      int reason = errno;
      free(data);
      errno = reason;
      return false;
    }
  }
  *file = (mapped_file){.data = data, .size = done, .memory = data};
  return data != NULL;
}

static bool open_bytes(mapped_file *file, int fd, const char *path, error *err) {
  struct stat status;
  if (fstat(fd, &status) != 0)
    return error_set_errno(err, errno, "%s", path);
  if (!S_ISREG(status.st_mode))
    return error_set(err, ERROR_IO, "%s: %s", path,
                     S_ISDIR(status.st_mode) ? "is a folder, not a file" : "is not a regular file");
  size_t size = (size_t)status.st_size;
  if (size == 0) {
    file->data = empty_file;
    return true;
  }
  return (size > MAPPED_FILE_READ ? map : read_bytes)(file, fd, size) ||
         error_set_errno(err, errno, "%s", path);
}

bool mapped_file_open(mapped_file *file, const char *path, error *err) {
  *file = (mapped_file){0};
  /* O_NONBLOCK: opening a FIFO must not wait for a writer. */
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return error_set_errno(err, errno, "%s", path);
  bool ok = open_bytes(file, fd, path, err);
  close(fd);
  return ok;
}

void mapped_file_release(const mapped_file *file, size_t begin, size_t end) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  begin = (begin + page - 1) / page * page;
  end = end < file->mapped ? end / page * page : file->mapped;
  if (begin < end) /* only advice: a refusal changes nothing */
    madvise((void *)(uintptr_t)(file->data + begin), end - begin, MADV_DONTNEED);
}

void mapped_file_done(const mapped_file *file, const void *bytes, size_t size) {
  /* As numbers: the bytes may belong to another object. */
  uintptr_t begin = (uintptr_t)bytes, data = (uintptr_t)file->data;
  if (begin >= data && begin - data < file->mapped)
    mapped_file_release(file, begin - data, begin - data + size);
}

void mapped_file_close(mapped_file *file) {
  if (file->mapped)
    munmap((void *)(uintptr_t)file->data, file->mapped);
  free(file->memory);
  *file = (mapped_file){0};
}
