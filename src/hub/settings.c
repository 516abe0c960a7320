#include "hub/settings.h"

#include "base/buffer.h"
#include "base/mapped_file.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LARGEST_KEY_FILE = 1 << 16, LONGEST_TOKEN = 1024 };

static const char public_endpoint[] = "https://huggingface.co";
static const char placeholder[] = "your_api_key_here";

static const hub_patience usual_patience = {.tries = 5,
                                            .first_wait = 1,
                                            .longest_wait = 300,
                                            .connect_seconds = 10,
                                            .stalled_seconds = 30,
                                            .largest_repeat = 1 << 20};

static const char *variable(const char *name) {
  const char *text = getenv(name);
  return text && *text ? text : NULL;
}

static bool switched_on(const char *name) {
  static const char *const yes[] = {"1", "on", "yes", "true"};
  const char *text = variable(name);
  for (size_t i = 0; text && i < sizeof yes / sizeof *yes; i++)
    if (strcasecmp(text, yes[i]) == 0)
      return true;
  return false;
}

/* A token goes into a header line: nothing in it may end the line. */
static bool token_usable(const char *token) {
  size_t length = strlen(token);
  for (size_t i = 0; i < length; i++)
    if (token[i] <= ' ' || token[i] > '~')
      return false;
  return length <= LONGEST_TOKEN;
}

/* Blanks around a token are not part of it; an empty one and the placeholder are none. */
static bool take_token(hub_settings *s, arena *memory, const char *text, size_t length, const char *source,
                       error *err) {
  while (length && strchr(" \t\r\n", text[length - 1]))
    length--;
  while (length && strchr(" \t\r\n", *text)) {
    text++;
    length--;
  }
  if (length == 0 || (length == sizeof placeholder - 1 && memcmp(text, placeholder, length) == 0))
    return true;
  char *token = memchr(text, '\0', length) ? NULL : arena_strndup(memory, text, length, err);
  if (!token || !token_usable(token))
    return error_set(err, ERROR_FORMAT, "%s: does not hold a usable token", source);
  s->token = token;
  s->token_source = arena_strdup(memory, source, err);
  return s->token_source != NULL;
}

static bool take_key_of(hub_settings *s, arena *memory, const json_t *root, const char *path, error *err) {
  static const char *const keys[] = {"huggingface_api_key", "HUGGING_FACE_API_KEY"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys && !s->token; i++) {
    const json_t *value = json_object_get(root, keys[i]);
    if (value && !json_is_string(value))
      return error_set(err, ERROR_FORMAT, "%s: \"%s\" is not a text", path, keys[i]);
    if (value && !take_token(s, memory, json_string_value(value), json_string_length(value), path, err))
      return false;
  }
  return true;
}

static bool map_small_file(mapped_file *file, const char *path, error *err) {
  if (!mapped_file_open(file, path, err))
    return false;
  if (file->size <= LARGEST_KEY_FILE)
    return true;
  mapped_file_close(file);
  return error_set(err, ERROR_LIMIT, "%s: too large for a file with a token", path);
}

/* jansson's own message would quote the file, which holds a secret. */
static bool read_key_file(hub_settings *s, arena *memory, const char *path, error *err) {
  mapped_file file;
  error reason;
  if (!map_small_file(&file, path, &reason)) {
    if (reason.code == ERROR_NOT_FOUND)
      return true;
    if (err)
      *err = reason;
    return false;
  }
  json_error_t problem;
  json_t *root = json_loadb((const char *)file.data, file.size, JSON_REJECT_DUPLICATES, &problem);
  mapped_file_close(&file);
  if (!root)
    return error_set(err, ERROR_FORMAT,
                     "%s: not JSON (line %d); it should be {\"huggingface_api_key\": \"...\"}", path,
                     problem.line);
  bool ok = take_key_of(s, memory, root, path, err);
  json_decref(root);
  return ok;
}

static bool read_token_file(hub_settings *s, arena *memory, const char *path, error *err) {
  mapped_file file;
  error reason;
  if (!map_small_file(&file, path, &reason)) {
    if (reason.code == ERROR_NOT_FOUND)
      return true;
    if (err)
      *err = reason;
    return false;
  }
  bool ok = take_token(s, memory, (const char *)file.data, file.size, path, err);
  mapped_file_close(&file);
  return ok;
}

static char *hub_home(arena *memory, error *err) {
  const char *given = variable("HF_HOME"), *cache = variable("XDG_CACHE_HOME"), *home = variable("HOME");
  if (given)
    return arena_strdup(memory, given, err);
  if (cache)
    return arena_printf(memory, err, "%s/huggingface", cache);
  return home ? arena_printf(memory, err, "%s/.cache/huggingface", home) : NULL;
}

static bool find_token(hub_settings *s, const char *api_key_path, const char *home, arena *memory,
                       error *err) {
  if (*api_key_path && !read_key_file(s, memory, api_key_path, err))
    return false;
  const char *token = variable("HF_TOKEN"), *path = variable("HF_TOKEN_PATH");
  if (!s->token && token && !take_token(s, memory, token, strlen(token), "HF_TOKEN", err))
    return false;
  if (!s->token && path && !read_token_file(s, memory, path, err))
    return false;
  char *usual = home ? arena_printf(memory, err, "%s/token", home) : NULL;
  return s->token || !usual || read_token_file(s, memory, usual, err);
}

static bool find_endpoint(hub_settings *s, arena *memory, error *err) {
  const char *given = variable("HF_ENDPOINT");
  if (!given)
    return true;
  if (strncasecmp(given, "https://", 8) != 0 && strncasecmp(given, "http://", 7) != 0)
    return error_set(err, ERROR_USAGE, "HF_ENDPOINT: not an address like %s", public_endpoint);
  size_t length = strlen(given);
  while (length && given[length - 1] == '/')
    length--;
  char *endpoint = arena_strndup(memory, given, length, err);
  if (!endpoint)
    return false;
  s->endpoint = endpoint;
  return true;
}

/* What the curl program and the official client read; libcurl itself does not. */
static void find_certificates(hub_settings *s) {
  static const char *const names[] = {"CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"};
  for (size_t i = 0; i < sizeof names / sizeof *names && !s->ca_file; i++)
    s->ca_file = variable(names[i]);
  s->ca_folder = variable("SSL_CERT_DIR");
}

bool hub_settings_read(hub_settings *s, const char *api_key_path, arena *memory, error *err) {
  *s = (hub_settings){.endpoint = public_endpoint,
                      .revision = "main",
                      .offline = switched_on("HF_HUB_OFFLINE"),
                      .patience = usual_patience};
  find_certificates(s);
  char *home = hub_home(memory, err);
  const char *cache = variable("HF_HUB_CACHE");
  s->cache_folder = cache ? cache : home ? arena_printf(memory, err, "%s/hub", home) : NULL;
  return find_endpoint(s, memory, err) && find_token(s, api_key_path, home, memory, err);
}

bool hub_cancelled(const hub_settings *s) {
  return s->cancelled && *s->cancelled;
}
