/* Random numbers with the same bits on every machine: xoshiro256** of Blackman and Vigna (2018), seeded by
 * splitmix64. */
#ifndef DEEPECG_SYNTH_RANDOM_H
#define DEEPECG_SYNTH_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Not thread-safe; every record has its own. Draw in separate statements: C leaves the order of calls inside
 * one expression or initialiser open. */
typedef struct random_stream {
  uint64_t state[4];
} random_stream;

/* What a record draws its numbers for. One stream each, so that a change in one (more noise, another sampling
 * rate) leaves the others as they were. */
typedef enum random_purpose {
  RANDOM_PATIENT,
  RANDOM_HEART,
  RANDOM_SCHEDULE,
  RANDOM_NOISE,
  RANDOM_TEXT,
  RANDOM_FILE
} random_purpose;

random_stream random_stream_make(uint64_t seed, uint64_t record, random_purpose purpose);

uint64_t random_bits(random_stream *random);
/* In [low, high). */
double random_uniform(random_stream *random, double low, double high);
bool random_chance(random_stream *random, double probability);
/* In 0..count-1, count >= 1. */
size_t random_index(random_stream *random, size_t count);
/* Nearly normal: mean 0, variance 1, never beyond 6 (the sum of twelve uniform numbers, so that no logarithm
 * is needed). */
double random_normal(random_stream *random);
/* The same from a single draw of four 16-bit numbers: rougher (never beyond 3.47), fast enough for noise. */
double random_noise(random_stream *random);
/* The index that weights[0..count) choose; the weights need not sum to 1 but must not all be 0. */
size_t random_weighted(random_stream *random, const double *weights, size_t count);

#endif
