/* BERT's tokenizer: a text becomes the ids that a BERT text classifier was trained on.
 *
 * Exact to the class BertTokenizer of transformers 5.0 with its Rust backend, tokenizers 0.22, built from the
 * settings of a model folder. In this order: special tokens inside the text are cut out and become their ids;
 * control characters are dropped and white space becomes blanks; CJK ideographs are set apart; accents are
 * stripped (canonical decomposition without nonspacing marks); letters are lower-cased; the text is split at
 * white space and around punctuation; each word becomes the longest pieces of the vocabulary, or one unknown
 * token. Nothing is composed first, and the categories of characters are those of the backend's tables, which
 * differ from newer Unicode.
 *
 * Sources: Devlin et al. 2018 (arXiv:1810.04805) for WordPiece and the basic tokenizer; the behaviour of the
 * two libraries named above for everything else. */
#ifndef DEEPECG_TEXT_TOKENIZER_H
#define DEEPECG_TEXT_TOKENIZER_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct tokenizer tokenizer;

/* Read the tokenizer of a model folder:
 *   vocab.txt               one token a line, its id is the line's number from 0
 *   tokenizer.json          where it exists, its vocabulary is used instead of vocab.txt, as the reference
 * does tokenizer_config.json   do_lower_case, strip_accents, tokenize_chinese_chars, names of the special
 * tokens special_tokens_map.json names of the special tokens, where tokenizer_config.json has no
 * added_tokens_decoder The two JSON files of settings may be missing; the defaults are then those of the
 * reference (cased, accents kept, CJK set apart, [UNK] [SEP] [PAD] [CLS] [MASK]). Close with tokenizer_close.
 *
 * NULL and *err, which names the file: no vocabulary; a vocabulary without the unknown, [CLS] or [SEP] token,
 * with an empty or a duplicate token, not UTF-8, or too large; JSON that is not, is not an object or too
 * large; a setting of the wrong type or one that nothing here implements. */
tokenizer *tokenizer_open(const char *folder, error *err);

/* Free it. NULL is allowed. */
void tokenizer_close(tokenizer *t);

/* Every id is below this: the rows that a model's word embedding needs. Special tokens that the vocabulary
 * lacks count, as they have the ids after its last one (in the reference too). */
size_t tokenizer_vocabulary_size(const tokenizer *t);

/* The ids of a text: [CLS], the text's, [SEP]. A text of more than max_ids - 2 ids is cut after those, as the
 * reference truncates with max_length = max_ids. ids has room for max_ids, at least 2; *count receives how
 * many were written. Takes time linear in `size`, and allocates nothing. Any number of threads may use one
 * tokenizer.
 *
 * False and *err (code ERROR_DATA, with the byte's offset and never the text): not UTF-8 as utf8_valid
 * defines it. The text may hold NUL characters; they are dropped like other control characters. */
bool tokenizer_encode(const tokenizer *t, const char *utf8, size_t size, size_t max_ids, int32_t *ids,
                      size_t *count, error *err);

#endif
