#include "text/word_pieces.h"
#include "text/characters.h"

#include <string.h>

void word_start_order(word *w) {
  w->ordered = w->count;
}

void word_add(word *w, uint32_t c, uint8_t combining) {
  if (w->count == WORD_MAX_CHARACTERS) {
    w->too_long = true;
    return;
  }
  size_t at = w->count++;
  for (; combining && at > w->ordered && w->combining[at - 1] > combining; at--) {
    w->characters[at] = w->characters[at - 1];
    w->combining[at] = w->combining[at - 1];
  }
  w->characters[at] = c;
  w->combining[at] = combining;
}

/* A word as UTF-8; character i is bytes[ends[i - 1]..ends[i]), and ends[-1] is 0. */
typedef struct spelled_word {
  char bytes[4 * WORD_MAX_CHARACTERS];
  size_t ends[WORD_MAX_CHARACTERS];
} spelled_word;

static void spell(const word *w, spelled_word *s) {
  size_t size = 0;
  for (size_t i = 0; i < w->count; i++) {
    size += character_encode(w->characters[i], s->bytes + size);
    s->ends[i] = size;
  }
}

/* The longest piece that starts with character `first`: its id, and in *next the character after it. -1 when
 * the vocabulary has none. */
static int32_t longest_piece(const spelled_word *s, size_t count, size_t first, const vocabulary *v,
                             size_t *next) {
  const char *prefix = first ? "##" : "";
  size_t start = first ? s->ends[first - 1] : 0, at = start, last = first;
  uint64_t hashes[WORD_MAX_CHARACTERS];
  uint64_t hash = vocabulary_hash(VOCABULARY_HASH_START, prefix, strlen(prefix));
  for (; last < count && s->ends[last] - start <= v->longest_size; last++) {
    hash = vocabulary_hash(hash, s->bytes + at, s->ends[last] - at);
    hashes[last] = hash;
    at = s->ends[last];
  }
  for (; last > first; last--) {
    size_t size = s->ends[last - 1] - start;
    int32_t id = vocabulary_find_hashed(v, hashes[last - 1], prefix, s->bytes + start, size);
    if (id >= 0) {
      *next = last;
      return id;
    }
  }
  return -1;
}

size_t word_pieces(const word *w, const vocabulary *v, int32_t unknown, int32_t *ids, size_t room) {
  spelled_word s;
  int32_t pieces[WORD_MAX_CHARACTERS];
  size_t count = 0;
  if (!w->count || !room)
    return 0;
  if (!w->too_long)
    spell(w, &s);
  for (size_t at = 0; at < w->count; count++) {
    pieces[count] = w->too_long ? -1 : longest_piece(&s, w->count, at, v, &at);
    if (pieces[count] < 0) {
      ids[0] = unknown;
      return 1;
    }
  }
  count = count < room ? count : room;
  memcpy(ids, pieces, count * sizeof *ids);
  return count;
}
