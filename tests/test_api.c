/* The public library, through its header and its shared object only: from ECG files to the reference's
 * probabilities. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <deepecg.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN DEEPECG_TEST_DATA "/golden/"
enum { ECGS = 12 };

static void read_all(deepecg_ecg *ecgs[ECGS]) {
  for (int i = 0; i < ECGS; i++) {
    char path[600];
    deepecg_error err;
    snprintf(path, sizeof path, "%spreprocessing/muse_hum60/inputs/ecg_%03d.xml", GOLDEN, i);
    ecgs[i] = deepecg_ecg_read(path, &err);
    if (!ecgs[i])
      fail_msg("%s", err.message);
    assert_string_equal(deepecg_ecg_format(ecgs[i]), "MHI");
  }
}

static void expected_probabilities(const char *model, double expected[ECGS]) {
  char path[600];
  snprintf(path, sizeof path, GOLDEN "analysis/expected/%s_STAMP_afib_5y_probabilities.csv", model);
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  char line[200];
  while (fgets(line, sizeof line, file)) {
    int number, truth;
    double probability;
    if (sscanf(line, "ecg_%d.base64,%d,%lf", &number, &truth, &probability) == 3)
      expected[number] = probability;
  }
  fclose(file);
}

static void check_model(deepecg_ecg *const ecgs[ECGS], const char *name) {
  char path[600];
  double expected[ECGS];
  deepecg_error err;
  for (int i = 0; i < ECGS; i++)
    expected[i] = NAN;
  expected_probabilities(name, expected);
  snprintf(path, sizeof path, GOLDEN "analysis/models/%s", name);
  deepecg_model *model = deepecg_model_open(path, 2, &err);
  if (!model)
    fail_msg("%s", err.message);
  assert_int_equal(deepecg_model_output_count(model), 1);
  float probabilities[ECGS], alone;
  if (!deepecg_model_predict(model, ecgs, ECGS, probabilities, &err))
    fail_msg("%s", err.message);
  for (int i = 0; i < ECGS; i++)
    assert_true(fabs((double)probabilities[i] - expected[i]) <= 5e-5); /* false for NaN */
  assert_true(deepecg_model_predict(model, &ecgs[5], 1, &alone, &err));
  assert_memory_equal(&alone, &probabilities[5], sizeof alone);
  deepecg_model_close(model);
}

static void files_become_probabilities(void **state) {
  (void)state;
  deepecg_ecg *ecgs[ECGS];
  deepecg_error err;
  read_all(ecgs);
  if (!deepecg_clean(ecgs, ECGS, &err))
    fail_msg("%s", err.message);
  check_model(ecgs, "efficientnetv2_afib_5y");
  check_model(ecgs, "wcr_afib_5y");
  for (int i = 0; i < ECGS; i++)
    deepecg_ecg_free(ecgs[i]);
}

/* In bfloat16 the probability moves, but not far; without the instructions for it there is no model. */
static void precision_is_asked_for(void **state) {
  (void)state;
  deepecg_error err = {""};
  float fp32 = 0, bf16 = 0;
  deepecg_ecg *ecg = deepecg_ecg_read(GOLDEN "preprocessing/muse_hum60/inputs/ecg_000.xml", &err);
  assert_true(ecg && deepecg_clean(&ecg, 1, &err));
  deepecg_model *model = deepecg_model_open_in(GOLDEN "analysis/models/wcr_afib_5y", 1, DEEPECG_FP32, &err);
  assert_true(model && deepecg_model_predict(model, &ecg, 1, &fp32, &err));
  deepecg_model_close(model);
  model = deepecg_model_open_in(GOLDEN "analysis/models/wcr_afib_5y", 1, DEEPECG_BF16, &err);
  if (model) {
    assert_true(deepecg_model_predict(model, &ecg, 1, &bf16, &err));
    assert_true(fabsf(fp32 - bf16) > 0 && fabsf(fp32 - bf16) < 0.03f);
  } else {
    assert_non_null(strstr(err.message, "bf16"));
    printf("NOT RUN: %s\n", err.message);
  }
  deepecg_model_close(model);
  deepecg_ecg_free(ecg);
}

static void labels_are_named(void **state) {
  (void)state;
  deepecg_error err;
  deepecg_model *model = deepecg_model_open(GOLDEN "analysis/models/efficientnetv2_77_classes", 0, &err);
  if (!model)
    fail_msg("%s", err.message);
  assert_int_equal(deepecg_model_output_count(model), 77);
  assert_string_equal(deepecg_model_output_name(model, 0), "Sinusal");
  assert_string_equal(deepecg_model_output_name(model, 77), "");
  deepecg_model_close(model);
}

static void failures_say_why(void **state) {
  (void)state;
  deepecg_error err = {""};
  assert_null(deepecg_ecg_read("/nonexistent.xml", &err));
  assert_non_null(strstr(err.message, "/nonexistent.xml"));
  assert_null(deepecg_ecg_read(GOLDEN "preprocessing/damaged_npy/inputs/short.npy", &err));
  assert_non_null(strstr(err.message, "short.npy: Signal too short"));
  assert_null(deepecg_ecg_read_bytes("garbage", 7, &err));
  assert_true(*err.message);
  assert_null(deepecg_model_open(GOLDEN "README.md", 1, &err));
  assert_non_null(strstr(err.message, "README.md"));
  assert_null(deepecg_model_open(GOLDEN "analysis/models/Bert_diagnosis2classification_En_Fr", 1, &err));
  assert_non_null(strstr(err.message, "reads text, not ECGs"));
  assert_null(deepecg_ecg_read("/nonexistent.xml", NULL));
  assert_false(deepecg_clean(NULL, 0, &err));
  deepecg_ecg_free(NULL);
  deepecg_model_close(NULL);
}

/* The fixture's bias is infinite: no probability may be made of that. */
static void results_that_are_no_numbers_stay_so(void **state) {
  (void)state;
  deepecg_error err;
  float probability = 0;
  deepecg_ecg *ecg = deepecg_ecg_read(GOLDEN "preprocessing/muse_hum60/inputs/ecg_000.xml", &err);
  deepecg_model *model = deepecg_model_open(DEEPECG_TEST_DATA "/fixtures/fairseq/not_finite.pt", 1, &err);
  if (!ecg || !model || !deepecg_clean(&ecg, 1, &err) ||
      !deepecg_model_predict(model, &ecg, 1, &probability, &err))
    fail_msg("%s", err.message);
  assert_true(isnan(probability));
  deepecg_ecg_free(ecg);
  deepecg_model_close(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(files_become_probabilities),
      cmocka_unit_test(precision_is_asked_for),
      cmocka_unit_test(labels_are_named),
      cmocka_unit_test(failures_say_why),
      cmocka_unit_test(results_that_are_no_numbers_stay_so),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
