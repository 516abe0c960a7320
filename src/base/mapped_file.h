/* A regular file, mapped read-only. */
#ifndef DEEPECG_BASE_MAPPED_FILE_H
#define DEEPECG_BASE_MAPPED_FILE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* data stays valid until mapped_file_close. An empty file has size 0 and a valid data pointer. Bytes may be
 * read from several threads at once. */
typedef struct mapped_file {
  const uint8_t *data;
  size_t size;
} mapped_file;

/* Map `path`; anything but a regular file is an error (a FIFO would block for ever). The message names the
 * path. */
bool mapped_file_open(mapped_file *file, const char *path, error *err);

/* The memory behind data[begin..end) may be given back now: that of the whole pages in it. The bytes can
 * still be read, more slowly. For readers that pass once over a large file. */
void mapped_file_release(const mapped_file *file, size_t begin, size_t end);

/* Unmap. Safe on a zeroed struct and twice. */
void mapped_file_close(mapped_file *file);

#endif
