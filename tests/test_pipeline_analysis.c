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

static double compare_label_cells(const csv_table *expected, const csv_table *made, const char *suffix) {
  double largest = 0;
  for (size_t l = 0; l < LABEL_COUNT; l++) {
    char column[200];
    snprintf(column, sizeof column, "%s_%s", labels[l].name, suffix);
    largest = fmax(largest, compare_cells(expected, made, column));
  }
  return largest;
}

static void expected_path(char path[1024], const char *folder, const char *model, const task_info *task,
                          const char *rest) {
  snprintf(path, 1024, "%s%s/%s_STAMP_%s%s", ANALYSIS, folder, model, task->label_column, rest);
}

static void made_path(char path[2 * TEST_PATH_SIZE], const test_run *run, const char *model,
                      const task_info *task, const char *rest) {
  char name[256];
  snprintf(name, sizeof name, "%s%s", task->label_column, rest);
  test_run_output(run, model, name, path);
}

/* The probabilities of one model, its ground truth, and file names. */
static void compare_probabilities(const test_run *run, const task_info *task, model_family family,
                                  const char *expected_folder) {
  char path[1024], path_made[2 * TEST_PATH_SIZE];
  const char *model = task->models[family];
  expected_path(path, expected_folder, model, task, "_probabilities.csv");
  made_path(path_made, run, model, task, "_probabilities.csv");
  csv_table *expected = read_table(path), *made = read_table(path_made);
  assert_int_equal(csv_table_rows(expected), csv_table_rows(made));
  assert_int_equal(csv_table_file_columns(expected), csv_table_file_columns(made));
  for (size_t c = 0; c < csv_table_file_columns(expected); c++)
    assert_string_equal(csv_table_file_column_name(expected, c), csv_table_file_column_name(made, c));
  compare_texts(expected, made, "file_name");
  double signal, text = 0;
  if (task->kind == TASK_BINARY) {
    assert_true(compare_cells(expected, made, "ground_truth") == 0); /* "1.0" is "1" here */
    signal = compare_cells(expected, made, "predictions");
  } else {
    text = compare_label_cells(expected, made, "bert_model");
    signal = compare_label_cells(expected, made, "sig_model");
  }
  print_message("%s: largest difference of probabilities %.2g, of the text model's %.2g\n", model, signal,
                text);
  assert_true(signal <= probability_tolerance && text <= probability_tolerance);
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

/* ---- metrics ---- */

enum { MOST_ROWS = 64 };

/* The reference's truth and scores of a binary task or of one label. */
typedef struct scored {
  size_t rows;
  uint8_t truth[MOST_ROWS];
  float scores[MOST_ROWS];
} scored;

/* Every file has the score of its first row: the reference's own change in the last digits with the place in
 * a batch, so that two rows of one file order at random there and are a tie here. */
static void read_scores(const csv_table *table, const char *truth, double threshold, const char *score,
                        scored *s) {
  int truth_column = csv_table_find_column(table, truth), score_column = csv_table_find_column(table, score);
  assert_true(truth_column >= 0 && score_column >= 0);
  s->rows = csv_table_rows(table);
  assert_true(s->rows <= MOST_ROWS);
  for (size_t row = 0; row < s->rows; row++) {
    size_t first = 0;
    while (strcmp(csv_table_cell(table, first, 0).text, csv_table_cell(table, row, 0).text) != 0)
      first++;
    s->truth[row] = strtod(csv_table_cell(table, row, truth_column).text, NULL) >= threshold;
    s->scores[row] = strtof(csv_table_cell(table, first, score_column).text, NULL);
  }
}

static binary_metrics metrics_of(const scored *s) {
  binary_metrics metrics;
  error err;
  if (!binary_metrics_compute(s->truth, s->scores, s->rows, &metrics, &err))
    fail_msg("%s", err.message);
  return metrics;
}

/* What the reference's own probabilities give, duplicates tied. */
typedef struct tied_metrics {
  binary_metrics labels[LABEL_COUNT]; /* [0] alone for a binary task */
  category_metrics categories[CATEGORY_COUNT];
} tied_metrics;

static void tie_labels(const csv_table *table, tied_metrics *tied) {
  static uint8_t truth[MOST_ROWS * LABEL_COUNT];
  static float scores[MOST_ROWS * LABEL_COUNT];
  scored s;
  for (size_t l = 0; l < LABEL_COUNT; l++) {
    char truth_column[200], score_column[200];
    snprintf(truth_column, sizeof truth_column, "%s_bert_model", labels[l].name);
    snprintf(score_column, sizeof score_column, "%s_sig_model", labels[l].name);
    read_scores(table, truth_column, labels[l].bert_threshold, score_column, &s);
    tied->labels[l] = metrics_of(&s);
    for (size_t row = 0; row < s.rows; row++) {
      truth[row * LABEL_COUNT + l] = s.truth[row];
      scores[row * LABEL_COUNT + l] = s.scores[row];
    }
  }
  for (size_t c = 0; c < CATEGORY_COUNT; c++)
    assert_true(category_metrics_compute(truth, scores, s.rows, LABEL_COUNT, categories[c].labels,
                                         categories[c].label_count, tied->labels, &tied->categories[c],
                                         NULL));
}

static double label_metric(const binary_metrics *m, const char *name) {
  const struct {
    const char *name;
    double value;
  } all[] = {{"auc", m->auc},
             {"auprc", m->auprc},
             {"f1", m->f1},
             {"threshold", m->threshold},
             {"prevalence_gt %", m->prevalence_gt},
             {"prevalence_pred %", m->prevalence_pred}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (strcmp(all[i].name, name) == 0)
      return all[i].value;
  return NAN;
}

static double category_metric(const category_metrics *m, const char *name) {
  const struct {
    const char *name;
    double value;
  } all[] = {{"macro_auc", m->macro_auc},
             {"macro_auprc", m->macro_auprc},
             {"macro_f1", m->macro_f1},
             {"micro_auc", m->micro_auc},
             {"micro_auprc", m->micro_auprc},
             {"micro_f1", m->micro_f1},
             {"threshold", m->threshold},
             {"prevalence_gt %", m->prevalence_gt},
             {"prevalence_pred %", m->prevalence_pred}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (strcmp(all[i].name, name) == 0)
      return all[i].value;
  return NAN;
}

/* Row `row` of the metrics table: the categories, then the labels; or the one of a binary task. */
static double tied_metric(const tied_metrics *tied, const task_info *task, size_t row, const char *name) {
  if (task->kind == TASK_BINARY)
    return label_metric(&tied->labels[0], name);
  return row < CATEGORY_COUNT ? category_metric(&tied->categories[row], name)
                              : label_metric(&tied->labels[row - CATEGORY_COUNT], name);
}

static bool nearly(double a, double b, double tolerance) {
  return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= tolerance;
}

static void compare_metric(const csv_table *expected, const csv_table *made, const task_info *task,
                           const tied_metrics *tied, size_t row, const char *name, size_t *ties) {
  csv_cell from = csv_table_cell(expected, row, csv_table_find_column(expected, name));
  csv_cell to = csv_table_cell(made, row, csv_table_find_column(made, name));
  assert_int_equal(from.length == 0, to.length == 0);
  if (!from.length)
    return;
  double tolerance = strcmp(name, "threshold") == 0 ? probability_tolerance : 1e-12;
  double wanted = strtod(from.text, NULL), got = strtod(to.text, NULL);
  if (nearly(got, wanted, tolerance))
    return;
  ++*ties;
  if (!nearly(got, tied_metric(tied, task, row, name), tolerance))
    fail_msg("%s of %s is %.17g, not %.17g", name, csv_table_cell(made, row, 0).text, got, wanted);
}

static tied_metrics tie(const char *model, const task_info *task, const char *expected_folder) {
  char path[1024];
  tied_metrics tied;
  expected_path(path, expected_folder, model, task, "_probabilities.csv");
  csv_table *table = read_table(path);
  if (task->kind == TASK_BINARY) {
    scored s;
    read_scores(table, "ground_truth", 1, "predictions", &s);
    tied.labels[0] = metrics_of(&s);
  } else {
    tie_labels(table, &tied);
  }
  csv_table_destroy(table);
  return tied;
}

/* Every metric of the reference's table; where two rows of one file decide, that of a tie instead. */
static void compare_metrics(const test_run *run, const task_info *task, model_family family,
                            const char *expected_folder) {
  char path[1024], path_made[2 * TEST_PATH_SIZE];
  const char *model = task->models[family];
  tied_metrics tied = tie(model, task, expected_folder);
  expected_path(path, expected_folder, model, task, ".csv");
  made_path(path_made, run, model, task, ".csv");
  csv_table *expected = read_table(path), *made = read_table(path_made);
  assert_int_equal(csv_table_rows(expected), csv_table_rows(made));
  assert_int_equal(csv_table_file_columns(expected), csv_table_file_columns(made));
  compare_texts(expected, made, "Key");
  size_t ties = 0;
  for (size_t row = 0; row < csv_table_rows(expected); row++)
    for (size_t c = 1; c < csv_table_file_columns(expected); c++)
      compare_metric(expected, made, task, &tied, row, csv_table_file_column_name(expected, c), &ties);
  print_message("%s: metrics of %zu keys; %zu values are those of ties\n", model, csv_table_rows(made), ties);
  assert_true(ties <= 2);
  made_path(path_made, run, model, task, ".json");
  json_t *json = load_json(path_made);
  assert_int_equal(json_object_size(json), csv_table_rows(expected));
  json_decref(json);
  csv_table_destroy(expected);
  csv_table_destroy(made);
}

/* ---- runs ---- */

static void init_golden(test_run *run, const char *name, const char *table) {
  test_run_init(run, name, MODE_ANALYSIS, table, MUSE "inputs");
  run->options.preprocessing_folder = MUSE "expected/preprocessed";
}

static void golden_analysis_is_reproduced(void **state) {
  (void)state;
  test_run run;
  init_golden(&run, "analysis", ANALYSIS "inputs.csv");
  test_run_go(&run);
  assert_int_equal(run.errors.count, 0);
  for (size_t i = 0; i < task_count; i++)
    for (model_family family = 0; family < FAMILY_COUNT; family++) {
      compare_probabilities(&run, &tasks[i], family, "expected");
      compare_metrics(&run, &tasks[i], family, "expected");
    }
  test_run_free(&run);
}

/* From the ECG files to the same probabilities. */
static void golden_full_run_is_reproduced(void **state) {
  (void)state;
  test_run run;
  test_run_init(&run, "full_run", MODE_FULL_RUN, ANALYSIS "inputs.csv", MUSE "inputs");
  test_run_go(&run);
  assert_int_equal(run.summary.cleaned, 12);
  for (size_t i = 0; i < task_count; i++)
    for (model_family family = 0; family < FAMILY_COUNT; family++)
      compare_probabilities(&run, &tasks[i], family, "expected");
  test_run_free(&run);
}

static void one_row_and_no_row(void **state) {
  (void)state;
  static const char *const cases[][2] = {{ANALYSIS "inputs_one_row.csv", "expected_one_row"},
                                         {ANALYSIS "inputs_no_row.csv", "expected_no_row"}};
  for (int i = 0; i < 2; i++) {
    test_run run;
    init_golden(&run, "few_rows", cases[i][0]);
    run.options.use_wcr = false;
    test_run_go(&run);
    assert_int_equal(run.errors.count, i); /* without a row nothing is predicted */
    if (i == 1)
      assert_non_null(strstr(run.errors.lines[0], "nothing was predicted"));
    static const char *const columns[] = {"ecg_machine_diagnosis", "afib_5y"};
    for (int t = 0; t < 2; t++) {
      const task_info *task = task_find(columns[t]);
      compare_probabilities(&run, task, FAMILY_EFFICIENTNET, cases[i][1]);
      char path[2 * TEST_PATH_SIZE];
      made_path(path, &run, task->models[FAMILY_EFFICIENTNET], task, ".json");
      json_t *metrics = load_json(path);
      assert_int_equal(json_object_size(metrics), 0);
      json_decref(metrics);
    }
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

/* A label that is there is written; one that isn't costs its row only where metrics are wanted. */
static void predictions_keep_rows_without_a_label(void **state) {
  (void)state;
  test_run run;
  char table[1024] = "", path[2 * TEST_PATH_SIZE];
  init_golden(&run, "some_labels", table);
  snprintf(table, sizeof table, "%s/table.csv", run.root);
  write_text(table, "afib_5y,afib_ecg_file_name\n,ecg_003.xml\n1,ecg_001.xml\n0,ecg_000.xml\n");
  for (int predictions_only = 0; predictions_only < 2; predictions_only++) {
    run.options.predictions_only = predictions_only;
    test_run_go(&run);
    assert_int_equal(run.errors.count, 0);
    test_run_output(&run, "efficientnetv2_afib_5y", "afib_5y_probabilities.csv", path);
    csv_table *made = read_table(path);
    assert_int_equal(csv_table_rows(made), 2 + predictions_only);
    if (predictions_only) {
      assert_string_equal(csv_table_cell(made, 0, 0).text, "ecg_003.base64");
      assert_true(csv_table_cell(made, 0, 1).is_null);
      assert_false(csv_table_cell(made, 0, 2).is_null);
    }
    assert_string_equal(csv_table_cell(made, (size_t)predictions_only, 1).text, "1");
    csv_table_destroy(made);
    test_run_output(&run, "efficientnetv2_afib_5y", "afib_5y.json", path);
    assert_int_equal(access(path, F_OK), predictions_only ? -1 : 0);
  }
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
  assert_int_equal(run.errors.count, 2); /* one line for each family */
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
  assert_int_equal(run.errors.count, 8); /* seven signal models and the text model */
  test_run_output(&run, "efficientnetv2_afib_5y", "afib_5y_probabilities.csv", path);
  assert_int_equal(access(path, F_OK), 0);
  test_run_free(&run);
}

static void run_file_says_what_was_done(void **state) {
  (void)state;
  test_run run;
  char path[2 * TEST_PATH_SIZE];
  init_golden(&run, "run_file", ANALYSIS "inputs_one_row.csv");
  run.options.use_wcr = false;
  test_run_go(&run);
  snprintf(path, sizeof path, "%s/%s_run.json", run.outputs, run.summary.stamp);
  json_t *json = load_json(path);
  assert_string_equal(json_string_value(json_object_get(json, "version")), DEEPECG_VERSION);
  json_t *models = json_object_get(json, "models");
  static const char *const checksums[][2] = {
      /* by sha256sum */
      {"Bert_diagnosis2classification_En_Fr",
       "709cded53ec21aa794c9ac1720a0d67494d4fc7fc257b60014870cd9d00e9c71"},
      {"efficientnetv2_77_classes", "9b22e682b2956f12557e85800fbfe39b4a7708b547db007c2c33583a52bdd943"},
      {"efficientnetv2_afib_5y", "d221cf8e30f3b57ad9e7098a3dd878575009a5aa4ecbc84ea2de0623fb1c9643"}};
  assert_int_equal(json_array_size(models), 3);
  for (size_t i = 0; i < 3; i++) {
    const json_t *model = json_array_get(models, i);
    assert_string_equal(json_string_value(json_object_get(model, "id")), checksums[i][0]);
    assert_string_equal(json_string_value(json_object_get(model, "sha256")), checksums[i][1]);
  }
  assert_string_equal(json_string_value(json_object_get(json_object_get(json, "options"), "mode")),
                      "analysis");
  assert_string_equal(json_string_value(json_object_get(json_object_get(json, "options"), "precision")),
                      "fp32");
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
      cmocka_unit_test(predictions_keep_rows_without_a_label),
      cmocka_unit_test(bad_cleaned_records_are_left_out),
      cmocka_unit_test(missing_model_is_one_line_and_the_rest_runs),
      cmocka_unit_test(run_file_says_what_was_done),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
