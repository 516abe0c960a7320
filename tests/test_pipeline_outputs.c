/* Names, columns and key orders of the result files against the reference's own files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "support/run_pipeline.h"
#include "tasks/tasks.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANALYSIS DEEPECG_TEST_DATA "/golden/analysis/"
#define MUSE     DEEPECG_TEST_DATA "/golden/preprocessing/muse_hum60/"

static mapped_file map(const char *path) {
  mapped_file file;
  error err;
  if (!mapped_file_open(&file, path, &err))
    fail_msg("%s", err.message);
  return file;
}

/* The small models only: the one of the 77 labels is not in the folder, which is one line of errors. */
static void run_binary_tasks(test_run *run, const char *table) {
  static char weights[TEST_PATH_SIZE + 16];
  test_run_init(run, "outputs", MODE_ANALYSIS, table, MUSE "inputs");
  run->options.preprocessing_folder = MUSE "expected/preprocessed";
  snprintf(weights, sizeof weights, "%s/weights", run->root);
  assert_true(make_folders(weights, NULL));
  for (size_t i = 0; i < task_count; i++) {
    char from[1000], to[2 * TEST_PATH_SIZE];
    const char *model = tasks[i].models[FAMILY_EFFICIENTNET];
    snprintf(from, sizeof from, ANALYSIS "models/%s", model);
    snprintf(to, sizeof to, "%s/%s", weights, model);
    assert_true(tasks[i].kind != TASK_BINARY || symlink(from, to) == 0);
  }
  run->options.weights_folder = weights;
  run->options.use_wcr = false;
  char from[1000], to[2 * TEST_PATH_SIZE];
  snprintf(from, sizeof from, ANALYSIS "models/%s", bert_models[0]);
  snprintf(to, sizeof to, "%s/%s", weights, bert_models[0]);
  assert_int_equal(symlink(from, to), 0);
  test_run_go(run);
  assert_int_equal(run->errors.count, 1);
  assert_non_null(strstr(run->errors.lines[0], "efficientnetv2_77_classes"));
}

static void expected_path(char path[1000], const char *folder, const task_info *task, const char *ending) {
  snprintf(path, 1000, ANALYSIS "%s/%s_STAMP_%s%s", folder, task->models[FAMILY_EFFICIENTNET],
           task->label_column, ending);
}

static void made_path(char path[2 * TEST_PATH_SIZE], const test_run *run, const task_info *task,
                      const char *ending) {
  char rest[200];
  snprintf(rest, sizeof rest, "%s%s", task->label_column, ending);
  test_run_output(run, task->models[FAMILY_EFFICIENTNET], rest, path);
}

static size_t line_length(const mapped_file *file) {
  const uint8_t *end = memchr(file->data, '\n', file->size);
  return end ? (size_t)(end - file->data) + 1 : file->size;
}

/* All bytes are the reference's, or those of the first line. */
static void compare_bytes(const test_run *run, const char *folder, const task_info *task, const char *ending,
                          bool first_line_only) {
  char expected[1000], made[2 * TEST_PATH_SIZE];
  expected_path(expected, folder, task, ending);
  made_path(made, run, task, ending);
  mapped_file a = map(expected), b = map(made);
  size_t size = first_line_only ? line_length(&a) : a.size;
  assert_true(b.size >= size && (first_line_only || b.size == size));
  assert_memory_equal(a.data, b.data, size);
  mapped_file_close(&a);
  mapped_file_close(&b);
}

static json_t *load(const char *path) {
  json_error_t problem;
  json_t *root = json_load_file(path, 0, &problem);
  if (!root)
    fail_msg("%s: %s", path, problem.text);
  return root;
}

/* The same keys in the same order; and the values that don't hang on the last digits of equal scores. */
static void compare_metrics(const test_run *run, const task_info *task) {
  char expected[1000], made[2 * TEST_PATH_SIZE];
  expected_path(expected, "expected", task, ".json");
  made_path(made, run, task, ".json");
  json_t *a_file = load(expected), *b_file = load(made);
  json_t *a = json_object_get(a_file, "results"), *b = json_object_get(b_file, "results");
  void *i = json_object_iter(a), *k = json_object_iter(b);
  for (; i && k; i = json_object_iter_next(a, i), k = json_object_iter_next(b, k)) {
    const char *key = json_object_iter_key(i);
    assert_string_equal(key, json_object_iter_key(k));
    double x = json_number_value(json_object_iter_value(i)), y = json_number_value(json_object_iter_value(k));
    bool of_ties = strcmp(key, "auc") == 0 || strcmp(key, "auprc") == 0 || strcmp(key, "threshold") == 0;
    if (!of_ties && x != y)
      fail_msg("%s %s: %.17g, not %.17g", task->label_column, key, y, x);
  }
  assert_true(!i && !k);
  json_decref(a_file);
  json_decref(b_file);
}

static size_t files_in(const char *folder) {
  DIR *directory = opendir(folder);
  assert_non_null(directory);
  size_t count = 0;
  for (const struct dirent *entry; (entry = readdir(directory));)
    count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
  closedir(directory);
  return count;
}

static void files_are_laid_out_as_the_references(void **state) {
  (void)state;
  test_run run;
  run_binary_tasks(&run, ANALYSIS "inputs.csv");
  for (size_t i = 0; i < task_count; i++) {
    if (tasks[i].kind != TASK_BINARY)
      continue;
    compare_bytes(&run, "expected", &tasks[i], "_probabilities.csv", true);
    compare_bytes(&run, "expected", &tasks[i], ".csv", true);
    compare_metrics(&run, &tasks[i]);
  }
  assert_int_equal(files_in(run.outputs), 3 * 3 + 1); /* nothing but results and the run file */
  test_run_free(&run);
}

static void few_rows_have_the_references_files(void **state) {
  (void)state;
  static const char *const tables[][2] = {{ANALYSIS "inputs_one_row.csv", "expected_one_row"},
                                          {ANALYSIS "inputs_no_row.csv", "expected_no_row"}};
  for (int i = 0; i < 2; i++) {
    test_run run;
    const task_info *task = task_find("afib_5y");
    run_binary_tasks(&run, tables[i][0]);
    compare_bytes(&run, tables[i][1], task, ".json", false);
    compare_bytes(&run, tables[i][1], task, ".csv", false);
    compare_bytes(&run, tables[i][1], task, "_probabilities.csv", true);
    test_run_free(&run);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(files_are_laid_out_as_the_references),
      cmocka_unit_test(few_rows_have_the_references_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
