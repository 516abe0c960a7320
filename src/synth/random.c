#include "synth/random.h"

static uint64_t splitmix64(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

random_stream random_stream_make(uint64_t seed, uint64_t record, random_purpose purpose) {
  uint64_t state = seed;
  state = splitmix64(&state) ^ record;
  state = splitmix64(&state) ^ (uint64_t)purpose;
  random_stream random;
  for (size_t i = 0; i < 4; i++)
    random.state[i] = splitmix64(&state);
  return random;
}

static uint64_t rotate_left(uint64_t x, int bits) {
  return (x << bits) | (x >> (64 - bits));
}

uint64_t random_bits(random_stream *random) {
  uint64_t *s = random->state;
  uint64_t result = rotate_left(s[1] * 5, 7) * 9;
  uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate_left(s[3], 45);
  return result;
}

static double unit(random_stream *random) {
  return (double)(random_bits(random) >> 11) * 0x1p-53;
}

double random_uniform(random_stream *random, double low, double high) {
  return low + (high - low) * unit(random);
}

bool random_chance(random_stream *random, double probability) {
  return unit(random) < probability;
}

size_t random_index(random_stream *random, size_t count) {
  return (size_t)(((random_bits(random) >> 32) * count) >> 32);
}

double random_normal(random_stream *random) {
  double sum = -6.0;
  for (int i = 0; i < 12; i++)
    sum += unit(random);
  return sum;
}

double random_noise(random_stream *random) {
  uint64_t bits = random_bits(random);
  int64_t sum =
      (int64_t)((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48)) - 131070;
  return (double)sum * 2.6429e-5; /* 1 / sqrt(4 * 65536^2 / 12) */
}

size_t random_weighted(random_stream *random, const double *weights, size_t count) {
  double total = 0;
  for (size_t i = 0; i < count; i++)
    total += weights[i];
  double x = random_uniform(random, 0, total);
  size_t last = 0;
  for (size_t i = 0; i < count; i++) {
    if (weights[i] <= 0)
      continue;
    last = i;
    if (x < weights[i])
      return i;
    x -= weights[i];
  }
  return last;
}
