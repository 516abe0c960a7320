/* One word, and its cutting into pieces of the vocabulary. */
#ifndef DEEPECG_TEXT_WORD_PIECES_H
#define DEEPECG_TEXT_WORD_PIECES_H

#include "text/vocabulary.h"

/* A longer word is unknown as a whole, whatever the vocabulary holds. */
enum { WORD_MAX_CHARACTERS = 100 };

/* A word while its characters come in. Zero-initialise `count`, `ordered` and `too_long`. */
typedef struct word {
  uint32_t characters[WORD_MAX_CHARACTERS];
  uint8_t combining[WORD_MAX_CHARACTERS]; /* combining classes */
  size_t count;
  size_t ordered; /* characters before this one keep their place */
  bool too_long;
} word;

/* Append a character. One with a combining class that isn't 0 goes before the higher classes at the end of
 * the word, back to word_start_order's last call or to the last character of class 0 (canonical ordering). */
void word_add(word *w, uint32_t c, uint8_t combining);
void word_start_order(word *w);

/* The ids of the word's pieces, the longest piece that fits first (WordPiece), or `unknown` alone for a word
 * that cannot be cut so. Writes the first `room` of them and returns how many that were; 0 for a word
 * without characters. */
size_t word_pieces(const word *w, const vocabulary *v, int32_t unknown, int32_t *ids, size_t room);

#endif
