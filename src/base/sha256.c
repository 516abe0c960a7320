#include "base/sha256.h"

#include <stdint.h>

void sha256_begin(sha256_state *state) {
  sha256_init(state);
}

void sha256_add(sha256_state *state, const void *bytes, size_t size) {
  sha256_update(state, size, bytes);
}

sha256_text sha256_end(sha256_state *state) {
  uint8_t digest[SHA256_DIGEST_SIZE];
  sha256_digest(state, sizeof digest, digest);
  static const char digits[] = "0123456789abcdef";
  sha256_text text = {{0}};
  for (size_t i = 0; i < sizeof digest; i++) {
    text.hex[2 * i] = digits[digest[i] >> 4];
    text.hex[2 * i + 1] = digits[digest[i] & 15];
  }
  return text;
}

sha256_text sha256_of(const void *bytes, size_t size) {
  sha256_state state;
  sha256_begin(&state);
  sha256_add(&state, bytes, size);
  return sha256_end(&state);
}
