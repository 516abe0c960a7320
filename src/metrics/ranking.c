#include "metrics/ranking.h"

#include "base/checked.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS, PASSES = 3 };

/* Unsigned integers in the order of the floats; both zeros are one. */
static uint32_t key_of(float score) {
  uint32_t bits;
  score += 0.0f;
  memcpy(&bits, &score, sizeof bits);
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}

static float score_of(uint32_t key) {
  uint32_t bits = key >> 31 ? key & 0x7fffffffu : ~key;
  float score;
  memcpy(&score, &bits, sizeof score);
  return score;
}

static void sort_by_digit(const uint32_t *from, uint32_t *to, size_t count, int shift) {
  size_t starts[DIGITS] = {0}, start = 0;
  for (size_t i = 0; i < count; i++)
    starts[from[i] >> shift & (DIGITS - 1)]++;
  for (size_t digit = DIGITS; digit-- > 0;) { /* descending */
    size_t size = starts[digit];
    starts[digit] = start;
    start += size;
  }
  for (size_t i = 0; i < count; i++)
    to[starts[from[i] >> shift & (DIGITS - 1)]++] = from[i];
}

/* Descending. The result lies in `scratch`: the number of passes is odd. */
static void sort_keys(uint32_t *keys, uint32_t *scratch, size_t count) {
  sort_by_digit(keys, scratch, count, 0);
  sort_by_digit(scratch, keys, count, DIGIT_BITS);
  sort_by_digit(keys, scratch, count, 2 * DIGIT_BITS);
}

/* Positives' keys from the front of `keys`, negatives' from the back. */
static void split(ranking *r, const uint8_t *truth, const float *scores, size_t rows, size_t stride,
                  const unsigned char *columns, size_t column_count, uint32_t *keys) {
  uint32_t *negative = keys + rows * column_count;
  for (size_t c = 0; c < column_count; c++)
    for (size_t row = 0, at = columns[c]; row < rows; row++, at += stride) {
      uint32_t key = key_of(scores[at]);
      if (truth[at])
        keys[r->positives++] = key;
      else
        *--negative = key;
    }
  r->negatives = rows * column_count - r->positives;
}

static void merge(ranking *r, const uint32_t *positive, const uint32_t *negative) {
  size_t tp = 0, fp = 0;
  while (tp < r->positives || fp < r->negatives) {
    bool take_positive = fp == r->negatives || (tp < r->positives && positive[tp] >= negative[fp]);
    uint32_t key = take_positive ? positive[tp] : negative[fp];
    while (tp < r->positives && positive[tp] == key)
      tp++;
    while (fp < r->negatives && negative[fp] == key)
      fp++;
    r->scores[r->count] = score_of(key);
    r->true_positives[r->count] = tp;
    r->false_positives[r->count++] = fp;
  }
}

static void *allocate(size_t count, size_t size) {
  return calloc(count ? count : 1, size);
}

bool ranking_build(ranking *r, const uint8_t *truth, const float *scores, size_t rows, size_t stride,
                   const unsigned char *columns, size_t column_count, error *err) {
  *r = (ranking){0};
  size_t n;
  if (!checked_mul(rows, column_count, &n))
    return error_out_of_memory(err);
  uint32_t *keys = allocate(n, sizeof *keys), *sorted = allocate(n, sizeof *sorted);
  r->scores = allocate(n, sizeof *r->scores);
  r->true_positives = allocate(n, sizeof *r->true_positives);
  r->false_positives = allocate(n, sizeof *r->false_positives);
  bool ok = keys && sorted && r->scores && r->true_positives && r->false_positives;
  if (ok) {
    split(r, truth, scores, rows, stride, columns, column_count, keys);
    sort_keys(keys, sorted, r->positives);
    sort_keys(keys + r->positives, sorted + r->positives, r->negatives);
    merge(r, sorted, sorted + r->positives);
  }
  free(keys);
  free(sorted);
  return ok || error_out_of_memory(err);
}

void ranking_free(ranking *r) {
  free(r->scores);
  free(r->true_positives);
  free(r->false_positives);
  *r = (ranking){0};
}

double pairwise_sum(const double *values, size_t count) {
  if (count > 128) {
    size_t half = count / 2 / 8 * 8;
    return pairwise_sum(values, half) + pairwise_sum(values + half, count - half);
  }
  double sum = 0, partial[8] = {0};
  size_t i = 0;
  if (count >= 8) {
    for (; i < count / 8 * 8; i++)
      partial[i % 8] += values[i];
    sum = ((partial[0] + partial[1]) + (partial[2] + partial[3])) +
          ((partial[4] + partial[5]) + (partial[6] + partial[7]));
  }
  for (; i < count; i++)
    sum += values[i];
  return sum;
}

/* Is the second difference of counts at i zero? */
static bool is_straight(const size_t *counts, size_t i) {
  return counts[i + 1] - counts[i] == counts[i] - counts[i - 1];
}

static bool is_corner(const ranking *r, size_t i) {
  return i == 0 || i + 1 == r->count || !is_straight(r->true_positives, i) ||
         !is_straight(r->false_positives, i);
}

bool ranking_roc(const ranking *r, roc *result, error *err) {
  *result = (roc){NAN, INFINITY, 0, 0};
  if (!r->positives || !r->negatives)
    return true;
  double *areas = allocate(r->count, sizeof *areas);
  if (!areas)
    return error_out_of_memory(err);
  size_t points = 0;
  double x = 0, y = 0, best = 0;
  for (size_t i = 0; i < r->count; i++) {
    if (!is_corner(r, i))
      continue;
    double next_x = (double)r->false_positives[i] / (double)r->negatives;
    double next_y = (double)r->true_positives[i] / (double)r->positives;
    areas[points++] = (next_x - x) * (next_y + y) / 2;
    x = next_x;
    y = next_y;
    if (y - x > best) {
      best = y - x;
      result->threshold = (double)r->scores[i];
      result->true_positives = r->true_positives[i];
      result->false_positives = r->false_positives[i];
    }
  }
  result->auc = pairwise_sum(areas, points);
  free(areas);
  return true;
}

bool ranking_average_precision(const ranking *r, double *result, error *err) {
  double *gains = allocate(r->count, sizeof *gains);
  if (!gains)
    return error_out_of_memory(err);
  double before = 0;
  for (size_t i = 0; i < r->count; i++) {
    double recall = (double)r->true_positives[i] / (double)r->positives;
    double precision = (double)r->true_positives[i] / (double)(r->true_positives[i] + r->false_positives[i]);
    gains[r->count - 1 - i] = (recall - before) * precision; /* the reference adds from the lowest score on */
    before = recall;
  }
  *result = pairwise_sum(gains, r->count);
  free(gains);
  return true;
}
