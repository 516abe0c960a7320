#include "base/base64.h"

#include <endian.h>
#include <string.h>

/* The two characters of every 12 bits. */
#define ROW(h)                                                                                               \
  h "A" h "B" h "C" h "D" h "E" h "F" h "G" h "H" h "I" h "J" h "K" h "L" h "M" h "N" h "O" h "P" h "Q" h    \
    "R" h "S" h "T" h "U" h "V" h "W" h "X" h "Y" h "Z" h "a" h "b" h "c" h "d" h "e" h "f" h "g" h "h" h    \
    "i" h "j" h "k" h "l" h "m" h "n" h "o" h "p" h "q" h "r" h "s" h "t" h "u" h "v" h "w" h "x" h "y" h    \
    "z" h "0" h "1" h "2" h "3" h "4" h "5" h "6" h "7" h "8" h "9" h "+" h "/"
static const char pairs[64][128] = {
    ROW("A"), ROW("B"), ROW("C"), ROW("D"), ROW("E"), ROW("F"), ROW("G"), ROW("H"), ROW("I"), ROW("J"),
    ROW("K"), ROW("L"), ROW("M"), ROW("N"), ROW("O"), ROW("P"), ROW("Q"), ROW("R"), ROW("S"), ROW("T"),
    ROW("U"), ROW("V"), ROW("W"), ROW("X"), ROW("Y"), ROW("Z"), ROW("a"), ROW("b"), ROW("c"), ROW("d"),
    ROW("e"), ROW("f"), ROW("g"), ROW("h"), ROW("i"), ROW("j"), ROW("k"), ROW("l"), ROW("m"), ROW("n"),
    ROW("o"), ROW("p"), ROW("q"), ROW("r"), ROW("s"), ROW("t"), ROW("u"), ROW("v"), ROW("w"), ROW("x"),
    ROW("y"), ROW("z"), ROW("0"), ROW("1"), ROW("2"), ROW("3"), ROW("4"), ROW("5"), ROW("6"), ROW("7"),
    ROW("8"), ROW("9"), ROW("+"), ROW("/")};

static inline void put_four(char *text, uint32_t group) {
  memcpy(text, (const char *)pairs + 2 * (group >> 12), 2);
  memcpy(text + 2, (const char *)pairs + 2 * (group & 0xfff), 2);
}

void base64_encode(const uint8_t *bytes, size_t size, char *text) {
  for (; size >= 8; bytes += 6, size -= 6, text += 8) { /* 8 are read, 6 of them used */
    uint64_t eight;
    memcpy(&eight, bytes, 8);
    eight = be64toh(eight);
    put_four(text, (uint32_t)(eight >> 40));
    put_four(text + 4, (uint32_t)(eight >> 16 & 0xffffff));
  }
  for (; size >= 3; bytes += 3, size -= 3, text += 4)
    put_four(text, (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2]);
  if (!size)
    return;
  put_four(text, (uint32_t)bytes[0] << 16 | (size == 2 ? (uint32_t)bytes[1] << 8 : 0));
  text[3] = '=';
  if (size == 1)
    text[2] = '=';
}

/* For each of a group's four characters: its value where it stands in the group's 24 bits, and a mark that
 * tells characters of the alphabet from all others; four marks add up to ALL_KNOWN. */
enum { KNOWN = 1 << 28, ALL_KNOWN = 1 << 30 };
#define PLACE(c, value, shift) [c] = KNOWN | (value) << (shift)
#define FIVE(c, value, shift)                                                                                \
  PLACE(c, value, shift), PLACE(c + 1, value + 1, shift), PLACE(c + 2, value + 2, shift),                    \
      PLACE(c + 3, value + 3, shift), PLACE(c + 4, value + 4, shift)
#define LETTERS(c, value, shift)                                                                             \
  FIVE(c, value, shift), FIVE(c + 5, value + 5, shift), FIVE(c + 10, value + 10, shift),                     \
      FIVE(c + 15, value + 15, shift), FIVE(c + 20, value + 20, shift), PLACE(c + 25, value + 25, shift)
#define ALPHABET(shift)                                                                                      \
  {                                                                                                          \
    LETTERS('A', 0, shift), LETTERS('a', 26, shift), FIVE('0', 52, shift), FIVE('5', 57, shift),             \
        PLACE('+', 62, shift), PLACE('/', 63, shift)                                                         \
  }
static const uint32_t places[4][256] = {ALPHABET(18), ALPHABET(12), ALPHABET(6), ALPHABET(0)};

/* The 24 bits of four characters, and ALL_KNOWN if they are of the alphabet. */
static inline uint32_t decode_four(const unsigned char *in) {
  return places[0][in[0]] + places[1][in[1]] + places[2][in[2]] + places[3][in[3]];
}

static inline void put_three(uint8_t *out, uint32_t group) {
  out[0] = (uint8_t)(group >> 16);
  out[1] = (uint8_t)(group >> 8);
  out[2] = (uint8_t)group;
}

/* Groups of four as long as no other character comes up. Returns how many groups. Two groups are stored as 8
 * bytes, the last two of them to be overwritten: bytes has room for them, and text that lies in the same
 * memory has been read that far. */
static size_t decode_groups(const unsigned char *in, size_t length, uint8_t *out) {
  size_t groups = 0;
  for (; groups + 1 < length / 4; groups += 2) {
    uint32_t first = decode_four(in + 4 * groups), second = decode_four(in + 4 * groups + 4);
    if (!(first & second & ALL_KNOWN))
      break;
    uint64_t six = htobe64((uint64_t)first << 40 | (uint64_t)(second & 0xffffff) << 16);
    memcpy(out + 3 * groups, &six, 8);
  }
  for (; groups < length / 4; groups++) {
    uint32_t group = decode_four(in + 4 * groups);
    if (!(group & ALL_KNOWN))
      break;
    put_three(out + 3 * groups, group);
  }
  return groups;
}

static bool is_blank(unsigned char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What is left over at the end: `count` characters with their bits in `group`, then `padding` times '='. */
static bool finish(uint32_t group, unsigned count, unsigned padding, uint8_t **out) {
  if (count == 0 && padding == 0)
    return true;
  if (count < 2 || count + padding != 4)
    return false;
  *(*out)++ = (uint8_t)(count == 2 ? group >> 4 : group >> 10);
  if (count == 3)
    *(*out)++ = (uint8_t)(group >> 2);
  return true;
}

bool base64_decode(const char *text, size_t length, uint8_t *bytes, size_t *size) {
  const unsigned char *in = (const unsigned char *)text, *end = in + length;
  uint8_t *out = bytes;
  uint32_t group = 0;
  unsigned count = 0, padding = 0;
  while (in < end) {
    if (count == 0 && padding == 0) {
      size_t groups = decode_groups(in, (size_t)(end - in), out);
      in += 4 * groups;
      out += 3 * groups;
      if (in == end)
        break;
    }
    unsigned char c = *in++;
    if (is_blank(c))
      continue;
    if (c == '=') {
      padding++;
      continue;
    }
    if (padding || !places[3][c])
      return false;
    group = group << 6 | (places[3][c] & 63);
    if (++count < 4)
      continue;
    put_three(out, group);
    out += 3;
    count = 0;
  }
  if (!finish(group, count, padding, &out))
    return false;
  *size = (size_t)(out - bytes);
  return true;
}
