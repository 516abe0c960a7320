/* The compiled-in catalogue is labels.json, field by field. */
#include "tasks/tasks.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static json_t *facts;

static int load_facts(void **state) {
  (void)state;
  json_error_t reason;
  facts = json_load_file(DEEPECG_TEST_DATA "/fixtures/labels.json", 0, &reason);
  return facts ? 0 : -1;
}

static int free_facts(void **state) {
  (void)state;
  json_decref(facts);
  return 0;
}

static const char *string_of(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  assert_non_null(text);
  return text;
}

static void assert_number(const json_t *value, double expected) {
  if (!value || json_is_null(value))
    assert_true(isnan(expected));
  else
    assert_true(json_number_value(value) == expected);
}

static void assert_points(const json_t *object, const operating_points *points) {
  const json_t *point = json_object_get(object, "operating_point");
  assert_number(json_object_get(point, "wcr_youden"), points->wcr_youden);
  assert_number(json_object_get(point, "efficientnet_sens_spec"), points->efficientnet_sens_spec);
  assert_number(json_object_get(point, "wcr_sens_spec"), points->wcr_sens_spec);
}

static void test_labels(void **state) {
  (void)state;
  const json_t *array = json_object_get(facts, "labels");
  assert_int_equal(json_array_size(array), LABEL_COUNT);
  bool column_seen[LABEL_COUNT] = {false};
  for (size_t i = 0; i < LABEL_COUNT; i++) {
    const json_t *label = json_array_get(array, i);
    assert_int_equal(json_integer_value(json_object_get(label, "index")), i);
    assert_string_equal(string_of(label, "name"), labels[i].name);
    assert_number(json_object_get(label, "bert_threshold"), labels[i].bert_threshold);
    assert_int_equal(json_integer_value(json_object_get(label, "wcr_raw_column")), labels[i].wcr_raw_column);
    assert_points(label, &labels[i].points);
    assert_in_range(labels[i].wcr_raw_column, 0, LABEL_COUNT - 1);
    assert_false(column_seen[labels[i].wcr_raw_column]);
    column_seen[labels[i].wcr_raw_column] = true;
  }
}

static void test_categories(void **state) {
  (void)state;
  const json_t *array = json_object_get(facts, "categories");
  assert_int_equal(json_array_size(array), CATEGORY_COUNT);
  for (size_t i = 0; i < CATEGORY_COUNT; i++) {
    const json_t *category = json_array_get(array, i), *members = json_object_get(category, "labels");
    assert_string_equal(string_of(category, "name"), categories[i].name);
    assert_int_equal(json_array_size(members), categories[i].label_count);
    for (size_t j = 0; j < categories[i].label_count; j++)
      assert_string_equal(json_string_value(json_array_get(members, j)),
                          labels[categories[i].labels[j]].name);
  }
}

static void assert_task(const json_t *object, const task_info *task, task_kind kind) {
  assert_string_equal(string_of(object, "column"), task->label_column);
  assert_string_equal(string_of(object, "file_column"), task->file_column);
  assert_string_equal(string_of(object, "wcr"), task->models[FAMILY_WCR]);
  assert_string_equal(string_of(object, "efficientnet"), task->models[FAMILY_EFFICIENTNET]);
  assert_int_equal(task->kind, kind);
  assert_points(object, &task->points);
  assert_ptr_equal(task_find(task->label_column), task);
}

static void test_tasks(void **state) {
  (void)state;
  const json_t *binary = json_object_get(facts, "binary_tasks");
  assert_int_equal(task_count, 1 + json_array_size(binary));
  assert_task(json_object_get(facts, "multilabel_task"), &tasks[0], TASK_77_LABELS);
  for (size_t i = 1; i < task_count; i++)
    assert_task(json_array_get(binary, i - 1), &tasks[i], TASK_BINARY);
  assert_null(task_find("77_classes_ecg_file_name"));
  assert_null(task_find(""));
}

static void test_models(void **state) {
  (void)state;
  const json_t *bert = json_object_get(json_object_get(facts, "multilabel_task"), "bert");
  size_t count = json_array_size(bert);
  assert_int_equal(count, 2);
  for (size_t i = 0; i < count; i++)
    assert_string_equal(json_string_value(json_array_get(bert, i)), bert_models[i]);
  assert_null(bert_models[count]);
  assert_string_equal(families[FAMILY_WCR].name, "wcr");
  assert_string_equal(families[FAMILY_EFFICIENTNET].name, "efficientnetv2");
  assert_true(families[FAMILY_WCR].input_scale == 1);
  assert_true(families[FAMILY_EFFICIENTNET].input_scale == 1 / 0.0048);
}

static void test_models_of_another_family_are_refused(void **state) {
  (void)state;
  const task_info *binary = task_find("afib_5y"), *findings = task_find("ecg_machine_diagnosis");
  error err;
  assert_true(family_check_model(FAMILY_WCR, binary, "m.pt", "fairseq", 1, &err));
  assert_true(family_check_model(FAMILY_EFFICIENTNET, findings, "m.pt", "TorchScript", LABEL_COUNT, &err));
  assert_false(family_check_model(FAMILY_EFFICIENTNET, binary, "m.pt", "fairseq", 1, &err));
  assert_string_equal(
      err.message,
      "m.pt: a fairseq file, but efficientnetv2_afib_5y is a TorchScript one: a model of the other family?");
  assert_false(family_check_model(FAMILY_WCR, binary, "m.pt", "TorchScript", 1, &err));
  assert_false(family_check_model(FAMILY_WCR, binary, "m.pt", "fairseq", LABEL_COUNT, &err));
  assert_string_equal(err.message, "m.pt gives 77 logits per ECG; the task wants 1");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_labels), cmocka_unit_test(test_categories),
                                     cmocka_unit_test(test_tasks), cmocka_unit_test(test_models),
                                     cmocka_unit_test(test_models_of_another_family_are_refused)};
  return cmocka_run_group_tests(tests, load_facts, free_facts);
}
