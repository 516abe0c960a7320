/* Hostile inputs for a reader of foreign bytes: cut at many places, and with bytes changed at random
 * (seeded). The reader must return, with or without an error; the sanitizers watch it. Every variant lies in
 * an allocation of its exact size, so that a read past the end is seen. */
#ifndef DEEPECG_TESTS_MUTATE_H
#define DEEPECG_TESTS_MUTATE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef void (*mutate_reader)(const uint8_t *data, size_t size, void *context);

static inline uint64_t mutate_next(uint64_t *state) { /* splitmix64 */
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

static inline void mutate_call(const uint8_t *data, size_t size, mutate_reader read, void *context) {
  uint8_t *copy = malloc(size ? size : 1);
  if (!copy)
    abort();
  memcpy(copy, data, size);
  read(copy, size, context);
  free(copy);
}

/* `cuts` truncations spread over the file. */
static inline void mutate_truncate(const uint8_t *data, size_t size, int cuts, mutate_reader read,
                                   void *context) {
  for (int i = 0; i < cuts; i++)
    mutate_call(data, size * (size_t)i / (size_t)cuts, read, context);
}

/* `count` variants with 1 to 8 of the first `front` bytes changed each: to a random byte, to 0x00, 0xff, or
 * by one bit. */
static inline void mutate_bytes_within(const uint8_t *data, size_t size, size_t front, int count,
                                       uint64_t seed, mutate_reader read, void *context) {
  uint8_t *copy = malloc(size ? size : 1);
  if (!copy || !size || front > size)
    abort();
  for (int i = 0; i < count; i++) {
    memcpy(copy, data, size);
    for (uint64_t n = 1 + mutate_next(&seed) % 8; n; n--) {
      uint8_t *byte = copy + mutate_next(&seed) % front;
      uint64_t r = mutate_next(&seed);
      uint64_t changed = r % 4 == 0   ? 0
                         : r % 4 == 1 ? 0xff
                         : r % 4 == 2 ? *byte ^ 1u << (r >> 8 & 7)
                                      : r >> 8;
      *byte = (uint8_t)changed;
    }
    read(copy, size, context);
  }
  free(copy);
}

/* The same anywhere in the file. */
static inline void mutate_bytes(const uint8_t *data, size_t size, int count, uint64_t seed,
                                mutate_reader read, void *context) {
  mutate_bytes_within(data, size, size, count, seed, read, context);
}

#endif
