/* deepecg download, deepecg bundle and the pipeline's own fetching, as a user runs them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/hub_scratch.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MODEL "wcr_afib_5y"
#define REPO  "heartwise/" MODEL

enum { SIZE = 300000, CUT_AT = 100000 };

static hub_scratch s;
static uint8_t *bytes;
static char out[20000], err[20000];

static int begin(void **state) {
  (void)state;
  hub_scratch_begin(&s, "command");
  bytes = scratch_bytes(SIZE, 6);
  fake_hub_add_file(s.server, REPO, "wcr.pt", bytes, SIZE, true);
  fake_hub_set_token(s.server, "hf_secret");
  setenv("HF_ENDPOINT", fake_hub_url(s.server), 1);
  setenv("HF_HOME", scratch_path(&s, "home"), 1);
  setenv("HF_TOKEN", "hf_secret", 1);
  setenv("http_proxy", "http://127.0.0.1:1", 1); /* not for this machine itself */
  unsetenv("HF_TOKEN_PATH");
  unsetenv("HF_HUB_CACHE");
  unsetenv("HF_HUB_OFFLINE");
  return 0;
}

static int end(void **state) {
  (void)state;
  hub_scratch_end(&s);
  free(bytes);
  return 0;
}

static void read_text(const char *name, char *text, size_t size) {
  FILE *file = fopen(scratch_path(&s, name), "rb");
  assert_non_null(file);
  text[fread(text, 1, size - 1, file)] = '\0';
  fclose(file);
  assert_null(strstr(text, "hf_secret"));
}

/* In the child: streams into files, in the scratch folder, files no larger than `largest` bytes (0: any). */
static void become_program(const char *const *arguments, rlim_t largest) {
  if (chdir(s.root) != 0)
    _exit(126);
  int out_fd = open("out", O_WRONLY | O_CREAT | O_TRUNC, 0666),
      err_fd = open("err", O_WRONLY | O_CREAT | O_TRUNC, 0666);
  dup2(out_fd, STDOUT_FILENO);
  dup2(err_fd, STDERR_FILENO);
  if (largest) {
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){largest, largest});
  }
  execv(DEEPECG_PROGRAM, (char **)(uintptr_t)arguments);
  _exit(127);
}

static pid_t start(const char *const *arguments, rlim_t largest) {
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0)
    become_program(arguments, largest);
  return child;
}

static int finish(pid_t child) {
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  read_text("out", out, sizeof out);
  read_text("err", err, sizeof err);
  assert_true(WIFEXITED(status));
  return WEXITSTATUS(status);
}

static void run_limited(int expected, rlim_t largest, const char *const *arguments) {
  int code = finish(start(arguments, largest));
  if (code != expected)
    fail_msg("exit code %d, not %d\n%s%s", code, expected, out, err);
}

#define ARGUMENTS(...)     ((const char *const[]){"deepecg", __VA_ARGS__, NULL})
#define RUN(expected, ...) run_limited(expected, 0, ARGUMENTS(__VA_ARGS__))

static void holds(const char *text, const char *part) {
  if (!strstr(text, part))
    fail_msg("'%s' is not in '%s'", part, text);
}

static void downloads_and_says_so(void **state) {
  (void)state;
  RUN(0, "download", "WCR_afib_5y");
  assert_true(scratch_holds(&s, "weights/" MODEL "/wcr.pt", bytes, SIZE));
  holds(out, "weights/" MODEL);
  holds(out, "downloaded");
  assert_string_equal(err, ""); /* no progress when nobody watches */
  RUN(0, "download", MODEL, "--json");
  holds(out, "\"outcome\": \"complete\"");
  RUN(0, "download", MODEL, "--json", "--weights_folder", "elsewhere/deep");
  holds(out, "\"bytes\": 300000");
  assert_true(scratch_holds(&s, "elsewhere/deep/" MODEL "/wcr.pt", bytes, SIZE));
}

static void exit_codes(void **state) {
  (void)state;
  RUN(2, "download", "wcr_afib_5");
  holds(err, "did you mean 'wcr_afib_5y'");
  RUN(2, "download", "--revison", "x");
  holds(err, "did you mean 'revision'");
  scratch_write(&s, "bad.json", "hf_secret", 9);
  RUN(2, "download", MODEL, "--hugging_face_api_key_path", "bad.json");
  holds(err, "bad.json");
  RUN(1, "download", MODEL, "wcr_lvef_under_50", "--json"); /* the hub has the first only */
  holds(out, "\"outcome\": \"failed\"");
  holds(err, "404");
  RUN(4, "download", "wcr_lvef_under_50");
  setenv("HF_TOKEN", "hf_wrong", 1);
  RUN(4, "download", "wcr_lvef_under_50");
  holds(err, "401");
  setenv("HF_HUB_OFFLINE", "1", 1);
  RUN(3, "download", MODEL, "wcr_lvef_under_50");
  holds(out, "complete");
  holds(err, "wcr_lvef_under_50: not complete");
  RUN(3, "download");
  holds(err, "vocab.txt"); /* the text model is one of all */
  RUN(2, "bundle");
  holds(err, "--out");
  RUN(3, "bundle", "--out", "models.tar", "wcr_77_classes");
  RUN(3, "download", "--from", "nowhere.tar");
  scratch_write(&s, "no.tar", "nonsense", 8);
  RUN(4, "download", "--from", "no.tar");
}

static void a_full_disk(void **state) {
  (void)state;
  run_limited(4, 150000, ARGUMENTS("download", MODEL));
  holds(err, "cannot be written");
  assert_int_equal(access(scratch_path(&s, "weights/" MODEL "/wcr.pt"), F_OK), -1);
  RUN(0, "download", MODEL);
  fake_request request;
  assert_true(fake_hub_last_request(s.server, "/wcr.pt", &request));
  assert_string_equal(request.range, "bytes=150000-");
}

static void interrupted(int signal_number) {
  fake_hub_add_rule(s.server,
                    (fake_rule){.target = "/wcr.pt", .times = 1, .fault = FAULT_STALL, .at = CUT_AT});
  pid_t child = start(ARGUMENTS("download", MODEL), 0);
  assert_true(fake_hub_wait_for(s.server, "/wcr.pt", 1));
  scratch_wait_for_part(&s, "weights/" MODEL, CUT_AT);
  kill(child, signal_number);
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  char part[SCRATCH_PATH];
  scratch_find(&s, "weights/" MODEL, ".part", part);
  assert_true(scratch_holds(&s, part, bytes, CUT_AT));
  RUN(0, "download", MODEL);
  fake_request request;
  assert_true(fake_hub_last_request(s.server, "/wcr.pt", &request));
  assert_string_equal(request.range, "bytes=100000-");
  assert_true(scratch_holds(&s, "weights/" MODEL "/wcr.pt", bytes, SIZE));
}

static void ctrl_c(void **state) {
  (void)state;
  interrupted(SIGINT);
}

static void killed(void **state) {
  (void)state;
  interrupted(SIGKILL);
}

static void bundles(void **state) {
  (void)state;
  RUN(0, "download", MODEL);
  RUN(0, "bundle", "--out", "models.tar");
  holds(out, MODEL);
  setenv("HF_HUB_OFFLINE", "1", 1);
  size_t asked = fake_hub_requests(s.server, "/");
  RUN(0, "download", "--from", "models.tar", "--weights_folder", "closed", "--json");
  holds(out, "\"outcome\": \"unpacked\"");
  assert_true(scratch_holds(&s, "closed/" MODEL "/wcr.pt", bytes, SIZE));
  RUN(3, "download", "wcr_77_classes", "--from", "models.tar", "--weights_folder", "closed");
  assert_int_equal(fake_hub_requests(s.server, "/"), asked);
}

/* --- the pipeline */

static void run_pipeline(int expected) {
  static const char table[] = "afib_5y,afib_ecg_file_name\n1,a.npy\n0,b.npy\n";
  scratch_write(&s, "table.csv", table, sizeof table - 1);
  RUN(expected, "--mode", "analysis", "--data_path", "table.csv", "--use_efficientnet", "False", "--use_wcr",
      "True");
}

static void the_pipeline_fetches_what_it_needs(void **state) {
  (void)state;
  run_pipeline(1); /* the bytes are no model, but they have come */
  assert_true(scratch_holds(&s, "weights/" MODEL "/wcr.pt", bytes, SIZE));
  assert_int_equal(scratch_count(&s, "weights"), 1);
  holds(out, "[" MODEL "]");
}

static void the_pipeline_says_why_not(void **state) {
  (void)state;
  setenv("HF_TOKEN", "hf_wrong", 1);
  run_pipeline(1);
  holds(out, "not downloaded");
  holds(out, "401");
  unsetenv("HF_TOKEN");
  size_t asked = fake_hub_requests(s.server, "/");
  run_pipeline(1);
  holds(err, "there is no token");
  holds(err, "weights/" MODEL "/");
  setenv("HF_TOKEN", "hf_secret", 1);
  setenv("HF_HUB_OFFLINE", "1", 1);
  run_pipeline(1);
  holds(err, "HF_HUB_OFFLINE");
  assert_int_equal(fake_hub_requests(s.server, "/"), asked);
  /* Preprocessing needs no model; that the table's files aren't there is another matter. */
  run_limited(1, 0, ARGUMENTS("--mode", "preprocessing", "--data_path", "table.csv"));
  holds(out, "none of the table's ECG files is there");
  assert_null(strstr(err, "HF_HUB_OFFLINE"));
}

static void a_complete_folder_needs_nobody(void **state) {
  (void)state;
  scratch_write(&s, "weights/" MODEL "/mine.pt", "mine", 4);
  run_pipeline(1);
  assert_int_equal(fake_hub_requests(s.server, "/"), 0);
  assert_int_equal(scratch_count(&s, "weights/" MODEL), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(downloads_and_says_so),
      TEST(exit_codes),
      TEST(a_full_disk),
      TEST(ctrl_c),
      TEST(killed),
      TEST(bundles),
      TEST(the_pipeline_fetches_what_it_needs),
      TEST(the_pipeline_says_why_not),
      TEST(a_complete_folder_needs_nobody),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
