/* What the files of a model folder say about its tokenizer. */
#ifndef DEEPECG_TEXT_SETTINGS_H
#define DEEPECG_TEXT_SETTINGS_H

#include "base/arena.h"

#include <jansson.h>
#include <stddef.h>

enum {
  SETTINGS_MAX_FILE = 1 << 20, /* bytes */
  SETTINGS_MAX_SPECIAL = 256   /* special tokens */
};

typedef struct tokenizer_settings {
  bool lower_case, strip_accents, space_ideographs;
  const char *unknown, *start, *end; /* of every text: "[UNK]", "[CLS]", "[SEP]" */
  /* Texts that become one id each wherever they stand, those three included; none is empty, none is there
   * twice. In the order in which the reference gives ids to those that the vocabulary lacks. */
  const char *special[SETTINGS_MAX_SPECIAL];
  size_t special_count;
} tokenizer_settings;

/* Read tokenizer_config.json and special_tokens_map.json of `folder`; `tokenizer_json` is tokenizer.json or
 * NULL. Texts are kept in `memory`. *err names the file. */
bool settings_read(tokenizer_settings *s, const char *folder, const json_t *tokenizer_json, arena *memory,
                   error *err);

#endif
