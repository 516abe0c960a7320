/* BERT classifiers, evaluated by the graph's scalar operators, against the reference's and transformers'
 * logits. */
#include "import/huggingface/bert.h"
#include "support/damage.h"
#include "support/golden_files.h"
#include "support/mutate.h"

#include <jansson.h>
#include <math.h>

#define GOLDEN_NAME   "Bert_diagnosis2classification_En_Fr"
#define FIXTURES      DEEPECG_TEST_DATA "/fixtures/bert/"
#define GOLDEN_FOLDER GOLDEN_ANALYSIS "models/" GOLDEN_NAME "/"

static const double logit_tolerance = 1e-4;

typedef struct model {
  mapped_file config, weights;
  bert_checkpoint *bert;
} model;

static model open_model(const char *config, const char *weights) {
  model m = {golden_map(config), golden_map(weights), NULL};
  error err = {0};
  m.bert = bert_open((const char *)m.config.data, m.config.size, m.weights.data, m.weights.size, &err);
  if (!m.bert)
    fail_msg("%s", err.message);
  return m;
}

static void close_model(model *m) {
  bert_close(m->bert);
  mapped_file_close(&m->config);
  mapped_file_close(&m->weights);
}

static json_t *load_json(const char *path) {
  json_error_t reason;
  json_t *root = json_load_file(path, 0, &reason);
  if (!root)
    fail_msg("%s: %s", path, reason.text);
  return root;
}

/* The largest difference between the logits of one text and `expected`; NaN where one is NaN. */
static double text_difference(const bert_checkpoint *bert, const json_t *ids, const float *expected) {
  size_t tokens = json_array_size(ids), labels = (size_t)bert_label_count(bert);
  int32_t *input = calloc(tokens, sizeof *input);
  float *output = calloc(labels, sizeof *output);
  for (size_t i = 0; i < tokens; i++)
    input[i] = (int32_t)json_integer_value(json_array_get(ids, i));
  error err = {0};
  graph *g = bert_graph(bert, (int64_t)tokens, &err);
  if (!g || !graph_verify(g, &err))
    fail_msg("%zu tokens: %s", tokens, err.message);
  assert_true(shape_equal(&graph_value_get(g, graph_output(g, 0))->shape, &(shape){2, {1, (int64_t)labels}}));
  assert_true(graph_evaluate(g, (const void *[]){input}, (void *[]){output}, &err));
  graph_destroy(g);
  double largest = 0;
  for (size_t i = 0; i < labels; i++) {
    double difference = fabs((double)output[i] - (double)expected[i]);
    largest = difference <= largest ? largest : difference;
  }
  free(input);
  free(output);
  return largest;
}

static void gives_the_references_logits(void **state) {
  (void)state;
  enum { LABELS = 77 };
  model m = open_model(GOLDEN_FOLDER "config.json", GOLDEN_FOLDER "model.safetensors");
  json_t *texts = load_json(GOLDEN_ANALYSIS "bert_tokens.json");
  size_t count = json_array_size(texts);
  float *expected = golden_matrix(GOLDEN_ANALYSIS "logits/" GOLDEN_NAME ".npy", count, LABELS);
  assert_int_equal(bert_label_count(m.bert), LABELS);
  assert_int_equal(bert_max_tokens(m.bert), 512);
  assert_int_equal(bert_vocabulary_size(m.bert), 584);
  double largest = 0;
  for (size_t i = 0; i < count; i++) {
    const json_t *ids = json_object_get(json_array_get(texts, i), "ids");
    double difference = text_difference(m.bert, ids, expected + i * LABELS);
    largest = difference <= largest ? largest : difference;
  }
  print_message("%zu texts, largest difference %.2g\n", count, largest);
  assert_true(largest <= logit_tolerance);
  free(expected);
  json_decref(texts);
  close_model(&m);
}

/* ---- Other exports (tools/make_checkpoint_fixtures.py) ---- */

static void check_fixture(const char *name, const json_t *texts) {
  char config[300], path[300];
  snprintf(config, sizeof config, FIXTURES "%s/config.json", name);
  snprintf(path, sizeof path, FIXTURES "%s/model.safetensors", name);
  model m = open_model(config, path);
  snprintf(path, sizeof path, FIXTURES "%s.logits.f32", name);
  mapped_file logits = golden_map(path);
  double largest = 0;
  for (size_t i = 0; i < json_array_size(texts); i++) {
    double difference = text_difference(m.bert, json_array_get(texts, i), (const float *)logits.data + 5 * i);
    largest = difference <= largest ? largest : difference;
  }
  print_message("%s: largest difference %.2g\n", name, largest);
  assert_true(largest <= 1e-5);
  mapped_file_close(&logits);
  close_model(&m);
}

static void reads_every_dtype_and_older_names(void **state) {
  (void)state;
  static const char *const fixtures[] = {"float32", "float16", "bfloat16", "float64", "older"};
  json_t *texts = load_json(FIXTURES "ids.json");
  for (size_t i = 0; i < sizeof fixtures / sizeof *fixtures; i++)
    check_fixture(fixtures[i], texts);
  json_decref(texts);
}

/* ---- Hostile files ---- */

/* The file that stays as it is. */
typedef struct other_file {
  mapped_file file;
} other_file;

static bool read_config(const uint8_t *data, size_t size, void *context, error *err) {
  const other_file *weights = context;
  bert_checkpoint *b = bert_open((const char *)data, size, weights->file.data, weights->file.size, err);
  bert_close(b);
  return b != NULL;
}

static bool read_weights(const uint8_t *data, size_t size, void *context, error *err) {
  const other_file *config = context;
  bert_checkpoint *b = bert_open((const char *)config->file.data, config->file.size, data, size, err);
  graph *g = b ? bert_graph(b, 2, err) : NULL;
  graph_destroy(g);
  bert_close(b);
  return g != NULL;
}

static void damage_is_named(void **state) {
  (void)state;
  other_file config = {golden_map(FIXTURES "float32/config.json")};
  other_file weights = {golden_map(FIXTURES "float32/model.safetensors")};
  damage_check_reader(DEEPECG_TEST_DATA, "import_bert_config", read_config, &weights);
  damage_check_reader(DEEPECG_TEST_DATA, "import_bert_weights", read_weights, &config);
  mapped_file_close(&config.file);
  mapped_file_close(&weights.file);
}

static void read_config_mutant(const uint8_t *data, size_t size, void *context) {
  error err = {0};
  assert_true(read_config(data, size, context, &err) || err.code != ERROR_NONE);
}

static void read_weights_mutant(const uint8_t *data, size_t size, void *context) {
  error err = {0};
  assert_true(read_weights(data, size, context, &err) || err.code != ERROR_NONE);
}

static void mutants_are_survived(void **state) {
  (void)state;
  other_file config = {golden_map(FIXTURES "float32/config.json")};
  other_file weights = {golden_map(FIXTURES "float32/model.safetensors")};
  mutate_truncate(config.file.data, config.file.size, 100, read_config_mutant, &weights);
  mutate_bytes(config.file.data, config.file.size, 3000, 1, read_config_mutant, &weights);
  mutate_truncate(weights.file.data, weights.file.size, 100, read_weights_mutant, &config);
  mutate_bytes_within(weights.file.data, weights.file.size, 3000, 7000, 2, read_weights_mutant, &config);
  mapped_file_close(&config.file);
  mapped_file_close(&weights.file);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gives_the_references_logits),
      cmocka_unit_test(reads_every_dtype_and_older_names),
      cmocka_unit_test(damage_is_named),
      cmocka_unit_test(mutants_are_survived),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
