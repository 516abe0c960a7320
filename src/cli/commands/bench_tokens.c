#include "cli/commands/bench_tokens.h"

enum { SHORTEST = 3, LONGEST = 512 };

/* Digits, as a length in the allowed range; 0: something else. *text: what follows. */
static size_t read_length(const char **text) {
  size_t value = 0;
  for (; **text >= '0' && **text <= '9' && value <= LONGEST; ++*text)
    value = 10 * value + (size_t)(**text - '0');
  return value >= SHORTEST && value <= LONGEST ? value : 0;
}

/* A length or a range. */
static bool read_range(const char **text, token_lengths *l) {
  size_t first = read_length(text), last = first;
  if (first && **text == '-') {
    ++*text;
    last = read_length(text);
  }
  if (!first || last < first || last - first >= MOST_TOKEN_LENGTHS - l->count)
    return false;
  for (size_t length = first; length <= last; length++)
    l->items[l->count++] = length;
  return true;
}

bool token_lengths_parse(const char *text, token_lengths *l, error *err) {
  const char *at = text;
  l->count = 0;
  bool ok = read_range(&at, l);
  while (ok && *at == ',') {
    at++;
    ok = read_range(&at, l);
  }
  return (ok && !*at) ||
         error_set(err, ERROR_USAGE,
                   "--tokens: '%s' is not a length, a list or a range of lengths from %d to %d, such as 20, "
                   "12,20,33 or 12-48",
                   text, SHORTEST, LONGEST);
}
