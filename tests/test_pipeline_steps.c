/* Models that run together or one behind the other: records are read once, results and messages come in their
 * order, and what fails costs nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "pipeline/pass.h"
#include "pipeline/pass_records.h"
#include "pipeline/preprocessed.h"
#include "support/run_pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANALYSIS DEEPECG_TEST_DATA "/golden/analysis/"
#define CLEANED  DEEPECG_TEST_DATA "/golden/preprocessing/muse_hum60/expected/preprocessed"

enum { RECORDS = 6, VALUES = ECG_LEADS * ECG_SAMPLES };

static void write_text(const char *path, const char *text) {
  error err;
  if (!atomic_file_save(path, ATOMIC_FILE_REPLACE, false, text, strlen(text), &err))
    fail_msg("%s", err.message);
}

static void shell(const char *format, const char *a, const char *b) {
  char command[8 * TEST_PATH_SIZE];
  snprintf(command, sizeof command, format, a, b, a, b);
  assert_int_equal(system(command), 0);
}

/* Cleaned records of the run's own, one of them damaged: the third of the first task. */
static void init_run(test_run *run, const char *name, char table[TEST_PATH_SIZE], const char *rows) {
  test_run_init(run, name, MODE_ANALYSIS, table, ".");
  snprintf(table, TEST_PATH_SIZE, "%.*s/table.csv", TEST_PATH_SIZE - 20, run->root);
  write_text(table, rows);
  shell("mkdir '%s' && cp %s/*.base64 '%s'", run->preprocessed, CLEANED);
  char path[2 * TEST_PATH_SIZE];
  snprintf(path, sizeof path, "%s/ecg_002.base64", run->preprocessed);
  write_text(path, "AAAA");
}

static const char two_tasks[] =
    "lvef_40,lvef_40_ecg_file_name,lvef_50,lvef_50_ecg_file_name\n"
    "0,ecg_000.xml,0,ecg_007.xml\n1,ecg_001.xml,1,ecg_001.xml\n0,ecg_002.xml,0,ecg_002.xml\n"
    "0,ecg_003.xml,0,ecg_008.xml\n0,ecg_004.xml,1,ecg_000.xml\n0,ecg_005.xml,0,ecg_009.xml\n"
    "1,ecg_006.xml,0,ecg_001.xml\n";
static const char first_task[] =
    "lvef_40,lvef_40_ecg_file_name\n0,ecg_000.xml\n1,ecg_001.xml\n0,ecg_002.xml\n0,ecg_003.xml\n"
    "0,ecg_004.xml\n0,ecg_005.xml\n1,ecg_006.xml\n";
static const char second_task[] =
    "lvef_50,lvef_50_ecg_file_name\n0,ecg_007.xml\n1,ecg_001.xml\n0,ecg_002.xml\n0,ecg_008.xml\n"
    "1,ecg_000.xml\n0,ecg_009.xml\n0,ecg_001.xml\n";

/* ---- one pass ---- */

static void every_record_stands_once(void **state) {
  (void)state;
  static task_signal first[] = {{"a", "a"}, {"b", "b"}, {"c", "c"}}, second[] = {{"d", "d"}, {"b", "b"}};
  const task_rows all[] = {{.signals = first, .signal_count = 3}, {.signals = second, .signal_count = 2}};
  const task_rows *rows[] = {&all[0], &all[1]};
  pass_records records;
  error err;
  assert_true(pass_records_make(&records, rows, 2, &err));
  static const char *const paths[] = {"a", "b", "c", "d"};
  static const ptrdiff_t own[2][4] = {{0, 1, 2, NOT_WANTED}, {NOT_WANTED, 1, NOT_WANTED, 0}};
  static const size_t place[2][3] = {{0, 1, 2}, {3, 1}};
  assert_int_equal(records.count, 4);
  for (size_t i = 0; i < 4; i++)
    assert_string_equal(records.paths[i], paths[i]);
  for (size_t m = 0; m < 2; m++) {
    assert_memory_equal(records.own[m], own[m], sizeof own[m]);
    assert_memory_equal(records.place[m], place[m], rows[m]->signal_count * sizeof *place[m]);
  }
  pass_records_free(&records);
}

static model *open_model(const char *path, int threads) {
  error err;
  model *m = model_open(path, &(model_options){.backend = "cpu", .threads = threads}, NULL, &err);
  if (!m)
    fail_msg("%s", err.message);
  return m;
}

static void read_cleaned(int index, char path[TEST_PATH_SIZE], float *signal) {
  error err;
  snprintf(path, TEST_PATH_SIZE, CLEANED "/ecg_%03d.base64", index);
  if (!preprocessed_read(path, 1, signal, &err))
    fail_msg("%s", err.message);
}

/* Alone, in a batch, by single threads and by all together: the same bits, for the records that are wanted.
 */
static void a_pass_gives_the_models_bits(void **state) {
  (void)state;
  static char names[RECORDS][TEST_PATH_SIZE];
  static float signals[RECORDS * VALUES];
  static const char *const folders[] = {ANALYSIS "models/wcr_afib_5y", ANALYSIS "models/wcr_lvef_under_50"};
  static const ptrdiff_t own[2][RECORDS] = {{0, 1, 2, 3, 4, 5},
                                            {2, NOT_WANTED, 1, NOT_WANTED, NOT_WANTED, 0}};
  const char *paths[RECORDS];
  for (int i = 0; i < RECORDS; i++) {
    read_cleaned(i, names[i], signals + i * VALUES);
    paths[i] = names[i];
  }
  for (int threads = 1; threads <= 4; threads++) {
    pipeline_options options = {.threads = threads, .batch_size = 1 + threads};
    float logits[2][RECORDS] = {{0}}, expected[RECORDS];
    pass_member members[2];
    for (size_t m = 0; m < 2; m++)
      members[m] = (pass_member){
          .network = open_model(folders[m], threads), .columns = 1, .own = own[m], .logits = logits[m]};
    pass p = {
        .stage = "", .paths = paths, .count = RECORDS, .scale = 1, .members = members, .member_count = 2};
    error err;
    assert_true(pass_run(&p, &options, NULL, &err));
    for (size_t m = 0; m < 2; m++) {
      assert_true(model_predict(members[m].network, signals, RECORDS, expected, &err));
      for (size_t i = 0; i < RECORDS; i++)
        assert_true(own[m][i] == NOT_WANTED || logits[m][own[m][i]] == expected[i]);
      assert_false(model_predict_alone(members[m].network, threads, signals, expected, &err));
      model_close(members[m].network);
    }
    pass_clear(&p);
  }
}

/* ---- tasks together and each alone ---- */

static void compare_output(const test_run *a, const test_run *b, const char *model_id, const char *rest) {
  char path[2][2 * TEST_PATH_SIZE];
  error err;
  mapped_file x, y;
  test_run_output(a, model_id, rest, path[0]);
  test_run_output(b, model_id, rest, path[1]);
  if (!mapped_file_open(&x, path[0], &err) || !mapped_file_open(&y, path[1], &err))
    fail_msg("%s", err.message);
  assert_int_equal(x.size, y.size);
  assert_memory_equal(x.data, y.data, x.size);
  mapped_file_close(&x);
  mapped_file_close(&y);
}

static void tasks_that_share_records_give_what_each_gives_alone(void **state) {
  (void)state;
  test_run both, first, second;
  static char tables[3][TEST_PATH_SIZE];
  init_run(&both, "both_tasks", tables[0], two_tasks);
  init_run(&first, "first_task", tables[1], first_task);
  init_run(&second, "second_task", tables[2], second_task);
  test_run *runs[] = {&both, &first, &second};
  for (size_t i = 0; i < 3; i++) {
    test_run_go(runs[i]);
    assert_int_equal(runs[i]->errors.count, i ? 2 : 4);
    for (size_t e = 0; e < runs[i]->errors.count; e++)
      assert_non_null(strstr(runs[i]->errors.lines[e], "1 cleaned ECG could not be used"));
  }
  static const char *const models[] = {"wcr_lvef_equal_under_40", "efficientnetv2_lvef_equal_under_40",
                                       "wcr_lvef_under_50", "efficientnetv2_lvef_under_50"};
  static const char *const rests[] = {"_probabilities.csv", ".csv", ".json"};
  for (size_t m = 0; m < 4; m++) {
    assert_non_null(strstr(both.errors.lines[m], models[m]));
    for (size_t r = 0; r < 3; r++) {
      char rest[64];
      snprintf(rest, sizeof rest, "%s%s", m < 2 ? "lvef_40" : "lvef_50", rests[r]);
      compare_output(&both, m < 2 ? &first : &second, models[m], rest);
    }
  }
  for (size_t i = 0; i < 3; i++)
    test_run_free(runs[i]);
}

/* ---- models that cannot be opened ---- */

typedef struct spoken {
  char text[4096];
} spoken;

static void keep_message(void *context, report_level level, const char *text) {
  spoken *s = context;
  size_t used = strlen(s->text);
  if (level != REPORT_INFO)
    snprintf(s->text + used, sizeof s->text - used, "%s\n", text);
}

static void copy_models(const test_run *run, char weights[TEST_PATH_SIZE + 16]) {
  snprintf(weights, TEST_PATH_SIZE + 16, "%s/weights", run->root);
  shell("cp -r '%s' '%s'", ANALYSIS "models", weights);
}

static bool is_there(const test_run *run, const char *model_id, const char *rest) {
  char path[2 * TEST_PATH_SIZE];
  test_run_output(run, model_id, rest, path);
  return access(path, F_OK) == 0;
}

/* Of each kind one model is broken: a large one that is opened ahead, and one of those that run together.
 * What an opening has to say comes when the results do. */
static void broken_models_cost_nobody_else(void **state) {
  (void)state;
  test_run run;
  static char table[TEST_PATH_SIZE], weights[TEST_PATH_SIZE + 16];
  init_run(&run, "broken_models", table, two_tasks);
  copy_models(&run, weights);
  run.options.weights_folder = weights;
  shell("echo nothing >'%s/wcr_lvef_under_50/%s.pt'", weights, "wcr_lvef_under_50");
  shell("rm '%s/efficientnetv2_lvef_equal_under_40/%s.pt'", weights, "efficientnetv2_lvef_equal_under_40");
  shell("touch '%s/wcr_lvef_equal_under_40/%s.pt'", weights, "other");
  shell("touch '%s/efficientnetv2_lvef_under_50/%s.pt'", weights, "other");
  spoken said = {""};
  reporter r = {.context = &said, .message = keep_message};
  pipeline_run(&run.options, &r, &run.errors, &run.summary);
  assert_int_equal(run.errors.count, 4);
  static const char *const lines[][2] = {
      {"[wcr_lvef_equal_under_40] 1 cleaned ECG could not be used", "ecg_002"},
      {"[efficientnetv2_lvef_equal_under_40] no result", "no .pt or model.safetensors"},
      {"[wcr_lvef_under_50] no result", "wcr_lvef_under_50.pt"},
      {"[efficientnetv2_lvef_under_50] 1 cleaned ECG could not be used", "ecg_002"}};
  for (size_t i = 0; i < 4; i++) {
    assert_non_null(strstr(run.errors.lines[i], lines[i][0]));
    assert_non_null(strstr(run.errors.lines[i], lines[i][1]));
  }
  const char *first = strstr(said.text, "wcr_lvef_equal_under_40.pt is read");
  const char *second = strstr(said.text, "efficientnetv2_lvef_under_50.pt is read");
  assert_true(first && second && first < second);
  assert_true(is_there(&run, "wcr_lvef_equal_under_40", "lvef_40_probabilities.csv"));
  assert_false(is_there(&run, "efficientnetv2_lvef_equal_under_40", "lvef_40_probabilities.csv"));
  assert_false(is_there(&run, "wcr_lvef_under_50", "lvef_50_probabilities.csv"));
  assert_true(is_there(&run, "efficientnetv2_lvef_under_50", "lvef_50_probabilities.csv"));
  assert_int_equal(run.summary.model_count, 2);
  test_run_free(&run);
}

/* ---- interruptions ---- */

typedef struct interruption {
  const char *stage;
  bool at_the_end;
  volatile sig_atomic_t cancelled;
} interruption;

static void interrupt(void *context, const char *stage, size_t done, size_t total) {
  interruption *i = context;
  if (strcmp(stage, i->stage) == 0 && (done >= total) == i->at_the_end)
    i->cancelled = 1;
}

static void run_interrupted(test_run *run, const char *stage, bool at_the_end) {
  interruption i = {.stage = stage, .at_the_end = at_the_end};
  reporter r = {.context = &i, .progress = interrupt};
  run->options.threads = 1; /* progress is told after each record */
  run->options.batch_size = 1;
  run->options.cancelled = &i.cancelled;
  pipeline_run(&run->options, &r, &run->errors, &run->summary);
  assert_true(i.cancelled);
  assert_int_equal(run->errors.count, 1);
  assert_non_null(strstr(run->errors.lines[0], "interrupted"));
}

static const char whole_records[] = "lvef_40,lvef_40_ecg_file_name,lvef_50,lvef_50_ecg_file_name\n"
                                    "0,ecg_000.xml,0,ecg_001.xml\n1,ecg_003.xml,1,ecg_004.xml\n";

/* An interruption within a pass ends all its models, and is said once. */
static void an_interrupted_pass_leaves_nothing(void **state) {
  (void)state;
  test_run run;
  static char table[TEST_PATH_SIZE];
  init_run(&run, "within_a_pass", table, whole_records);
  run_interrupted(&run, "Predicting efficientnetv2, 2 models", false);
  assert_int_equal(run.summary.result_files, 0);
  test_run_free(&run);
}

/* What is computed when the interruption comes is written, though another model's turn would be before. */
static void what_is_computed_is_written(void **state) {
  (void)state;
  test_run run;
  static char table[TEST_PATH_SIZE];
  init_run(&run, "between_passes", table, whole_records);
  run_interrupted(&run, "Predicting wcr_lvef_equal_under_40", true);
  assert_true(is_there(&run, "wcr_lvef_equal_under_40", "lvef_40_probabilities.csv"));
  assert_true(is_there(&run, "efficientnetv2_lvef_equal_under_40", "lvef_40_probabilities.csv"));
  assert_false(is_there(&run, "wcr_lvef_under_50", "lvef_50_probabilities.csv"));
  assert_true(is_there(&run, "efficientnetv2_lvef_under_50", "lvef_50_probabilities.csv"));
  test_run_free(&run);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_record_stands_once),
      cmocka_unit_test(a_pass_gives_the_models_bits),
      cmocka_unit_test(tasks_that_share_records_give_what_each_gives_alone),
      cmocka_unit_test(broken_models_cost_nobody_else),
      cmocka_unit_test(an_interrupted_pass_leaves_nothing),
      cmocka_unit_test(what_is_computed_is_written),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
