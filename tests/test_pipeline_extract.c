/* DICOM trees to arrays and their table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "ecg/formats/format.h"
#include "pipeline/extract.h"
#include "pipeline/file_tree.h"
#include "pipeline/preprocessed.h"
#include "support/run_pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCRATCH DEEPECG_TEST_TMP "/extract"
#define TREE    SCRATCH "/tree"

static void copy_fixture(const char *fixture, const char *name) {
  char from[600], to[600];
  mapped_file file;
  error err;
  snprintf(from, sizeof from, "%s/fixtures/%s", DEEPECG_TEST_DATA, fixture);
  snprintf(to, sizeof to, "%s/%s", TREE, name);
  if (!mapped_file_open(&file, from, &err) ||
      !atomic_file_save(to, ATOMIC_FILE_REPLACE, false, file.data, file.size, &err))
    fail_msg("%s", err.message);
  mapped_file_close(&file);
}

static int make_tree(void **state) {
  (void)state;
  remove_tree(SCRATCH);
  assert_true(make_folders(TREE "/ward 2/deep", NULL) && make_folders(TREE "/ward 10", NULL));
  copy_fixture("dicom/rhythm_240.dcm", "ward 2/deep/b");
  copy_fixture("dicom/ten_seconds.dcm", "ward 2/a.DCM");
  copy_fixture("dicom/rhythm_500.dcm", "ward 10/..%2f\"x\",\n.dcm");
  copy_fixture("dicom/padding.dcm", "ward 10/short.dcm");
  copy_fixture("dicom/image.dcm", "ward 10/image.dcm");
  copy_fixture("labels.json", "notes.json");
  assert_int_equal(symlink("..", TREE "/ward 2/loop"), 0);
  assert_int_equal(symlink("nowhere", TREE "/ward 2/broken"), 0);
  assert_int_equal(symlink("../ward 2/a.DCM", TREE "/ward 10/link"), 0);
  return 0;
}

static int remove_all(void **state) {
  (void)state;
  remove_tree(SCRATCH);
  return 0;
}

static extract_summary run_into(const char *out, int threads) {
  extract_options options = {TREE, out, threads, NULL};
  extract_summary summary;
  error err;
  if (!extract_run(&options, NULL, &summary, &err))
    fail_msg("%s", err.message);
  return summary;
}

static void check_text(const char *path, const char *expected) {
  mapped_file file;
  error err;
  if (!mapped_file_open(&file, path, &err))
    fail_msg("%s", err.message);
  if (file.size != strlen(expected) || memcmp(file.data, expected, file.size) != 0)
    fail_msg("%s holds:\n%.*s", path, (int)file.size, (const char *)file.data);
  mapped_file_close(&file);
}

static void check_array(const char *path, size_t samples) {
  ecg_record record;
  const char *type;
  error err;
  if (!ecg_read_file(path, &record, &type, &err))
    fail_msg("%s", err.message);
  assert_string_equal(type, "NPY");
  assert_int_equal(record.samples, samples);
  ecg_record_clear(&record);
}

static void test_tree_to_table(void **state) {
  (void)state;
  extract_summary s = run_into(SCRATCH "/one", 1);
  assert_int_equal(s.files, 7);
  assert_int_equal(s.not_dicom, 1);
  assert_int_equal(s.other_objects, 1);
  assert_int_equal(s.extracted, 4);
  assert_int_equal(s.failed, 1);
  assert_int_equal(s.warnings, 3);
  assert_int_equal(s.without_statements, 0);
  check_text(SCRATCH "/one/table.csv",
             "77_classes_ecg_file_name,ecg_machine_diagnosis\n"
             "ecg_signal_0.npy,\"Sinus rhythm, with commas, a \"\"quoted\"\" word\"\n"
             "ecg_signal_1.npy,\"Sinus rhythm, Normal ECG\"\n"
             "ecg_signal_3.npy,\"Sinus rhythm, Normal ECG\"\n"
             "ecg_signal_4.npy,\"Sinus rhythm, with commas, a \"\"quoted\"\" word\"\n");
  check_text(SCRATCH "/one/extract_report.csv",
             "dicom_path,77_classes_ecg_file_name,status,message\n"
             "\"ward 10/..%2f\"\"x\"\",\n.dcm\",ecg_signal_0.npy,Success,\n"
             "ward 10/link,ecg_signal_1.npy,Success,warning: resampled from 50 Hz to 250 Hz\n"
             "ward 10/short.dcm,,Failed,Signal too short: 55\n"
             "ward 2/a.DCM,ecg_signal_3.npy,Success,warning: resampled from 50 Hz to 250 Hz\n"
             "ward 2/deep/b,ecg_signal_4.npy,Success,warning: resampled from 240 Hz to 250 Hz\n");
  check_array(SCRATCH "/one/ecg_signal_0.npy", 5000);
  check_array(SCRATCH "/one/ecg_signal_1.npy", 2500);
  check_array(SCRATCH "/one/ecg_signal_4.npy", 2500);
  assert_int_not_equal(access(SCRATCH "/one/ecg_signal_2.npy", F_OK), 0);
}

static void compare_files(const char *a, const char *b) {
  mapped_file first, second;
  error err;
  if (!mapped_file_open(&first, a, &err) || !mapped_file_open(&second, b, &err))
    fail_msg("%s", err.message);
  assert_int_equal(first.size, second.size);
  assert_memory_equal(first.data, second.data, first.size);
  mapped_file_close(&first);
  mapped_file_close(&second);
}

static void test_threads_change_nothing(void **state) {
  (void)state;
  static const char *const names[] = {"table.csv",        "extract_report.csv", "ecg_signal_0.npy",
                                      "ecg_signal_1.npy", "ecg_signal_3.npy",   "ecg_signal_4.npy"};
  run_into(SCRATCH "/one", 1);
  run_into(SCRATCH "/many", 7);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char a[600], b[600];
    snprintf(a, sizeof a, "%s/one/%s", SCRATCH, names[i]);
    snprintf(b, sizeof b, "%s/many/%s", SCRATCH, names[i]);
    compare_files(a, b);
  }
}

static void clean(const char *name, const char *folder, const char *const files[3], test_run *run) {
  char table[600], text[600];
  snprintf(table, sizeof table, "%s/%s.csv", SCRATCH, name);
  snprintf(text, sizeof text, "77_classes_ecg_file_name\n%s\n%s\n%s\n", files[0], files[1], files[2]);
  assert_true(atomic_file_save(table, ATOMIC_FILE_REPLACE, false, text, strlen(text), NULL));
  test_run_init(run, name, MODE_PREPROCESSING, table, folder);
  run->options.predictions_only = true;
  test_run_go(run);
  assert_int_equal(run->errors.count, 0);
  assert_int_equal(run->summary.cleaned, 3);
}

/* What the pipeline makes of an array is what it makes of the DICOM file. */
static void test_same_bits_as_the_dicom_file(void **state) {
  (void)state;
  static const char *const arrays[] = {"ecg_signal_0.npy", "ecg_signal_1.npy", "ecg_signal_4.npy"};
  static const char *const files[] = {"dicom/rhythm_500.dcm", "dicom/ten_seconds.dcm",
                                      "dicom/rhythm_240.dcm"};
  static const char *const stems[] = {"rhythm_500", "ten_seconds", "rhythm_240"};
  static test_run from_arrays, from_dicom;
  run_into(SCRATCH "/one", 2);
  clean("extract_arrays", SCRATCH "/one", arrays, &from_arrays);
  clean("extract_dicom", DEEPECG_TEST_DATA "/fixtures", files, &from_dicom);
  for (int i = 0; i < 3; i++) {
    char a[800], b[800];
    snprintf(a, sizeof a, "%s/%.12s.base64", from_arrays.preprocessed, arrays[i]);
    snprintf(b, sizeof b, "%s/%s.base64", from_dicom.preprocessed, stems[i]);
    compare_files(a, b);
  }
  test_run_free(&from_arrays);
  test_run_free(&from_dicom);
}

static void test_what_cannot_be_done(void **state) {
  (void)state;
  extract_summary s;
  error err;
  extract_options nowhere = {SCRATCH "/nowhere", SCRATCH "/out", 1, NULL};
  assert_false(extract_run(&nowhere, NULL, &s, &err));
  assert_non_null(strstr(err.message, "nowhere"));
  extract_options onto_a_file = {TREE, TREE "/notes.json", 1, NULL};
  assert_false(extract_run(&onto_a_file, NULL, &s, &err));
  assert_non_null(strstr(err.message, "notes.json"));
  extract_options no_dicom = {DEEPECG_TEST_DATA "/damage/ecg", SCRATCH "/nothing", 2, NULL};
  assert_true(extract_run(&no_dicom, NULL, &s, &err));
  assert_true(s.extracted == 0 && s.failed == 0 && s.not_dicom == s.files);
}

/* ten_seconds.dcm with the texts of its annotations under another tag. */
static void test_without_statements(void **state) {
  (void)state;
  static const char tag[] = {0x70, 0, 6, 0}, other[] = {0x70, 0, 7, 0};
  mapped_file file;
  extract_summary s;
  error err;
  assert_true(make_folders(SCRATCH "/silent", NULL));
  if (!mapped_file_open(&file, DEEPECG_TEST_DATA "/fixtures/dicom/ten_seconds.dcm", &err))
    fail_msg("%s", err.message);
  uint8_t *bytes = malloc(file.size);
  assert_non_null(bytes);
  memcpy(bytes, file.data, file.size);
  for (uint8_t *at; (at = memmem(bytes, file.size, tag, sizeof tag)) != NULL;)
    memcpy(at, other, sizeof other);
  assert_true(atomic_file_save(SCRATCH "/silent/ecg", ATOMIC_FILE_REPLACE, false, bytes, file.size, NULL));
  free(bytes);
  mapped_file_close(&file);
  extract_options options = {SCRATCH "/silent", SCRATCH "/silent_out", 1, NULL};
  assert_true(extract_run(&options, NULL, &s, &err));
  assert_true(s.extracted == 1 && s.without_statements == 1);
  check_text(SCRATCH "/silent_out/table.csv",
             "77_classes_ecg_file_name,ecg_machine_diagnosis\necg_signal_0.npy,\n");
}

static void test_interrupted(void **state) {
  (void)state;
  static const volatile sig_atomic_t yes = 1;
  extract_options options = {TREE, SCRATCH "/interrupted", 2, &yes};
  extract_summary s;
  error err;
  assert_false(extract_run(&options, NULL, &s, &err));
  assert_non_null(strstr(err.message, "interrupted"));
  assert_int_not_equal(access(SCRATCH "/interrupted/table.csv", F_OK), 0);
}

static void test_too_deep(void **state) {
  (void)state;
  char path[2000] = SCRATCH "/deep";
  file_tree tree;
  error err;
  for (int i = 0; i <= FILE_TREE_MAX_DEPTH; i++)
    strcat(path, "/d");
  assert_true(make_folders(path, NULL));
  assert_false(file_tree_list(&tree, SCRATCH "/deep", &err));
  assert_non_null(strstr(err.message, "nested more than 64 deep"));
  file_tree_free(&tree);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tree_to_table),
      cmocka_unit_test(test_threads_change_nothing),
      cmocka_unit_test(test_same_bits_as_the_dicom_file),
      cmocka_unit_test(test_what_cannot_be_done),
      cmocka_unit_test(test_without_statements),
      cmocka_unit_test(test_interrupted),
      cmocka_unit_test(test_too_deep),
  };
  return cmocka_run_group_tests(tests, make_tree, remove_all);
}
