#include "text/vocabulary.h"
#include "base/utf8.h"
#include "text/characters.h"

#include <inttypes.h>
#include <string.h>

uint64_t vocabulary_hash(uint64_t state, const char *text, size_t size) {
  for (size_t i = 0; i < size; i++)
    state = (state ^ (unsigned char)text[i]) * 0x100000001b3u;
  return state;
}

/* FNV-1a's low bits are its worst. */
static size_t home_of(const vocabulary *v, uint64_t hash) {
  return (size_t)((hash ^ hash >> 32) * 0x9e3779b97f4a7c15u >> 20) & (v->capacity - 1);
}

int32_t vocabulary_find_hashed(const vocabulary *v, uint64_t hash, const char *prefix, const char *text,
                               size_t size) {
  size_t start = strlen(prefix);
  for (size_t at = home_of(v, hash); v->slots[at].text; at = (at + 1) & (v->capacity - 1)) {
    const vocabulary_slot *slot = &v->slots[at];
    if (slot->hash == hash && slot->size == start + size && memcmp(slot->text, prefix, start) == 0 &&
        memcmp(slot->text + start, text, size) == 0)
      return slot->id;
  }
  return -1;
}

int32_t vocabulary_find(const vocabulary *v, const char *prefix, const char *text, size_t size) {
  uint64_t hash = vocabulary_hash(vocabulary_hash(VOCABULARY_HASH_START, prefix, strlen(prefix)), text, size);
  return vocabulary_find_hashed(v, hash, prefix, text, size);
}

/* An empty table for `count` pieces. */
static bool create(vocabulary *v, size_t count, arena *memory, error *err) {
  *v = (vocabulary){0};
  if (count == 0)
    return error_set(err, ERROR_DATA, "holds no tokens");
  if (count > VOCABULARY_MAX_PIECES)
    return error_set(err, ERROR_LIMIT, "holds %zu tokens, more than %d", count, VOCABULARY_MAX_PIECES);
  for (v->capacity = 16; v->capacity < 2 * count;)
    v->capacity *= 2;
  v->slots = arena_alloc_array(memory, v->capacity, sizeof *v->slots, err);
  return v->slots != NULL;
}

/* Crafted collisions would make the table slow, never wrong; a real vocabulary stays far below this. */
enum { MAX_PROBES = 1000 };

static bool add(vocabulary *v, const char *text, size_t size, int32_t id, error *err) {
  if (size == 0)
    return error_set(err, ERROR_DATA, "token %" PRId32 " is empty", id);
  uint64_t hash = vocabulary_hash(VOCABULARY_HASH_START, text, size);
  size_t at = home_of(v, hash), probes = 0;
  for (; v->slots[at].text; at = (at + 1) & (v->capacity - 1)) {
    const vocabulary_slot *slot = &v->slots[at];
    if (slot->hash == hash && slot->size == size && memcmp(slot->text, text, size) == 0)
      return error_set(err, ERROR_DATA, "tokens %" PRId32 " and %" PRId32 " are both '%.*s'", slot->id, id,
                       size < 100 ? (int)size : 100, text);
    if (++probes > MAX_PROBES)
      return error_set(err, ERROR_LIMIT, "its tokens collide in a hash table, which no real vocabulary does");
  }
  v->slots[at] = (vocabulary_slot){text, hash, (uint32_t)size, id};
  v->count++;
  if (v->id_end <= (size_t)id)
    v->id_end = (size_t)id + 1;
  if (v->longest_size < size)
    v->longest_size = size;
  return true;
}

static size_t trim_end(const char *line, size_t size) {
  while (size > 0) {
    size_t at = size - 1, length;
    while (at > 0 && ((unsigned char)line[at] & 0xc0) == 0x80)
      at--;
    if (!(character_classify(character_decode(line + at, &length)).flags & CHARACTER_WHITE_SPACE))
      break;
    size = at;
  }
  return size;
}

static const char *line_end(const char *line, const char *end) {
  const char *newline = memchr(line, '\n', (size_t)(end - line));
  return newline ? newline : end;
}

static size_t count_lines(const char *bytes, size_t size) {
  const char *end = bytes + size;
  size_t count = 0;
  for (const char *line = bytes; line < end; line = line_end(line, end) + 1)
    count++;
  return count;
}

bool vocabulary_read_lines(vocabulary *v, const char *bytes, size_t size, arena *memory, error *err) {
  if (size > VOCABULARY_MAX_FILE)
    return error_set(err, ERROR_LIMIT, "has %zu bytes, more than %d", size, VOCABULARY_MAX_FILE);
  if (!utf8_valid(bytes, size))
    return error_set(err, ERROR_FORMAT, "is not UTF-8");
  char *text = arena_strndup(memory, bytes, size, err);
  if (!text || !create(v, count_lines(bytes, size), memory, err))
    return false;
  int32_t id = 0;
  for (const char *line = text, *end = text + size, *next; line < end; line = next + 1) {
    next = line_end(line, end);
    if (!add(v, line, trim_end(line, (size_t)(next - line)), id++, err))
      return false;
  }
  return true;
}

static bool add_json(vocabulary *v, const char *piece, size_t size, const json_t *id, uint8_t *taken,
                     arena *memory, error *err) {
  json_int_t value = json_is_integer(id) ? json_integer_value(id) : -1;
  if (value < 0 || value >= VOCABULARY_MAX_PIECES)
    return error_set(err, ERROR_DATA, "the id of '%.100s' isn't a whole number of 0..%d", piece,
                     VOCABULARY_MAX_PIECES - 1);
  if (taken[value])
    return error_set(err, ERROR_DATA, "the id %d belongs to two tokens", (int)value);
  taken[value] = 1;
  const char *copy = arena_strndup(memory, piece, size, err);
  return copy && add(v, copy, size, (int32_t)value, err);
}

bool vocabulary_read_json(vocabulary *v, json_t *pieces, arena *memory, error *err) {
  uint8_t *taken = arena_alloc(memory, VOCABULARY_MAX_PIECES, err);
  if (!taken || !create(v, json_object_size(pieces), memory, err))
    return false;
  for (void *at = json_object_iter(pieces); at; at = json_object_iter_next(pieces, at)) {
    const char *piece = json_object_iter_key(at);
    if (!add_json(v, piece, strlen(piece), json_object_iter_value(at), taken, memory, err))
      return false;
  }
  return true;
}
