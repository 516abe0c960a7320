#include "base/base64.h"

static const char alphabet[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Value + 1 of a character of the alphabet; 0 for all others. Designators are the ASCII codes. */
static const uint8_t value_plus_one[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64};

void base64_encode(const uint8_t *bytes, size_t size, char *text) {
  size_t i = 0;
  for (; i + 3 <= size; i += 3, text += 4) {
    uint32_t group = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];
    text[0] = alphabet[group >> 18];
    text[1] = alphabet[group >> 12 & 63];
    text[2] = alphabet[group >> 6 & 63];
    text[3] = alphabet[group & 63];
  }
  if (i < size) {
    bool two = i + 1 < size;
    uint32_t group = (uint32_t)bytes[i] << 16 | (two ? (uint32_t)bytes[i + 1] << 8 : 0);
    text[0] = alphabet[group >> 18];
    text[1] = alphabet[group >> 12 & 63];
    text[2] = two ? alphabet[group >> 6 & 63] : '=';
    text[3] = '=';
  }
}

static bool is_blank(unsigned char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool base64_decode(const char *text, size_t length, uint8_t *bytes, size_t *size) {
  const unsigned char *in = (const unsigned char *)text, *end = in + length;
  uint8_t *out = bytes;
  uint32_t group = 0;
  unsigned count = 0, padding = 0;
  for (; in < end; in++) {
    /* The common case: a whole group without blanks. */
    while (count == 0 && end - in >= 4) {
      uint32_t a = value_plus_one[in[0]], b = value_plus_one[in[1]], c = value_plus_one[in[2]],
               d = value_plus_one[in[3]];
      if (!a || !b || !c || !d)
        break;
      group = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
      if (padding)
        return false;
      out[0] = (uint8_t)(group >> 16);
      out[1] = (uint8_t)(group >> 8);
      out[2] = (uint8_t)group;
      out += 3;
      in += 4;
    }
    if (in >= end)
      break;
    if (is_blank(*in))
      continue;
    if (*in == '=') {
      if (++padding > 2 || (count == 0 && padding == 1))
        return false;
      continue;
    }
    uint32_t value = value_plus_one[*in];
    if (!value || padding)
      return false;
    group = count ? group << 6 | (value - 1) : value - 1;
    if (++count == 4) {
      out[0] = (uint8_t)(group >> 16);
      out[1] = (uint8_t)(group >> 8);
      out[2] = (uint8_t)group;
      out += 3;
      count = 0;
    }
  }
  if (count == 1 || (padding && count + padding != 4) || (!padding && count))
    return false;
  if (count >= 2)
    *out++ = (uint8_t)(count == 2 ? group >> 4 : group >> 10);
  if (count == 3)
    *out++ = (uint8_t)(group >> 2);
  *size = (size_t)(out - bytes);
  return true;
}
