#include "base/text_hash.h"

#include <string.h>
#include <sys/random.h>

uint64_t text_hash_key(const void *address) {
  uint64_t key;
  if (getrandom(&key, sizeof key, GRND_NONBLOCK) != sizeof key)
    key = (uint64_t)(uintptr_t)address;
  return key;
}

static uint64_t fold(uint64_t a, uint64_t b) {
  __extension__ typedef unsigned __int128 wide;
  wide product = (wide)a * b;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t text_hash(uint64_t key, const char *text, size_t length) {
  uint64_t h = fold(key ^ length, 0x9e3779b97f4a7c15u), word;
  for (; length >= 8; text += 8, length -= 8) {
    memcpy(&word, text, 8);
    h = fold(h ^ word, key | 1) + 0x9e3779b97f4a7c15u;
  }
  word = 0;
  if (length)
    memcpy(&word, text, length);
  return fold(h ^ word, 0xbf58476d1ce4e5b9u);
}
