/* Output files appear whole or not at all: bytes go to a temporary file in the same folder, which is renamed
 * at the end. */
#ifndef DEEPECG_BASE_ATOMIC_FILE_H
#define DEEPECG_BASE_ATOMIC_FILE_H

#include "base/error.h"

#include <stddef.h>

typedef struct atomic_file atomic_file;

typedef enum atomic_file_mode {
  ATOMIC_FILE_REPLACE, /* an existing file of that name is replaced */
  ATOMIC_FILE_NEW      /* an existing file of that name is an error (code ERROR_USAGE) and stays as it was */
} atomic_file_mode;

/* Start writing `path`, which may not be there as anything but a regular file. Destroy with
 * atomic_file_commit or atomic_file_discard. NULL and *err on failure. */
atomic_file *atomic_file_create(const char *path, atomic_file_mode mode, error *err);

/* Buffered. After a failure (disk full, ...) the file can only be discarded; commit reports the first failure
 * too. */
bool atomic_file_write(atomic_file *file, const void *bytes, size_t size, error *err);
bool atomic_file_printf(atomic_file *file, error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Flush, fsync where `sync` asks for it (the folder too), rename, free. On failure the temporary file is
 * removed. */
bool atomic_file_commit(atomic_file *file, bool sync, error *err);

/* Remove the temporary file and free. NULL is allowed. */
void atomic_file_discard(atomic_file *file);

/* Write a whole file in one call. */
bool atomic_file_save(const char *path, atomic_file_mode mode, bool sync, const void *bytes, size_t size,
                      error *err);

/* Make a folder and its parents (mode 0777 less the umask). An existing folder is fine. */
bool make_folders(const char *path, error *err);

/* Ask the system to write everything of the file system that holds `folder` to disk (one call for many small
 * files). */
bool sync_file_system(const char *folder, error *err);

#endif
