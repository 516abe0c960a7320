/* Single characters (Unicode code points) as the tokenizer sees them. All functions are pure. */
#ifndef DEEPECG_TEXT_CHARACTERS_H
#define DEEPECG_TEXT_CHARACTERS_H

#include "text/character_tables.h"

/* Flags (CHARACTER_...) and combining class of a character. */
typedef struct character_class {
  uint8_t flags, combining;
} character_class;

character_class character_classify(uint32_t c);

/* The canonical decomposition of `c`, itself where it has none; returns how many characters. */
enum { CHARACTER_MAX_DECOMPOSED = 4 };
size_t character_decompose(uint32_t c, character_class class, uint32_t out[CHARACTER_MAX_DECOMPOSED]);

/* `c` in lower case, itself where it has none; returns how many characters. */
enum { CHARACTER_MAX_LOWERED = 2 };
size_t character_lower(uint32_t c, character_class class, uint32_t out[CHARACTER_MAX_LOWERED]);

/* The character that starts at `text`, valid UTF-8; *size receives its bytes. */
static inline uint32_t character_decode(const char *text, size_t *size) {
  const unsigned char *b = (const unsigned char *)text;
  if (b[0] < 0x80) {
    *size = 1;
    return b[0];
  }
  if (b[0] < 0xe0) {
    *size = 2;
    return (b[0] & 0x1fu) << 6 | (b[1] & 0x3fu);
  }
  if (b[0] < 0xf0) {
    *size = 3;
    return (b[0] & 0x0fu) << 12 | (b[1] & 0x3fu) << 6 | (b[2] & 0x3fu);
  }
  *size = 4;
  return (b[0] & 0x07u) << 18 | (b[1] & 0x3fu) << 12 | (b[2] & 0x3fu) << 6 | (b[3] & 0x3fu);
}

/* Write `c` as UTF-8; returns how many bytes. */
static inline size_t character_encode(uint32_t c, char out[4]) {
  if (c < 0x80) {
    out[0] = (char)c;
    return 1;
  }
  size_t size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (size_t i = size - 1; i > 0; i--, c >>= 6)
    out[i] = (char)(0x80 | (c & 0x3f));
  out[0] = (char)((0xf00 >> size & 0xff) | c);
  return size;
}

#endif
