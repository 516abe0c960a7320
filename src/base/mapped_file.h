/* The bytes of a regular file: large files are mapped, small ones read. */
#ifndef DEEPECG_BASE_MAPPED_FILE_H
#define DEEPECG_BASE_MAPPED_FILE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* Files up to this size are read: whatever another program does to them then changes nothing. A larger one
 * that is cut while it is mapped raises SIGBUS when the missing bytes are touched: cli/cut_file.h. */
enum { MAPPED_FILE_READ = 4 << 20 };

/* data stays valid until mapped_file_close. An empty file has size 0 and a valid data pointer. Bytes may be
 * read from several threads at once. */
typedef struct mapped_file {
  const uint8_t *data;
  size_t size;
  size_t mapped; /* bytes of the mapping; 0: none */
  void *memory;  /* a small file's bytes, else NULL */
} mapped_file;

/* Map or read `path`; anything but a regular file is an error (a FIFO would block for ever). The message
 * names the path. */
bool mapped_file_open(mapped_file *file, const char *path, error *err);

/* The memory behind data[begin..end) may be given back now: that of the whole pages in it. The bytes can
 * still be read, more slowly. For readers that pass once over a large file. */
void mapped_file_release(const mapped_file *file, size_t begin, size_t end);

/* The same for `size` bytes at `bytes`, which may also lie elsewhere: then nothing happens. */
void mapped_file_done(const mapped_file *file, const void *bytes, size_t size);

/* Unmap. Safe on a zeroed struct and twice. */
void mapped_file_close(mapped_file *file);

#endif
