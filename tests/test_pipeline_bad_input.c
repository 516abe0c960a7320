/* Bad input and bad luck on the way from table to results: full disks, interruptions, missing files, records
 * without a signal, cleaned records that were damaged. Nothing is half written, and the rest goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/atomic_file.h"
#include "pipeline/preprocessed.h"
#include "support/messages.h"
#include "support/mutate.h"
#include "support/run_pipeline.h"
#include "table/csv.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define GOLDEN   DEEPECG_TEST_DATA "/golden/preprocessing/"
#define ANALYSIS DEEPECG_TEST_DATA "/golden/analysis/"
enum { VALUES = ECG_LEADS * ECG_SAMPLES };

static void write_bytes(const char *path, const void *bytes, size_t size) {
  error err;
  if (!atomic_file_save(path, ATOMIC_FILE_REPLACE, false, bytes, size, &err))
    fail_msg("%s", err.message);
}

static void write_table(const test_run *run, char path[TEST_PATH_SIZE], const char *text) {
  snprintf(path, TEST_PATH_SIZE, "%.*s/table.csv", TEST_PATH_SIZE - 20, run->root);
  write_bytes(path, text, strlen(text));
}

/* Two binary tasks on records that are cleaned already; the models are small. */
static void init_two_tasks(test_run *run, const char *name, char table[TEST_PATH_SIZE]) {
  test_run_init(run, name, MODE_ANALYSIS, table, ".");
  write_table(run, table,
              "lvef_40,lvef_40_ecg_file_name,lvef_50,lvef_50_ecg_file_name\n"
              "0,ecg_000.xml,0,ecg_001.xml\n1,ecg_002.xml,1,ecg_003.xml\n0,ecg_004.xml,0,ecg_005.xml\n"
              "0,ecg_006.xml,0,ecg_007.xml\n0,ecg_008.xml,0,ecg_009.xml\n0,ecg_010.xml,0,ecg_011.xml\n");
  run->options.preprocessing_folder = GOLDEN "muse_hum60/expected/preprocessed";
  run->options.use_wcr = false;
}

static bool error_says(const test_run *run, size_t index, const char *text) {
  return index < run->errors.count && strstr(run->errors.lines[index], text);
}

/* ---- full disks ---- */

/* No file may become longer than this: the system fails the write as it does on a full disk. */
static void limit_files(rlim_t size) {
  signal(SIGXFSZ, SIG_IGN);
  struct rlimit limit = {size, size};
  setrlimit(RLIMIT_FSIZE, &limit);
}

/* Temporary files of cut writes may not stay, nor any result. */
static bool holds_no_file(const char *folder) {
  char command[TEST_PATH_SIZE + 100];
  snprintf(command, sizeof command, "test -z \"$(find '%s' -type f)\"", folder);
  return system(command) == 0;
}

static bool reports_meet_a_full_disk(void) {
  test_run run;
  test_run_init(&run, "full_reports", MODE_PREPROCESSING, GOLDEN "damaged_npy/inputs/inputs.csv",
                GOLDEN "damaged_npy/inputs");
  limit_files(100);
  test_run_go(&run);
  return run.errors.count == 2 && error_says(&run, 0, "missing_files_") && error_says(&run, 1, "_run.json") &&
         holds_no_file(run.root);
}

static bool batch_report_meets_a_full_disk(void) {
  test_run run;
  char table[TEST_PATH_SIZE] = "";
  test_run_init(&run, "full_batch_report", MODE_PREPROCESSING, table, GOLDEN "damaged_npy/inputs");
  write_table(&run, table, "lvef_40,lvef_40_ecg_file_name\n0,short.npy\n1,nan.npy\n0,eight_leads.npy\n");
  limit_files(100);
  test_run_go(&run);
  bool right = run.errors.count == 2 && error_says(&run, 0, "ecg_processing_detailed_report.csv") &&
               error_says(&run, 1, "_run.json") && holds_no_file(run.outputs);
  return right && holds_no_file(run.preprocessed);
}

static bool probabilities_meet_a_full_disk(void) {
  test_run run;
  char table[TEST_PATH_SIZE] = "";
  init_two_tasks(&run, "full_probabilities", table);
  limit_files(100);
  test_run_go(&run);
  bool right = run.errors.count == 3 && error_says(&run, 2, "_run.json") && holds_no_file(run.outputs);
  for (size_t i = 0; i < 2; i++)
    right = right && error_says(&run, i, "_probabilities.csv: cannot be written");
  return right;
}

static bool run_file_meets_a_full_disk(void) {
  test_run run;
  test_run_init(&run, "full_run_file", MODE_ANALYSIS, ANALYSIS "inputs.csv", ".");
  run.options.use_efficientnet = run.options.use_wcr = false;
  limit_files(200);
  test_run_go(&run);
  return run.errors.count == 2 && error_says(&run, 0, "nothing was predicted") &&
         error_says(&run, 1, "_run.json") && holds_no_file(run.outputs);
}

/* In a child, which alone has the limit. */
static void check_in_child(bool (*check)(void)) {
  fflush(NULL);
  pid_t child = fork();
  if (child == 0)
    _exit(check() ? 0 : 1);
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

static void full_disks_leave_nothing_half(void **state) {
  (void)state;
  check_in_child(reports_meet_a_full_disk);
  check_in_child(batch_report_meets_a_full_disk);
  check_in_child(probabilities_meet_a_full_disk);
  check_in_child(run_file_meets_a_full_disk);
}

/* ---- interruptions ---- */

typedef struct interruption {
  const char *stage;
  volatile sig_atomic_t cancelled;
} interruption;

static void interrupt_at_the_end_of(void *context, const char *stage, size_t done, size_t total) {
  interruption *i = context;
  if (done >= total && strcmp(stage, i->stage) == 0)
    i->cancelled = 1;
}

/* Interrupt at the end of a stage; the run has to say so, once. */
static void interrupt(test_run *run, const char *stage) {
  interruption i = {.stage = stage};
  reporter r = {.context = &i, .progress = interrupt_at_the_end_of};
  run->options.cancelled = &i.cancelled;
  pipeline_run(&run->options, &r, &run->errors, &run->summary);
  assert_true(i.cancelled);
  assert_int_equal(run->errors.count, 1);
  assert_non_null(strstr(run->errors.lines[0], "interrupted"));
}

static void interruption_between_two_models_is_said(void **state) {
  (void)state;
  test_run run;
  char table[TEST_PATH_SIZE] = "", path[2 * TEST_PATH_SIZE];
  init_two_tasks(&run, "between_models", table);
  run.options.use_wcr = true;
  run.options.use_efficientnet = false;
  interrupt(&run, "Predicting wcr_lvef_equal_under_40");
  test_run_output(&run, "wcr_lvef_equal_under_40", "lvef_40_probabilities.csv", path);
  assert_int_equal(access(path, F_OK), 0);
  test_run_output(&run, "wcr_lvef_under_50", "lvef_50_probabilities.csv", path);
  assert_int_not_equal(access(path, F_OK), 0);
  test_run_free(&run);
}

static void interruption_between_the_passes_cleans_nothing(void **state) {
  (void)state;
  test_run run;
  test_run_init(&run, "between_passes", MODE_FULL_RUN, GOLDEN "muse_hum60/inputs/inputs.csv",
                GOLDEN "muse_hum60/inputs");
  interrupt(&run, "Reading ECGs");
  assert_true(holds_no_file(run.preprocessed));
  test_run_free(&run);
}

/* ---- missing files ---- */

static csv_table *read_table(const char *path) {
  error err;
  csv_table *table = csv_table_read(path, NULL, 0, &err);
  if (!table)
    fail_msg("%s", err.message);
  return table;
}

static csv_table *read_missing(const test_run *run) {
  char path[2 * TEST_PATH_SIZE];
  snprintf(path, sizeof path, "%s/missing_files_%s.csv", run->outputs, run->summary.stamp);
  return read_table(path);
}

static void check_missing(const csv_table *made, size_t row, const char *column, const char *name,
                          const char *path) {
  assert_string_equal(csv_table_cell(made, row, 0).text, column);
  assert_string_equal(csv_table_cell(made, row, 1).text, name);
  assert_string_equal(csv_table_cell(made, row, 2).text, path);
}

/* Columns are walked in the table's order, rows within them. */
static void missing_files_are_listed_in_order(void **state) {
  (void)state;
  test_run run;
  char table[TEST_PATH_SIZE] = "";
  test_run_init(&run, "missing_order", MODE_PREPROCESSING, table, GOLDEN "muse_nopeaks/inputs");
  write_table(&run, table,
              "lvef_50_ecg_file_name,lvef_50,afib_ecg_file_name,afib_5y\n"
              "b.xml,1,a.xml,0\n,1,b.xml,0\nward/c.xml,0,ecg_000.xml,NA\n/nowhere/d.xml,0,NaN,1\n");
  test_run_go(&run);
  assert_int_equal(run.errors.count, 0);
  assert_int_equal(run.summary.files, 1);
  csv_table *made = read_missing(&run);
  assert_int_equal(csv_table_file_columns(made), 3);
  assert_string_equal(csv_table_file_column_name(made, 0), "variable");
  assert_string_equal(csv_table_file_column_name(made, 1), "file_name");
  assert_string_equal(csv_table_file_column_name(made, 2), "ecg_path");
  assert_int_equal(csv_table_rows(made), 5);
  check_missing(made, 0, "lvef_50_ecg_file_name", "b.xml", GOLDEN "muse_nopeaks/inputs/b.xml");
  check_missing(made, 1, "lvef_50_ecg_file_name", "ward/c.xml", GOLDEN "muse_nopeaks/inputs/ward/c.xml");
  check_missing(made, 2, "lvef_50_ecg_file_name", "/nowhere/d.xml", "/nowhere/d.xml");
  check_missing(made, 3, "afib_ecg_file_name", "a.xml", GOLDEN "muse_nopeaks/inputs/a.xml");
  check_missing(made, 4, "afib_ecg_file_name", "b.xml", GOLDEN "muse_nopeaks/inputs/b.xml");
  csv_table_destroy(made);
  test_run_free(&run);
}

/* The reference's lists, but for the folder before the names and the order of its columns. */
static void golden_missing_files_are_found(void **state) {
  (void)state;
  static const char *const sets[] = {"damaged_npy", "damaged_xml"};
  for (size_t i = 0; i < 2; i++) {
    test_run run;
    char table[TEST_PATH_SIZE], signals[TEST_PATH_SIZE], expected_path[TEST_PATH_SIZE];
    snprintf(table, sizeof table, "%s%s/inputs/inputs.csv", GOLDEN, sets[i]);
    snprintf(signals, sizeof signals, "%s%s/inputs", GOLDEN, sets[i]);
    snprintf(expected_path, sizeof expected_path, "%s%s/expected/outputs/missing_files_STAMP.csv", GOLDEN,
             sets[i]);
    test_run_init(&run, "golden_missing", MODE_PREPROCESSING, table, signals);
    test_run_go(&run);
    csv_table *expected = read_table(expected_path), *made = read_missing(&run);
    assert_int_equal(csv_table_rows(made), csv_table_rows(expected));
    for (size_t row = 0; row < csv_table_rows(expected); row++) {
      size_t k = 0;
      while (k < csv_table_rows(made) &&
             (strcmp(csv_table_cell(made, k, 0).text, csv_table_cell(expected, row, 0).text) != 0 ||
              strcmp(csv_table_cell(made, k, 1).text, csv_table_cell(expected, row, 1).text) != 0))
        k++;
      if (k == csv_table_rows(made))
        fail_msg("%s: row %zu of the expected list is not there", sets[i], row);
    }
    csv_table_destroy(expected);
    csv_table_destroy(made);
    test_run_free(&run);
  }
}

/* One file under its absolute and its relative name is one file, and what it becomes stays in the folder. */
static void outputs_stay_in_their_folders(void **state) {
  (void)state;
  test_run run;
  char table[TEST_PATH_SIZE] = "", path[2 * TEST_PATH_SIZE];
  test_run_init(&run, "inside", MODE_PREPROCESSING, table, GOLDEN "muse_hum60/inputs");
  write_table(&run, table,
              "afib_5y,afib_ecg_file_name\n1,ecg_000.xml\n0," GOLDEN
              "muse_hum60/inputs/ecg_000.xml\n0,../inputs/ecg_001.xml\n1," GOLDEN
              "clsa_hum60/inputs/ecg_002.xml\n0,..\n1,../..\n");
  test_run_go(&run);
  assert_int_equal(run.errors.count, 0);
  assert_int_equal(run.summary.files, 5);
  assert_int_equal(run.summary.cleaned, 3);
  for (int i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s/ecg_%03d.base64", run.preprocessed, i);
    assert_int_equal(access(path, F_OK), 0);
  }
  snprintf(path, sizeof path, "test \"$(find '%s' -name '*.base64' | wc -l)\" = 3", run.root);
  assert_int_equal(system(path), 0);
  test_run_free(&run);
}

/* ---- records without a signal ---- */

static void write_npy(const test_run *run, const char *name, float amplitude) {
  static struct {
    char head[128];
    float samples[VALUES];
  } file;
  char path[TEST_PATH_SIZE];
  memset(&file, ' ', sizeof file.head);
  memcpy(file.head, "\x93NUMPY\x01\x00\x76\x00", 10);
  static const char header[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2500, 12), }";
  memcpy(file.head + 10, header, sizeof header - 1);
  file.head[127] = '\n';
  for (size_t i = 0; i < VALUES; i++)
    file.samples[i] = amplitude * (float)sin(0.01 * (double)(i / ECG_LEADS) * (double)(1 + i % ECG_LEADS));
  snprintf(path, sizeof path, "%.*s/%s", TEST_PATH_SIZE - 40, run->root, name);
  write_bytes(path, &file, sizeof file);
}

/* A flat record stays in the batch with a warning; a batch of such records alone has no scale. */
static void flat_records_stay_and_flat_batches_fail(void **state) {
  (void)state;
  for (int with_signal = 0; with_signal < 2; with_signal++) {
    test_run run;
    char table[TEST_PATH_SIZE] = "", report[2 * TEST_PATH_SIZE];
    test_run_init(&run, "flat", MODE_PREPROCESSING, table, run.root);
    write_table(&run, table, "afib_5y,afib_ecg_file_name\n1,zero.npy\n0,other.npy\n");
    write_npy(&run, "zero.npy", 0);
    write_npy(&run, "other.npy", with_signal ? 100 : 0);
    test_run_go(&run);
    snprintf(report, sizeof report, "%s/batch_1/ecg_processing_detailed_report.csv", run.outputs);
    csv_table *made = read_table(report);
    assert_string_equal(csv_table_cell(made, 0, 2).text, with_signal ? "Success" : "Failed");
    assert_true(with_signal || csv_table_cell(made, 1, 3).length > 0);
    assert_int_equal(run.errors.count, with_signal ? 0 : 2);
    assert_true(with_signal || strstr(run.errors.lines[0], "lead I is zero throughout"));
    assert_int_equal(run.summary.cleaned, 2 * with_signal);
    assert_int_equal(run.summary.warnings, with_signal);
    assert_true(!with_signal || strstr(csv_table_cell(made, 0, 3).text, "warning: "));
    csv_table_destroy(made);
    test_run_free(&run);
  }
}

/* ---- mixed batches ---- */

static void count_unit_warnings(void *context, report_level level, const char *text) {
  *(size_t *)context += level == REPORT_WARNING && strstr(text, "mixes units of 4.88 and 9.76 uV");
}

/* One record tells the other's numbers in units twice as large: the batch's common scale fits neither. */
static void mixed_units_are_warned_about(void **state) {
  (void)state;
  for (int physical = 0; physical < 2; physical++) {
    test_run run;
    char table[TEST_PATH_SIZE] = "", command[6 * TEST_PATH_SIZE];
    test_run_init(&run, "units", MODE_PREPROCESSING, table, run.root);
    snprintf(command, sizeof command,
             "cp " GOLDEN
             "muse_hum60/inputs/ecg_000.xml '%s/a.xml' && sed 's/>4.88</>9.76</' '%s/a.xml' >'%s/b.xml'",
             run.root, run.root, run.root);
    assert_int_equal(system(command), 0);
    write_table(&run, table, "afib_5y,afib_ecg_file_name\n1,a.xml\n0,b.xml\n");
    run.options.units = physical ? ECG_UNITS_PHYSICAL : ECG_UNITS_STORED;
    size_t warnings = 0;
    reporter r = {.context = &warnings, .message = count_unit_warnings};
    pipeline_run(&run.options, &r, &run.errors, &run.summary);
    assert_int_equal(run.errors.count, 0);
    assert_int_equal(run.summary.cleaned, 2);
    assert_int_equal(warnings, !physical);
    test_run_free(&run);
  }
}

/* A DICOM file's microvolts are brought to the count of a MUSE file before the common scale: nothing is
 * mixed. */
static void units_that_are_brought_together_are_not_warned_about(void **state) {
  (void)state;
  test_run run;
  char table[TEST_PATH_SIZE] = "";
  messages said = {0};
  reporter r = {.context = &said, .message = messages_add};
  test_run_init(&run, "units_dicom", MODE_PREPROCESSING, table, DEEPECG_TEST_DATA);
  write_table(&run, table,
              "afib_5y,afib_ecg_file_name\n1,golden/preprocessing/muse_hum60/inputs/ecg_000.xml\n"
              "0,fixtures/dicom/rhythm_500.dcm\n");
  pipeline_run(&run.options, &r, &run.errors, &run.summary);
  assert_int_equal(run.errors.count, 0);
  assert_int_equal(run.summary.cleaned, 2);
  assert_null(strstr(said.text, "mixes units"));
  messages_free(&said);
  test_run_free(&run);
}

static void summaries_tell_formats_and_stages(void **state) {
  (void)state;
  test_run run;
  char table[TEST_PATH_SIZE] = "", path[2 * TEST_PATH_SIZE];
  test_run_init(&run, "formats", MODE_PREPROCESSING, table, GOLDEN);
  write_table(&run, table,
              "afib_5y,afib_ecg_file_name\n1,npy_hum60/inputs/ecg_003.npy\n0,muse_hum60/inputs/ecg_000.xml\n"
              "0,clsa_hum60/inputs/ecg_001.xml\n0,clsa_hum60/inputs/ecg_002.xml\n"
              "1,muse_hum60/inputs/ecg_004.xml\n1,muse_hum60/inputs/ecg_005.xml\n");
  test_run_go(&run);
  snprintf(path, sizeof path, "%s/batch_1/ecg_processing_summary_report.csv", run.outputs);
  csv_table *made = read_table(path);
  static const char *const expected[][2] = {{"Total Files", "6"},    {"Successful Files", "6"},
                                            {"Failed Files", "0"},   {"XML Type: MHI", "3"},
                                            {"XML Type: CLSA", "2"}, {"XML Type: NPY", "1"}};
  static const char *const stages[] = {"read table",
                                       "preprocessing: read files",
                                       "preprocessing: sum spectra",
                                       "preprocessing: find peaks",
                                       "preprocessing: flatten",
                                       "preprocessing"};
  assert_int_equal(run.summary.stage_count, 6);
  for (int i = 0; i < 6; i++)
    assert_int_equal(strncmp(run.summary.stages[i].name, stages[i], strlen(stages[i])), 0);
  assert_int_equal(csv_table_rows(made), 6);
  for (size_t i = 0; i < 6; i++) {
    assert_string_equal(csv_table_cell(made, i, 0).text, expected[i][0]);
    assert_string_equal(csv_table_cell(made, i, 1).text, expected[i][1]);
  }
  csv_table_destroy(made);
  test_run_free(&run);
}

/* As in the reference: some that fail are in the reports only, all of them are an error. */
static void no_record_at_all_is_an_error(void **state) {
  (void)state;
  test_run run;
  char table[TEST_PATH_SIZE] = "";
  test_run_init(&run, "none_left", MODE_PREPROCESSING, table, GOLDEN "damaged_npy/inputs");
  write_table(&run, table, "afib_5y,afib_ecg_file_name\n1,nan.npy\n0,short.npy\n");
  test_run_go(&run);
  assert_int_equal(run.errors.count, 1);
  assert_non_null(strstr(run.errors.lines[0], "[preprocessing] No data was successfully processed"));
  test_run_free(&run);
}

/* As the only files of a table that are not there: a wrong folder must not pass for a run that went well. */
static void no_file_at_all_is_an_error(void **state) {
  (void)state;
  test_run run;
  char table[TEST_PATH_SIZE] = "";
  test_run_init(&run, "none_there", MODE_PREPROCESSING, table, GOLDEN "nowhere");
  write_table(&run, table, "afib_5y,afib_ecg_file_name\n1,nan.npy\n0,short.npy\n");
  test_run_go(&run);
  assert_int_equal(run.errors.count, 1);
  assert_non_null(strstr(run.errors.lines[0], "none of the table's ECG files is there"));
  test_run_free(&run);
}

/* ---- cleaned records of other files ---- */

/* a.npy has the stem of a.xml, bad.xml that of a record of an earlier run: neither may get the result of
 * another one's ECG. */
static void nobody_gets_the_result_of_another_ones_ecg(void **state) {
  (void)state;
  static const pipeline_mode modes[] = {MODE_FULL_RUN, MODE_ANALYSIS};
  static const size_t expected[] = {2, 3}; /* an analysis cannot know what an earlier run has cleaned */
  test_run run;
  char table[TEST_PATH_SIZE] = "", command[4 * TEST_PATH_SIZE], path[2 * TEST_PATH_SIZE];
  test_run_init(&run, "others_records", MODE_FULL_RUN, table, ".");
  run.options.ecg_signals_path = run.root;
  run.options.use_wcr = false;
  write_table(&run, table, "afib_5y,afib_ecg_file_name\n1,a.xml\n0,a.npy\n0,b.xml\n1,bad.xml\n");
  write_npy(&run, "a.npy", 100);
  snprintf(command, sizeof command,
           "cd '%s' && cp " GOLDEN "muse_hum60/inputs/ecg_000.xml a.xml && cp a.xml b.xml && "
           "echo nothing >bad.xml && mkdir preprocessing && cp " GOLDEN
           "muse_hum60/expected/preprocessed/ecg_001.base64 preprocessing/bad.base64",
           run.root);
  assert_int_equal(system(command), 0);
  for (size_t i = 0; i < 2; i++) {
    run.options.mode = modes[i];
    test_run_go(&run);
    assert_int_equal(run.errors.count, 0);
    test_run_output(&run, "efficientnetv2_afib_5y", "afib_5y_probabilities.csv", path);
    csv_table *made = read_table(path);
    assert_int_equal(csv_table_rows(made), expected[i]);
    assert_string_equal(csv_table_cell(made, 0, 0).text, "a.base64");
    assert_string_equal(csv_table_cell(made, 0, 1).text, "1");
    assert_string_equal(csv_table_cell(made, 1, 0).text, "b.base64");
    csv_table_destroy(made);
  }
  test_run_free(&run);
}

/* ---- damaged cleaned records ---- */

typedef struct cleaned_file {
  char path[TEST_PATH_SIZE];
  size_t read, failed;
} cleaned_file;

static float cleaned[VALUES];

static void read_cleaned(cleaned_file *file) {
  error err = {0};
  bool ok = preprocessed_read(file->path, 1, cleaned, &err);
  file->read += ok;
  file->failed += !ok;
  if (!ok && !strstr(err.message, file->path))
    fail_msg("\"%s\" does not name the file", err.message);
}

static void read_variant(const uint8_t *data, size_t size, void *context) {
  cleaned_file *file = context;
  FILE *out = fopen(file->path, "r+b"); /* in place: some file systems make a file anew at once on disk */
  assert_non_null(out);
  assert_int_equal(fwrite(data, 1, size, out), size);
  assert_int_equal(fflush(out), 0);
  assert_int_equal(ftruncate(fileno(out), (off_t)size), 0);
  assert_int_equal(fclose(out), 0);
  read_cleaned(file);
}

static void damaged_cleaned_records_are_refused(void **state) {
  (void)state;
  cleaned_file file = {.path = DEEPECG_TEST_TMP "/cleaned_variant.base64"};
  float *signal = malloc(sizeof(float) * VALUES);
  assert_non_null(signal);
  for (size_t i = 0; i < VALUES; i++)
    signal[i] = 0.001f * (float)i;
  error err;
  assert_true(preprocessed_write(file.path, signal, &err));
  uint8_t *text = malloc(PREPROCESSED_CHARACTERS);
  FILE *in = fopen(file.path, "rb");
  assert_true(text && in);
  assert_int_equal(fread(text, 1, PREPROCESSED_CHARACTERS, in), PREPROCESSED_CHARACTERS);
  fclose(in);
  mutate_truncate(text, PREPROCESSED_CHARACTERS, 200, read_variant, &file);
  assert_int_equal(file.failed, 200);
  mutate_bytes(text, PREPROCESSED_CHARACTERS, 10000, 7, read_variant, &file);
  assert_true(file.failed > 5000); /* most changes are no base64 */
  assert_true(file.read > 100);    /* some are */
  remove(file.path);
  free(signal);
  free(text);
}

static void cleaned_records_are_finite(void **state) {
  (void)state;
  static const char path[] = DEEPECG_TEST_TMP "/cleaned_nan.base64";
  static float signal[VALUES];
  error err;
  assert_true(preprocessed_write(path, signal, &err));
  assert_true(preprocessed_read(path, 1, cleaned, &err));
  signal[1234 * ECG_LEADS + LEAD_V3] = NAN;
  assert_true(preprocessed_write(path, signal, &err));
  assert_false(preprocessed_read(path, 1, cleaned, &err));
  assert_non_null(strstr(err.message, "lead V3"));
  signal[1234 * ECG_LEADS + LEAD_V3] = -INFINITY;
  assert_true(preprocessed_write(path, signal, &err));
  assert_false(preprocessed_read(path, 1, cleaned, &err));
  remove(path);
}

/* A null cell names no file, whatever lies in the folder. */
static void null_cells_name_no_file(void **state) {
  (void)state;
  test_run run;
  char table[TEST_PATH_SIZE] = "", path[2 * TEST_PATH_SIZE];
  test_run_init(&run, "null_cells", MODE_ANALYSIS, table, ".");
  run.options.use_wcr = false;
  write_table(&run, table, "lvef_40,lvef_40_ecg_file_name\n1,\n0,NaN\n1,a.xml\n,a.xml\nNA,a.xml\n0,b.xml\n");
  assert_true(make_folders(run.preprocessed, NULL));
  static const char *const names[] = {"", "NaN", "a"};
  static float signal[VALUES];
  for (size_t i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s/%s.base64", run.preprocessed, names[i]);
    assert_true(preprocessed_write(path, signal, NULL));
  }
  test_run_go(&run);
  assert_int_equal(run.errors.count, 0);
  assert_int_equal(run.summary.rows_predicted, 1); /* label and file there, and cleaned */
  test_run_free(&run);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      /* First: it forks, which must happen before this process has started threads. */
      cmocka_unit_test(full_disks_leave_nothing_half),
      cmocka_unit_test(interruption_between_two_models_is_said),
      cmocka_unit_test(interruption_between_the_passes_cleans_nothing),
      cmocka_unit_test(missing_files_are_listed_in_order),
      cmocka_unit_test(golden_missing_files_are_found),
      cmocka_unit_test(outputs_stay_in_their_folders),
      cmocka_unit_test(flat_records_stay_and_flat_batches_fail),
      cmocka_unit_test(mixed_units_are_warned_about),
      cmocka_unit_test(units_that_are_brought_together_are_not_warned_about),
      cmocka_unit_test(summaries_tell_formats_and_stages),
      cmocka_unit_test(no_record_at_all_is_an_error),
      cmocka_unit_test(no_file_at_all_is_an_error),
      cmocka_unit_test(nobody_gets_the_result_of_another_ones_ecg),
      cmocka_unit_test(damaged_cleaned_records_are_refused),
      cmocka_unit_test(cleaned_records_are_finite),
      cmocka_unit_test(null_cells_name_no_file),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
