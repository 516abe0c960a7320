/* Is a file what it should be? */
#ifndef DEEPECG_HUB_FILE_CHECK_H
#define DEEPECG_HUB_FILE_CHECK_H

#include "base/error.h"
#include "base/sha256.h"

#include <stdint.h>

/* Size and hash of a file; every field that is known is checked, and the size always. */
typedef struct file_facts {
  uint64_t size;
  const char *sha256;  /* 64 hex digits; NULL: not known */
  const char *git_oid; /* 40 hex digits: the name that git gives to the bytes; NULL: not known */
} file_facts;

/* False with ERROR_DATA when the bytes differ, with another code when they cannot be read. *sha256 (may be
 * NULL) receives the hash of what is there. */
bool file_matches(const char *path, const file_facts *facts, sha256_text *sha256, error *err);

/* The size of a regular file; false when there is none. */
bool file_size_of(const char *path, uint64_t *size);

#endif
