/* Base64 of RFC 4648 with the standard alphabet. */
#ifndef DEEPECG_BASE_BASE64_H
#define DEEPECG_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters (without a NUL) that `size` bytes become; size must be below SIZE_MAX / 4 * 3. */
static inline size_t base64_encoded_size(size_t size) {
  return (size + 2) / 3 * 4;
}

/* Write base64_encoded_size(size) characters to `text`, no NUL, no line breaks. */
void base64_encode(const uint8_t *bytes, size_t size, char *text);

/* Decode text[0..length) into `bytes`, which has room for length / 4 * 3 + 3 bytes. Blanks, tabs and line
 * breaks are skipped. False on any other foreign character, on data after padding, or on a length that no
 * bytes encode to. `bytes` may be the same memory as `text`. */
bool base64_decode(const char *text, size_t length, uint8_t *bytes, size_t *size);

#endif
