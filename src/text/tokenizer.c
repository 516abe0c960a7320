#include "text/tokenizer.h"
#include "base/mapped_file.h"
#include "base/utf8.h"
#include "text/characters.h"
#include "text/json_file.h"
#include "text/settings.h"
#include "text/word_pieces.h"

#include <string.h>

typedef struct special_token {
  const char *text;
  size_t size;
  int32_t id;
} special_token;

struct tokenizer {
  arena *memory;
  tokenizer_settings settings;
  vocabulary words;
  special_token special[SETTINGS_MAX_SPECIAL];
  bool starts_special[256]; /* may a special token start with this byte? */
  character_class ascii[128];
  size_t id_end; /* every id is below this */
  int32_t unknown, start, end;
};

static bool read_tokenizer_json(tokenizer *t, const json_t *root, error *err) {
  const json_t *model = json_object_get(root, "model");
  json_t *pieces = json_object_get(model, "vocab");
  const char *type = json_string_value(json_object_get(model, "type"));
  if (type && strcmp(type, "WordPiece") != 0)
    return error_set(err, ERROR_UNSUPPORTED, "its model is '%.100s'; only WordPiece is supported", type);
  if (!json_is_object(pieces))
    return error_set(err, ERROR_FORMAT, "model.vocab isn't an object");
  return vocabulary_read_json(&t->words, pieces, t->memory, err);
}

static bool read_vocab_txt(tokenizer *t, const char *path, error *err) {
  mapped_file file;
  if (!mapped_file_open(&file, path, err))
    return false;
  bool ok = vocabulary_read_lines(&t->words, (const char *)file.data, file.size, t->memory, err) ||
            error_prefix(err, "%s", path);
  mapped_file_close(&file);
  return ok;
}

static bool find_required(const tokenizer *t, const char *name, const char *path, int32_t *id, error *err) {
  *id = vocabulary_find(&t->words, "", name, strlen(name));
  return *id >= 0 || error_set(err, ERROR_DATA, "%s: lacks the token '%.100s'", path, name);
}

/* Special tokens that the vocabulary lacks get the ids after its last. */
static void number_special(tokenizer *t) {
  t->id_end = t->words.id_end;
  for (size_t i = 0; i < t->settings.special_count; i++) {
    const char *text = t->settings.special[i];
    size_t size = strlen(text);
    int32_t id = vocabulary_find(&t->words, "", text, size);
    t->special[i] = (special_token){text, size, id >= 0 ? id : (int32_t)t->id_end++};
    t->starts_special[(unsigned char)*text] = true;
  }
}

static bool read_folder(tokenizer *t, const char *folder, error *err) {
  json_t *json;
  if (!json_file_read(folder, "tokenizer.json", VOCABULARY_MAX_FILE, &json, err))
    return false;
  const char *path = arena_printf(t->memory, err, "%s/%s", folder, json ? "tokenizer.json" : "vocab.txt");
  bool ok = path && settings_read(&t->settings, folder, json, t->memory, err) &&
            (json ? read_tokenizer_json(t, json, err) || error_prefix(err, "%s", path)
                  : read_vocab_txt(t, path, err)) &&
            find_required(t, t->settings.unknown, path, &t->unknown, err) &&
            find_required(t, t->settings.start, path, &t->start, err) &&
            find_required(t, t->settings.end, path, &t->end, err);
  json_decref(json);
  if (ok)
    number_special(t);
  return ok;
}

tokenizer *tokenizer_open(const char *folder, error *err) {
  arena *memory = arena_create(err);
  tokenizer *t = memory ? arena_alloc(memory, sizeof *t, err) : NULL;
  if (!t) {
    arena_destroy(memory);
    return NULL;
  }
  t->memory = memory;
  for (uint32_t c = 0; c < 128; c++)
    t->ascii[c] = character_classify(c);
  if (!read_folder(t, folder, err)) {
    tokenizer_close(t);
    return NULL;
  }
  return t;
}

void tokenizer_close(tokenizer *t) {
  if (t)
    arena_destroy(t->memory);
}

size_t tokenizer_vocabulary_size(const tokenizer *t) {
  return t->id_end;
}

/* A text on its way to ids. */
typedef struct encoding {
  const tokenizer *t;
  word word;
  int32_t *ids;
  size_t count, room;
} encoding;

static void end_word(encoding *e) {
  e->count += word_pieces(&e->word, &e->t->words, e->t->unknown, e->ids + e->count, e->room - e->count);
  e->word.count = e->word.ordered = 0;
  e->word.too_long = false;
}

static character_class classify(const tokenizer *t, uint32_t c) {
  return c < 128 ? t->ascii[c] : character_classify(c);
}

/* The last step: white space and punctuation. */
static void put_split(encoding *e, uint32_t c, character_class class) {
  if (class.flags & (CHARACTER_WHITE_SPACE | CHARACTER_PUNCTUATION))
    end_word(e);
  if (class.flags & CHARACTER_WHITE_SPACE)
    return;
  word_add(&e->word, c, e->t->settings.strip_accents ? class.combining : 0);
  if (class.flags & CHARACTER_PUNCTUATION)
    end_word(e);
}

static void put_cased(encoding *e, uint32_t c, character_class class) {
  if (!e->t->settings.lower_case || !(class.flags & (CHARACTER_MAPPED | CHARACTER_CAPITAL))) {
    put_split(e, c, class);
    return;
  }
  uint32_t lowered[CHARACTER_MAX_LOWERED];
  size_t count = character_lower(c, class, lowered);
  for (size_t i = 0; i < count; i++)
    put_split(e, lowered[i], classify(e->t, lowered[i]));
}

static void put_stripped(encoding *e, uint32_t c, character_class class) {
  if (!(class.flags & CHARACTER_MARK))
    put_cased(e, c, class);
  else if (!class.combining)
    word_start_order(&e->word);
}

static void put_accented(encoding *e, uint32_t c, character_class class) {
  if (!e->t->settings.strip_accents) {
    put_cased(e, c, class);
    return;
  }
  if (c < 128) {
    put_stripped(e, c, class);
    return;
  }
  uint32_t parts[CHARACTER_MAX_DECOMPOSED];
  size_t count = character_decompose(c, class, parts);
  for (size_t i = 0; i < count; i++)
    put_stripped(e, parts[i], classify(e->t, parts[i]));
}

/* The first steps: dropped characters, white space, ideographs. */
static void put(encoding *e, uint32_t c) {
  character_class class = classify(e->t, c);
  if (class.flags & CHARACTER_DROPPED)
    return;
  bool alone = class.flags & CHARACTER_IDEOGRAPH && e->t->settings.space_ideographs;
  if (alone)
    end_word(e);
  put_accented(e, c, class);
  if (alone)
    end_word(e);
}

/* The longest special token that text[0..size) starts with, or NULL. */
static const special_token *find_special(const tokenizer *t, const char *text, size_t size) {
  const special_token *best = NULL;
  if (!t->starts_special[(unsigned char)*text])
    return NULL;
  for (size_t i = 0; i < t->settings.special_count; i++) {
    const special_token *s = &t->special[i];
    if (s->size <= size && (!best || s->size > best->size) && memcmp(s->text, text, s->size) == 0)
      best = s;
  }
  return best;
}

static void put_special(encoding *e, const special_token *s) {
  end_word(e);
  if (e->count < e->room)
    e->ids[e->count++] = s->id;
}

static void put_text(encoding *e, const char *text, size_t size) {
  for (size_t at = 0, step; at < size && e->count < e->room; at += step) {
    const special_token *s = find_special(e->t, text + at, size - at);
    if (s) {
      put_special(e, s);
      step = s->size;
    } else {
      put(e, character_decode(text + at, &step));
    }
  }
  end_word(e);
}

bool tokenizer_encode(const tokenizer *t, const char *utf8, size_t size, size_t max_ids, int32_t *ids,
                      size_t *count, error *err) {
  if (max_ids < 2)
    return error_set(err, ERROR_USAGE, "a text has at least 2 ids");
  if (!utf8_valid(utf8, size))
    return error_set(err, ERROR_DATA, "the text is not UTF-8");
  encoding e = {.t = t, .ids = ids + 1, .room = max_ids - 2};
  put_text(&e, utf8, size);
  ids[0] = t->start;
  ids[e.count + 1] = t->end;
  *count = e.count + 2;
  return true;
}
