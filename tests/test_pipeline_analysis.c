/* Modes analysis and full_run against the reference's golden run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/atomic_file.h"
#include "metrics/metrics.h"
#include "support/run_pipeline.h"
#include "table/csv.h"
#include "tasks/tasks.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANALYSIS DEEPECG_TEST_DATA "/golden/analysis/"
#define MUSE     DEEPECG_TEST_DATA "/golden/preprocessing/muse_hum60/"
static const double probability_tolerance = 5e-5;

static csv_table *read_table(const char *path) {
  error err;
  csv_table *table = csv_table_read(path, NULL, 0, &err);
  if (!table)
    fail_msg("%s", err.message);
  return table;
}

static double compare_cells(const csv_table *expected, const csv_table *made, const char *column) {
  int from = csv_table_find_column(expected, column), to = csv_table_find_column(made, column);
  assert_true(from >= 0 && to >= 0);
  double largest = 0;
  for (size_t row = 0; row < csv_table_rows(expected); row++)
    largest = fmax(largest, fabs(strtod(csv_table_cell(expected, row, from).text, NULL) -
                                 strtod(csv_table_cell(made, row, to).text, NULL)));
  return largest;
}

static void compare_texts(const csv_table *expected, const csv_table *made, const char *column) {
  int from = csv_table_find_column(expected, column), to = csv_table_find_column(made, column);
  assert_true(from >= 0 && to >= 0);
  for (size_t row = 0; row < csv_table_rows(expected); row++)
    assert_string_equal(csv_table_cell(expected, row, from).text, csv_table_cell(made, row, to).text);
}

/* The probabilities of one model; what the signal model says, and file names and labels. */
static void compare_probabilities(const test_run *run, const task_info *task, const char *expected_folder) {
  char expected_path[1024], made_path[2 * TEST_PATH_SIZE], rest[256];
  const char *model = task->models[FAMILY_EFFICIENTNET];
  snprintf(expected_path, sizeof expected_path, "%s%s/%s_STAMP_%s_probabilities.csv", ANALYSIS,
           expected_folder, model, task->label_column);
  snprintf(rest, sizeof rest, "%s_probabilities.csv", task->label_column);
  test_run_output(run, model, rest, made_path);
  csv_table *expected = read_table(expected_path), *made = read_table(made_path);
  assert_int_equal(csv_table_rows(expected), csv_table_rows(made));
  assert_int_equal(csv_table_file_columns(expected), csv_table_file_columns(made));
  for (size_t c = 0; c < csv_table_file_columns(expected); c++)
    assert_string_equal(csv_table_file_column_name(expected, c), csv_table_file_column_name(made, c));
  compare_texts(expected, made, "file_name");
  double largest = 0;
  if (task->kind == TASK_BINARY) {
    assert_true(compare_cells(expected, made, "ground_truth") == 0); /* "1.0" is "1" here */
    largest = compare_cells(expected, made, "predictions");
  } else {
    for (size_t l = 0; l < LABEL_COUNT; l++) {
      char column[200];
      snprintf(column, sizeof column, "%s_sig_model", labels[l].name);
      largest = fmax(largest, compare_cells(expected, made, column));
    }
  }
  print_message("%s: largest probability difference %.2g\n", model, largest);
  assert_true(largest <= probability_tolerance);
  csv_table_destroy(expected);
  csv_table_destroy(made);
}

static json_t *load_json(const char *path) {
  json_error_t problem;
  json_t *json = json_load_file(path, 0, &problem);
  if (!json)
    fail_msg("%s:%d: %s", path, problem.line, problem.text);
  return json;
}

/* The reference's scores, but every file with the score of its first row: the reference's own change in the
 * last digits with the place in a batch, so that two rows of one file order at random there and are a tie
 * here. */
static void reference_metrics(const char *path, binary_metrics *metrics) {
  enum { MOST_ROWS = 64 };
  csv_table *table = read_table(path);
  uint8_t truth[MOST_ROWS];
  float scores[MOST_ROWS];
  size_t n = csv_table_rows(table);
  assert_true(n <= MOST_ROWS);
  for (size_t row = 0; row < n; row++) {
    size_t first = 0;
    while (strcmp(csv_table_cell(table, first, 0).text, csv_table_cell(table, row, 0).text) != 0)
      first++;
    truth[row] = strtod(csv_table_cell(table, row, 1).text, NULL) == 1;
    scores[row] = strtof(csv_table_cell(table, first, 2).text, NULL);
  }
  csv_table_destroy(table);
  error err;
  if (!binary_metrics_compute(truth, scores, n, metrics, &err))
    fail_msg("%s", err.message);
}

static void compare_metric(const json_t *made, const char *name, double expected) {
  const json_t *value = json_object_get(json_object_get(made, "results"), name);
  assert_non_null(value);
  double tolerance = strcmp(name, "threshold") == 0 ? probability_tolerance : 1e-12;
  if (fabs(json_number_value(value) - expected) > tolerance)
    fail_msg("%s is %.17g, not %.17g", name, json_number_value(value), expected);
}

static void compare_metrics(const test_run *run, const task_info *task, const char *expected_folder) {
  char expected_path[1024], made_path[2 * TEST_PATH_SIZE], rest[256];
  const char *model = task->models[FAMILY_EFFICIENTNET];
  snprintf(expected_path, sizeof expected_path, "%s%s/%s_STAMP_%s_probabilities.csv", ANALYSIS,
           expected_folder, model, task->label_column);
  snprintf(rest, sizeof rest, "%s.json", task->label_column);
  test_run_output(run, model, rest, made_path);
  binary_metrics expected;
  reference_metrics(expected_path, &expected);
  json_t *made = load_json(made_path);
  assert_int_equal(json_object_size(json_object_get(made, "results")), 6);
  compare_metric(made, "auc", expected.auc);
  compare_metric(made, "auprc", expected.auprc);
  compare_metric(made, "f1", expected.f1);
  compare_metric(made, "threshold", expected.threshold);
  compare_metric(made, "prevalence_gt %", expected.prevalence_gt);
  compare_metric(made, "prevalence_pred %", expected.prevalence_pred);
  json_decref(made);
}

static void init_golden(test_run *run, const char *name, const char *table) {
  test_run_init(run, name, MODE_ANALYSIS, table, MUSE "inputs");
  run->options.preprocessing_folder = MUSE "expected/preprocessed";
}

static void golden_analysis_is_reproduced(void **state) {
  (void)state;
  test_run run;
  init_golden(&run, "analysis", ANALYSIS "inputs.csv");
  test_run_go(&run);
  for (size_t i = 0; i < task_count; i++) {
    compare_probabilities(&run, &tasks[i], "expected");
    if (tasks[i].kind == TASK_BINARY)
      compare_metrics(&run, &tasks[i], "expected");
  }
  test_run_free(&run);
}

/* From the ECG files to the same probabilities. */
static void golden_full_run_is_reproduced(void **state) {
  (void)state;
  test_run run;
  test_run_init(&run, "full_run", MODE_FULL_RUN, MUSE "inputs/inputs.csv", MUSE "inputs");
  test_run_go(&run);
  assert_int_equal(run.summary.cleaned, 12);
  test_run analysis = run; /* the golden table on what was just cleaned */
  analysis.errors = (error_list){0};
  analysis.options.mode = MODE_ANALYSIS;
  analysis.options.data_path = ANALYSIS "inputs.csv";
  test_run_go(&analysis);
  for (size_t i = 0; i < task_count; i++)
    compare_probabilities(&analysis, &tasks[i], "expected");
  test_run_free(&run);
  test_run_free(&analysis);
}

static void one_row_and_no_row(void **state) {
  (void)state;
  static const char *const cases[][2] = {{ANALYSIS "inputs_one_row.csv", "expected_one_row"},
                                         {ANALYSIS "inputs_no_row.csv", "expected_no_row"}};
  for (int i = 0; i < 2; i++) {
    test_run run;
    init_golden(&run, "few_rows", cases[i][0]);
    test_run_go(&run);
    const task_info *task = task_find("afib_5y");
    compare_probabilities(&run, task, cases[i][1]);
    char path[2 * TEST_PATH_SIZE];
    test_run_output(&run, task->models[FAMILY_EFFICIENTNET], "afib_5y.json", path);
    json_t *metrics = load_json(path);
    assert_int_equal(json_object_size(metrics), 0);
    json_decref(metrics);
    test_run_free(&run);
  }
}

static void write_text(const char *path, const char *text) {
  error err;
  if (!atomic_file_save(path, ATOMIC_FILE_REPLACE, false, text, strlen(text), &err))
    fail_msg("%s", err.message);
}

static void predictions_need_no_labels(void **state) {
  (void)state;
  test_run run;
  char table[1024] = "", path[2 * TEST_PATH_SIZE];
  init_golden(&run, "no_labels", table);
  snprintf(table, sizeof table, "%s/table.csv", run.root);
  write_text(table, "afib_ecg_file_name\necg_003.xml\n\necg_001.xml\n");
  test_run_go(&run);
  assert_int_equal(run.errors.count, 1);
  assert_non_null(strstr(run.errors.lines[0], "afib_5y"));
  run.options.predictions_only = true;
  test_run_go(&run);
  assert_int_equal(run.errors.count, 0);
  test_run_output(&run, "efficientnetv2_afib_5y", "afib_5y_probabilities.csv", path);
  csv_table *made = read_table(path);
  assert_int_equal(csv_table_rows(made), 2);
  assert_string_equal(csv_table_cell(made, 0, 0).text, "ecg_003.base64");
  assert_true(csv_table_cell(made, 0, 1).is_null);
  csv_table_destroy(made);
  test_run_output(&run, "efficientnetv2_afib_5y", "afib_5y.json", path);
  assert_int_not_equal(access(path, F_OK), 0);
  test_run_free(&run);
}

static void bad_cleaned_records_are_left_out(void **state) {
  (void)state;
  test_run run;
  char table[1024] = "", path[2 * TEST_PATH_SIZE], command[3 * TEST_PATH_SIZE];
  test_run_init(&run, "bad_cleaned", MODE_ANALYSIS, table, ".");
  snprintf(table, sizeof table, "%s/table.csv", run.root);
  write_text(table,
             "lvef_40,lvef_40_ecg_file_name\n0,ecg_000.xml\n1,short.xml\n1,ecg_001.xml\n0,garbage.xml\n");
  make_folders(run.preprocessed, NULL);
  snprintf(command, sizeof command, "cp " MUSE "expected/preprocessed/ecg_00[01].base64 '%s'",
           run.preprocessed);
  assert_int_equal(system(command), 0);
  snprintf(path, sizeof path, "%s/short.base64", run.preprocessed);
  write_text(path, "AAAA");
  snprintf(path, sizeof path, "%s/garbage.base64", run.preprocessed);
  char *garbage = calloc(160001, 1);
  memset(garbage, '?', 160000);
  write_text(path, garbage);
  free(garbage);
  test_run_go(&run);
  assert_int_equal(run.errors.count, 1);
  assert_non_null(strstr(run.errors.lines[0], "2 cleaned ECGs could not be used"));
  assert_non_null(strstr(run.errors.lines[0], "short.base64"));
  test_run_output(&run, "efficientnetv2_lvef_equal_under_40", "lvef_40_probabilities.csv", path);
  csv_table *made = read_table(path);
  assert_int_equal(csv_table_rows(made), 2);
  assert_string_equal(csv_table_cell(made, 1, 0).text, "ecg_001.base64");
  csv_table_destroy(made);
  test_run_free(&run);
}

static void missing_model_is_one_line_and_the_rest_runs(void **state) {
  (void)state;
  test_run run;
  char weights[TEST_PATH_SIZE + 16], command[4 * TEST_PATH_SIZE], path[2 * TEST_PATH_SIZE];
  init_golden(&run, "missing_model", ANALYSIS "inputs.csv");
  snprintf(weights, sizeof weights, "%s/weights", run.root);
  snprintf(command, sizeof command, "mkdir '%s' && cp -r " ANALYSIS "models/efficientnetv2_afib_5y '%s'",
           weights, weights);
  assert_int_equal(system(command), 0);
  run.options.weights_folder = weights;
  test_run_go(&run);
  assert_int_equal(run.errors.count, 3);
  test_run_output(&run, "efficientnetv2_afib_5y", "afib_5y_probabilities.csv", path);
  assert_int_equal(access(path, F_OK), 0);
  test_run_free(&run);
}

/* An empty diagnosis cell keeps its row when the file itself says what the machine found. */
static void diagnosis_may_come_from_the_file(void **state) {
  (void)state;
  test_run run;
  char table[1024] = "", path[2 * TEST_PATH_SIZE];
  init_golden(&run, "from_file", table);
  snprintf(table, sizeof table, "%s/table.csv", run.root);
  write_text(table,
             "ecg_machine_diagnosis,77_classes_ecg_file_name\n,ecg_001.xml\nSinus rhythm,ecg_002.xml\n");
  for (int from_file = 0; from_file < 2; from_file++) {
    run.options.diagnosis_from_file = from_file;
    test_run_go(&run);
    test_run_output(&run, "efficientnetv2_77_classes", "ecg_machine_diagnosis_probabilities.csv", path);
    csv_table *made = read_table(path);
    assert_int_equal(csv_table_rows(made), 1 + from_file);
    csv_table_destroy(made);
  }
  test_run_free(&run);
}

static void run_file_says_what_was_done(void **state) {
  (void)state;
  test_run run;
  char path[2 * TEST_PATH_SIZE];
  init_golden(&run, "run_file", ANALYSIS "inputs_one_row.csv");
  test_run_go(&run);
  snprintf(path, sizeof path, "%s/%s_run.json", run.outputs, run.summary.stamp);
  json_t *json = load_json(path);
  assert_string_equal(json_string_value(json_object_get(json, "version")), DEEPECG_VERSION);
  json_t *models = json_object_get(json, "models");
  assert_int_equal(json_array_size(models), 2);
  assert_int_equal(strlen(json_string_value(json_object_get(json_array_get(models, 0), "sha256"))), 64);
  assert_string_equal(json_string_value(json_object_get(json_object_get(json, "options"), "mode")),
                      "analysis");
  assert_null(json_object_get(json_object_get(json, "options"), "hugging_face_api_key_path"));
  json_decref(json);
  test_run_free(&run);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(golden_analysis_is_reproduced),
      cmocka_unit_test(golden_full_run_is_reproduced),
      cmocka_unit_test(one_row_and_no_row),
      cmocka_unit_test(predictions_need_no_labels),
      cmocka_unit_test(bad_cleaned_records_are_left_out),
      cmocka_unit_test(missing_model_is_one_line_and_the_rest_runs),
      cmocka_unit_test(diagnosis_may_come_from_the_file),
      cmocka_unit_test(run_file_says_what_was_done),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
