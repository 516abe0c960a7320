/* Metrics against the reference's own, from given scores. Files must be the same byte for byte, but that the
 * reference writes NaN and Infinity into JSON where we write null. */
#include "base/clock.h"
#include "base/number_text.h"
#include "metrics/metrics.h"
#include "metrics/ranking.h"
#include "metrics/report.h"
#include "support/mutate.h"
#include "table/csv.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char golden[] = DEEPECG_TEST_DATA "/golden/metrics/";

/* Truth and scores of a golden input: labels columns of truth, then as many of scores. */
typedef struct sample {
  size_t rows, labels;
  uint8_t *truth;
  float *scores;
} sample;

static double number_in(const csv_table *t, size_t row, size_t column) {
  csv_cell cell = csv_table_cell(t, row, (int)column);
  double value = NAN;
  assert_true(parse_float64(cell.text, cell.length, &value));
  return value;
}

static sample load_sample(const char *name) {
  char path[512];
  snprintf(path, sizeof path, "%s%s_input.csv", golden, name);
  error err = {0};
  csv_table *t = csv_table_read(path, NULL, 0, &err);
  if (!t)
    fail_msg("%s", err.message);
  sample s = {csv_table_rows(t), csv_table_file_columns(t) / 2, NULL, NULL};
  s.truth = malloc(s.rows * s.labels);
  s.scores = malloc(s.rows * s.labels * sizeof *s.scores);
  assert_non_null(s.truth);
  assert_non_null(s.scores);
  for (size_t row = 0; row < s.rows; row++)
    for (size_t label = 0; label < s.labels; label++) {
      s.truth[row * s.labels + label] = number_in(t, row, label) != 0;
      s.scores[row * s.labels + label] = (float)number_in(t, row, s.labels + label);
    }
  csv_table_destroy(t);
  return s;
}

static void free_sample(sample *s) {
  free(s->truth);
  free(s->scores);
}

static void read_golden(const char *name, const char *extension, buffer *text) {
  char path[512], part[4096];
  snprintf(path, sizeof path, "%s%s.%s", golden, name, extension);
  FILE *file = fopen(path, "rb");
  if (!file)
    fail_msg("%s", path);
  for (size_t size; (size = fread(part, 1, sizeof part, file));)
    assert_true(buffer_append(text, part, size, NULL));
  fclose(file);
}

static void replace_all(buffer *text, const char *old, const char *new) {
  buffer out = {0};
  const char *c = text->data;
  for (const char *found; (found = strstr(c, old)); c = found + strlen(old)) {
    assert_true(buffer_append(&out, c, (size_t)(found - c), NULL));
    assert_true(buffer_append_text(&out, new, NULL));
  }
  assert_true(buffer_append_text(&out, c, NULL));
  buffer_free(text);
  *text = out;
}

static void assert_is_golden(const char *name, const buffer *json, const buffer *csv) {
  buffer expected_json = {0}, expected_csv = {0};
  read_golden(name, "json", &expected_json);
  replace_all(&expected_json, ": NaN", ": null");
  replace_all(&expected_json, ": Infinity", ": null");
  read_golden(name, "csv", &expected_csv);
  if (strcmp(json->data, expected_json.data) != 0 || strcmp(csv->data, expected_csv.data) != 0)
    fail_msg("%s: got\n%s\n%s\nexpected\n%s\n%s", name, json->data, csv->data, expected_json.data,
             expected_csv.data);
  json_t *parsed = json_loads(json->data, JSON_REJECT_DUPLICATES, NULL);
  assert_non_null(parsed);
  json_decref(parsed);
  buffer_free(&expected_json);
  buffer_free(&expected_csv);
}

static void assert_binary_is_golden(const char *name) {
  sample s = load_sample(name);
  binary_metrics metrics;
  buffer json = {0}, csv = {0};
  assert_int_equal(s.labels, 1);
  assert_true(binary_metrics_compute(s.truth, s.scores, s.rows, &metrics, NULL));
  assert_true(metrics_report_binary(&metrics, &json, &csv, NULL));
  assert_is_golden(name, &json, &csv);
  buffer_free(&json);
  buffer_free(&csv);
  free_sample(&s);
}

static void test_binary_tasks(void **state) {
  (void)state;
  static const char *const names[] = {"binary_all_positive", "binary_constant_score", "binary_float_labels",
                                      "binary_inverted",     "binary_no_positive",    "binary_perfect",
                                      "binary_plain",        "binary_ties",           "binary_two_rows"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    assert_binary_is_golden(names[i]);
}

typedef struct label_metrics {
  binary_metrics labels[LABEL_COUNT];
  category_metrics categories[CATEGORY_COUNT];
} label_metrics;

static void compute_labels(const sample *s, label_metrics *result) {
  uint8_t *truth = malloc(s->rows);
  float *scores = malloc(s->rows * sizeof *scores);
  assert_non_null(truth);
  assert_non_null(scores);
  for (size_t l = 0; l < LABEL_COUNT; l++) {
    for (size_t row = 0; row < s->rows; row++) {
      truth[row] = s->truth[row * LABEL_COUNT + l];
      scores[row] = s->scores[row * LABEL_COUNT + l];
    }
    assert_true(binary_metrics_compute(truth, scores, s->rows, &result->labels[l], NULL));
  }
  for (size_t c = 0; c < CATEGORY_COUNT; c++)
    assert_true(category_metrics_compute(s->truth, s->scores, s->rows, LABEL_COUNT, categories[c].labels,
                                         categories[c].label_count, result->labels, &result->categories[c],
                                         NULL));
  free(truth);
  free(scores);
}

static void test_77_labels(void **state) {
  (void)state;
  static const char *const names[] = {"labels_all_positive", "labels_no_positive", "labels_plain",
                                      "labels_ties", "labels_two_rows"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    sample s = load_sample(names[i]);
    assert_int_equal(s.labels, LABEL_COUNT);
    label_metrics metrics;
    buffer json = {0}, csv = {0};
    compute_labels(&s, &metrics);
    assert_true(metrics_report_labels(metrics.labels, metrics.categories, &json, &csv, NULL));
    assert_is_golden(names[i], &json, &csv);
    buffer_free(&json);
    buffer_free(&csv);
    free_sample(&s);
  }
}

static void test_no_metrics(void **state) {
  (void)state;
  buffer json = {0}, csv = {0};
  assert_true(metrics_report_empty(&json, &csv, NULL));
  assert_string_equal(json.data, "{}");
  assert_string_equal(csv.data, "Key\r\n");
  buffer_free(&json);
  buffer_free(&csv);
}

static void test_no_rows(void **state) {
  (void)state;
  binary_metrics metrics;
  assert_true(binary_metrics_compute(NULL, NULL, 0, &metrics, NULL));
  assert_true(isnan(metrics.auc) && isnan(metrics.threshold) && isnan(metrics.prevalence_gt));
}

/* Two positives, eight scores that one positive and one negative share, two negatives: from (0, 0.2) to (0.8,
 * 1) the true positive rate exceeds the false positive rate by 0.2 everywhere, in the mathematics. In double
 * 0.8 - 0.6 is the largest of those differences, but as an interior point of a straight line it is no
 * candidate. */
static void test_interior_points_are_dropped(void **state) {
  (void)state;
  uint8_t truth[20];
  float scores[20];
  for (int i = 0; i < 20; i++) {
    truth[i] = i < 2 || (i < 18 && i % 2 == 0);
    scores[i] = i < 2 || i >= 18 ? 1 - (float)i / 32 : 1 - (float)(i / 2 * 2) / 32;
  }
  binary_metrics metrics;
  assert_true(binary_metrics_compute(truth, scores, 20, &metrics, NULL));
  assert_true(metrics.threshold == (double)scores[1]);
  assert_true(metrics.prevalence_pred == 10);
  assert_true(0.8 - 0.6 > 0.2 - 0.0);
}

static void test_scores_of_any_sign(void **state) {
  (void)state;
  static const uint8_t truth[] = {1, 0, 1, 0, 0, 1};
  static const float scores[] = {-0.0f, 0.0f, 3e38f, -3e38f, -1e-45f, 1e-45f};
  static const float expected[] = {3e38f, 1e-45f, 0, -1e-45f, -3e38f};
  static const size_t positives[] = {1, 2, 3, 3, 3}, negatives[] = {0, 0, 1, 2, 3};
  static const unsigned char column[] = {0};
  ranking r;
  assert_true(ranking_build(&r, truth, scores, 6, 1, column, 1, NULL));
  assert_int_equal(r.count, 5);
  for (size_t i = 0; i < r.count; i++) {
    assert_true(r.scores[i] == expected[i]);
    assert_int_equal(r.true_positives[i], positives[i]);
    assert_int_equal(r.false_positives[i], negatives[i]);
  }
  ranking_free(&r);
}

/* The plain definition, for every n from 1 to 200: area = share of pairs ranked rightly, ties one half. */
static void test_auc_is_the_share_of_ordered_pairs(void **state) {
  (void)state;
  uint8_t truth[200];
  float scores[200];
  uint64_t seed = 7;
  for (size_t n = 2; n <= 200; n++) {
    for (size_t i = 0; i < n; i++) {
      truth[i] = i == 0 || (i > 1 && mutate_next(&seed) % 3 == 0);
      scores[i] = (float)(mutate_next(&seed) % (n / 2 + 1)) / 16;
    }
    double right = 0, pairs = 0;
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j < n; j++)
        if (truth[i] && !truth[j]) {
          pairs++;
          right += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
        }
    binary_metrics metrics;
    assert_true(binary_metrics_compute(truth, scores, n, &metrics, NULL));
    assert_true(fabs(metrics.auc - right / pairs) < 1e-12);
  }
}

static void test_many_rows_take_little_time(void **state) {
  (void)state;
  sample s = {20000, LABEL_COUNT, NULL, NULL};
  s.truth = malloc(s.rows * s.labels);
  s.scores = malloc(s.rows * s.labels * sizeof *s.scores);
  assert_non_null(s.truth);
  assert_non_null(s.scores);
  uint64_t seed = 3;
  for (size_t i = 0; i < s.rows * s.labels; i++) {
    uint64_t r = mutate_next(&seed);
    s.truth[i] = r % 16 == 0;
    s.scores[i] = (float)(r >> 40) / (1 << 24);
  }
  label_metrics metrics;
  double start = clock_seconds();
  compute_labels(&s, &metrics);
  double seconds = clock_seconds() - start;
  if (seconds > 10)
    fail_msg("%.1f s for %zu rows", seconds, s.rows);
  assert_true(fabs(metrics.categories[5].micro_auc - 0.5) < 0.01);
  free_sample(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_binary_tasks),
      cmocka_unit_test(test_77_labels),
      cmocka_unit_test(test_no_metrics),
      cmocka_unit_test(test_no_rows),
      cmocka_unit_test(test_interior_points_are_dropped),
      cmocka_unit_test(test_scores_of_any_sign),
      cmocka_unit_test(test_auc_is_the_share_of_ordered_pairs),
      cmocka_unit_test(test_many_rows_take_little_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
