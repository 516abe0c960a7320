/* Downloads from a hub that cuts, stalls, lies, redirects and refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/hub_scratch.h"

#include "hub/client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MODEL     "wcr_afib_5y"
#define REPO      "heartwise/" MODEL
#define FILE_NAME "weights/" MODEL "/wcr.pt"
#define RESOLVE   "/resolve/"

enum { SIZE = 300000, CUT_AT = 100000 };

typedef struct fixture {
  hub_scratch s;
  uint8_t *bytes;
} fixture;

static fixture f;

/* A repository as the real ones are: the network, the checkpoint that is not needed, an empty config.json. */
static int begin(void **state) {
  (void)state;
  f = (fixture){0};
  hub_scratch_begin(&f.s, "download");
  f.bytes = scratch_bytes(SIZE, 1);
  fake_hub_add_file(f.s.server, REPO, "README.md", "# read me", 9, false);
  fake_hub_add_file(f.s.server, REPO, "config.json", "", 0, false);
  fake_hub_add_file(f.s.server, REPO, "base_ssl.pt", f.bytes, 1000, true);
  fake_hub_add_file(f.s.server, REPO, "old/other.pt", f.bytes, 2000, true);
  fake_hub_add_file(f.s.server, REPO, "wcr.pt", f.bytes, SIZE, true);
  return 0;
}

static int end(void **state) {
  (void)state;
  hub_scratch_end(&f.s);
  free(f.bytes);
  return 0;
}

static void rule(const char *target, int times, fake_fault fault, int status, const char *header, size_t at) {
  fake_hub_add_rule(f.s.server, (fake_rule){target, times, fault, status, header, at, NULL});
}

static void assert_downloaded(void) {
  assert_int_equal(hub_scratch_ensure(&f.s, MODEL, CHECK_SIZES), HUB_DOWNLOADED);
  assert_true(scratch_holds(&f.s, FILE_NAME, f.bytes, SIZE));
  assert_int_equal(scratch_count(&f.s, "weights/" MODEL), 2); /* and the manifest */
}

static void assert_failed(const char *text) {
  assert_int_equal(hub_scratch_ensure(&f.s, MODEL, CHECK_SIZES), HUB_FAILED);
  if (!strstr(f.s.err.message, text))
    fail_msg("'%s' is not in '%s'", text, f.s.err.message);
  assert_int_equal(access(scratch_path(&f.s, FILE_NAME), F_OK), -1);
}

static const char *last_range(void) {
  static fake_request request;
  assert_true(fake_hub_last_request(f.s.server, "/wcr.pt", &request));
  return request.range;
}

static void only_what_is_needed(void **state) {
  (void)state;
  assert_downloaded();
  assert_int_equal(f.s.bytes, SIZE);
  assert_int_equal(fake_hub_requests(f.s.server, RESOLVE), 1);
  fake_request request;
  assert_true(fake_hub_last_request(f.s.server, RESOLVE, &request));
  assert_non_null(strstr(request.target, fake_hub_commit)); /* pinned to the commit of the list */
  assert_string_equal(request.authorization, "Bearer hf_secret");
  /* the second time nothing is asked, nor with every byte looked at */
  size_t asked = fake_hub_requests(f.s.server, "/");
  assert_int_equal(hub_scratch_ensure(&f.s, MODEL, CHECK_SIZES), HUB_THERE);
  assert_int_equal(hub_scratch_ensure(&f.s, MODEL, CHECK_HASHES), HUB_THERE);
  assert_int_equal(fake_hub_requests(f.s.server, "/"), asked);
}

static void a_text_model_of_five_files(void **state) {
  (void)state;
  static const char *const names[] = {"model.safetensors", "config.json", "vocab.txt",
                                      "tokenizer_config.json", "special_tokens_map.json"};
  const char *model = "Bert_diagnosis2classification_En_Fr";
  const char *repo = "heartwise/Bert_diagnosis2classification_En_Fr";
  for (size_t i = 0; i < 5; i++)
    fake_hub_add_file(f.s.server, repo, names[i], f.bytes, 5000 - 700 * i, i == 0);
  fake_hub_add_file(f.s.server, repo, "pytorch_model.bin", f.bytes, 9000, true);
  fake_hub_set_page_size(f.s.server, 2);
  assert_int_equal(hub_scratch_ensure(&f.s, model, CHECK_SIZES), HUB_DOWNLOADED);
  assert_int_equal(fake_hub_requests(f.s.server, "/tree/"), 3);
  assert_int_equal(fake_hub_requests(f.s.server, RESOLVE), 5);
  for (size_t i = 0; i < 5; i++) {
    char name[200];
    snprintf(name, sizeof name, "weights/%s/%s", model, names[i]);
    assert_true(scratch_holds(&f.s, name, f.bytes, 5000 - 700 * i));
  }
  fake_request last;
  assert_true(fake_hub_last_request(f.s.server, RESOLVE, &last));
  assert_non_null(strstr(last.target, "model.safetensors")); /* complete only with the last file */
}

static void a_cut_connection_goes_on(void **state) {
  (void)state;
  rule("/wcr.pt", 2, FAULT_CUT, 0, NULL, CUT_AT);
  assert_downloaded();
  assert_int_equal(fake_hub_requests(f.s.server, "/wcr.pt"), 3);
  assert_string_equal(last_range(), "bytes=200000-");
  fake_request request;
  assert_true(fake_hub_last_request(f.s.server, "/wcr.pt", &request));
  assert_string_equal(request.authorization, "Bearer hf_secret"); /* sent again */
}

static void the_next_run_goes_on(void **state) {
  (void)state;
  f.s.settings.patience.tries = 1;
  rule("/wcr.pt", 1, FAULT_CUT, 0, NULL, CUT_AT);
  assert_failed("wcr.pt");
  char part[SCRATCH_PATH];
  scratch_find(&f.s, "weights/" MODEL, ".part", part);
  assert_true(scratch_holds(&f.s, part, f.bytes, CUT_AT));
  assert_downloaded();
  assert_string_equal(last_range(), "bytes=100000-");
  assert_int_equal(f.s.bytes, SIZE - CUT_AT);
}

static void a_damaged_part_is_noticed(void **state) {
  (void)state;
  f.s.settings.patience.tries = 1;
  rule("/wcr.pt", 1, FAULT_CUT, 0, NULL, CUT_AT);
  assert_failed("wcr.pt");
  char part[SCRATCH_PATH];
  scratch_find(&f.s, "weights/" MODEL, ".part", part);
  uint8_t *damaged = scratch_bytes(CUT_AT, 2);
  scratch_write(&f.s, part, damaged, CUT_AT);
  free(damaged);
  assert_downloaded();
  assert_non_null(strstr(f.s.said, "from the beginning again"));
  assert_string_equal(last_range(), "");
}

static void a_part_that_is_too_long(void **state) {
  (void)state;
  f.s.settings.patience.tries = 1;
  rule("/wcr.pt", 1, FAULT_CUT, 0, NULL, CUT_AT);
  assert_failed("wcr.pt");
  char part[SCRATCH_PATH];
  scratch_find(&f.s, "weights/" MODEL, ".part", part);
  uint8_t *longer = scratch_bytes(SIZE + 5, 1);
  scratch_write(&f.s, part, longer, SIZE + 5);
  free(longer);
  assert_downloaded();
}

static void a_hub_without_ranges(void **state) {
  (void)state;
  rule("/wcr.pt", 1, FAULT_CUT, 0, NULL, CUT_AT);
  rule("/wcr.pt", -1, FAULT_WHOLE, 0, NULL, 0);
  assert_downloaded();
  assert_string_equal(last_range(), "bytes=100000-");
  assert_int_equal(fake_hub_requests(f.s.server, "/wcr.pt"), 2);
}

static void a_wrong_hash_once_and_always(void **state) {
  (void)state;
  rule("/wcr.pt", 1, FAULT_CORRUPT, 0, NULL, 12345);
  assert_downloaded();
  assert_int_equal(unlink(scratch_path(&f.s, FILE_NAME)), 0);
  rule("/wcr.pt", -1, FAULT_CORRUPT, 0, NULL, 12345);
  assert_failed("sha256 differs");
  assert_int_equal(scratch_count(&f.s, "weights/" MODEL), 1); /* no bad part is left to go on with */
}

static void a_wrong_small_file(void **state) {
  (void)state;
  const char *repo = "heartwise/Bert_diagnosis2classification";
  fake_hub_add_file(f.s.server, repo, "model.safetensors", f.bytes, 900, true);
  fake_hub_add_file(f.s.server, repo, "config.json", f.bytes, 300, false);
  fake_hub_add_file(f.s.server, repo, "vocab.txt", f.bytes, 300, false);
  rule("/vocab.txt", -1, FAULT_CORRUPT, 0, NULL, 7);
  assert_int_equal(hub_scratch_ensure(&f.s, "Bert_diagnosis2classification", CHECK_SIZES), HUB_FAILED);
  assert_non_null(strstr(f.s.err.message, "vocab.txt"));
}

static void busy_and_failing_answers_are_tried_again(void **state) {
  (void)state;
  rule("/tree/", 1, FAULT_ANSWER, 503, NULL, 0);
  rule("/tree/", 1, FAULT_DROP, 0, NULL, 0);
  rule("/wcr.pt", 1, FAULT_ANSWER, 500, NULL, 0);
  rule("/wcr.pt", 1, FAULT_ANSWER, 429, "Retry-After: 1\r\n", 0);
  rule("/wcr.pt", 1, FAULT_ANSWER, 502, NULL, 0);
  rule("/wcr.pt", 1, FAULT_ANSWER, 504, NULL, 0);
  assert_downloaded();
  assert_int_equal(fake_hub_requests(f.s.server, "/wcr.pt"), 5);
}

static void five_tries_and_no_more(void **state) {
  (void)state;
  rule("/wcr.pt", -1, FAULT_ANSWER, 500, NULL, 0);
  assert_failed("after 5 tries");
  assert_int_equal(fake_hub_requests(f.s.server, "/wcr.pt"), 5);
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void retry_after_is_honoured_and_bounded(void **state) {
  (void)state;
  f.s.settings.patience.longest_wait = 1.2;
  rule("/wcr.pt", 1, FAULT_ANSWER, 429, "Retry-After: 1\r\n", 0);
  double start = seconds();
  assert_downloaded();
  assert_true(seconds() - start >= 1);
  assert_int_equal(unlink(scratch_path(&f.s, FILE_NAME)), 0);
  f.s.settings.patience.longest_wait = 0.05;
  rule("/wcr.pt", 1, FAULT_ANSWER, 429, "Retry-After: 86400\r\n", 0);
  start = seconds();
  assert_downloaded();
  assert_true(seconds() - start < 5);
}

static void a_silent_hub_is_left(void **state) {
  (void)state;
  f.s.settings.patience.stalled_seconds = 0.3;
  rule("/wcr.pt", 1, FAULT_STALL, 0, NULL, CUT_AT);
  assert_downloaded();
  assert_non_null(strstr(f.s.said, "no byte for 0.3 s"));
  assert_string_equal(last_range(), "bytes=100000-");
}

static void refusals_say_what_to_do(void **state) {
  (void)state;
  rule("/tree/", 1, FAULT_ANSWER, 401, NULL, 0);
  assert_failed("does not accept the token of HF_TOKEN");
  rule("/wcr.pt", 1, FAULT_ANSWER, 403, "X-Error-Code: GatedRepo\r\n", 0);
  assert_failed("accept the terms");
  assert_non_null(strstr(f.s.err.message, "/" REPO " ")); /* the page to open */
  rule("/tree/", 1, FAULT_ANSWER, 404, "X-Error-Code: RevisionNotFound\r\n", 0);
  assert_failed("no revision 'main'");
  rule("/wcr.pt", 1, FAULT_ANSWER, 404, NULL, 0);
  assert_failed("404");
  rule("/tree/", 1, FAULT_ANSWER, 418, NULL, 0);
  assert_failed("418");
  assert_int_equal(fake_hub_requests(f.s.server, "/tree/"), 5); /* each of them asked once */
  f.s.settings.token = NULL;
  f.s.settings.without_token = true;
  fake_hub_set_token(f.s.server, "hf_secret");
  assert_failed("wants a token");
  fake_request request;
  assert_true(fake_hub_last_request(f.s.server, "/tree/", &request));
  assert_string_equal(request.authorization, "");
}

static void the_token_stays_at_the_hub(void **state) {
  (void)state;
  fake_hub *store = fake_hub_start();
  fake_hub_add_file(store, REPO, "wcr.pt", f.bytes, SIZE, true);
  fake_hub_add_rule(store, (fake_rule){.target = "/wcr.pt", .times = 1, .fault = FAULT_CUT, .at = CUT_AT});
  /* an expired address */
  fake_hub_add_rule(store,
                    (fake_rule){.target = "/wcr.pt", .times = 1, .fault = FAULT_ANSWER, .status = 403});
  fake_hub_set_token(f.s.server, "hf_secret");
  fake_hub_set_store(f.s.server, fake_hub_url(store));
  assert_downloaded();
  fake_request request;
  assert_true(fake_hub_last_request(store, "/wcr.pt", &request));
  assert_string_equal(request.authorization, "");
  assert_string_equal(request.range, "bytes=100000-");
  assert_int_equal(fake_hub_requests(store, "signature=s3cr3t"), 3);
  assert_int_equal(fake_hub_requests(f.s.server, "/wcr.pt"), 3); /* a fresh address each time */
  assert_null(strstr(f.s.said, "s3cr3t"));
  fake_hub_stop(store);
}

static void redirects_are_bounded(void **state) {
  (void)state;
  rule("/wcr.pt", -1, FAULT_ANSWER, 302, "Location: /" REPO "/resolve/main/wcr.pt\r\n", 0);
  assert_failed("redirected more than");
  rule("/tree/", 1, FAULT_ANSWER, 302, "Location: file:///etc/passwd\r\n", 0);
  assert_failed("not followed");
  rule("/tree/", 1, FAULT_ANSWER, 302, "Location: http://user:word@127.0.0.1/\r\n", 0);
  assert_failed("not followed");
  rule("/tree/", 1, FAULT_ANSWER, 302, "", 0);
  assert_failed("not followed");
}

static void a_repository_in_another_case(void **state) {
  (void)state;
  const char *repo = "heartwise/WCR_lvef_Under_50";
  fake_hub_add_file(f.s.server, repo, "WCR_LVEF_under_50.pt", f.bytes, 5000, true);
  fake_hub_set_token(f.s.server, "hf_secret"); /* wanted again behind the redirect */
  assert_int_equal(hub_scratch_ensure(&f.s, "wcr_lvef_under_50", CHECK_SIZES), HUB_DOWNLOADED);
  assert_true(scratch_holds(&f.s, "weights/wcr_lvef_under_50/WCR_LVEF_under_50.pt", f.bytes, 5000));
}

static void hostile_lists_are_refused(void **state) {
  (void)state;
#define ENTRY(path)                                                                                          \
  "{\"type\":\"file\",\"oid\":\""                                                                            \
  "0123456789abcdef0123456789abcdef01234567\",\"size\":5,\"path\":\"" path "\"}"
  static const struct {
    const char *json, *text;
  } cases[] = {
      {ENTRY("../evil.pt"), "could leave its folder"},
      {ENTRY("/etc/evil.pt"), "could leave its folder"},
      {ENTRY("a/../../evil.pt"), "could leave its folder"},
      {ENTRY("a\\\\..\\\\evil.pt"), "could leave its folder"},
      {ENTRY("nul\\u0000.pt"), "could leave its folder"},
      {ENTRY("escape\\u001b[2J.pt"), "could leave its folder"},
      {ENTRY(""), "could leave its folder"},
      {ENTRY("wcr.pt"), "there twice"},
      {"{\"type\":\"directory\",\"path\":\"..\"}", "could leave its folder"},
      {"{\"type\":\"file\",\"path\":\"x.pt\",\"size\":-1,\"oid\":\"\"}", "without its size"},
      {"{\"type\":\"file\",\"path\":\"x.pt\",\"size\":99999999999999,\"oid\":\"\"}", "more than is accepted"},
      {"{\"type\":\"file\",\"path\":\"x.pt\",\"size\":9,\"oid\":\"../../x\"}", "hex digits"},
      {"{\"type\":\"file\",\"path\":\"x.pt\",\"size\":9,\"lfs\":{\"oid\":\"0\",\"size\":9}}", "hex digits"},
      {"{\"path\":\"x.pt\"}", "without a type"},
      {"{\"type\":\"file\",\"path\":5}", "without a path"},
      {"7", "without a type"},
      {"{", "not a JSON list"}};
#undef ENTRY
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    end(NULL);
    begin(NULL);
    fake_hub_add_entry(f.s.server, REPO, cases[i].json);
    assert_failed(cases[i].text);
    assert_int_equal(fake_hub_requests(f.s.server, RESOLVE), 0);
    assert_int_equal(scratch_count(&f.s, "weights"), 0);
  }
}

static void pages_are_bounded(void **state) {
  (void)state;
  fake_hub_add_rule(f.s.server,
                    (fake_rule){.target = "/tree/",
                                .times = -1,
                                .fault = FAULT_ANSWER,
                                .status = 200,
                                .header = "Link: </api/models/" REPO "/tree/main?cursor=1>; rel=\"next\"\r\n",
                                .body = "[]"});
  assert_failed("more than 100 pages");
  assert_int_equal(fake_hub_requests(f.s.server, "/tree/"), 100);
}

static void more_bytes_than_listed(void **state) {
  (void)state;
  fake_hub_add_rule(f.s.server, (fake_rule){.target = "/wcr.pt",
                                            .times = 1,
                                            .fault = FAULT_ANSWER,
                                            .status = 200,
                                            .body = "<html>please log in to the ward's network</html>"});
  assert_failed("where its list says");
  rule("/wcr.pt", 1, FAULT_ANSWER, 200,
       "X-Linked-Etag: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\r\n", 0);
  assert_failed("has changed on the hub");
  assert_downloaded();
}

static void a_truncated_file_is_mended(void **state) {
  (void)state;
  assert_downloaded();
  assert_int_equal(truncate(scratch_path(&f.s, FILE_NAME), 1000), 0);
  assert_downloaded();
  assert_non_null(strstr(f.s.said, "has 1000 bytes of 300000"));
  uint8_t *other = scratch_bytes(SIZE, 3);
  scratch_write(&f.s, FILE_NAME, other, SIZE);
  free(other);
  assert_int_equal(hub_scratch_ensure(&f.s, MODEL, CHECK_SIZES), HUB_THERE);
  assert_int_equal(hub_scratch_ensure(&f.s, MODEL, CHECK_HASHES), HUB_DOWNLOADED);
  assert_true(scratch_holds(&f.s, FILE_NAME, f.bytes, SIZE));
  f.s.settings.offline = true;
  assert_int_equal(truncate(scratch_path(&f.s, FILE_NAME), 1000), 0);
  assert_int_equal(hub_scratch_ensure(&f.s, MODEL, CHECK_SIZES), HUB_MISSING);
}

static void what_was_put_there_by_hand_stays(void **state) {
  (void)state;
  scratch_write(&f.s, "weights/" MODEL "/mine.pt", "mine", 4);
  assert_int_equal(hub_scratch_ensure(&f.s, MODEL, CHECK_HASHES), HUB_THERE);
  assert_int_equal(scratch_count(&f.s, "weights/" MODEL), 1);
  assert_int_equal(fake_hub_requests(f.s.server, "/"), 0);
  /* an incomplete folder whose file is another than the published one */
  const char *model = "Bert_diagnosis2classification", *repo = "heartwise/Bert_diagnosis2classification";
  fake_hub_add_file(f.s.server, repo, "model.safetensors", f.bytes, 900, true);
  fake_hub_add_file(f.s.server, repo, "config.json", f.bytes, 300, false);
  fake_hub_add_file(f.s.server, repo, "vocab.txt", f.bytes, 300, false);
  scratch_write(&f.s, "weights/Bert_diagnosis2classification/vocab.txt", "mine", 4);
  assert_int_equal(hub_scratch_ensure(&f.s, model, CHECK_SIZES), HUB_FAILED);
  assert_non_null(strstr(f.s.err.message, "move it away"));
  assert_true(scratch_holds(&f.s, "weights/Bert_diagnosis2classification/vocab.txt", "mine", 4));
  /* a file that is the published one is not fetched again */
  scratch_write(&f.s, "weights/Bert_diagnosis2classification/vocab.txt", f.bytes, 300);
  assert_int_equal(hub_scratch_ensure(&f.s, model, CHECK_SIZES), HUB_DOWNLOADED);
  assert_int_equal(fake_hub_requests(f.s.server, "vocab.txt"), 0);
}

static void hollow_files_are_filled(void **state) {
  (void)state;
  static const char pointer[] = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 300000\n";
  scratch_write(&f.s, FILE_NAME, pointer, sizeof pointer - 1);
  assert_downloaded();
  assert_int_equal(unlink(scratch_path(&f.s, "weights/" MODEL "/.deepecg-files.json")), 0);
  assert_int_equal(truncate(scratch_path(&f.s, FILE_NAME), 0), 0);
  assert_downloaded();
}

static void without_a_token_nobody_is_asked(void **state) {
  (void)state;
  f.s.settings.token = NULL;
  assert_int_equal(hub_scratch_ensure(&f.s, MODEL, CHECK_SIZES), HUB_MISSING);
  assert_non_null(strstr(f.s.err.message, "there is no token"));
  assert_non_null(strstr(f.s.err.message, f.s.weights));
  assert_non_null(strstr(f.s.err.message, "base_ssl.pt is not needed"));
  f.s.settings.token = "hf_secret";
  f.s.settings.offline = true;
  assert_int_equal(hub_scratch_ensure(&f.s, MODEL, CHECK_SIZES), HUB_MISSING);
  assert_non_null(strstr(f.s.err.message, "HF_HUB_OFFLINE"));
  assert_int_equal(fake_hub_requests(f.s.server, "/"), 0);
  assert_int_equal(scratch_count(&f.s, "weights"), 0);
}

static void a_hub_that_is_not_there(void **state) {
  (void)state;
  f.s.settings.endpoint = "http://127.0.0.1:1";
  assert_failed("after 5 tries");
  f.s.settings.endpoint = "http://";
  assert_failed("HF_ENDPOINT");
  f.s.settings.endpoint = "https://user:secret@hub.example";
  assert_failed("HF_ENDPOINT");
  assert_null(strstr(f.s.err.message, "secret"));
}

/* After one model has shown that the hub is out of reach, the others don't wait for it as long. */
static void patience_is_spent_once(void **state) {
  (void)state;
  f.s.settings.endpoint = "http://127.0.0.1:1";
  hub *h = hub_open(&f.s.settings, f.s.weights, &f.s.reporter, &f.s.err);
  assert_int_equal(hub_ensure(h, MODEL, CHECK_SIZES, false, NULL, &f.s.err), HUB_FAILED);
  assert_non_null(strstr(f.s.err.message, "after 5 tries"));
  *f.s.said = '\0';
  assert_int_equal(hub_ensure(h, "wcr_77_classes", CHECK_SIZES, false, NULL, &f.s.err), HUB_FAILED);
  assert_string_equal(f.s.said, "");
  hub_close(h);
}

/* --- the official client's cache */

#define CACHE "cache/models--heartwise--WCR_afib_5y/"

static void make_cache(const char *blob, const uint8_t *bytes, size_t size) {
  char name[300];
  snprintf(name, sizeof name, CACHE "blobs/%s", blob);
  scratch_write(&f.s, name, bytes, size);
  scratch_write(&f.s, CACHE "refs/main", "abc123", 6);
  scratch_write(&f.s, CACHE "snapshots/abc123/.keep", "", 0);
  snprintf(name, sizeof name, "../../blobs/%s", blob);
  assert_int_equal(symlink(name, scratch_path(&f.s, CACHE "snapshots/abc123/wcr.pt")), 0);
  f.s.settings.cache_folder = strdup(scratch_path(&f.s, "cache"));
}

static void free_cache(void) {
  free((char *)(uintptr_t)f.s.settings.cache_folder);
  f.s.settings.cache_folder = NULL;
}

static void the_cache_is_used(void **state) {
  (void)state;
  f.s.settings.offline = true;
  make_cache(sha256_of(f.bytes, SIZE).hex, f.bytes, SIZE);
  f.s.settings.revision = "v2";
  assert_int_equal(hub_scratch_ensure(&f.s, MODEL, CHECK_SIZES), HUB_MISSING);
  f.s.settings.revision = "../main";
  assert_int_equal(hub_scratch_ensure(&f.s, MODEL, CHECK_SIZES), HUB_MISSING);
  f.s.settings.revision = "abc123";
  assert_int_equal(hub_scratch_ensure(&f.s, MODEL, CHECK_SIZES), HUB_LINKED);
  f.s.settings.revision = "main";
  assert_int_equal(unlink(scratch_path(&f.s, FILE_NAME)), 0);
  assert_int_equal(hub_scratch_ensure(&f.s, MODEL, CHECK_SIZES), HUB_LINKED);
  assert_true(scratch_holds(&f.s, FILE_NAME, f.bytes, SIZE));
  assert_int_equal(hub_scratch_ensure(&f.s, MODEL, CHECK_HASHES), HUB_THERE);
  assert_int_equal(scratch_count(&f.s, "weights/" MODEL), 2);
  struct stat status;
  assert_int_equal(stat(scratch_path(&f.s, FILE_NAME), &status), 0);
  assert_int_equal(status.st_nlink, 2); /* not there twice */
  assert_int_equal(fake_hub_requests(f.s.server, "/"), 0);
  free_cache();
}

static void a_damaged_cache_is_not(void **state) {
  (void)state;
  make_cache(sha256_of(f.bytes, SIZE).hex, f.bytes, SIZE - 1);
  assert_downloaded();
  assert_non_null(strstr(f.s.said, "hash differs"));
  free_cache();
}

/* --- interruption, and two runs at once */

static volatile sig_atomic_t cancelled;

static void *cancel_in_the_middle(void *unused) {
  (void)unused;
  scratch_wait_for_part(&f.s, "weights/" MODEL, CUT_AT);
  cancelled = 1;
  return NULL;
}

static void *cancel_when_asked(void *unused) {
  (void)unused;
  fake_hub_wait_for(f.s.server, "/tree/", 1);
  cancelled = 1;
  return NULL;
}

static void interrupted_and_resumed(void **state) {
  (void)state;
  pthread_t thread;
  cancelled = 0;
  f.s.settings.cancelled = &cancelled;
  rule("/wcr.pt", 1, FAULT_STALL, 0, NULL, CUT_AT);
  assert_int_equal(pthread_create(&thread, NULL, cancel_in_the_middle, NULL), 0);
  assert_failed("interrupted");
  pthread_join(thread, NULL);
  cancelled = 0;
  assert_downloaded();
  assert_string_equal(last_range(), "bytes=100000-");
}

static void interrupted_while_waiting(void **state) {
  (void)state;
  pthread_t thread;
  cancelled = 0;
  f.s.settings.cancelled = &cancelled;
  f.s.settings.patience.longest_wait = 60;
  rule("/tree/", 1, FAULT_ANSWER, 429, "Retry-After: 60\r\n", 0);
  assert_int_equal(pthread_create(&thread, NULL, cancel_when_asked, NULL), 0);
  assert_failed("interrupted");
  pthread_join(thread, NULL);
}

static void *ensure_in_thread(void *given) {
  error err;
  hub *h = hub_open(&f.s.settings, f.s.weights, NULL, &err);
  *(hub_outcome *)given = hub_ensure(h, MODEL, CHECK_SIZES, false, NULL, &err);
  hub_close(h);
  return NULL;
}

static void two_runs_take_turns(void **state) {
  (void)state;
  hub_outcome outcomes[2];
  pthread_t threads[2];
  f.s.settings.patience.stalled_seconds = 0.5;
  rule("/wcr.pt", 1, FAULT_STALL, 0, NULL, CUT_AT);
  for (int i = 0; i < 2; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, ensure_in_thread, &outcomes[i]), 0);
  for (int i = 0; i < 2; i++)
    pthread_join(threads[i], NULL);
  for (int i = 0; i < 2; i++)
    assert_int_equal(outcomes[i], HUB_DOWNLOADED);
  assert_true(scratch_holds(&f.s, FILE_NAME, f.bytes, SIZE));
  assert_int_equal(fake_hub_requests(f.s.server, "/wcr.pt"), 2); /* the stalled one and its continuation */
  assert_int_equal(scratch_count(&f.s, "weights/" MODEL), 2);
}

static void another_part_than_asked_for(void **state) {
  (void)state;
  rule("/wcr.pt", 1, FAULT_CUT, 0, NULL, CUT_AT);
  rule("/wcr.pt", 1, FAULT_ANSWER, 206, "Content-Range: bytes 5-6/300000\r\n", 0);
  assert_failed("another part than was asked for");
  assert_downloaded();
}

/* 0.0.0.0 leads to this machine too, but an address that is not known to do so gets no token in the open. */
static void no_token_in_the_open(void **state) {
  (void)state;
  char url[64];
  setenv("no_proxy", "*", 1);
  snprintf(url, sizeof url, "http://0.0.0.0%s", strrchr(fake_hub_url(f.s.server), ':'));
  f.s.settings.endpoint = url;
  assert_downloaded();
  fake_request request;
  assert_true(fake_hub_last_request(f.s.server, "/wcr.pt", &request));
  assert_string_equal(request.authorization, "");
}

static void leftovers_of_other_revisions_go(void **state) {
  (void)state;
  scratch_write(&f.s, "weights/" MODEL "/.wcr.pt.0123456789abcdef.part", "old", 3);
  assert_downloaded();
  scratch_write(&f.s, "weights/" MODEL "/.wcr.pt.bak", "not ours", 8);
  assert_int_equal(unlink(scratch_path(&f.s, FILE_NAME)), 0);
  assert_int_equal(hub_scratch_ensure(&f.s, MODEL, CHECK_SIZES), HUB_DOWNLOADED);
  assert_int_equal(scratch_count(&f.s, "weights/" MODEL), 3);
}

static void a_download_that_has_no_room(void **state) {
  (void)state;
  static const char *const names[] = {"config.json", "vocab.txt", "model.safetensors",
                                      "tokenizer_config.json", "special_tokens_map.json"};
  static char entries[5][300];
  if (space_suffices(f.s.root, (uint64_t)80 << 30, NULL))
    skip();
  for (size_t i = 0; i < 5; i++) {
    snprintf(entries[i], sizeof entries[i],
             "{\"type\":\"file\",\"oid\":\"%s\",\"size\":17179869184,\"path\":\"%s\"}", fake_hub_commit,
             names[i]);
    fake_hub_add_entry(f.s.server, "heartwise/Bert_diagnosis2classification", entries[i]);
  }
  assert_int_equal(hub_scratch_ensure(&f.s, "Bert_diagnosis2classification", CHECK_SIZES), HUB_FAILED);
  assert_non_null(strstr(f.s.err.message, "85900.4 MB are wanted"));
  assert_int_equal(fake_hub_requests(f.s.server, RESOLVE), 0);
}

static void a_full_disk_is_seen_before(void **state) {
  (void)state;
  assert_true(space_suffices(f.s.root, 1, &f.s.err));
  assert_false(space_suffices(f.s.root, UINT64_MAX / 2, &f.s.err));
  assert_non_null(strstr(f.s.err.message, "MB are free"));
  assert_false(space_suffices(f.s.root, UINT64_MAX, &f.s.err));
}

/* A hub whose list doesn't say which commit it is of: the files do. */
static void the_commit_is_remembered(void **state) {
  (void)state;
  fake_hub_hide_commit(f.s.server);
  assert_downloaded();
  assert_int_equal(fake_hub_requests(f.s.server, "/resolve/main/"), 1);
  arena *memory = arena_create(NULL);
  manifest m;
  assert_true(manifest_read(&m, scratch_path(&f.s, "weights/" MODEL), memory, &f.s.err));
  assert_string_equal(m.commit, fake_hub_commit);
  assert_string_equal(m.revision, "main");
  assert_string_equal(m.repo, REPO);
  arena_destroy(memory);
}

static void another_revision(void **state) {
  (void)state;
  assert_downloaded();
  f.s.settings.revision = "v1.0";
  assert_int_equal(hub_scratch_ensure(&f.s, MODEL, CHECK_SIZES), HUB_THERE); /* whatever it is */
  hub *h = hub_open(&f.s.settings, f.s.weights, &f.s.reporter, &f.s.err);
  assert_int_equal(hub_ensure(h, MODEL, CHECK_SIZES, true, NULL, &f.s.err), HUB_DOWNLOADED);
  assert_int_equal(fake_hub_requests(f.s.server, "/tree/v1.0"), 1);
  assert_int_equal(hub_ensure(h, MODEL, CHECK_SIZES, true, NULL, &f.s.err), HUB_THERE);
  hub_close(h);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(only_what_is_needed),
      TEST(a_text_model_of_five_files),
      TEST(a_cut_connection_goes_on),
      TEST(the_next_run_goes_on),
      TEST(a_damaged_part_is_noticed),
      TEST(a_part_that_is_too_long),
      TEST(a_hub_without_ranges),
      TEST(a_wrong_hash_once_and_always),
      TEST(a_wrong_small_file),
      TEST(busy_and_failing_answers_are_tried_again),
      TEST(five_tries_and_no_more),
      TEST(retry_after_is_honoured_and_bounded),
      TEST(a_silent_hub_is_left),
      TEST(refusals_say_what_to_do),
      TEST(the_token_stays_at_the_hub),
      TEST(redirects_are_bounded),
      TEST(a_repository_in_another_case),
      TEST(hostile_lists_are_refused),
      TEST(pages_are_bounded),
      TEST(more_bytes_than_listed),
      TEST(a_truncated_file_is_mended),
      TEST(what_was_put_there_by_hand_stays),
      TEST(hollow_files_are_filled),
      TEST(without_a_token_nobody_is_asked),
      TEST(a_hub_that_is_not_there),
      TEST(patience_is_spent_once),
      TEST(the_cache_is_used),
      TEST(a_damaged_cache_is_not),
      TEST(interrupted_and_resumed),
      TEST(interrupted_while_waiting),
      TEST(two_runs_take_turns),
      TEST(another_part_than_asked_for),
      TEST(no_token_in_the_open),
      TEST(leftovers_of_other_revisions_go),
      TEST(a_download_that_has_no_room),
      TEST(a_full_disk_is_seen_before),
      TEST(the_commit_is_remembered),
      TEST(another_revision),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
