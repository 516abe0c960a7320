/* fairseq checkpoints, evaluated by the graph's scalar operators, against the reference's and PyTorch's
 * outputs. */
#include "import/fairseq/wcr.h"
#include "support/golden_files.h"

#include <math.h>

#define MODELS GOLDEN_ANALYSIS "models/"

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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gives_the_references_logits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
