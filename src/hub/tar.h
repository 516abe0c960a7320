/* Plain tar archives (POSIX ustar and pax, GNU long names), no compression. A bundle must open on a closed
 * machine with nothing installed, and be read without trust: every length is checked, what is not a regular
 * file or a folder is handed out as such and never followed. Source of the format: POSIX.1-2017, pax. */
#ifndef DEEPECG_HUB_TAR_H
#define DEEPECG_HUB_TAR_H

#include "base/arena.h"
#include "base/atomic_file.h"

#include <stdint.h>

typedef enum tar_kind { TAR_FILE, TAR_FOLDER, TAR_OTHER /* links, devices, sparse files, ... */ } tar_kind;

typedef struct tar_entry {
  tar_kind kind;
  const char *name; /* as it stands in the archive: not to be trusted */
  const uint8_t *data;
  uint64_t size; /* of a file's data */
} tar_entry;

typedef struct tar_reader {
  const uint8_t *data;
  size_t size, offset;
  arena *memory;
} tar_reader;

/* Reads bytes that the caller keeps; names live in `memory`. */
tar_reader tar_reader_of(const void *data, size_t size, arena *memory);

/* The next entry, or *end. An archive without its end mark has been cut: an error. */
bool tar_next(tar_reader *tar, tar_entry *entry, bool *end, error *err);

/* Begin a regular file of `size` bytes (mode 0644, no owner, no time): the caller writes them, then calls
 * tar_end_file. The name has at most 100 bytes. */
bool tar_begin_file(atomic_file *out, const char *name, uint64_t size, error *err);
bool tar_end_file(atomic_file *out, uint64_t size, error *err);

/* The end mark. */
bool tar_end(atomic_file *out, error *err);

#endif
