/* SHA-256 (FIPS 180-4), computed by nettle. */
#ifndef DEEPECG_BASE_SHA256_H
#define DEEPECG_BASE_SHA256_H

#include <stddef.h>

typedef struct sha256_text {
  char hex[65]; /* lower case, NUL-terminated */
} sha256_text;

sha256_text sha256_of(const void *bytes, size_t size);

#endif
