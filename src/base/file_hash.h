/* The SHA-256 of a file, computed by a thread of its own while the caller goes on.
 *
 * A model's checksum belongs into the report of a run, but a checkpoint of a gigabyte, most of it the state
 * of an optimiser, is opened by reading the weights alone: whoever waited for the checksum first would wait
 * longer for it than for the model. The thread reads through a small buffer (nothing is mapped) and lets
 * threads that compute go first. */
#ifndef DEEPECG_BASE_FILE_HASH_H
#define DEEPECG_BASE_FILE_HASH_H

#include "base/error.h"
#include "base/sha256.h"

typedef struct file_hash file_hash;

/* Open the file and start. NULL and *err when it can't be opened. Every hash must be finished. */
file_hash *file_hash_start(const char *path, error *err);

/* Wait for the result and free the hash. False and *err when the file could not be read to its end. */
bool file_hash_finish(file_hash *h, sha256_text *sum, error *err);

/* Stop early and free the hash. NULL is allowed. */
void file_hash_cancel(file_hash *h);

#endif
