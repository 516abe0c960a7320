/* The pieces of a WordPiece vocabulary and their ids. */
#ifndef DEEPECG_TEXT_VOCABULARY_H
#define DEEPECG_TEXT_VOCABULARY_H

#include "base/arena.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum {
  VOCABULARY_MAX_FILE = 16 << 20, /* bytes */
  VOCABULARY_MAX_PIECES = 1 << 20 /* ids are below this */
};

typedef struct vocabulary_slot {
  const char *text; /* NULL: free */
  uint64_t hash;
  uint32_t size;
  int32_t id;
} vocabulary_slot;

/* A hash table with linear probing; `capacity` is a power of two and at most half full. Its memory is the
 * arena's. Reading it is thread-safe. */
typedef struct vocabulary {
  vocabulary_slot *slots;
  size_t capacity, count;
  size_t id_end;       /* every id is below this */
  size_t longest_size; /* bytes of the longest piece */
} vocabulary;

/* From vocab.txt: one piece a line, white space at its end left out; the id is the number of the line from 0.
 * The bytes are needed no longer. False and *err (without the file's name): an empty or duplicate piece, not
 * UTF-8, too many pieces, none. */
bool vocabulary_read_lines(vocabulary *v, const char *bytes, size_t size, arena *memory, error *err);

/* From an object piece -> id, which is needed no longer. False and *err likewise, and for ids that
 * aren't whole numbers of 0..VOCABULARY_MAX_PIECES-1 or that two pieces have. */
bool vocabulary_read_json(vocabulary *v, json_t *pieces, arena *memory, error *err);

/* The id of the piece that is `prefix` followed by text[0..size), or -1. */
int32_t vocabulary_find(const vocabulary *v, const char *prefix, const char *text, size_t size);

/* The same in two steps, for many texts that start alike: the hash of prefix and text, to be extended byte by
 * byte (FNV-1a), and the search with a known hash. */
uint64_t vocabulary_hash(uint64_t state, const char *text, size_t size);
#define VOCABULARY_HASH_START 0xcbf29ce484222325u
int32_t vocabulary_find_hashed(const vocabulary *v, uint64_t hash, const char *prefix, const char *text,
                               size_t size);

#endif
