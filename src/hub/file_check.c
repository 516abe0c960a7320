#include "hub/file_check.h"

#include "base/mapped_file.h"

#include <nettle/sha1.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

bool file_size_of(const char *path, uint64_t *size) {
  struct stat status;
  if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
    return false;
  *size = (uint64_t)status.st_size;
  return true;
}

/* git names a file by the SHA-1 of a small header and its bytes. */
static void git_oid_of(const mapped_file *file, char hex[41]) {
  char header[32];
  int length = snprintf(header, sizeof header, "blob %zu", file->size) + 1;
  struct sha1_ctx context;
  uint8_t digest[SHA1_DIGEST_SIZE];
  sha1_init(&context);
  sha1_update(&context, (size_t)length, (const uint8_t *)header);
  sha1_update(&context, file->size, file->data);
  sha1_digest(&context, sizeof digest, digest);
  for (size_t i = 0; i < sizeof digest; i++)
    snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

static bool hashes_match(const mapped_file *file, const file_facts *facts, sha256_text *sha256) {
  if (sha256 || facts->sha256) {
    sha256_text found = sha256_of(file->data, file->size);
    if (sha256)
      *sha256 = found;
    if (facts->sha256 && strcmp(found.hex, facts->sha256) != 0)
      return false;
  }
  char oid[41];
  if (facts->git_oid)
    git_oid_of(file, oid);
  return !facts->git_oid || strcmp(oid, facts->git_oid) == 0;
}

bool file_matches(const char *path, const file_facts *facts, sha256_text *sha256, error *err) {
  mapped_file file;
  if (!mapped_file_open(&file, path, err))
    return false;
  bool ok = true;
  if (file.size != facts->size)
    ok =
        error_set(err, ERROR_DATA, "%s: %zu bytes of %llu", path, file.size, (unsigned long long)facts->size);
  else if (!hashes_match(&file, facts, sha256))
    ok = error_set(err, ERROR_DATA, "%s: its bytes are not those that were published (hash differs)", path);
  mapped_file_close(&file);
  return ok;
}
