/* The same input, the same bits: for any number of threads, any batch size, alone or among others, for every
 * family of networks. */
#include "model/text_model.h"
#include "support/golden_files.h"
#include "support/run_pipeline.h"

#include <jansson.h>

#define MODELS GOLDEN_ANALYSIS "models/"

enum { ECGS = 33, SIGNAL = GOLDEN_LEADS * GOLDEN_SAMPLES, MOST_TEXTS = 64 };

static const int thread_counts[] = {1, 2, 4};
static const size_t batch_sizes[] = {1, 7, 32};

/* The golden records, and the same at other amplitudes. */
static float *make_signals(float scale) {
  float *signals = malloc(sizeof(float) * ECGS * SIGNAL);
  for (size_t i = 0; i < ECGS; i++) {
    float *ecg = golden_ecg((int)(i % GOLDEN_RECORDS));
    for (size_t k = 0; k < SIGNAL; k++)
      signals[i * SIGNAL + k] = ecg[k] * scale * (1 + 0.25F * (float)(i / GOLDEN_RECORDS));
    free(ecg);
  }
  return signals;
}

static model *open_model(const char *path, int threads) {
  error err = {0};
  model *m = model_open(path, &(model_options){.backend = "cpu", .threads = threads}, NULL, &err);
  if (!m)
    fail_msg("%s", err.message);
  return m;
}

static void predict(model *m, const float *signals, size_t batch_size, float *logits) {
  size_t columns = model_output_count(m);
  error err = {0};
  for (size_t first = 0; first < ECGS; first += batch_size) {
    size_t n = ECGS - first < batch_size ? ECGS - first : batch_size;
    if (!model_predict(m, signals + first * SIGNAL, n, logits + first * columns, &err))
      fail_msg("%s", err.message);
  }
}

static void check_family(const char *folder, float scale) {
  char path[300];
  snprintf(path, sizeof path, MODELS "%s", folder);
  float *signals = make_signals(scale), *expected = NULL;
  for (size_t t = 0; t < sizeof thread_counts / sizeof *thread_counts; t++) {
    model *m = open_model(path, thread_counts[t]);
    size_t bytes = ECGS * model_output_count(m) * sizeof(float);
    float *logits = malloc(bytes);
    for (size_t b = 0; b < sizeof batch_sizes / sizeof *batch_sizes; b++) {
      memset(logits, 0xff, bytes);
      predict(m, signals, batch_sizes[b], logits);
      if (expected) {
        assert_memory_equal(logits, expected, bytes);
      } else {
        expected = malloc(bytes);
        memcpy(expected, logits, bytes);
      }
    }
    free(logits);
    model_close(m);
  }
  free(expected);
  free(signals);
}

static void efficientnet(void **state) {
  (void)state;
  check_family("efficientnetv2_afib_5y", 1 / 0.0048F);
}

static void wcr(void **state) {
  (void)state;
  check_family("wcr_77_classes", 1);
}

/* Texts run by length; here they come as they are, backwards, and one by one. */
static void predict_texts(text_model *m, const char *const *texts, size_t n, size_t batch_size,
                          float *logits) {
  size_t columns = text_model_output_count(m);
  error err = {0};
  for (size_t first = 0; first < n; first += batch_size) {
    size_t count = n - first < batch_size ? n - first : batch_size;
    if (!text_model_predict(m, texts + first, count, logits + first * columns, NULL, &err))
      fail_msg("%s", err.message);
  }
}

static void check_texts(const char *const *texts, size_t n, const float *forwards, bool reversed,
                        int threads) {
  error err = {0};
  model_options options = {.backend = "cpu", .threads = threads};
  text_model *m = text_model_open(MODELS "Bert_diagnosis2classification_En_Fr", &options, NULL, &err);
  if (!m)
    fail_msg("%s", err.message);
  size_t columns = text_model_output_count(m);
  float *logits = malloc(n * columns * sizeof *logits);
  for (size_t b = 0; b < sizeof batch_sizes / sizeof *batch_sizes; b++) {
    predict_texts(m, texts, n, batch_sizes[b], logits);
    for (size_t i = 0; i < n; i++)
      assert_memory_equal(logits + (reversed ? n - 1 - i : i) * columns, forwards + i * columns,
                          columns * sizeof *logits);
  }
  free(logits);
  text_model_close(m);
}

static void bert(void **state) {
  (void)state;
  json_t *json = json_load_file(GOLDEN_ANALYSIS "bert_tokens.json", 0, NULL);
  size_t n = json_array_size(json);
  const char *texts[MOST_TEXTS], *reversed[MOST_TEXTS];
  assert_in_range(n, 2, MOST_TEXTS);
  for (size_t i = 0; i < n; i++)
    reversed[n - 1 - i] = texts[i] = json_string_value(json_object_get(json_array_get(json, i), "text"));
  error err = {0};
  model_options options = {.backend = "cpu", .threads = 1};
  text_model *m = text_model_open(MODELS "Bert_diagnosis2classification_En_Fr", &options, NULL, &err);
  assert_non_null(m);
  float *expected = malloc(n * text_model_output_count(m) * sizeof *expected);
  predict_texts(m, texts, n, n, expected);
  text_model_close(m);
  for (size_t t = 0; t < sizeof thread_counts / sizeof *thread_counts; t++)
    check_texts(t % 2 ? texts : reversed, n, expected, t % 2 == 0, thread_counts[t]);
  free(expected);
  json_decref(json);
}

/* The files of two whole runs, byte by byte. */
static void check_file(const test_run *a, const test_run *b, const char *model_id, const char *rest) {
  char path[2][2 * TEST_PATH_SIZE];
  test_run_output(a, model_id, rest, path[0]);
  test_run_output(b, model_id, rest, path[1]);
  mapped_file x = golden_map(path[0]), y = golden_map(path[1]);
  assert_int_equal(x.size, y.size);
  assert_memory_equal(x.data, y.data, x.size);
  mapped_file_close(&x);
  mapped_file_close(&y);
}

static void run(test_run *r, const char *name, int batch_size, int threads) {
  test_run_init(r, name, MODE_ANALYSIS, GOLDEN_ANALYSIS "inputs.csv", ".");
  r->options.preprocessing_folder =
      DEEPECG_TEST_DATA "/golden/preprocessing/muse_hum60/expected/preprocessed";
  r->options.use_efficientnet = false; /* one of them is large */
  r->options.batch_size = batch_size;
  r->options.threads = threads;
  test_run_go(r);
  assert_int_equal(r->errors.count, 0);
}

static void whole_runs(void **state) {
  (void)state;
  static const char *const files[][2] = {{"wcr_77_classes", "ecg_machine_diagnosis_probabilities.csv"},
                                         {"wcr_77_classes", "ecg_machine_diagnosis.json"},
                                         {"wcr_afib_5y", "afib_5y_probabilities.csv"}};
  test_run a, b;
  run(&a, "reproducible_a", 1, 1);
  run(&b, "reproducible_b", 7, 4);
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    check_file(&a, &b, files[i][0], files[i][1]);
  test_run_free(&a);
  test_run_free(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(efficientnet),
      cmocka_unit_test(wcr),
      cmocka_unit_test(bert),
      cmocka_unit_test(whole_runs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
