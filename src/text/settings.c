#include "text/settings.h"
#include "text/json_file.h"

#include <stdlib.h>
#include <string.h>

/* A flag; `usual` where it is missing or null. */
static bool read_flag(const json_t *config, const char *name, bool usual, bool *flag, error *err) {
  const json_t *value = json_object_get(config, name);
  *flag = usual;
  if (!value || json_is_null(value))
    return true;
  if (!json_is_boolean(value))
    return error_set(err, ERROR_FORMAT, "%s isn't true or false", name);
  *flag = json_is_true(value);
  return true;
}

/* The reference loads any class by this name alone; others split texts by other rules. */
static bool check_class(const json_t *config, error *err) {
  const json_t *class = json_object_get(config, "tokenizer_class");
  const char *name = json_string_value(class);
  if (!class || json_is_null(class) ||
      (name && (strcmp(name, "BertTokenizer") == 0 || strcmp(name, "BertTokenizerFast") == 0)))
    return true;
  return error_set(err, ERROR_UNSUPPORTED, "tokenizer_class is '%.100s'; only BertTokenizer is supported",
                   name ? name : "not a text");
}

static bool read_behaviour(tokenizer_settings *s, const json_t *config, error *err) {
  bool split_special;
  const json_t *side = json_object_get(config, "truncation_side");
  if (!check_class(config, err) || !read_flag(config, "do_lower_case", false, &s->lower_case, err) ||
      !read_flag(config, "strip_accents", s->lower_case, &s->strip_accents, err) ||
      !read_flag(config, "tokenize_chinese_chars", true, &s->space_ideographs, err) ||
      !read_flag(config, "split_special_tokens", false, &split_special, err))
    return false;
  if (split_special)
    return error_set(err, ERROR_UNSUPPORTED, "split_special_tokens isn't supported");
  if (side && !json_is_null(side) &&
      strcmp(json_is_string(side) ? json_string_value(side) : "", "right") != 0)
    return error_set(err, ERROR_UNSUPPORTED, "only truncation_side 'right' is supported");
  return true;
}

/* How a special token is found in a text: exactly as it is written. */
static bool check_matching(const json_t *token, const char *content, bool special, error *err) {
  static const char *const options[] = {"lstrip", "rstrip", "single_word", "normalized"};
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
    bool usual = strcmp(options[i], "normalized") == 0 && !special, chosen;
    if (!read_flag(token, options[i], usual, &chosen, err))
      return false;
    if (chosen)
      return error_set(err, ERROR_UNSUPPORTED, "token '%.100s' asks for %s, which isn't supported", content,
                       options[i]);
  }
  return true;
}

/* Add a text unless it is there; *content receives it as kept. */
static bool add_text(tokenizer_settings *s, const char *text, arena *memory, const char **content,
                     error *err) {
  if (!*text)
    return error_set(err, ERROR_FORMAT, "a special token is empty");
  for (size_t i = 0; i < s->special_count; i++)
    if (strcmp(s->special[i], text) == 0) {
      *content = s->special[i];
      return true;
    }
  if (s->special_count == SETTINGS_MAX_SPECIAL)
    return error_set(err, ERROR_LIMIT, "more than %d special tokens", SETTINGS_MAX_SPECIAL);
  *content = arena_strdup(memory, text, err);
  if (*content)
    s->special[s->special_count++] = *content;
  return *content != NULL;
}

/* Add a token: a text, or an object with its content. `special`: it is one even if the object doesn't say so.
 */
static bool add_special(tokenizer_settings *s, const json_t *token, bool special, arena *memory,
                        const char **content, error *err) {
  bool object = json_is_object(token), said_special = false;
  const char *text = json_string_value(object ? json_object_get(token, "content") : token);
  if (!text)
    return error_set(err, ERROR_FORMAT, "a special token isn't a text");
  if (object && !(read_flag(token, "special", false, &said_special, err) &&
                  check_matching(token, text, special || said_special, err)))
    return false;
  return add_text(s, text, memory, content, err);
}

static int compare_keys(const void *a, const void *b) {
  long left = strtol(*(const char *const *)a, NULL, 10), right = strtol(*(const char *const *)b, NULL, 10);
  return (left > right) - (left < right);
}

/* added_tokens_decoder of tokenizer_config.json: {"id": token}, taken in the order of the ids. */
static bool add_decoder(tokenizer_settings *s, json_t *decoder, arena *memory, error *err) {
  const char *keys[SETTINGS_MAX_SPECIAL], *content;
  size_t count = 0;
  if (!json_is_object(decoder))
    return error_set(err, ERROR_FORMAT, "added_tokens_decoder isn't an object");
  if (json_object_size(decoder) > SETTINGS_MAX_SPECIAL)
    return error_set(err, ERROR_LIMIT, "more than %d special tokens", SETTINGS_MAX_SPECIAL);
  for (void *at = json_object_iter(decoder); at; at = json_object_iter_next(decoder, at))
    keys[count++] = json_object_iter_key(at);
  qsort(keys, count, sizeof *keys, compare_keys);
  for (size_t i = 0; i < count; i++)
    if (!add_special(s, json_object_get(decoder, keys[i]), false, memory, &content, err))
      return error_prefix(err, "added_tokens_decoder");
  return true;
}

/* A list of tokens, or an object with names for them; may be missing. */
static bool add_all(tokenizer_settings *s, json_t *tokens, const char *name, bool special, arena *memory,
                    error *err) {
  const char *content;
  if (!tokens || json_is_null(tokens))
    return true;
  if (!json_is_array(tokens) && !json_is_object(tokens))
    return error_set(err, ERROR_FORMAT, "%s is neither a list nor an object", name);
  for (size_t i = 0; i < json_array_size(tokens); i++)
    if (!add_special(s, json_array_get(tokens, i), special, memory, &content, err))
      return error_prefix(err, "%s", name);
  for (void *at = json_object_iter(tokens); at; at = json_object_iter_next(tokens, at))
    if (!add_special(s, json_object_iter_value(at), special, memory, &content, err))
      return error_prefix(err, "%s", name);
  return true;
}

/* Every other setting named SOMETHING_token that holds a token. */
static bool add_other_named(tokenizer_settings *s, json_t *config, arena *memory, error *err) {
  static const char ending[] = "_token";
  const size_t ending_size = sizeof ending - 1;
  const char *content;
  for (void *at = json_object_iter(config); at; at = json_object_iter_next(config, at)) {
    const char *name = json_object_iter_key(at);
    const json_t *token = json_object_iter_value(at);
    size_t size = strlen(name);
    if (size > ending_size && strcmp(name + size - ending_size, ending) == 0 &&
        (json_is_string(token) || json_is_object(token)) &&
        !add_special(s, token, true, memory, &content, err))
      return error_prefix(err, "%.100s", name);
  }
  return true;
}

static bool add_named(tokenizer_settings *s, const json_t *config, arena *memory, error *err) {
  const char *other = NULL;
  const struct {
    const char *name, *usual;
    const char **content;
    bool required;
  } named[] = {{"bos_token", NULL, &other, false},        {"eos_token", NULL, &other, false},
               {"unk_token", "[UNK]", &s->unknown, true}, {"sep_token", "[SEP]", &s->end, true},
               {"pad_token", "[PAD]", &other, false},     {"cls_token", "[CLS]", &s->start, true},
               {"mask_token", "[MASK]", &other, false}};
  for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
    const json_t *token = json_object_get(config, named[i].name);
    bool absent = token ? json_is_null(token) && !named[i].required : !named[i].usual;
    if (!absent && !(token ? add_special(s, token, true, memory, named[i].content, err)
                           : add_text(s, named[i].usual, memory, named[i].content, err)))
      return error_prefix(err, "%s", named[i].name);
  }
  return true;
}

static bool add_extra(tokenizer_settings *s, const json_t *config, arena *memory, error *err) {
  static const char newer[] = "extra_special_tokens", older[] = "additional_special_tokens";
  json_t *extra = json_object_get(config, newer);
  return add_all(s, extra, newer, true, memory, err) &&
         (json_is_array(extra) || add_all(s, json_object_get(config, older), older, true, memory, err));
}

static bool read_tokens(tokenizer_settings *s, json_t *config, const json_t *tokenizer_json, arena *memory,
                        error *err) {
  json_t *decoder = json_object_get(config, "added_tokens_decoder");
  json_t *added = json_object_get(tokenizer_json, "added_tokens");
  return (decoder ? add_decoder(s, decoder, memory, err)
                  : add_all(s, added, "added_tokens of tokenizer.json", false, memory, err)) &&
         add_named(s, config, memory, err) && add_other_named(s, config, memory, err) &&
         add_extra(s, config, memory, err);
}

bool settings_read(tokenizer_settings *s, const char *folder, const json_t *tokenizer_json, arena *memory,
                   error *err) {
  static const char config_name[] = "tokenizer_config.json", map_name[] = "special_tokens_map.json";
  json_t *config = NULL, *map = NULL;
  *s = (tokenizer_settings){0};
  bool ok = json_file_read(folder, config_name, SETTINGS_MAX_FILE, &config, err);
  if (ok && !config) {
    config = json_object();
    ok = config || error_out_of_memory(err);
  }
  const char *source = config_name; /* the file that speaks of tokens */
  if (ok && !json_object_get(config, "added_tokens_decoder")) {
    ok = json_file_read(folder, map_name, SETTINGS_MAX_FILE, &map, err);
    if (map) {
      source = map_name;
      json_object_update(config, map);
    }
  }
  ok = ok && (read_behaviour(s, config, err) || error_prefix(err, "%s/%s", folder, config_name)) &&
       (read_tokens(s, config, tokenizer_json, memory, err) || error_prefix(err, "%s/%s", folder, source));
  json_decref(map);
  json_decref(config);
  return ok;
}
