/* ECG files to answers, against the logits of the reference run. */
#include "prediction/prediction.h"

#include "support/folders.h"
#include "support/golden_files.h"

#include <math.h>

#define MUSE   DEEPECG_TEST_DATA "/golden/preprocessing/muse_hum60/inputs/"
#define MODELS GOLDEN_ANALYSIS "models"

enum { FILES = GOLDEN_RECORDS + 2, MISSING = 3, NO_ECG = 7 }; /* two bad files among the golden records */

static char names[FILES][256];
static const char *paths[FILES];
static int record_of[FILES]; /* -1: bad */

static void name_files(void) {
  for (int i = 0, record = 0; i < FILES; i++) {
    paths[i] = names[i];
    record_of[i] = i == MISSING || i == NO_ECG ? -1 : record++;
    if (i == MISSING)
      snprintf(names[i], sizeof names[i], MUSE "absent.xml");
    else if (i == NO_ECG)
      snprintf(names[i], sizeof names[i], MUSE "inputs.csv");
    else
      snprintf(names[i], sizeof names[i], MUSE "ecg_%03d.xml", record_of[i]);
  }
}

static prediction_options golden_options(void) {
  prediction_options options = {
      .weights_folder = MODELS, .text_model = "Bert_diagnosis2classification_En_Fr", .threads = 2};
  options.model_count = task_models_present(MODELS, options.models);
  return options;
}

static double worst_of_model(const prediction *p, const prediction_options *options, size_t index) {
  const task_model *m = &options->models[index];
  size_t columns = m->task->kind == TASK_BINARY ? 1 : LABEL_COUNT;
  char path[512];
  snprintf(path, sizeof path, GOLDEN_ANALYSIS "logits/%s.npy", task_model_id(m));
  float *logits = golden_matrix(path, GOLDEN_RECORDS, columns), expected[LABEL_COUNT];
  double worst = 0;
  for (int i = 0; i < FILES; i++) {
    if (record_of[i] < 0)
      continue;
    assert_non_null(p->answers[i].probabilities[index]);
    family_probabilities(m->family, columns, logits + (size_t)record_of[i] * columns, expected);
    for (size_t c = 0; c < columns; c++)
      worst = fmax(worst, fabs((double)(p->answers[i].probabilities[index][c] - expected[c])));
  }
  free(logits);
  return worst;
}

/* The golden records were cleaned as the batch of these twelve files. */
static void test_golden_records_among_bad_files(void **state) {
  (void)state;
  prediction_options options = golden_options();
  assert_int_equal(options.model_count, 8);
  prediction p;
  error err = {0};
  if (!prediction_make(paths, FILES, &options, NULL, &p, &err))
    fail_msg("%s", err.message);
  assert_int_equal(p.answered, GOLDEN_RECORDS);
  assert_int_equal(p.models_run, 8);
  for (size_t m = 0; m < options.model_count; m++) {
    double worst = worst_of_model(&p, &options, m);
    print_message("%s: largest difference of a probability %.2g\n", task_model_id(&options.models[m]), worst);
    assert_true(worst <= 5e-5);
  }
  assert_non_null(strstr(p.answers[MISSING].problem, "absent.xml"));
  assert_non_null(strstr(p.answers[NO_ECG].problem, "inputs.csv"));
  assert_null(p.answers[NO_ECG].probabilities[0]);
  assert_string_equal(p.answers[0].format_name, "GE MUSE XML");
  prediction_clear(&p);
}

static void test_statements_get_their_labels(void **state) {
  (void)state;
  static const char *const file[] = {DEEPECG_TEST_DATA "/../ecg_signals/ecg_000004.xml"};
  prediction_options options = golden_options();
  options.model_count = 1;
  prediction p;
  assert_true(prediction_make(file, 1, &options, NULL, &p, NULL));
  assert_non_null(strstr(p.answers[0].statements, "Atrial fibrillation"));
  assert_non_null(p.answers[0].text);
  for (size_t l = 0; l < LABEL_COUNT; l++)
    assert_true(p.answers[0].text[l] > 0 && p.answers[0].text[l] < 1);
  prediction_clear(&p);
  /* Without the text model the rest is answered all the same. */
  options.text_model = "absent";
  assert_true(prediction_make(file, 1, &options, NULL, &p, NULL));
  assert_null(p.answers[0].text);
  assert_non_null(strstr(p.text_problem, "absent"));
  assert_int_equal(p.models_run, 1);
  prediction_clear(&p);
}

/* The text model of the golden run in a folder of its own, its first bias infinite. */
static void make_infinite_text_model(const char *folder) {
  static const char *const files[] = {"model.safetensors", "config.json", "special_tokens_map.json",
                                      "tokenizer_config.json", "vocab.txt"};
  const float infinite = INFINITY;
  char from[FOLDER_PATH_SIZE];
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    snprintf(from, sizeof from, MODELS "/Bert_diagnosis2classification_En_Fr/%s", files[i]);
    folder_copy(folder, files[i], from);
  }
  mapped_file file = golden_map(MODELS "/Bert_diagnosis2classification_En_Fr/model.safetensors");
  uint64_t header;
  memcpy(&header, file.data, sizeof header);
  char *text = strndup((const char *)file.data + sizeof header, header);
  const char *offsets = strstr(strstr(text, "\"classifier.bias\":"), "data_offsets");
  long at = (long)(sizeof header + header) + strtol(strpbrk(offsets, "0123456789"), NULL, 10);
  free(text);
  mapped_file_close(&file);
  folder_set_bytes(folder, files[0], at, &infinite, sizeof infinite);
}

static void test_an_infinite_logit_is_no_answer(void **state) {
  (void)state;
  static const char *const file[] = {DEEPECG_TEST_DATA "/../ecg_signals/ecg_000004.xml"};
  prediction_options options = golden_options();
  options.model_count = 0;
  char folder[FOLDER_PATH_SIZE];
  folder_make(folder, "prediction_infinite");
  make_infinite_text_model(folder);
  options.weights_folder = folder;
  options.text_model = ".";
  prediction p;
  assert_true(prediction_make(file, 1, &options, NULL, &p, NULL));
  assert_null(p.text_problem);
  assert_null(p.answers[0].text);
  prediction_clear(&p);
}

static void test_a_model_that_fails_is_named(void **state) {
  (void)state;
  prediction_options options = golden_options();
  options.weights_folder = GOLDEN_ANALYSIS "logits";
  prediction p;
  assert_true(prediction_make(paths, 1, &options, NULL, &p, NULL));
  assert_int_equal(p.answered, 1);
  assert_int_equal(p.models_run, 0);
  for (size_t m = 0; m < options.model_count; m++)
    assert_non_null(strstr(p.model_problems[m], task_model_id(&options.models[m])));
  prediction_clear(&p);
}

static void test_names_choose_models(void **state) {
  (void)state;
  const struct {
    const char *names;
    size_t count;
  } cases[] = {{"", 0},
               {"all", 8},
               {"wcr", 4},
               {"afib_5y", 2},
               {"wcr_afib_5y", 1},
               {"wcr_afib_5y,afib_5y", 2},
               {"wcr,all,", 8},
               {"efficientnetv2", 4},
               {"lvef_40,efficientnetv2_lvef_under_50", 3}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    task_model models[TASK_MODELS_MAX];
    size_t count;
    assert_true(task_models_named(cases[i].names, models, &count, NULL));
    assert_int_equal(count, cases[i].count);
  }
  task_model models[TASK_MODELS_MAX];
  size_t count;
  error err = {0};
  assert_false(task_models_named("wcr,afib", models, &count, &err));
  assert_non_null(strstr(err.message, "'afib'"));
  assert_non_null(strstr(err.message, "efficientnetv2_77_classes"));
  assert_int_equal(task_models_present(GOLDEN_ANALYSIS, models), 0);
}

int main(void) {
  name_files();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_golden_records_among_bad_files),
      cmocka_unit_test(test_statements_get_their_labels),
      cmocka_unit_test(test_an_infinite_logit_is_no_answer),
      cmocka_unit_test(test_a_model_that_fails_is_named),
      cmocka_unit_test(test_names_choose_models),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
