/* Models that PyTorch exported, evaluated by the graph's scalar operators, against PyTorch's own outputs. */
#include "base/base64.h"
#include "base/mapped_file.h"
#include "import/torchscript/torchscript.h"
#include "support/damage.h"
#include "support/mutate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN   DEEPECG_TEST_DATA "/golden/"
#define FIXTURES DEEPECG_TEST_DATA "/fixtures/torchscript/"

enum { LEADS = 12, SAMPLES = 2500 };

static const double logit_tolerance = 2e-4; /* golden/README.md */

static mapped_file map_or_fail(const char *path) {
  mapped_file file;
  error err = {0};
  if (!mapped_file_open(&file, path, &err))
    fail_msg("%s", err.message);
  return file;
}

/* A model file, open, and its graph. */
typedef struct model {
  mapped_file file;
  zip_archive *archive;
  graph *graph;
} model;

static model open_model(const char *path, shape input) {
  error err = {0};
  model m = {.file = map_or_fail(path)};
  m.archive = zip_open(m.file.data, m.file.size, &err);
  if (!m.archive)
    fail_msg("%s: %s", path, err.message);
  assert_true(torchscript_probe(m.archive));
  m.graph = torchscript_import(m.archive, &input, &err);
  if (!m.graph)
    fail_msg("%s: %s", path, err.message);
  return m;
}

static void close_model(model *m) {
  graph_destroy(m->graph);
  zip_close(m->archive);
  mapped_file_close(&m->file);
}

/* The largest difference between the graph's only output and `expected`. */
static double largest_difference(const model *m, const float *input, const float *expected, size_t count) {
  assert_int_equal(graph_output_count(m->graph), 1);
  int64_t elements;
  assert_true(shape_elements(&graph_value_get(m->graph, graph_output(m->graph, 0))->shape, &elements));
  assert_int_equal(elements, count);
  float *output = malloc(count * sizeof *output);
  error err = {0};
  if (!graph_evaluate(m->graph, (const void *[]){input}, (void *[]){output}, &err))
    fail_msg("%s", err.message);
  double largest = 0;
  for (size_t i = 0; i < count; i++) {
    double difference = fabs((double)output[i] - (double)expected[i]);
    largest = difference <= largest ? largest : difference; /* NaN comes through */
  }
  free(output);
  return largest;
}

/* ---- the reference's models on the reference's records ---- */

/* (12, 2500) in the EfficientNets' unit, from the sample-major base64 that the reference writes. */
static float *read_record(int record) {
  char path[300];
  snprintf(path, sizeof path, GOLDEN "preprocessing/muse_hum60/expected/preprocessed/ecg_%03d.base64",
           record);
  mapped_file text = map_or_fail(path);
  float *samples = malloc(text.size), *signal = malloc(LEADS * SAMPLES * sizeof *signal);
  size_t size;
  assert_true(base64_decode((const char *)text.data, text.size, (uint8_t *)samples, &size));
  assert_int_equal(size, LEADS * SAMPLES * sizeof *samples);
  for (size_t i = 0; i < LEADS * SAMPLES; i++)
    signal[i] = samples[i % SAMPLES * LEADS + i / SAMPLES] * (1 / 0.0048f);
  free(samples);
  mapped_file_close(&text);
  return signal;
}

static void check_golden(const char *name, const char *file, size_t labels, int record) {
  char path[300];
  snprintf(path, sizeof path, GOLDEN "analysis/models/%s/%s", name, file);
  model m = open_model(path, (shape){3, {1, LEADS, SAMPLES}});
  snprintf(path, sizeof path, GOLDEN "analysis/logits/%s.npy", name);
  mapped_file logits = map_or_fail(path);
  size_t header = 10 + logits.data[8] + 256u * logits.data[9];
  assert_int_equal(logits.size, header + 12 * labels * sizeof(float));
  float *expected = malloc(labels * sizeof *expected), *signal = read_record(record);
  memcpy(expected, logits.data + header + (size_t)record * labels * sizeof *expected,
         labels * sizeof *expected);
  double difference = largest_difference(&m, signal, expected, labels);
  print_message("%s, record %d: %d nodes, largest difference %.2g\n", name, record, graph_node_count(m.graph),
                difference);
  assert_true(difference <= logit_tolerance);
  free(expected);
  free(signal);
  mapped_file_close(&logits);
  close_model(&m);
}

static void test_full_size(void **state) {
  (void)state;
  check_golden("efficientnetv2_77_classes", "efficientnet_deepecg_unscaled.pt", 77, 3);
}

static void test_narrow(void **state) {
  (void)state;
  check_golden("efficientnetv2_afib_5y", "efficientnetv2_afib_5y.pt", 1, 0);
  check_golden("efficientnetv2_afib_5y", "efficientnetv2_afib_5y.pt", 1, 5);
  check_golden("efficientnetv2_lvef_equal_under_40", "efficientnetv2_lvef_equal_under_40.pt", 1, 11);
  check_golden("efficientnetv2_lvef_under_50", "efficientnetv2_lvef_under_50.pt", 1, 7);
}

/* ---- other exports and other networks (tools/make_torchscript_fixtures.py) ---- */

typedef struct fixture {
  const char *name;
  shape input;
} fixture;

static const fixture fixtures[] = {
    {"efficientnet_frozen", {3, {1, 12, 200}}},    /* torch.jit.freeze: weights are constants, norms folded */
    {"efficientnet_optimized", {3, {1, 12, 200}}}, /* torch.jit.optimize_for_inference */
    {"efficientnet_half", {3, {1, 12, 200}}},      /* float16 weights, casts in the code */
    {"residual", {3, {1, 12, 160}}}, /* group and instance norms, gates, attention, in-place additions */
    {"operators", {3, {1, 6, 20}}},  /* nearly every operator of the table */
    {"scripted", {3, {1, 12, 160}}}, /* torch.jit.script: control flow, lists, helper functions */
    {"scripted_frozen", {3, {1, 12, 160}}},
};

static void test_fixtures(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof fixtures / sizeof *fixtures; i++) {
    char path[300];
    snprintf(path, sizeof path, FIXTURES "%s.pt", fixtures[i].name);
    model m = open_model(path, fixtures[i].input);
    snprintf(path, sizeof path, FIXTURES "%s.input.f32", fixtures[i].name);
    mapped_file input = map_or_fail(path);
    snprintf(path, sizeof path, FIXTURES "%s.output.f32", fixtures[i].name);
    mapped_file output = map_or_fail(path);
    int64_t elements;
    assert_true(shape_elements(&fixtures[i].input, &elements));
    assert_int_equal(input.size, (size_t)elements * sizeof(float));
    double difference = largest_difference(&m, (const float *)input.data, (const float *)output.data,
                                           output.size / sizeof(float));
    print_message("%s: %d nodes, largest difference %.2g\n", fixtures[i].name, graph_node_count(m.graph),
                  difference);
    assert_true(difference <= logit_tolerance);
    mapped_file_close(&input);
    mapped_file_close(&output);
    close_model(&m);
  }
}

/* ---- hostile archives ---- */

static void import_bytes(const uint8_t *data, size_t size, void *context) {
  (void)context;
  error err = {0};
  zip_archive *archive = zip_open(data, size, &err);
  graph *g = archive ? torchscript_import(archive, &(shape){3, {1, 12, 160}}, &err) : NULL;
  assert_true(g || err.code != ERROR_NONE);
  graph_destroy(g);
  zip_close(archive);
}

static void test_damaged_archive(void **state) {
  (void)state;
  mapped_file file = map_or_fail(FIXTURES "scripted_frozen.pt");
  mutate_truncate(file.data, file.size, 200, import_bytes, NULL);
  mutate_bytes(file.data, file.size, 10000, 1, import_bytes, NULL);
  mapped_file_close(&file);
}

static bool read_damaged(const uint8_t *data, size_t size, void *context, error *err) {
  (void)context;
  zip_archive *archive = zip_open(data, size, err);
  graph *g = archive ? torchscript_import(archive, &(shape){3, {1, 12, 160}}, err) : NULL;
  graph_destroy(g);
  zip_close(archive);
  return g != NULL;
}

static void test_damage_cases(void **state) {
  (void)state;
  damage_check_reader(DEEPECG_TEST_DATA, "import_torchscript", read_damaged, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_full_size),    cmocka_unit_test(test_narrow),
      cmocka_unit_test(test_fixtures),     cmocka_unit_test(test_damaged_archive),
      cmocka_unit_test(test_damage_cases),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
