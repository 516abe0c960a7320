/* SHA-256 (FIPS 180-4), computed by nettle. */
#ifndef DEEPECG_BASE_SHA256_H
#define DEEPECG_BASE_SHA256_H

#include <nettle/sha2.h>
#include <stddef.h>

typedef struct sha256_text {
  char hex[65]; /* lower case, NUL-terminated */
} sha256_text;

/* Of bytes that come in pieces: begin, add as often as needed, end. */
typedef struct sha256_ctx sha256_state;

void sha256_begin(sha256_state *state);
void sha256_add(sha256_state *state, const void *bytes, size_t size);
sha256_text sha256_end(sha256_state *state);

/* All at once. */
sha256_text sha256_of(const void *bytes, size_t size);

#endif
