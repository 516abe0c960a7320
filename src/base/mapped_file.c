#include "base/mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t empty_file[1];

bool mapped_file_open(mapped_file *file, const char *path, error *err) {
  *file = (mapped_file){0};
  /* O_NONBLOCK: opening a FIFO must not wait for a writer. */
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return error_set_errno(err, errno, "%s", path);
  struct stat status;
  if (fstat(fd, &status) != 0) {
    int reason = errno;
    close(fd);
    return error_set_errno(err, reason, "%s", path);
  }
  if (!S_ISREG(status.st_mode)) {
    close(fd);
    return error_set(err, ERROR_IO, "%s: %s", path,
                     S_ISDIR(status.st_mode) ? "is a folder, not a file" : "is not a regular file");
  }
  size_t size = (size_t)status.st_size;
  if (size == 0) {
    close(fd);
    file->data = empty_file;
    return true;
  }
  void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
  int reason = errno;
  close(fd);
  if (data == MAP_FAILED)
    return error_set_errno(err, reason, "%s", path);
  file->data = data;
  file->size = size;
  return true;
}

void mapped_file_release(const mapped_file *file, size_t begin, size_t end) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  begin = (begin + page - 1) / page * page;
  end = end < file->size ? end / page * page : file->size;
  if (begin < end) /* only advice: a refusal changes nothing */
    madvise((void *)(uintptr_t)(file->data + begin), end - begin, MADV_DONTNEED);
}

void mapped_file_close(mapped_file *file) {
  if (file->size)
    munmap((void *)(uintptr_t)file->data, file->size);
  *file = (mapped_file){0};
}
