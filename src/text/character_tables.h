/* What the reference's tokenizer takes characters for; made by tools/make_tokenizer_tables.py. */
#ifndef DEEPECG_TEXT_CHARACTER_TABLES_H
#define DEEPECG_TEXT_CHARACTER_TABLES_H

#include <stddef.h>
#include <stdint.h>

enum {
  CHARACTER_DROPPED = 1,     /* control, format and private-use characters, U+FFFD */
  CHARACTER_WHITE_SPACE = 2, /* ends a word */
  CHARACTER_PUNCTUATION = 4, /* a word by itself */
  CHARACTER_IDEOGRAPH = 8,   /* CJK: a word by itself where the settings say so */
  CHARACTER_MARK = 16,       /* nonspacing mark: not there once accents are stripped */
  CHARACTER_MAPPED = 32,     /* may have a decomposition or a lower-case letter that utf8proc knows */
  CHARACTER_CAPITAL = 64     /* its lower-case letter is in capital_ranges, whatever utf8proc says */
};

/* Characters first..last, which are alike. A character in no range has no flag and combining class 0. */
typedef struct character_range {
  uint32_t first, last;
  uint8_t combining; /* canonical combining class; 1 for every nonspacing mark that is no starter */
  uint8_t flags;
} character_range;

extern const character_range character_ranges[]; /* ascending */
extern const size_t character_range_count;

/* Capitals first..last, whose lower-case letters are lower, lower + 1, ..., each followed by `second` if that
 * isn't 0. */
typedef struct capital_range {
  uint32_t first, last, lower, second;
} capital_range;

extern const capital_range capital_ranges[]; /* ascending */
extern const size_t capital_range_count;

#endif
