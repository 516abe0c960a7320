/* Mode preprocessing against the reference's golden runs, and what it does with bad tables and folders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/atomic_file.h"
#include "pipeline/preprocessed.h"
#include "support/run_pipeline.h"
#include "table/csv.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define GOLDEN DEEPECG_TEST_DATA "/golden/preprocessing/"
enum { VALUES = ECG_LEADS * ECG_SAMPLES };

typedef struct golden_set {
  const char *name;
  const char *expected_folder; /* of the cleaned records */
  const char *signals;         /* NULL: the set's own inputs */
  const char *fails_here; /* comma-separated ids that the reference calls Success and we don't, on purpose */
} golden_set;

static const golden_set golden_sets[] = {
    {"muse_hum60", "preprocessed", NULL, ""},
    {"clsa_hum60", "preprocessed", NULL, ""},
    {"npy_hum60", "preprocessed", NULL, ""},
    {"npy_hum50_harmonics", "preprocessed", NULL, ""},
    {"npy_two_hums", "preprocessed_ascending", NULL, ""},
    {"muse_nopeaks", "preprocessed", NULL, ""},
    {"damaged_npy", "preprocessed", NULL, ""},
    {"damaged_xml", "preprocessed", NULL, "short"},
    {"npy_odd_length", NULL, NULL, "r1"},
    {"muse_missing_lead_V3", NULL, NULL, "r1"},
    {"dummy_xml", "preprocessed", DEEPECG_SHARED "/data/ecg_signals", ""},
    {"dummy_npy", "preprocessed", DEEPECG_SHARED "/data/ecg_signals", ""},
};

static double largest_difference(const char *a, const char *b) {
  static float x[VALUES], y[VALUES];
  error err;
  if (!preprocessed_read(a, 1, x, &err) || !preprocessed_read(b, 1, y, &err))
    fail_msg("%s", err.message);
  double largest = 0;
  for (size_t i = 0; i < VALUES; i++)
    largest = fmax(largest, fabs((double)x[i] - (double)y[i]));
  return largest;
}

/* Every record that the reference calls Success and has a cleaned file for is there, within 1e-5. */
static void compare_record(const test_run *run, const golden_set *set, const char *id, double *largest) {
  char expected[1024], made[1024];
  snprintf(expected, sizeof expected, "%s%s/expected/%s/%s.base64", GOLDEN, set->name, set->expected_folder,
           id);
  snprintf(made, sizeof made, "%s/%s.base64", run->preprocessed, id);
  if (access(expected, F_OK) != 0)
    return;
  double difference = largest_difference(expected, made);
  if (difference > 1e-5)
    fail_msg("%s/%s: differs by %g", set->name, id, difference);
  *largest = fmax(*largest, difference);
}

static bool listed(const char *list, const char *id) {
  const char *found = strstr(list, id);
  return found && strlen(id) == strcspn(found, ",");
}

static void compare_reports(const test_run *run, const golden_set *set, double *largest) {
  char expected_path[1024], made_path[1024];
  snprintf(expected_path, sizeof expected_path,
           "%s%s/expected/outputs/batch_1/ecg_processing_detailed_report.csv", GOLDEN, set->name);
  snprintf(made_path, sizeof made_path, "%s/batch_1/ecg_processing_detailed_report.csv", run->outputs);
  error err;
  csv_table *expected = csv_table_read(expected_path, NULL, 0, &err),
            *made = csv_table_read(made_path, NULL, 0, &err);
  if (!expected || !made)
    fail_msg("%s", err.message);
  assert_int_equal(csv_table_rows(expected), csv_table_rows(made));
  int type = csv_table_find_column(expected, "xml_type");
  for (size_t row = 0; row < csv_table_rows(expected); row++) {
    const char *id = csv_table_cell(expected, row, csv_table_find_column(expected, "file_id")).text;
    const char *status = csv_table_cell(expected, row, csv_table_find_column(expected, "status")).text;
    bool differs = listed(set->fails_here, id);
    assert_string_equal(csv_table_cell(made, row, 0).text, id);
    assert_string_equal(csv_table_cell(made, row, 2).text, differs ? "Failed" : status);
    if (type >= 0 && !differs)
      assert_string_equal(csv_table_cell(made, row, 1).text, csv_table_cell(expected, row, type).text);
    if (set->expected_folder && !differs && strcmp(status, "Success") == 0)
      compare_record(run, set, id, largest);
  }
  csv_table_destroy(expected);
  csv_table_destroy(made);
}

/* The counts of the summary report that the reference has too; `alone` records fail here only. */
static void compare_summaries(const test_run *run, const golden_set *set) {
  static const char name[] = "ecg_processing_summary_report.csv";
  char expected_path[1024], made_path[1024];
  snprintf(expected_path, sizeof expected_path, "%s%s/expected/outputs/batch_1/%s", GOLDEN, set->name, name);
  snprintf(made_path, sizeof made_path, "%s/batch_1/%s", run->outputs, name);
  error err;
  csv_table *expected = csv_table_read(expected_path, NULL, 0, &err),
            *made = csv_table_read(made_path, NULL, 0, &err);
  if (!expected || !made)
    fail_msg("%s", err.message);
  assert_string_equal(csv_table_file_column_name(made, 0), "Metric");
  assert_string_equal(csv_table_file_column_name(made, 1), "Value");
  long alone = *set->fails_here ? 1 : 0;
  for (size_t row = 0; row < 3; row++) {
    long value = strtol(csv_table_cell(expected, row, 1).text, NULL, 10);
    assert_string_equal(csv_table_cell(made, row, 0).text, csv_table_cell(expected, row, 0).text);
    assert_int_equal(strtol(csv_table_cell(made, row, 1).text, NULL, 10), value + (row == 1   ? -alone
                                                                                   : row == 2 ? alone
                                                                                              : 0));
  }
  for (size_t row = 3; row < csv_table_rows(expected) && !alone; row++) {
    assert_string_equal(csv_table_cell(made, row, 0).text, csv_table_cell(expected, row, 0).text);
    assert_string_equal(csv_table_cell(made, row, 1).text, csv_table_cell(expected, row, 1).text);
  }
  assert_non_null(strstr(csv_table_cell(made, 3, 0).text, "XML Type: "));
  csv_table_destroy(expected);
  csv_table_destroy(made);
}

static void golden_sets_are_reproduced(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof golden_sets / sizeof *golden_sets; i++) {
    const golden_set *set = &golden_sets[i];
    char table[1024] = "", signals[1024];
    snprintf(table, sizeof table, "%s%s/inputs/inputs.csv", GOLDEN, set->name);
    snprintf(signals, sizeof signals, "%s%s/inputs", GOLDEN, set->name);
    if (set->signals && access(set->signals, F_OK) != 0) {
      print_message("%s: NOT RUN, its inputs are not here\n", set->name);
      continue;
    }
    test_run run;
    test_run_init(&run, "golden", MODE_PREPROCESSING, table, set->signals ? set->signals : signals);
    test_run_go(&run);
    assert_int_equal(run.errors.count, 0);
    double largest = 0;
    compare_reports(&run, set, &largest);
    compare_summaries(&run, set);
    print_message("%s: largest difference %.2g\n", set->name, largest);
    test_run_free(&run);
  }
}

static void missing_files_are_listed(void **state) {
  (void)state;
  test_run run;
  test_run_init(&run, "missing", MODE_PREPROCESSING, GOLDEN "damaged_npy/inputs/inputs.csv",
                GOLDEN "damaged_npy/inputs");
  test_run_go(&run);
  char path[2 * TEST_PATH_SIZE];
  snprintf(path, sizeof path, "%s/missing_files_%s.csv", run.outputs, run.summary.stamp);
  error err;
  csv_table *made = csv_table_read(path, NULL, 0, &err);
  if (!made)
    fail_msg("%s", err.message);
  assert_int_equal(csv_table_rows(made), 12);
  assert_string_equal(csv_table_cell(made, 0, 0).text, "77_classes_ecg_file_name");
  assert_string_equal(csv_table_cell(made, 0, 1).text, "not_there_first.npy");
  assert_string_equal(csv_table_cell(made, 0, 2).text, GOLDEN "damaged_npy/inputs/not_there_first.npy");
  csv_table_destroy(made);
  test_run_free(&run);
}

/* ---- the same bits whatever the threads ---- */

static uint8_t *read_whole(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  uint8_t *bytes = malloc(1 << 20);
  assert_non_null(bytes);
  *size = fread(bytes, 1, 1 << 20, file);
  fclose(file);
  return bytes;
}

static void threads_do_not_matter(void **state) {
  (void)state;
  test_run one, four;
  test_run_init(&one, "threads_1", MODE_PREPROCESSING, GOLDEN "muse_hum60/inputs/inputs.csv",
                GOLDEN "muse_hum60/inputs");
  test_run_init(&four, "threads_4", MODE_PREPROCESSING, GOLDEN "muse_hum60/inputs/inputs.csv",
                GOLDEN "muse_hum60/inputs");
  one.options.threads = 1;
  one.options.preprocessing_n_workers = 1;
  four.options.threads = 4;
  four.options.preprocessing_n_workers = 3;
  test_run_go(&one);
  test_run_go(&four);
  for (int i = 0; i < 12; i++) {
    char a[1024], b[1024];
    snprintf(a, sizeof a, "%s/ecg_%03d.base64", one.preprocessed, i);
    snprintf(b, sizeof b, "%s/ecg_%03d.base64", four.preprocessed, i);
    size_t a_size, b_size;
    uint8_t *a_bytes = read_whole(a, &a_size), *b_bytes = read_whole(b, &b_size);
    assert_int_equal(a_size, PREPROCESSED_CHARACTERS);
    assert_int_equal(b_size, PREPROCESSED_CHARACTERS);
    assert_memory_equal(a_bytes, b_bytes, a_size);
    free(a_bytes);
    free(b_bytes);
  }
  test_run_free(&one);
  test_run_free(&four);
}

/* ---- bad tables ---- */

static void write_text(const char *path, const char *text) {
  error err;
  if (!atomic_file_save(path, ATOMIC_FILE_REPLACE, false, text, strlen(text), &err))
    fail_msg("%s", err.message);
}

/* Run preprocessing on a table with this text; the one error line must hold `expected`. */
static void expect_table_error(const char *text, const char *expected) {
  test_run run;
  char table[1024] = "";
  test_run_init(&run, "bad_table", MODE_PREPROCESSING, table, GOLDEN "muse_hum60/inputs");
  snprintf(table, sizeof table, "%s/table.csv", run.root);
  write_text(table, text);
  test_run_go(&run);
  assert_int_equal(run.errors.count, 1);
  if (!strstr(run.errors.lines[0], expected))
    fail_msg("'%s' is not in '%s'", expected, run.errors.lines[0]);
  assert_int_not_equal(access(run.outputs, F_OK), 0);
  test_run_free(&run);
}

static void bad_tables_are_refused(void **state) {
  (void)state;
  expect_table_error("afib_5y\n1\n", "DataFrame validation failed: missing column 'afib_ecg_file_name'");
  expect_table_error("afib_ecg_file_name\necg_000.xml\n",
                     "DataFrame validation failed: missing column 'afib_5y'");
  expect_table_error("a,b\n1,2\n", "no known column");
  expect_table_error("", "table.csv");
  expect_table_error("afib_5y,afib_ecg_file_name\n1,ecg_000.xml\n2,ecg_001.xml\n",
                     "line 3, column afib_5y: the label is '2'");
  expect_table_error("afib_5y,afib_ecg_file_name\n1\n", "line 2");
  expect_table_error("afib_5y,afib_5y,afib_ecg_file_name\n1,1,x\n", "afib_5y");
}

static void missing_table_is_named(void **state) {
  (void)state;
  test_run run;
  test_run_init(&run, "no_table", MODE_ANALYSIS, "/nonexistent.csv", ".");
  test_run_go(&run);
  assert_int_equal(run.errors.count, 1);
  assert_non_null(strstr(run.errors.lines[0], "/nonexistent.csv"));
  test_run_free(&run);
}

static void table_may_be_named_in_its_folder(void **state) {
  (void)state;
  test_run run;
  test_run_init(&run, "table_in_folder", MODE_PREPROCESSING, GOLDEN "muse_nopeaks/inputs",
                GOLDEN "muse_nopeaks/inputs");
  run.options.csv_file_name = "inputs.csv";
  test_run_go(&run);
  assert_int_equal(run.errors.count, 0);
  assert_int_equal(run.summary.cleaned, 1);
  test_run_free(&run);
}

/* ---- names ---- */

static void equal_stems_do_not_overwrite(void **state) {
  (void)state;
  test_run run;
  char table[1024] = "";
  test_run_init(&run, "stems", MODE_PREPROCESSING, table, GOLDEN);
  snprintf(table, sizeof table, "%s/table.csv", run.root);
  write_text(table, "afib_5y,afib_ecg_file_name\n"
                    "1,muse_hum60/inputs/ecg_000.xml\n"
                    "0,muse_hum60/inputs/../inputs/ecg_001.xml\n"
                    "0,clsa_hum60/inputs/ecg_000.xml\n");
  test_run_go(&run);
  assert_int_equal(run.errors.count, 0);
  assert_int_equal(run.summary.cleaned, 2);
  assert_int_equal(run.summary.failed, 1);
  char report[1024];
  snprintf(report, sizeof report, "%s/batch_1/ecg_processing_detailed_report.csv", run.outputs);
  error err;
  csv_table *made = csv_table_read(report, NULL, 0, &err);
  assert_non_null(made);
  const char *message = csv_table_cell(made, 2, 3).text;
  assert_non_null(strstr(message, "muse_hum60/inputs/ecg_000.xml"));
  assert_non_null(strstr(message, "clsa_hum60/inputs/ecg_000.xml"));
  csv_table_destroy(made);
  test_run_free(&run);
}

static void runs_of_one_second_keep_apart(void **state) {
  (void)state;
  test_run first, second;
  test_run_init(&first, "one_second", MODE_ANALYSIS, GOLDEN "muse_nopeaks/inputs/inputs.csv", ".");
  first.options.use_efficientnet = false;
  test_run_go(&first);
  second = first;
  second.errors = (error_list){0};
  test_run_go(&second);
  /* Nothing is cleaned yet; no file of one run is in the other's way. */
  assert_int_equal(first.errors.count, 1);
  assert_int_equal(second.errors.count, 1);
  assert_non_null(strstr(first.errors.lines[0], "nothing was predicted"));
  assert_non_null(strstr(second.errors.lines[0], "nothing was predicted"));
  assert_string_not_equal(first.summary.stamp, second.summary.stamp);
  test_run_free(&first);
  test_run_free(&second);
}

/* ---- folders and disks ---- */

static void unwritable_folders_are_named(void **state) {
  (void)state;
  test_run run;
  test_run_init(&run, "unwritable", MODE_PREPROCESSING, GOLDEN "muse_nopeaks/inputs/inputs.csv",
                GOLDEN "muse_nopeaks/inputs");
  run.options.output_folder = "/dev/full/outputs";
  test_run_go(&run);
  assert_int_equal(run.errors.count, 1);
  assert_non_null(strstr(run.errors.lines[0], "/dev/full"));
  run.options.output_folder = run.outputs;
  run.options.preprocessing_folder = "/dev/full/preprocessing";
  test_run_go(&run);
  assert_int_equal(run.errors.count, 1);
  assert_non_null(strstr(run.errors.lines[0], "/dev/full"));
  test_run_free(&run);
}

/* In a child: file sizes are limited to half a cleaned record, as a full disk would. */
static int run_with_small_files(void) {
  test_run run;
  test_run_init(&run, "disk_full", MODE_PREPROCESSING, GOLDEN "muse_hum60/inputs/inputs.csv",
                GOLDEN "muse_hum60/inputs");
  signal(SIGXFSZ, SIG_IGN);
  struct rlimit limit = {80000, 80000};
  setrlimit(RLIMIT_FSIZE, &limit);
  test_run_go(&run);
  char path[1024];
  snprintf(path, sizeof path, "%s/ecg_000.base64", run.preprocessed);
  bool right = run.errors.count >= 1 && strstr(run.errors.lines[0], "12 cleaned ECGs could not be written") &&
               run.summary.failed == 12 && access(path, F_OK) != 0;
  char listing[1100];
  snprintf(listing, sizeof listing, "test -z \"$(ls -A '%s')\"", run.preprocessed);
  right = right && system(listing) == 0; /* no temporary files either */
  test_run_free(&run);
  return right ? 0 : 1;
}

static void full_disk_leaves_nothing_half(void **state) {
  (void)state;
  fflush(NULL);
  pid_t child = fork();
  if (child == 0)
    _exit(run_with_small_files());
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

static void cancelled_run_stops(void **state) {
  (void)state;
  static volatile sig_atomic_t cancel = 1;
  test_run run;
  test_run_init(&run, "cancelled", MODE_PREPROCESSING, GOLDEN "muse_hum60/inputs/inputs.csv",
                GOLDEN "muse_hum60/inputs");
  run.options.cancelled = &cancel;
  test_run_go(&run);
  assert_int_equal(run.errors.count, 1);
  assert_non_null(strstr(run.errors.lines[0], "interrupted"));
  test_run_free(&run);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      /* First: it forks, which must happen before this process has started threads. */
      cmocka_unit_test(full_disk_leaves_nothing_half),
      cmocka_unit_test(golden_sets_are_reproduced),
      cmocka_unit_test(missing_files_are_listed),
      cmocka_unit_test(threads_do_not_matter),
      cmocka_unit_test(bad_tables_are_refused),
      cmocka_unit_test(missing_table_is_named),
      cmocka_unit_test(table_may_be_named_in_its_folder),
      cmocka_unit_test(equal_stems_do_not_overwrite),
      cmocka_unit_test(runs_of_one_second_keep_apart),
      cmocka_unit_test(unwritable_folders_are_named),
      cmocka_unit_test(cancelled_run_stops),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
