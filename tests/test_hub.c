/* Names, settings, files of models, manifests: the parts of the hub room that need no hub. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/hub_scratch.h"
#include "support/mutate.h"

#include "hub/client.h"
#include "hub/listing.h"
#include "hub/origin.h"
#include "hub/safe_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static hub_scratch scratch;

static int begin(void **state) {
  (void)state;
  static const char *const names[] = {"HF_TOKEN",           "HF_TOKEN_PATH",  "HF_HOME",
                                      "HF_ENDPOINT",        "HF_HUB_OFFLINE", "HF_HUB_CACHE",
                                      "XDG_CACHE_HOME",     "CURL_CA_BUNDLE", "SSL_CERT_FILE",
                                      "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    unsetenv(names[i]);
  hub_scratch_begin(&scratch, "units");
  setenv("HOME", scratch.root, 1);
  return 0;
}

static int end(void **state) {
  (void)state;
  hub_scratch_end(&scratch);
  return 0;
}

static void safe_paths(void **state) {
  (void)state;
  static const char *const good[] = {"a",  "a/b.pt", "..a", "a..", "a/...", ".hidden", "\xc3\xa9t\xc3\xa9.pt",
                                     "a b"};
  static const char *const bad[] = {"",
                                    ".",
                                    "..",
                                    "/a",
                                    "a/",
                                    "a//b",
                                    "./a",
                                    "a/.",
                                    "a/..",
                                    "../a",
                                    "a/../b",
                                    "a\\b",
                                    "a\nb",
                                    "a\x7f",
                                    "\xff",
                                    "\xc2\x9b"
                                    "2J",
                                    "C:\\x"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    if (!path_is_safe(good[i], strlen(good[i])))
      fail_msg("'%s' is safe", good[i]);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (path_is_safe(bad[i], strlen(bad[i])))
      fail_msg("'%s' is not safe", bad[i]);
  assert_false(path_is_safe("a\0b", 3));
  char path[1002];
  memset(path, 'a', sizeof path);
  assert_true(path_is_safe(path, 1000));
  assert_false(path_is_safe(path, 1001));
}

static void origins(void **state) {
  (void)state;
  curl_library curl;
  error err;
  assert_true(curl_library_load(&curl, &err));
  assert_true(origin_same(&curl, "https://hub.example/a", "https://HUB.example:443/b?c"));
  assert_false(origin_same(&curl, "https://hub.example", "https://hub.example:444"));
  assert_false(origin_same(&curl, "https://hub.example", "http://hub.example"));
  assert_false(origin_same(&curl, "https://hub.example", "https://hub.example.evil"));
  assert_false(origin_same(&curl, "https://hub.example", "https://hub.example@evil"));
  assert_false(origin_same(&curl, "nonsense://", "nonsense://"));
  static const char *const private_ones[] = {"https://hub.example", "http://localhost:8", "http://127.0.0.1",
                                             "http://[::1]:5"};
  static const char *const public_ones[] = {"http://hub.example", "http://127.0.0.1.evil",
                                            "http://localhost.evil", "ftp://localhost", "http://128.0.0.1"};
  for (size_t i = 0; i < sizeof private_ones / sizeof *private_ones; i++)
    assert_true(origin_is_private(&curl, private_ones[i]));
  for (size_t i = 0; i < sizeof public_ones / sizeof *public_ones; i++)
    assert_false(origin_is_private(&curl, public_ones[i]));
  assert_true(origin_may_follow(&curl, "https://a", "https://b"));
  assert_true(origin_may_follow(&curl, "http://a", "https://b"));
  assert_true(origin_may_follow(&curl, "http://a", "http://b"));
  assert_false(origin_may_follow(&curl, "https://a", "http://b"));
  assert_false(origin_may_follow(&curl, "https://a", "file:///etc/passwd"));
  assert_false(origin_may_follow(&curl, "https://a", "gopher://b"));
}

/* --- settings */

static bool read_settings(hub_settings *s, const char *key_file, arena *memory) {
  return hub_settings_read(s, key_file ? scratch_path(&scratch, key_file) : "", memory, &scratch.err);
}

static void write_text(const char *name, const char *text) {
  scratch_write(&scratch, name, text, strlen(text));
}

static void token_order(void **state) {
  (void)state;
  arena *memory = arena_create(NULL);
  hub_settings s;
  assert_true(read_settings(&s, "key.json", memory)); /* no file, no token */
  assert_null(s.token);
  write_text(".cache/huggingface/token", "hf_home\n");
  assert_true(read_settings(&s, "key.json", memory));
  assert_string_equal(s.token, "hf_home");
  assert_string_equal(s.cache_folder, scratch_path(&scratch, ".cache/huggingface/hub"));
  setenv("HF_HOME", scratch_path(&scratch, "home"), 1);
  write_text("home/token", " hf_other_home ");
  assert_true(read_settings(&s, "key.json", memory));
  assert_string_equal(s.token, "hf_other_home");
  write_text("elsewhere", "hf_path");
  setenv("HF_TOKEN_PATH", scratch_path(&scratch, "elsewhere"), 1);
  assert_true(read_settings(&s, "key.json", memory));
  assert_string_equal(s.token, "hf_path");
  setenv("HF_TOKEN", "hf_variable", 1);
  assert_true(read_settings(&s, "key.json", memory));
  assert_string_equal(s.token, "hf_variable");
  assert_string_equal(s.token_source, "HF_TOKEN");
  write_text("key.json", "{\"huggingface_api_key\": \"your_api_key_here\"}");
  assert_true(read_settings(&s, "key.json", memory));
  assert_string_equal(s.token, "hf_variable");
  write_text("key.json", "{\"huggingface_api_key\": \"\", \"HUGGING_FACE_API_KEY\": \"hf_code\"}");
  assert_true(read_settings(&s, "key.json", memory));
  assert_string_equal(s.token, "hf_code");
  write_text("key.json", "{\"huggingface_api_key\": \"hf_documented\"}");
  assert_true(read_settings(&s, "key.json", memory));
  assert_string_equal(s.token, "hf_documented");
  arena_destroy(memory);
}

static void malformed_settings(void **state) {
  (void)state;
  static const char *const files[] = {
      "",
      "hf_secret",
      "{\"huggingface_api_key\": \"hf_secret\"",
      "{\"huggingface_api_key\": 7}",
      "{\"huggingface_api_key\": \"hf_secret\\r\\nX-Evil: 1\"}",
      "{\"huggingface_api_key\": \"hf_secret with a blank\"}",
      "{\"huggingface_api_key\": \"hf_secret\", \"huggingface_api_key\": \"x\"}"};
  arena *memory = arena_create(NULL);
  hub_settings s;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    write_text("key.json", files[i]);
    assert_false(read_settings(&s, "key.json", memory));
    assert_null(s.token);
    assert_null(strstr(scratch.err.message, "secret"));
    assert_non_null(strstr(scratch.err.message, "key.json"));
  }
  setenv("HF_TOKEN", "hf_secret\nX-Evil: 1", 1);
  assert_false(read_settings(&s, NULL, memory));
  assert_null(strstr(scratch.err.message, "secret"));
  unsetenv("HF_TOKEN");
  setenv("HF_ENDPOINT", "ftp://hub.example", 1);
  assert_false(read_settings(&s, NULL, memory));
  arena_destroy(memory);
}

static void other_settings(void **state) {
  (void)state;
  arena *memory = arena_create(NULL);
  hub_settings s;
  assert_true(read_settings(&s, NULL, memory));
  assert_false(s.offline);
  assert_string_equal(s.endpoint, "https://huggingface.co");
  assert_string_equal(s.revision, "main");
  assert_true(s.patience.tries >= 5); /* the first and at least four more */
  setenv("HF_ENDPOINT", "https://mirror.example/hub//", 1);
  setenv("HF_HUB_OFFLINE", "Yes", 1);
  setenv("HF_HUB_CACHE", "/somewhere", 1);
  setenv("SSL_CERT_FILE", "/ca.pem", 1);
  assert_true(read_settings(&s, NULL, memory));
  assert_true(s.offline);
  assert_string_equal(s.endpoint, "https://mirror.example/hub");
  assert_string_equal(s.cache_folder, "/somewhere");
  assert_string_equal(s.ca_file, "/ca.pem");
  setenv("HF_HUB_OFFLINE", "0", 1);
  assert_true(read_settings(&s, NULL, memory));
  assert_false(s.offline);
  arena_destroy(memory);
}

/* --- which files */

static void choose(const char *model, const char *const *names, size_t count, const char *expected) {
  size_t chosen[MAX_MODEL_FILES], chosen_count;
  char found[1100] = "";
  if (!model_files_choose(model, names, count, chosen, &chosen_count, &scratch.err))
    snprintf(found, sizeof found, "%s", scratch.err.message);
  for (size_t i = 0; i < chosen_count; i++)
    snprintf(found + strlen(found), sizeof found - strlen(found), "%s ", names[chosen[i]]);
  if (!strstr(found, expected))
    fail_msg("'%s' is not in '%s'", expected, found);
}

#define CHOOSE(model, expected, ...)                                                                         \
  choose(model, (const char *const[]){__VA_ARGS__},                                                          \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), expected)

static void files_of_models(void **state) {
  (void)state;
  CHOOSE("wcr_77_classes", "wcr_77_classes.pt ", "base_ssl.pt", "config.json", "wcr_77_classes.pt");
  CHOOSE("wcr_77_classes", "x.pt ", "base_ssl.pt", "x.pt", "sub/y.pt", ".hidden.pt");
  CHOOSE("wcr_77_classes", "WCR_77_classes.pt ", "a.pt", "WCR_77_classes.pt", "b.pt");
  CHOOSE("wcr_77_classes", "2 .pt files", "a.pt", "b.pt");
  CHOOSE("wcr_77_classes", "no .pt model file", "base_ssl.pt", "model.safetensors");
  CHOOSE("Bert_diagnosis2classification", "config.json vocab.txt model.safetensors tokenizer_config.json ",
         "tokenizer_config.json", "model.safetensors", "vocab.txt", "config.json", "pytorch_model.bin");
  CHOOSE("Bert_diagnosis2classification", "vocab.txt is not there", "model.safetensors", "config.json");
}

static void published(void **state) {
  (void)state;
  const char *ids[MAX_PUBLISHED_MODELS];
  size_t usual, count = published_models(ids, &usual);
  assert_int_equal(count, 10);
  assert_int_equal(usual, 9);
  assert_string_equal(ids[8], "Bert_diagnosis2classification_En_Fr");
  assert_string_equal(published_model("WCR_AFIB_5Y"), "wcr_afib_5y");
  assert_null(published_model("wcr"));
}

/* --- manifests */

static void manifests(void **state) {
  (void)state;
#define HASH                    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define MANIFEST(files)         "{\"repo\":\"\",\"revision\":\"\",\"commit\":\"\",\"files\":[" files "]}"
#define ENTRY(name, size, hash) "{\"name\":\"" name "\",\"size\":" size ",\"sha256\":\"" hash "\"}"
  static const struct {
    const char *text;
    bool good;
  } cases[] = {{MANIFEST(ENTRY("a.pt", "5", HASH)), true},
               {MANIFEST(ENTRY("a.pt", "5", HASH) "," ENTRY("b.pt", "0", HASH)), true},
               {MANIFEST(ENTRY("a.pt", "5", HASH) "," ENTRY("a.pt", "0", HASH)), false},
               {MANIFEST(""), false},
               {MANIFEST(ENTRY("../a.pt", "5", HASH)), false},
               {MANIFEST(ENTRY("a/b.pt", "5", HASH)), false},
               {MANIFEST(ENTRY("a.pt", "-5", HASH)), false},
               {MANIFEST(ENTRY("a.pt", "1e3", HASH)), false},
               {MANIFEST(ENTRY("a.pt", "99999999999999", HASH)), false},
               {MANIFEST(ENTRY("a.pt", "5", "0123")), false},
               {"[]", false},
               {"", false}};
  arena *memory = arena_create(NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    manifest m;
    bool ok = manifest_parse(&m, "it", cases[i].text, strlen(cases[i].text), memory, &scratch.err);
    if (ok != cases[i].good)
      fail_msg("%s: %s", cases[i].text, ok ? "accepted" : scratch.err.message);
  }
  arena_destroy(memory);
}

static void pages_of_lists(void **state) {
  (void)state;
  arena *memory = arena_create(NULL);
  curl_library curl;
  char *next;
  error *err = &scratch.err;
  const char *page = "https://h/a";
  assert_true(curl_library_load(&curl, err));
  assert_true(hub_listing_next(&curl, "<https://h/a?cursor=2>; rel=\"next\"", page, memory, &next, err));
  assert_string_equal(next, "https://h/a?cursor=2");
  assert_true(hub_listing_next(&curl, "</b?c>; rel=\"next\"", page, memory, &next, err));
  assert_string_equal(next, "https://h/b?c");
  assert_true(hub_listing_next(&curl, "<https://h/a>; rel=\"prev\"", page, memory, &next, err));
  assert_null(next);
  assert_true(hub_listing_next(&curl, "<https://h/first>; rel=\"first\", <https://h/a?c=3,4>; rel=\"next\"",
                               page, memory, &next, err));
  assert_string_equal(next, "https://h/a?c=3,4");
  assert_true(hub_listing_next(&curl, "<https://h/a?c=5>; rel=\"next\", <https://other/z>; rel=\"last\"",
                               page, memory, &next, err));
  assert_string_equal(next, "https://h/a?c=5");
  assert_true(hub_listing_next(&curl, "", page, memory, &next, err));
  assert_null(next);
  assert_false(hub_listing_next(&curl, "<https://other/a>; rel=\"next\"", page, memory, &next, err));
  assert_false(hub_listing_next(&curl, "<http://h/a>; rel=\"next\"", page, memory, &next, err));
  assert_false(hub_listing_next(&curl, "<file:///a>; rel=\"next\"", page, memory, &next, err));
  arena_destroy(memory);
}

static void escaped_addresses(void **state) {
  (void)state;
  arena *memory = arena_create(NULL);
  assert_string_equal(url_escape(memory, "refs/pr/1 a\xc3\xa9%?#-._~", NULL),
                      "refs%2Fpr%2F1%20a%C3%A9%25%3F%23-._~");
  arena_destroy(memory);
}

/* Hostile bytes: the readers come back, whatever they say. */
static void read_list(const uint8_t *data, size_t size, void *memory) {
  hub_listing listing = {0};
  hub_listing_read_page(&listing, (const char *)data, size, memory, &scratch.err);
  for (size_t i = 0; i < listing.count; i++)
    assert_true(path_is_safe(listing.files[i].path, strlen(listing.files[i].path)));
  hub_listing_free(&listing);
}

static void read_manifest(const uint8_t *data, size_t size, void *memory) {
  manifest m;
  if (manifest_parse(&m, "it", (const char *)data, size, memory, &scratch.err))
    assert_true(m.count > 0 && m.count <= MAX_MODEL_FILES);
}

static void mutated_lists_and_manifests(void **state) {
  (void)state;
  static const char list[] = "[{\"type\":\"directory\",\"oid\":\"0123456789abcdef0123456789abcdef01234567\","
                             "\"size\":0,\"path\":\"old\"},"
                             "{\"type\":\"file\",\"oid\":\"0123456789abcdef0123456789abcdef01234567\","
                             "\"size\":5,\"path\":\"old/a.json\"},"
                             "{\"type\":\"file\",\"oid\":\"\",\"size\":5,\"lfs\":{\"oid\":\"" HASH
                             "\",\"size\":7,\"pointerSize\":130},\"path\":\"wcr.pt\"}]";
  static const char entry[] = MANIFEST(ENTRY("a.pt", "5", HASH) "," ENTRY("b.pt", "0", HASH));
  arena *memory = arena_create(NULL);
  mutate_truncate((const uint8_t *)list, sizeof list - 1, 200, read_list, memory);
  mutate_bytes((const uint8_t *)list, sizeof list - 1, 10000, 1, read_list, memory);
  mutate_truncate((const uint8_t *)entry, sizeof entry - 1, 200, read_manifest, memory);
  mutate_bytes((const uint8_t *)entry, sizeof entry - 1, 10000, 2, read_manifest, memory);
  arena_destroy(memory);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(safe_paths),
      TEST(origins),
      TEST(token_order),
      TEST(malformed_settings),
      TEST(other_settings),
      TEST(files_of_models),
      TEST(published),
      TEST(manifests),
      TEST(pages_of_lists),
      TEST(escaped_addresses),
      TEST(mutated_lists_and_manifests),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
