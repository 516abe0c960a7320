/* The tokenizer against what BertTokenizer of transformers 5.0.0rc3 makes of the same folders and texts
 * (tools/make_tokenizer_fixtures.py wrote its answers). */
#include "base/atomic_file.h"
#include "base/buffer.h"
#include "base/sha256.h"
#include "support/golden_files.h"
#include "support/mutate.h"
#include "text/characters.h"
#include "text/tokenizer.h"

#include <unistd.h>

#include <jansson.h>

#define FOLDER   DEEPECG_TEST_TMP "/text_scratch"
#define FIXTURES DEEPECG_TEST_DATA "/fixtures/text/"

enum { MAX_IDS = 512 };

static const char *const file_names[] = {"vocab.txt", "tokenizer_config.json", "special_tokens_map.json",
                                         "tokenizer.json"};
enum { VOCAB, CONFIG, MAP, TOKENIZER, FILES };

/* A model folder; files that are NULL are not there. */
typedef struct folder {
  const char *text[FILES];
} folder;

static void write_file(int which, const void *bytes, size_t size) {
  char path[1024];
  snprintf(path, sizeof path, FOLDER "/%s", file_names[which]);
  unlink(path); /* file systems write a file that replaces another to disk at once */
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

static void write_folder(const folder *f) {
  assert_true(make_folders(FOLDER, NULL));
  for (int i = 0; i < FILES; i++) {
    char path[1024];
    snprintf(path, sizeof path, FOLDER "/%s", file_names[i]);
    unlink(path);
    if (f->text[i])
      write_file(i, f->text[i], strlen(f->text[i]));
  }
}

static tokenizer *open_folder(const char *path) {
  error err = {0};
  tokenizer *t = tokenizer_open(path, &err);
  if (!t)
    fail_msg("%s", err.message);
  return t;
}

static json_t *load_json(const char *path) {
  json_error_t reason;
  json_t *root = json_load_file(path, JSON_ALLOW_NUL, &reason);
  if (!root)
    fail_msg("%s:%d: %s", path, reason.line, reason.text);
  return root;
}

static void assert_ids(const tokenizer *t, const char *text, size_t size, size_t max_ids,
                       const int32_t *expected, size_t expected_count) {
  int32_t ids[MAX_IDS];
  size_t count;
  error err = {0};
  if (!tokenizer_encode(t, text, size, max_ids, ids, &count, &err))
    fail_msg("%s: '%s'", err.message, text);
  if (count != expected_count)
    fail_msg("'%s': %zu ids, not %zu", text, count, expected_count);
  for (size_t i = 0; i < count; i++)
    if (ids[i] != expected[i])
      fail_msg("'%s': id %zu is %d, not %d", text, i, (int)ids[i], (int)expected[i]);
}

/* IDS(t, "text", 2, 7, 3) */
#define IDS(t, text, ...)                                                                                    \
  assert_ids(t, text, sizeof(text) - 1, MAX_IDS, (const int32_t[]){__VA_ARGS__},                             \
             sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

static void golden_texts_have_the_reference_s_ids(void **state) {
  (void)state;
  json_t *cases = load_json(GOLDEN_ANALYSIS "bert_tokens.json");
  tokenizer *t = open_folder(GOLDEN_ANALYSIS "models/Bert_diagnosis2classification_En_Fr");
  assert_int_equal(tokenizer_vocabulary_size(t), 584);
  assert_true(json_array_size(cases) > 10);
  for (size_t i = 0; i < json_array_size(cases); i++) {
    const json_t *text = json_object_get(json_array_get(cases, i), "text");
    const json_t *list = json_object_get(json_array_get(cases, i), "ids");
    int32_t expected[MAX_IDS];
    for (size_t k = 0; k < json_array_size(list); k++)
      expected[k] = (int32_t)json_integer_value(json_array_get(list, k));
    assert_ids(t, json_string_value(text), json_string_length(text), MAX_IDS, expected,
               json_array_size(list));
  }
  tokenizer_close(t);
  json_decref(cases);
}

/* The reference's answers: the vocabulary is special tokens, every character of planes 0 to 2 that isn't
 * white space, each at the start of a word and inside, and pieces.txt. */

static void append(buffer *b, const void *bytes, size_t size) {
  assert_true(buffer_append(b, bytes, size, NULL));
}

static void append_characters(buffer *vocab, const char *prefix) {
  for (uint32_t c = 0; c < 0x30000; c++) {
    char utf8[4];
    if ((c >= 0xd800 && c < 0xe000) || character_classify(c).flags & CHARACTER_WHITE_SPACE)
      continue;
    append(vocab, prefix, strlen(prefix));
    append(vocab, utf8, character_encode(c, utf8));
    append(vocab, "\n", 1);
  }
}

static void write_reference_vocabulary(void) {
  static const char special[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
  buffer vocab = {0};
  mapped_file pieces = golden_map(FIXTURES "pieces.txt");
  write_folder(&(folder){0});
  append(&vocab, special, sizeof special - 1);
  append_characters(&vocab, "");
  append_characters(&vocab, "##");
  append(&vocab, pieces.data, pieces.size);
  write_file(VOCAB, vocab.data, vocab.size);
  mapped_file_close(&pieces);
  buffer_free(&vocab);
}

static tokenizer *open_reference(const json_t *settings) {
  char *config = json_dumps(settings, 0);
  assert_non_null(config);
  write_file(CONFIG, config, strlen(config));
  free(config);
  return open_folder(FOLDER);
}

/* Append count and ids of a text; false (no assertion, for any thread) when it can't be encoded. */
static bool append_ids(buffer *b, const tokenizer *t, const char *text, size_t size) {
  int32_t ids[1 + MAX_IDS];
  size_t count;
  if (!tokenizer_encode(t, text, size, MAX_IDS, ids + 1, &count, NULL))
    return false;
  ids[0] = (int32_t)count;
  return buffer_append(b, ids, (1 + count) * sizeof *ids, NULL);
}

enum { BLOCK = 256, BLOCKS_END = 0x30000, PLANE = 0x10000, BLOCKS = BLOCKS_END / BLOCK + 14 };

static void digest_block(const tokenizer *t, int block, sha256_text *digest) {
  const bool small = block < BLOCKS_END / BLOCK;
  uint32_t first = (uint32_t)(small ? block * BLOCK : BLOCKS_END + (block - BLOCKS_END / BLOCK) * PLANE);
  buffer ids = {0};
  bool ok = true;
  for (uint32_t c = first; ok && c < first + (small ? BLOCK : PLANE); c++) {
    char text[6] = "a";
    size_t size = 1 + character_encode(c, text + 1);
    text[size++] = 'b';
    if (c < 0xd800 || c >= 0xe000)
      ok = append_ids(&ids, t, text, size);
  }
  *digest = sha256_of(ids.data ? ids.data : "", ok ? ids.size : 1);
  buffer_free(&ids);
}

/* Are the first 8 digits those of the file? */
static bool is_digest(const sha256_text *digest, const json_t *expected) {
  assert_int_equal(json_string_length(expected), 8);
  return strncmp(digest->hex, json_string_value(expected), 8) == 0;
}

static void check_characters(const tokenizer *t, const json_t *settings, size_t index) {
  static sha256_text digests[BLOCKS];
  const json_t *expected = json_object_get(settings, "characters");
  assert_int_equal(json_array_size(expected), BLOCKS);
  /* Threads share the tokenizer, as its header allows. */
#pragma omp parallel for schedule(dynamic)
  for (int block = 0; block < BLOCKS; block++)
    digest_block(t, block, &digests[block]);
  for (int block = 0; block < BLOCKS; block++)
    if (!is_digest(&digests[block], json_array_get(expected, (size_t)block)))
      fail_msg("settings %zu: block %d of the characters differs", index, block);
}

static void every_character_and_2000_texts_have_the_reference_s_ids(void **state) {
  (void)state;
  json_t *root = load_json(FIXTURES "tokens.json");
  const json_t *all_settings = json_object_get(root, "settings"), *texts = json_object_get(root, "texts");
  size_t count = json_array_size(texts);
  buffer *ids = calloc(count, sizeof *ids);
  assert_true(ids && count >= 2000 && json_array_size(all_settings) == 6);
  write_reference_vocabulary();
  for (size_t i = 0; i < json_array_size(all_settings); i++) {
    const json_t *settings = json_array_get(all_settings, i);
    tokenizer *t = open_reference(settings);
    check_characters(t, settings, i);
    for (size_t k = 0; k < count; k++) {
      const json_t *text = json_array_get(json_array_get(texts, k), 0);
      assert_true(append_ids(&ids[k], t, json_string_value(text), json_string_length(text)));
    }
    tokenizer_close(t);
  }
  for (size_t k = 0; k < count; k++) {
    sha256_text digest = sha256_of(ids[k].data, ids[k].size);
    if (!is_digest(&digest, json_array_get(json_array_get(texts, k), 1)))
      fail_msg("text %zu differs", k);
    buffer_free(&ids[k]);
  }
  free(ids);
  json_decref(root);
}

/* Settings. Ids: 0 [PAD], 1 [UNK], 2 [CLS], 3 [SEP], 4 [MASK], 5 [X], 6 a, 7 b, 8 ##b, 9 [, 10 ], 11 x, 12 é,
 * 13 A, 14 漢, 15 ##漢 */
static const char small_vocab[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n[X]\na\nb\n##b\n[\n]\nx\né\nA\n漢\n##漢\n";
#define DECODER_TOKEN(content)                                                                               \
  "{\"content\": \"" content                                                                                 \
  "\", \"lstrip\": false, \"normalized\": false, \"rstrip\": false, \"single_word\": false, \"special\": "   \
  "true}"

static tokenizer *open_small(const char *config, const char *map) {
  write_folder(&(folder){{small_vocab, config, map}});
  return open_folder(FOLDER);
}

static void settings_default_to_the_reference_s(void **state) {
  (void)state;
  tokenizer *t = open_small(NULL, NULL); /* cased, accents kept, ideographs apart */
  assert_int_equal(tokenizer_vocabulary_size(t), 16);
  IDS(t, "ab A é a漢b [X] [MASK]", 2, 6, 8, 13, 12, 6, 14, 7, 9, 1, 10, 4, 3);
  IDS(t, "", 2, 3);
  tokenizer_close(t);
  t = open_small("{\"do_lower_case\": true, \"strip_accents\": null, \"tokenize_chinese_chars\": false, "
                 "\"tokenizer_class\": \"BertTokenizerFast\", \"never_split\": null}",
                 NULL);
  IDS(t, "AB Á É a漢b", 2, 6, 8, 6, 1, 6, 15, 8, 3);
  tokenizer_close(t);
  t = open_small("{\"do_lower_case\": true, \"strip_accents\": false}", "{}");
  IDS(t, "É", 2, 12, 3);
  tokenizer_close(t);
}

static void special_tokens_come_from_the_settings(void **state) {
  (void)state;
  /* The map's names, unless the configuration has an added_tokens_decoder. */
  static const char map[] = "{\"sep_token\": \"[X]\", \"cls_token\": " DECODER_TOKEN("a") "}";
  tokenizer *t = open_small("{\"bos_token\": null}", map);
  IDS(t, "b[X]xa[SEP]", 6, 7, 5, 11, 6, 9, 1, 10, 5);
  tokenizer_close(t);
  t = open_small("{\"added_tokens_decoder\": {\"3\": " DECODER_TOKEN("[SEP]") "}}", map);
  IDS(t, "b[X]", 2, 7, 9, 1, 10, 3);
  tokenizer_close(t);
  /* A special token is looked for as it is written unless the settings say otherwise. */
  t = open_small("{\"added_tokens_decoder\": {\"5\": {\"content\": \"[X]\", \"special\": true}}}", NULL);
  IDS(t, "b[X]", 2, 7, 5, 3);
  tokenizer_close(t);
  /* Other keys that name tokens. */
  t = open_small("{\"extra_special_tokens\": [\"[X]\"], \"additional_special_tokens\": [\"x\"]}", NULL);
  IDS(t, "[X]x", 2, 5, 11, 3);
  IDS(t, "axb", 2, 1, 3);
  tokenizer_close(t);
  t = open_small("{\"extra_special_tokens\": {}, \"additional_special_tokens\": [\"x\"]}", NULL);
  IDS(t, "axb", 2, 6, 11, 7, 3);
  tokenizer_close(t);
  t = open_small("{\"other_token\": \"x\", \"add_bos_token\": true}", NULL);
  IDS(t, "axb", 2, 6, 11, 7, 3);
  tokenizer_close(t);
}

static void special_tokens_outside_the_vocabulary_get_the_next_ids(void **state) {
  (void)state;
  write_folder(
      &(folder){{"[UNK]\n[CLS]\n[SEP]\na\n",
                 "{\"added_tokens_decoder\": {\"100\": " DECODER_TOKEN("[N]") ", \"99\": " DECODER_TOKEN(
                     "[M]") "}, \"additional_special_tokens\": [\"[O]\"]}"}});
  tokenizer *t = open_folder(FOLDER);
  assert_int_equal(tokenizer_vocabulary_size(t), 9);
  IDS(t, "[M][N][PAD][MASK][O]a", 1, 4, 5, 6, 7, 8, 3, 2);
  tokenizer_close(t);
}

static void the_longest_special_token_wins(void **state) {
  (void)state;
  tokenizer *t = open_small("{\"additional_special_tokens\": [\"a\", \"ab\", \"b\"]}", NULL);
  assert_int_equal(tokenizer_vocabulary_size(t), 17);
  IDS(t, "aabb", 2, 6, 16, 7, 3);
  tokenizer_close(t);
}

/* Stripping decomposes, and so puts the spacing marks that stay (U+302E, class 224; U+1D165, class 216) into
 * canonical order; a nonspacing mark of class 0 (U+0901) ends a run of marks although it goes itself. */
static void marks_that_stay_are_in_canonical_order(void **state) {
  (void)state;
  write_folder(&(folder){
      {"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##\u302e\n##\U0001d165\n##b\n", "{\"do_lower_case\": true}"}});
  tokenizer *t = open_folder(FOLDER);
  IDS(t, "a\u302e\U0001d165", 2, 5, 7, 6, 3);
  IDS(t, "a\u302e\u0901\U0001d165", 2, 5, 6, 7, 3);
  IDS(t, "a\u302e\u0301\U0001d165", 2, 5, 7, 6, 3);
  IDS(t, "a\u302eb\U0001d165", 2, 5, 6, 8, 7, 3);
  IDS(t, "a\u302e\u200b\U0001d165", 2, 5, 7, 6, 3);
  IDS(t, "a\u302e\u302e\U0001d165\u302e\U0001d165", 2, 5, 7, 7, 6, 6, 6, 3);
  tokenizer_close(t);
}

static void tokenizer_json_has_the_vocabulary_where_it_exists(void **state) {
  (void)state;
  static const char json[] =
      "{\"added_tokens\": [{\"id\": 9, \"content\": \"b\", \"normalized\": false, \"special\": true}],"
      " \"model\": {\"type\": \"WordPiece\", \"vocab\": {\"[UNK]\": 3, \"[CLS]\": 2, \"[SEP]\": 1, \"a\": 7, "
      "\"b\": 9, \"[PAD]\": 0, \"[MASK]\": 4}}}";
  write_folder(&(folder){{small_vocab, NULL, NULL, json}});
  tokenizer *t = open_folder(FOLDER);
  assert_int_equal(tokenizer_vocabulary_size(t), 10);
  IDS(t, "a abx", 2, 7, 7, 9, 3, 1);
  tokenizer_close(t);
}

static void white_space_at_the_end_of_a_line_is_no_part_of_the_token(void **state) {
  (void)state;
  write_folder(&(folder){{"[UNK]\r\n[CLS]\r\n[SEP] \r\n[PAD]\xe3\x80\x80\t\n[MASK]\na\xc2\xa0"}});
  tokenizer *t = open_folder(FOLDER);
  assert_int_equal(tokenizer_vocabulary_size(t), 6);
  IDS(t, "a [PAD]", 1, 5, 3, 2);
  tokenizer_close(t);
}

static void texts_are_cut_after_max_ids(void **state) {
  (void)state;
  tokenizer *t = open_small(NULL, NULL);
  static const int32_t ids[] = {2, 6, 8, 8, 6, 3, 4};
  const int32_t cut[] = {2, 6, 8, 8, 3}, two[] = {2, 3}, special[] = {2, 4, 3}, full[] = {2, 6, 3};
  assert_ids(t, "abb a", 5, 6, ids, 6);
  assert_ids(t, "abb a", 5, 5, cut, 5);
  assert_ids(t, "abb a", 5, 2, two, 2);
  assert_ids(t, "[MASK][MASK]", 12, 3, special, 3);
  assert_ids(t, "a[MASK]", 7, 3, full, 3);
  int32_t room[2];
  size_t count;
  error err = {0};
  assert_false(tokenizer_encode(t, "a", 1, 1, room, &count, &err));
  assert_int_equal(err.code, ERROR_USAGE);
  tokenizer_close(t);
}

/* A megabyte of each: all of it is looked at, or nothing that matters. */
static void long_texts_are_read(void **state) {
  (void)state;
  enum { SIZE = 1 << 20 };
  tokenizer *t = open_small("{\"do_lower_case\": true}", NULL);
  char *text = malloc(SIZE);
  assert_non_null(text);
  const int32_t unknown[] = {2, 1, 3};
  memset(text, 'x', SIZE);
  assert_ids(t, text, SIZE, MAX_IDS, unknown, 3);
  for (size_t i = 0; i < SIZE; i += 2)
    memcpy(text + i, "\xcc\x81", 2); /* marks that are stripped */
  const int32_t empty[] = {2, 3};
  assert_ids(t, text, SIZE, MAX_IDS, empty, 2);
  free(text);
  tokenizer_close(t);
}

static void texts_that_are_not_utf8_are_refused(void **state) {
  (void)state;
  static const char *const wrong[] = {"a\xff", "\xc3", "a\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\x80"};
  tokenizer *t = open_small(NULL, NULL);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    int32_t ids[MAX_IDS];
    size_t count;
    error err = {0};
    assert_false(tokenizer_encode(t, wrong[i], strlen(wrong[i]), MAX_IDS, ids, &count, &err));
    assert_int_equal(err.code, ERROR_DATA);
    assert_string_equal(err.message, "the text is not UTF-8");
  }
  IDS(t, "a\0b", 2, 6, 8, 3); /* NUL is a control character */
  tokenizer_close(t);
}

static void wrong_folders_are_refused_with_the_reason(void **state) {
  (void)state;
#define VOCAB_JSON(pieces) "{\"model\": {\"vocab\": {" pieces "}}}"
  static const struct {
    folder f;
    error_code code;
    const char *message;
  } cases[] = {
      {{{NULL}}, ERROR_NOT_FOUND, "vocab.txt: No such file"},
      {{{""}}, ERROR_DATA, "vocab.txt: holds no tokens"},
      {{{"[CLS]\n[SEP]\na\n"}}, ERROR_DATA, "vocab.txt: lacks the token '[UNK]'"},
      {{{"[UNK]\n[SEP]\na\n"}}, ERROR_DATA, "vocab.txt: lacks the token '[CLS]'"},
      {{{"[UNK]\n[CLS]\na\n"}}, ERROR_DATA, "vocab.txt: lacks the token '[SEP]'"},
      {{{"[UNK]\n[CLS]\n[SEP]\n", "{\"unk_token\": \"<unk>\"}"}}, ERROR_DATA, "lacks the token '<unk>'"},
      {{{"[UNK]\n[CLS]\na\n[SEP]\na \n"}}, ERROR_DATA, "vocab.txt: tokens 2 and 4 are both 'a'"},
      {{{"[UNK]\n[CLS]\n\n[SEP]\n"}}, ERROR_DATA, "vocab.txt: token 2 is empty"},
      {{{"[UNK]\n[CLS]\n[SEP]\n\xe9\n"}}, ERROR_FORMAT, "vocab.txt: is not UTF-8"},
      {{{small_vocab, ""}}, ERROR_FORMAT, "tokenizer_config.json: is not JSON, line 1"},
      {{{small_vocab, "[1]"}}, ERROR_FORMAT, "tokenizer_config.json: is not a JSON object"},
      {{{small_vocab, "{\"a\": 1, \"a\": 2}"}}, ERROR_FORMAT, "tokenizer_config.json: is not JSON, line 1"},
      {{{small_vocab, "{\"do_lower_case\": 1}"}}, ERROR_FORMAT, "do_lower_case isn't true or false"},
      {{{small_vocab, "{\"strip_accents\": \"no\"}"}}, ERROR_FORMAT, "strip_accents isn't true or false"},
      {{{small_vocab, "{\"tokenizer_class\": \"T5Tokenizer\"}"}},
       ERROR_UNSUPPORTED,
       "tokenizer_class is 'T5Tokenizer'"},
      {{{small_vocab, "{\"tokenizer_class\": 5}"}}, ERROR_UNSUPPORTED, "tokenizer_class is 'not a text'"},
      {{{small_vocab, "{\"split_special_tokens\": true}"}}, ERROR_UNSUPPORTED, "split_special_tokens"},
      {{{small_vocab, "{\"truncation_side\": \"left\"}"}}, ERROR_UNSUPPORTED, "truncation_side"},
      {{{small_vocab, "{\"cls_token\": null}"}}, ERROR_FORMAT, "cls_token: a special token isn't a text"},
      {{{small_vocab, "{\"pad_token\": \"\"}"}}, ERROR_FORMAT, "pad_token: a special token is empty"},
      {{{small_vocab, "{\"pad_token\": 3}"}}, ERROR_FORMAT, "pad_token: a special token isn't a text"},
      {{{small_vocab, "{\"sep_token\": {}}"}}, ERROR_FORMAT, "sep_token: a special token isn't a text"},
      {{{small_vocab, "{\"added_tokens_decoder\": []}"}},
       ERROR_FORMAT,
       "added_tokens_decoder isn't an object"},
      {{{small_vocab, "{\"added_tokens_decoder\": {\"1\": {\"content\": \"[N]\"}}}"}},
       ERROR_UNSUPPORTED,
       "token '[N]' asks for normalized"},
      {{{small_vocab, "{\"added_tokens_decoder\": {\"1\": {\"content\": \"[N]\", \"lstrip\": true}}}"}},
       ERROR_UNSUPPORTED,
       "token '[N]' asks for lstrip"},
      {{{small_vocab, "{\"extra_special_tokens\": 1}"}}, ERROR_FORMAT, "extra_special_tokens is neither"},
      {{{small_vocab, NULL, "[]"}}, ERROR_FORMAT, "special_tokens_map.json: is not a JSON object"},
      {{{small_vocab, NULL, "{\"unk_token\": []}"}},
       ERROR_FORMAT,
       "special_tokens_map.json: unk_token: a special token isn't a text"},
      {{{small_vocab, NULL, NULL, "{"}}, ERROR_FORMAT, "tokenizer.json: is not JSON"},
      {{{small_vocab, NULL, NULL, "{}"}}, ERROR_FORMAT, "tokenizer.json: model.vocab isn't an object"},
      {{{small_vocab, NULL, NULL, "{\"model\": {\"type\": \"BPE\"}}"}}, ERROR_UNSUPPORTED, "model is 'BPE'"},
      {{{small_vocab, NULL, NULL, VOCAB_JSON("")}}, ERROR_DATA, "tokenizer.json: holds no tokens"},
      {{{small_vocab, NULL, NULL, VOCAB_JSON("\"a\": -1")}},
       ERROR_DATA,
       "the id of 'a' isn't a whole number"},
      {{{small_vocab, NULL, NULL, VOCAB_JSON("\"a\": 1048576")}}, ERROR_DATA, "the id of 'a' isn't"},
      {{{small_vocab, NULL, NULL, VOCAB_JSON("\"a\": 1, \"b\": 1")}}, ERROR_DATA, "the id 1 belongs to two"},
      {{{small_vocab, NULL, NULL, VOCAB_JSON("\"\": 0")}}, ERROR_DATA, "tokenizer.json: token 0 is empty"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    error err = {0};
    write_folder(&cases[i].f);
    if (tokenizer_open(FOLDER, &err))
      fail_msg("opened, but should say: %s", cases[i].message);
    if (err.code != cases[i].code || !strstr(err.message, cases[i].message) || !strstr(err.message, FOLDER))
      fail_msg("code %d, message \"%s\", not %d, \"%s\"", (int)err.code, err.message, (int)cases[i].code,
               cases[i].message);
  }
}

static void assert_too_large(int which, off_t size) {
  char path[1024];
  error err = {0};
  write_folder(&(folder){{small_vocab}});
  write_file(which, "", 0);
  snprintf(path, sizeof path, FOLDER "/%s", file_names[which]);
  assert_int_equal(truncate(path, size), 0);
  assert_null(tokenizer_open(FOLDER, &err));
  assert_int_equal(err.code, ERROR_LIMIT);
  assert_non_null(strstr(err.message, file_names[which]));
  assert_non_null(strstr(err.message, "bytes, more than"));
}

static void files_that_are_too_large_are_not_read(void **state) {
  (void)state;
  assert_too_large(VOCAB, 100 << 20);
  assert_too_large(TOKENIZER, 100 << 20);
  assert_too_large(CONFIG, 2 << 20);
  assert_too_large(MAP, 2 << 20);
}

static void too_many_tokens_are_refused(void **state) {
  (void)state;
  buffer text = {0};
  error err = {0};
  write_folder(&(folder){{small_vocab}});
  for (int i = 0; i <= 1 << 20; i++)
    append(&text, "a\n", 2);
  write_file(VOCAB, text.data, text.size);
  assert_null(tokenizer_open(FOLDER, &err));
  assert_int_equal(err.code, ERROR_LIMIT);
  buffer_clear(&text);
  append(&text, "{\"extra_special_tokens\": [\"0\"", 29);
  for (int i = 1; i < 260; i++)
    assert_true(buffer_printf(&text, NULL, ",\"%d\"", i));
  append(&text, "]}", 3);
  write_folder(&(folder){{small_vocab, text.data}});
  assert_null(tokenizer_open(FOLDER, &err));
  assert_int_equal(err.code, ERROR_LIMIT);
  assert_non_null(strstr(err.message, "more than 256 special tokens"));
  buffer_free(&text);
}

/* A reader of one damaged file of a folder: whatever opens must encode. */
static void try_file(const uint8_t *data, size_t size, void *context) {
  static const char text[] = "Sus-décalage du segment ST [SEP] 漢 \xe1\xbe\xb4";
  error err = {0};
  write_file(*(const int *)context, data, size);
  tokenizer *t = tokenizer_open(FOLDER, &err);
  if (!t) {
    assert_non_null(strstr(err.message, FOLDER));
    return;
  }
  int32_t ids[MAX_IDS];
  size_t count;
  assert_true(tokenizer_encode(t, text, sizeof text - 1, MAX_IDS, ids, &count, &err));
  for (size_t i = 0; i < count; i++)
    assert_true(ids[i] >= 0 && (size_t)ids[i] < tokenizer_vocabulary_size(t));
  tokenizer_close(t);
}

static void damaged_files_do_no_harm(void **state) {
  (void)state;
  static const char config[] =
      "{\"added_tokens_decoder\": {\"3\": " DECODER_TOKEN("[SEP]") ", \"20\": " DECODER_TOKEN(
          "[N]") "}, \"do_lower_case\": true, \"strip_accents\": null, \"extra_special_tokens\": {\"x\": "
                 "\"[X]\"}}";
  static const char map[] = "{\"sep_token\": \"[X]\", \"cls_token\": " DECODER_TOKEN("[CLS]") "}";
  static const char json[] =
      "{\"added_tokens\": [" DECODER_TOKEN("[SEP]") "], \"model\": {\"type\": \"WordPiece\", \"vocab\": "
                                                    "{\"[UNK]\": 3, \"[CLS]\": 2, \"[SEP]\": 1, \"a\": 7}}}";
  static const folder whole[] = {{{small_vocab, config}},
                                 {{small_vocab, config}},
                                 {{small_vocab, NULL, map}},
                                 {{NULL, NULL, NULL, json}}};
  for (int which = 0; which < FILES; which++) {
    const uint8_t *bytes = (const uint8_t *)whole[which].text[which];
    size_t size = strlen(whole[which].text[which]);
    write_folder(&whole[which]);
    mutate_truncate(bytes, size, 200, try_file, &which);
    mutate_bytes(bytes, size, 2500, (uint64_t)which, try_file, &which);
  }
}

/* Random bytes of a text: refused, or as many ids as there is room for at most. */
static void try_text(const uint8_t *data, size_t size, void *context) {
  int32_t ids[16];
  size_t count = 0;
  if (tokenizer_encode(context, (const char *)data, size, 16, ids, &count, NULL))
    assert_true(count >= 2 && count <= 16);
}

static void damaged_texts_do_no_harm(void **state) {
  (void)state;
  static const char text[] = "Ça [SEP] é\xcc\x81\xe3\x80\xae 漢字 가 \xf0\x9f\x98\x80 [MASK";
  tokenizer *t = open_small("{\"do_lower_case\": true}", NULL);
  mutate_truncate((const uint8_t *)text, sizeof text - 1, 60, try_text, t);
  mutate_bytes((const uint8_t *)text, sizeof text - 1, 20000, 7, try_text, t);
  tokenizer_close(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(golden_texts_have_the_reference_s_ids),
      cmocka_unit_test(every_character_and_2000_texts_have_the_reference_s_ids),
      cmocka_unit_test(settings_default_to_the_reference_s),
      cmocka_unit_test(special_tokens_come_from_the_settings),
      cmocka_unit_test(special_tokens_outside_the_vocabulary_get_the_next_ids),
      cmocka_unit_test(the_longest_special_token_wins),
      cmocka_unit_test(marks_that_stay_are_in_canonical_order),
      cmocka_unit_test(tokenizer_json_has_the_vocabulary_where_it_exists),
      cmocka_unit_test(white_space_at_the_end_of_a_line_is_no_part_of_the_token),
      cmocka_unit_test(texts_are_cut_after_max_ids),
      cmocka_unit_test(long_texts_are_read),
      cmocka_unit_test(texts_that_are_not_utf8_are_refused),
      cmocka_unit_test(wrong_folders_are_refused_with_the_reason),
      cmocka_unit_test(files_that_are_too_large_are_not_read),
      cmocka_unit_test(too_many_tokens_are_refused),
      cmocka_unit_test(damaged_files_do_no_harm),
      cmocka_unit_test(damaged_texts_do_no_harm),
  };
  return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
