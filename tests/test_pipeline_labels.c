/* The 77-label task where something is missing, broken or unusual. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/folders.h"
#include "support/messages.h"
#include "support/run_pipeline.h"
#include "table/csv.h"
#include "tasks/tasks.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODELS  DEEPECG_TEST_DATA "/golden/analysis/models/"
#define BERT    DEEPECG_TEST_DATA "/fixtures/bert/float32/"
#define MUSE    DEEPECG_TEST_DATA "/golden/preprocessing/muse_hum60/"
#define TASK    "ecg_machine_diagnosis"
#define HEADER  TASK ",77_classes_ecg_file_name\n"
#define WCR     "wcr_77_classes"
#define DEFAULT "Bert_diagnosis2classification_En_Fr"

static const char four_rows[] = HEADER "Sinus rhythm,ecg_000.xml\nBradycardie sinusale,ecg_001.xml\n"
                                       "Sinus rhythm,ecg_002.xml\nAtrial fibrillation,ecg_000.xml\n";

/* A run of the 77 labels with WCR alone, on models of its own. */
typedef struct labels_run {
  test_run run;
  messages said;
  reporter reporter;
  char table[FOLDER_PATH_SIZE + 64], weights[FOLDER_PATH_SIZE];
} labels_run;

static void init(labels_run *l, const char *name, const char *table) {
  *l = (labels_run){.reporter = {&l->said, messages_add, NULL}};
  char weights[256];
  test_run_init(&l->run, name, MODE_ANALYSIS, l->table, MUSE "inputs");
  snprintf(weights, sizeof weights, "%s/weights", name);
  folder_make(l->weights, weights);
  folder_write(l->run.root, "table.csv", table);
  snprintf(l->table, sizeof l->table, "%s/table.csv", l->run.root);
  l->run.options.preprocessing_folder = MUSE "expected/preprocessed";
  l->run.options.use_efficientnet = false;
  l->run.options.weights_folder = l->weights;
}

static void add_model(labels_run *l, const char *folder, const char *const *files, const char *from) {
  char path[FOLDER_PATH_SIZE + 128], file[600];
  snprintf(path, sizeof path, "%s/%s", l->weights, folder);
  make_folders(path, NULL);
  for (; *files; files++) {
    snprintf(file, sizeof file, "%s%s", from, *files);
    folder_copy(path, *files, file);
  }
}

static void add_wcr(labels_run *l) {
  add_model(l, WCR, (const char *const[]){"wcr_77_classes.pt", "config.json", NULL}, MODELS WCR "/");
}

static void add_bert(labels_run *l, const char *folder, const char *from) {
  add_model(l, folder, (const char *const[]){"model.safetensors", "config.json", "vocab.txt", NULL}, from);
}

static void go(labels_run *l, size_t errors) {
  error_list_free(&l->run.errors);
  pipeline_run(&l->run.options, &l->reporter, &l->run.errors, &l->run.summary);
  for (size_t i = errors; i < l->run.errors.count; i++)
    print_message("%s\n", l->run.errors.lines[i]);
  assert_int_equal(l->run.errors.count, errors);
}

static void end(labels_run *l) {
  messages_free(&l->said);
  test_run_free(&l->run);
}

static csv_table *probabilities(const labels_run *l) {
  char path[2 * TEST_PATH_SIZE];
  error err;
  test_run_output(&l->run, WCR, TASK "_probabilities.csv", path);
  csv_table *table = csv_table_read(path, NULL, 0, &err);
  if (!table)
    fail_msg("%s", err.message);
  assert_int_equal(csv_table_file_columns(table), 155);
  return table;
}

static bool has_metrics(const labels_run *l) {
  char path[2 * TEST_PATH_SIZE];
  test_run_output(&l->run, WCR, TASK ".json", path);
  return access(path, F_OK) == 0;
}

/* How many of the table's BERT and signal cells are empty. */
static void count_empty(const csv_table *table, size_t *text, size_t *signal) {
  *text = *signal = 0;
  for (size_t row = 0; row < csv_table_rows(table); row++)
    for (int c = 1; c < 155; c++)
      *(c <= LABEL_COUNT ? text : signal) += csv_table_cell(table, row, c).is_null;
}

static void check_without_truth(const labels_run *l, size_t rows) {
  csv_table *table = probabilities(l);
  size_t text, signal;
  count_empty(table, &text, &signal);
  assert_int_equal(csv_table_rows(table), rows);
  assert_int_equal(text, rows * LABEL_COUNT);
  assert_int_equal(signal, 0);
  assert_false(has_metrics(l));
  csv_table_destroy(table);
}

/* The reference loses the signal model's results too. */
static void without_the_text_model_signals_are_still_predicted(void **state) {
  (void)state;
  labels_run l;
  init(&l, "labels_without_text_model", four_rows);
  add_wcr(&l);
  go(&l, 1);
  assert_non_null(
      strstr(l.run.errors.lines[0], "[" DEFAULT "] no ground truth, so no metrics of the 77 labels"));
  assert_non_null(strstr(l.run.errors.lines[0], "the model is not there"));
  check_without_truth(&l, 4);
  end(&l);
}

static void a_text_model_of_other_labels_is_refused(void **state) {
  (void)state;
  labels_run l;
  init(&l, "labels_other_text_model", four_rows);
  add_wcr(&l);
  add_bert(&l, DEFAULT, BERT);
  go(&l, 1);
  assert_non_null(strstr(l.run.errors.lines[0], "gives 5 logits per text; the task wants 77"));
  check_without_truth(&l, 4);
  end(&l);
}

static void a_text_model_of_no_numbers_is_refused(void **state) {
  (void)state;
  labels_run l;
  char folder[FOLDER_PATH_SIZE + 64];
  init(&l, "labels_nan_text_model", four_rows);
  add_wcr(&l);
  add_bert(&l, DEFAULT, MODELS DEFAULT "/");
  snprintf(folder, sizeof folder, "%s/" DEFAULT, l.weights);
  folder_set_bytes(folder, "model.safetensors", -8, "\x00\x00\xc0\x7f", 4); /* in the classifier's weights */
  go(&l, 1);
  assert_int_equal(l.said.warnings, 1);
  assert_non_null(strstr(l.said.text, "'classifier.weight' holds values that are not finite"));
  assert_non_null(strstr(l.run.errors.lines[0], "logits that are not finite numbers"));
  check_without_truth(&l, 4);
  end(&l);
}

static void a_signal_model_of_other_labels_is_refused(void **state) {
  (void)state;
  labels_run l;
  init(&l, "labels_other_signal_model", four_rows);
  add_model(&l, WCR, (const char *const[]){"wcr_afib_5y.pt", NULL}, MODELS "wcr_afib_5y/");
  add_bert(&l, DEFAULT, MODELS DEFAULT "/");
  go(&l, 1);
  assert_non_null(strstr(l.run.errors.lines[0], "gives 1 logits per ECG; the task wants 77"));
  end(&l);
}

static size_t inputs_of(const labels_run *l, const char *model) {
  char path[2 * TEST_PATH_SIZE];
  snprintf(path, sizeof path, "%s/%s_run.json", l->run.outputs, l->run.summary.stamp);
  json_t *json = json_load_file(path, 0, NULL), *models = json_object_get(json, "models");
  size_t inputs = SIZE_MAX;
  for (size_t i = 0; i < json_array_size(models); i++)
    if (strcmp(json_string_value(json_object_get(json_array_get(models, i), "id")), model) == 0)
      inputs = (size_t)json_integer_value(json_object_get(json_array_get(models, i), "inputs"));
  json_decref(json);
  return inputs;
}

static void texts_and_files_run_once(void **state) {
  (void)state;
  labels_run l;
  init(&l, "labels_once", four_rows);
  add_wcr(&l);
  add_bert(&l, "Bert_diagnosis2classification", MODELS DEFAULT "/");
  l.run.options.bert_model = "Bert_diagnosis2classification";
  go(&l, 0);
  assert_int_equal(inputs_of(&l, "Bert_diagnosis2classification"), 3);
  assert_int_equal(inputs_of(&l, WCR), 3);
  csv_table *table = probabilities(&l);
  for (int c = 1; c <= LABEL_COUNT; c++) /* rows 0 and 2 have one text, rows 0 and 3 one file */
    assert_string_equal(csv_table_cell(table, 0, c).text, csv_table_cell(table, 2, c).text);
  for (int c = LABEL_COUNT + 1; c <= 2 * LABEL_COUNT; c++)
    assert_string_equal(csv_table_cell(table, 0, c).text, csv_table_cell(table, 3, c).text);
  assert_string_not_equal(csv_table_cell(table, 0, 1).text, csv_table_cell(table, 3, 1).text);
  csv_table_destroy(table);
  assert_true(has_metrics(&l));
  end(&l);
}

/* What is said of the operating points: a line for each label that has one, and one of those that have none.
 */
static void operating_points_are_said(void **state) {
  (void)state;
  labels_run l;
  init(&l, "labels_points", four_rows);
  add_wcr(&l);
  add_bert(&l, DEFAULT, MODELS DEFAULT "/");
  go(&l, 0);
  csv_table *table = probabilities(&l);
  size_t reached = 0, with_point = 0;
  for (size_t row = 0; row < 4; row++)
    reached += strtod(csv_table_cell(table, row, 1 + LABEL_COUNT).text, NULL) >= labels[0].points.wcr_youden;
  char line[200];
  snprintf(line, sizeof line, WCR ": Sinusal: %zu of 4 reach the operating point 0.807548\n", reached);
  assert_non_null(strstr(l.said.text, line));
  for (const char *at = l.said.text; (at = strstr(at, "reach the operating point")); at++)
    with_point++;
  assert_int_equal(with_point, LABEL_COUNT - 1);
  assert_non_null(strstr(l.said.text, WCR ": no operating point is published for Brugada\n"));
  csv_table_destroy(table);
  end(&l);
}

/* An empty diagnosis cell keeps its row when the file itself says what the machine found; the text model then
 * reads that. */
static void diagnosis_may_come_from_the_file(void **state) {
  (void)state;
  labels_run l;
  init(&l, "labels_from_file", HEADER ",ecg_001.xml\nSinus rhythm,ecg_002.xml\n");
  add_wcr(&l);
  add_bert(&l, DEFAULT, MODELS DEFAULT "/");
  for (int from_file = 0; from_file < 2; from_file++) {
    l.run.options.diagnosis_from_file = from_file;
    go(&l, 0);
    csv_table *table = probabilities(&l);
    assert_int_equal(csv_table_rows(table), 1 + from_file);
    size_t text, signal;
    count_empty(table, &text, &signal);
    assert_int_equal(text + signal, 0);
    if (from_file)
      assert_string_not_equal(csv_table_cell(table, 0, 1).text, csv_table_cell(table, 1, 1).text);
    csv_table_destroy(table);
  }
  end(&l);
}

/* Without the label column there is nothing for the text model to read. */
static void predictions_alone_need_no_text_model(void **state) {
  (void)state;
  labels_run l;
  init(&l, "labels_predictions_only", "77_classes_ecg_file_name\necg_003.xml\n");
  add_wcr(&l);
  l.run.options.predictions_only = true;
  go(&l, 0);
  check_without_truth(&l, 1);
  end(&l);
}

/* With the label column a row without a diagnosis is kept too: its text cells are empty, the other's not. */
static void predictions_alone_keep_rows_without_a_diagnosis(void **state) {
  (void)state;
  labels_run l;
  init(&l, "labels_predictions_partly", HEADER ",ecg_003.xml\nSinus rhythm,ecg_001.xml\n");
  add_wcr(&l);
  add_bert(&l, DEFAULT, MODELS DEFAULT "/");
  l.run.options.predictions_only = true;
  go(&l, 0);
  csv_table *table = probabilities(&l);
  assert_int_equal(csv_table_rows(table), 2);
  size_t text, signal;
  count_empty(table, &text, &signal);
  assert_int_equal(text, LABEL_COUNT);
  assert_int_equal(signal, 0);
  assert_true(csv_table_cell(table, 0, 1).is_null);
  assert_false(csv_table_cell(table, 1, 1).is_null);
  csv_table_destroy(table);
  assert_false(has_metrics(&l));
  end(&l);
}

/* And where no row has one, the text model isn't missed. */
static void predictions_alone_without_any_diagnosis(void **state) {
  (void)state;
  labels_run l;
  init(&l, "labels_predictions_empty", HEADER ",ecg_003.xml\n,ecg_001.xml\n");
  add_wcr(&l);
  l.run.options.predictions_only = true;
  go(&l, 0);
  check_without_truth(&l, 2);
  end(&l);
}

/* A network whose results are no numbers says so and leaves its rows out; the table has a header still. */
static void results_that_are_no_numbers_are_left_out(void **state) {
  (void)state;
  labels_run l;
  init(&l, "labels_nan_signal_model", "lvef_50,lvef_50_ecg_file_name\n0,ecg_000.xml\n1,ecg_001.xml\n");
  add_model(&l, "wcr_lvef_under_50", (const char *const[]){"not_finite.pt", NULL},
            DEEPECG_TEST_DATA "/fixtures/fairseq/");
  go(&l, 1);
  assert_non_null(strstr(l.said.text, "weight 'proj.bias' holds values that are not finite"));
  assert_non_null(strstr(l.run.errors.lines[0], "2 cleaned ECGs could not be used"));
  assert_non_null(
      strstr(l.run.errors.lines[0], "ecg_000.base64: the network's result is not a finite number"));
  end(&l);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_the_text_model_signals_are_still_predicted),
      cmocka_unit_test(a_text_model_of_other_labels_is_refused),
      cmocka_unit_test(a_text_model_of_no_numbers_is_refused),
      cmocka_unit_test(a_signal_model_of_other_labels_is_refused),
      cmocka_unit_test(texts_and_files_run_once),
      cmocka_unit_test(operating_points_are_said),
      cmocka_unit_test(diagnosis_may_come_from_the_file),
      cmocka_unit_test(predictions_alone_need_no_text_model),
      cmocka_unit_test(predictions_alone_keep_rows_without_a_diagnosis),
      cmocka_unit_test(predictions_alone_without_any_diagnosis),
      cmocka_unit_test(results_that_are_no_numbers_are_left_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
