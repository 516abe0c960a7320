#include "base/sha256.h"

#include <nettle/sha2.h>

sha256_text sha256_of(const void *bytes, size_t size) {
  struct sha256_ctx context;
  uint8_t digest[SHA256_DIGEST_SIZE];
  sha256_init(&context);
  sha256_update(&context, size, bytes);
  sha256_digest(&context, sizeof digest, digest);
  static const char digits[] = "0123456789abcdef";
  sha256_text text = {{0}};
  for (size_t i = 0; i < sizeof digest; i++) {
    text.hex[2 * i] = digits[digest[i] >> 4];
    text.hex[2 * i + 1] = digits[digest[i] & 15];
  }
  return text;
}
