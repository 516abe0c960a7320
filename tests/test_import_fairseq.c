/* fairseq checkpoints, evaluated by the graph's scalar operators, against the reference's and PyTorch's
 * outputs. */
#include "import/fairseq/wcr.h"
#include "support/damage.h"
#include "support/golden_files.h"
#include "support/mutate.h"

#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

#define MODELS   GOLDEN_ANALYSIS "models/"
#define FIXTURES DEEPECG_TEST_DATA "/fixtures/fairseq/"

static const double logit_tolerance = 1e-4;

typedef struct model {
  mapped_file file;
  zip_archive *archive;
  graph *graph;
} model;

static model open_model(const char *path, shape input) {
  error err = {0};
  model m = {.file = golden_map(path)};
  m.archive = zip_open(m.file.data, m.file.size, &err);
  if (!m.archive)
    fail_msg("%s: %s", path, err.message);
  assert_true(fairseq_probe(m.archive));
  m.graph = fairseq_import(m.archive, &input, &err);
  if (!m.graph)
    fail_msg("%s: %s", path, err.message);
  if (!graph_verify(m.graph, &err))
    fail_msg("%s: %s", path, err.message);
  return m;
}

static void close_model(model *m) {
  graph_destroy(m->graph);
  zip_close(m->archive);
  mapped_file_close(&m->file);
}

/* The largest difference between the graph's only output and `expected`; NaN where one is NaN. */
static double largest_difference(const model *m, const float *input, const float *expected, size_t count) {
  const shape *output_shape = &graph_value_get(m->graph, graph_output(m->graph, 0))->shape;
  assert_int_equal(graph_output_count(m->graph), 1);
  assert_true(shape_equal(output_shape, &(shape){2, {1, (int64_t)count}}));
  float *output = malloc(count * sizeof *output);
  error err = {0};
  if (!graph_evaluate(m->graph, (const void *[]){input}, (void *[]){output}, &err))
    fail_msg("%s", err.message);
  double largest = 0;
  for (size_t i = 0; i < count; i++) {
    double difference = fabs((double)output[i] - (double)expected[i]);
    largest = difference <= largest ? largest : difference;
  }
  free(output);
  return largest;
}

/* ---- The reference's models on the reference's records ---- */

static void check_golden(const char *name, size_t labels) {
  char path[300];
  snprintf(path, sizeof path, MODELS "%s/%s.pt", name, name);
  model m = open_model(path, (shape){3, {1, GOLDEN_LEADS, GOLDEN_SAMPLES}});
  snprintf(path, sizeof path, GOLDEN_ANALYSIS "logits/%s.npy", name);
  float *logits = golden_matrix(path, GOLDEN_RECORDS, labels);
  double largest = 0;
  for (int record = 0; record < GOLDEN_RECORDS; record++) {
    float *ecg = golden_ecg(record);
    double difference = largest_difference(&m, ecg, logits + (size_t)record * labels, labels);
    largest = difference <= largest ? largest : difference;
    free(ecg);
  }
  print_message("%s: %d nodes, largest difference %.2g\n", name, graph_node_count(m.graph), largest);
  assert_true(largest <= logit_tolerance);
  free(logits);
  close_model(&m);
}

static void gives_the_references_logits(void **state) {
  (void)state;
  check_golden("wcr_77_classes", 77);
  check_golden("wcr_afib_5y", 1);
  check_golden("wcr_lvef_equal_under_40", 1);
  check_golden("wcr_lvef_under_50", 1);
}

/* ---- Other exports and other networks (tools/make_checkpoint_fixtures.py) ---- */

static const shape fixture_input = {3, {1, 12, 200}};

static void check_fixture(const char *name, const float *ecg) {
  char path[300];
  snprintf(path, sizeof path, FIXTURES "%s.pt", name);
  model m = open_model(path, fixture_input);
  snprintf(path, sizeof path, FIXTURES "%s.logits.f32", name);
  mapped_file logits = golden_map(path);
  double difference = largest_difference(&m, ecg, (const float *)logits.data, logits.size / sizeof(float));
  print_message("%s: largest difference %.2g\n", name, difference);
  assert_true(difference <= 1e-5);
  mapped_file_close(&logits);
  close_model(&m);
}

static void reads_every_layout(void **state) {
  (void)state;
  static const char *const fixtures[] = {
      "plain",                          /* without checksums */
      "adam",                           /* with an optimiser's state */
      "views",                          /* views into one storage, matrices transposed */
      "float16", "bfloat16", "float64", /* protocol 4 */
      "varied", /* pre-norm, layer norms, biases, no projection, odd kernel, newer weight norm, Namespace */
  };
  mapped_file ecg = golden_map(FIXTURES "ecg.f32");
  for (size_t i = 0; i < sizeof fixtures / sizeof *fixtures; i++)
    check_fixture(fixtures[i], (const float *)ecg.data);
  mapped_file_close(&ecg);
}

/* Two pages of the optimiser's state may not be read at all; who does is killed. */
static void the_optimisers_state_is_not_touched(void **state) {
  (void)state;
  enum { FIRST = 24576, LAST = 32768 }; /* the state lies at 21696 ... 36352 */
  if (sysconf(_SC_PAGESIZE) != 4096)
    skip();
  mapped_file file = golden_map(FIXTURES "adam.pt");
  uint8_t *copy = mmap(NULL, file.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert_true(copy != MAP_FAILED);
  memcpy(copy, file.data, file.size);
  assert_int_equal(mprotect(copy + FIRST, LAST - FIRST, PROT_NONE), 0);
  error err = {0};
  zip_archive *archive = zip_open(copy, file.size, &err);
  graph *g = archive ? fairseq_import(archive, &fixture_input, &err) : NULL;
  if (!g)
    fail_msg("%s", err.message);
  assert_true(graph_optimise(g, &err));
  graph_destroy(g);
  zip_close(archive);
  munmap(copy, file.size);
  mapped_file_close(&file);
}

/* ---- Description ---- */

static const described_setting *find_setting(const description *d, const char *name) {
  for (size_t i = 0; i < d->setting_count; i++)
    if (strcmp(d->settings[i].name, name) == 0)
      return &d->settings[i];
  fail_msg("no setting %s", name);
  return NULL;
}

static void describes_settings_and_tensors(void **state) {
  (void)state;
  model m = open_model(FIXTURES "varied.pt", fixture_input);
  error err = {0};
  description d = {.memory = arena_create(&err)};
  if (!fairseq_describe(m.archive, &d, &err))
    fail_msg("%s", err.message);
  assert_string_equal(find_setting(&d, "conv_feature_layers")->text, "[(6, 5, 3), (16, 3, 2)]");
  assert_string_equal(find_setting(&d, "layer_norm_first")->text, "True");
  assert_int_equal(find_setting(&d, "encoder_layers")->integer, 2);
  bool left_over = false;
  for (size_t i = 0; i < d.tensor_count; i++)
    left_over |= strcmp(d.tensors[i].name, "encoder.mask_emb") == 0 && d.tensors[i].rank == 1 &&
                 d.tensors[i].dims[0] == 16 && d.tensors[i].type == STORED_F32;
  assert_true(left_over);
  description_free(&d);
  arena_destroy(d.memory);
  close_model(&m);
}

/* ---- Hostile files ---- */

static bool read_checkpoint(const uint8_t *data, size_t size, void *context, error *err) {
  (void)context;
  zip_archive *archive = zip_open(data, size, err);
  graph *g = archive ? fairseq_import(archive, &fixture_input, err) : NULL;
  graph_destroy(g);
  zip_close(archive);
  return g != NULL;
}

static void damage_is_named(void **state) {
  (void)state;
  damage_check_reader(DEEPECG_TEST_DATA, "import_fairseq", read_checkpoint, NULL);
  assert_int_not_equal(remove("pwned.t"), 0); /* nothing made the file */
}

static void read_mutant(const uint8_t *data, size_t size, void *context) {
  (void)context;
  error err = {0};
  bool read = read_checkpoint(data, size, NULL, &err);
  assert_true(read || err.code != ERROR_NONE);
  zip_archive *archive = zip_open(data, size, &err);
  description d = {.memory = arena_create(&err)};
  if (archive)
    fairseq_describe(archive, &d, &err);
  description_free(&d);
  arena_destroy(d.memory);
  zip_close(archive);
}

/* The file has no checksums, so that mutants get as far as they can. Nine of ten are of its first part, where
 * the pickle is. */
static void mutants_are_survived(void **state) {
  (void)state;
  mapped_file file = golden_map(FIXTURES "plain.pt");
  mutate_truncate(file.data, file.size, 200, read_mutant, NULL);
  mutate_bytes(file.data, file.size, 1000, 1, read_mutant, NULL);
  mutate_bytes_within(file.data, file.size, 4000, 9000, 2, read_mutant, NULL);
  mapped_file_close(&file);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gives_the_references_logits),
      cmocka_unit_test(reads_every_layout),
      cmocka_unit_test(describes_settings_and_tensors),
      cmocka_unit_test(the_optimisers_state_is_not_touched),
      cmocka_unit_test(damage_is_named),
      cmocka_unit_test(mutants_are_survived),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
