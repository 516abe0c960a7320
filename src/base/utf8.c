#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

/* Bytes of the character at c[0..available), 0 when it is not UTF-8 (table 3-7 of the Unicode standard). */
static size_t character_size(const unsigned char *c, size_t available) {
  if (c[0] < 0x80)
    return 1;
  size_t size = c[0] >= 0xc2 && c[0] <= 0xdf   ? 2
                : c[0] >= 0xe0 && c[0] <= 0xef ? 3
                : c[0] >= 0xf0 && c[0] <= 0xf4 ? 4
                                               : 0;
  if (!size || size > available)
    return 0;
  unsigned char first = c[0] == 0xe0 ? 0xa0 : c[0] == 0xf0 ? 0x90 : 0x80;
  unsigned char last = c[0] == 0xed ? 0x9f : c[0] == 0xf4 ? 0x8f : 0xbf;
  if (c[1] < first || c[1] > last)
    return 0;
  for (size_t i = 2; i < size; i++)
    if (c[i] < 0x80 || c[i] > 0xbf)
      return 0;
  return size;
}

static bool eight_are_ascii(const unsigned char *c) {
  uint64_t bytes;
  memcpy(&bytes, c, sizeof bytes);
  return !(bytes & 0x8080808080808080u);
}

bool utf8_valid(const char *text, size_t length) {
  const unsigned char *c = (const unsigned char *)text, *end = c + length;
  while (c < end) {
    if (end - c >= 8 && eight_are_ascii(c)) {
      c += 8;
      continue;
    }
    size_t size = character_size(c, (size_t)(end - c));
    if (!size)
      return false;
    c += size;
  }
  return true;
}

void utf8_neutralise(char *text) {
  unsigned char *c = (unsigned char *)text, *end = c + strlen(text);
  while (c < end) {
    size_t size = character_size(c, (size_t)(end - c));
    bool control = *c < 0x20 || *c == 0x7f || (size == 2 && c[0] == 0xc2 && c[1] < 0xa0);
    if (size && !control) {
      c += size;
      continue;
    }
    memset(c, '?', size ? size : 1);
    c += size ? size : 1;
  }
}
