/* Drift: the figures by themselves, which records are taken, and whole comparisons on the golden records. */
#include "drift/drift.h"
#include "drift/drift_figures.h"
#include "drift/drift_records.h"

#include "support/folders.h"
#include "support/golden_files.h"

#include <math.h>
#include <unistd.h>

#define MUSE       DEEPECG_TEST_DATA "/golden/preprocessing/muse_hum60/"
#define MODELS     GOLDEN_ANALYSIS "models"
#define TEXT_MODEL "Bert_diagnosis2classification_En_Fr"

/* ---- figures ---- */

enum { ROWS = 5 };

static void test_figures(void **state) {
  (void)state;
  error err = {0};
  /* Two outputs; the fourth record has no result in the reduced precision. */
  const float fp32[ROWS * 2] = {0.1f, 0.5f, 0.4f, 0.5f, 0.6f, 0.5f, 0.9f, 0.5f, 0.8f, 0.5f};
  const float reduced[ROWS * 2] = {0.1f, 0.5f, 0.55f, 0.5f, 0.5f, 0.75f, NAN, NAN, 0.8f, 0.5f};
  const signed char truth[ROWS * 2] = {0, -1, 0, -1, 1, -1, 1, -1, -1, -1};
  drift_output outputs[2] = {{.name = "called", .point = 0.5}, {.name = "never called", .point = NAN}};
  drift_model m = {.outputs = outputs, .output_count = 2};
  const drift_values values = {.sides = {fp32, reduced}, .rows = ROWS, .columns = 2, .truth = truth};
  assert_true(drift_compare(&m, &values, &err));
  assert_int_equal(m.records, ROWS - 1);
  assert_float_equal(outputs[0].largest, 0.15, 1e-6);
  assert_float_equal(outputs[0].mean, 0.25 / 4, 1e-6);
  assert_int_equal(outputs[0].changed, 1); /* 0.4 to 0.55; 0.6 to 0.5 is still called */
  assert_int_equal(outputs[0].labelled, 3);
  assert_float_equal(outputs[0].auc[DRIFT_FP32], 1, 1e-12);
  assert_float_equal(outputs[0].auc[DRIFT_REDUCED], 0.5, 1e-12); /* 0.5 lies above 0.1, below 0.55 */
  assert_float_equal(outputs[1].largest, 0.25, 1e-6);
  assert_int_equal(outputs[1].changed, 0);
  assert_true(isnan(outputs[1].auc[DRIFT_FP32]));
  assert_int_equal(m.calls, 4);
  assert_int_equal(m.changed, 1);
  assert_int_equal(m.largest_output, 1);
  assert_float_equal(m.largest, 0.25, 1e-6);
  assert_float_equal(m.mean, (0.25 / 4 + 0.25 / 4) / 2, 1e-6);
  assert_int_equal(m.auc_count, 1);
  assert_float_equal(m.largest_auc_change, 0.5, 1e-12);
}

/* ---- records ---- */

static void test_records(void **state) {
  (void)state;
  error err = {0};
  char folder[FOLDER_PATH_SIZE], table[FOLDER_PATH_SIZE + 20];
  folder_make(folder, "drift");
  snprintf(table, sizeof table, "%s/table.csv", folder);
  folder_write(folder, "table.csv",
               "afib_5y,afib_ecg_file_name,ecg_machine_diagnosis,77_classes_ecg_file_name\n"
               ",a.xml,Sinus rhythm,a.xml\n"
               "1,a.xml,,b.xml\n"
               "0,ward/b.xml,,\n");
  drift_options options = {.ecg_signals_path = "ecgs"};
  drift_records records;
  assert_true(drift_records_list(&records, (const char *[]){table}, 1, &options, &err));
  const task_info *afib = task_find("afib_5y");
  assert_int_equal(records.count, 3);
  assert_string_equal(records.items[0].path, "ecgs/a.xml");
  assert_string_equal(records.items[0].text, "Sinus rhythm");
  assert_int_equal(records.items[0].labels[afib - tasks], 1);
  assert_string_equal(records.items[1].path, "ecgs/b.xml");
  assert_null(records.items[1].text);
  assert_int_equal(records.items[1].labels[afib - tasks], DRIFT_NO_LABEL);
  assert_int_equal(records.items[2].labels[afib - tasks], 0);
  drift_records_free(&records);
  options.cleaned = true;
  assert_true(drift_records_list(&records, (const char *[]){table}, 1, &options, &err));
  assert_int_equal(records.count, 2); /* both b are one cleaned record */
  assert_string_equal(records.items[1].path, "ecgs/b.base64");
  drift_records_free(&records);
  /* A folder's table is a file like others; a file named twice is one record. */
  assert_true(drift_records_list(&records, (const char *[]){folder, "x.xml", "x.xml"}, 3, &options, &err));
  assert_int_equal(records.count, 2);
  assert_string_equal(records.items[0].path, table);
  drift_records_free(&records);
}

static void test_refusals(void **state) {
  (void)state;
  error err = {0};
  const drift_options options = {.ecg_signals_path = "ecgs"};
  drift_records records;
  assert_false(drift_records_list(&records, (const char *[]){"table.CSV", "a.xml"}, 2, &options, &err));
  assert_int_equal(err.code, ERROR_USAGE);
  drift_records_free(&records);
  assert_false(drift_records_list(&records, (const char *[]){"/nonexistent.csv"}, 1, &options, &err));
  drift_records_free(&records);
}

/* ---- whole comparisons ---- */

static drift_options golden_options(precision p) {
  drift_options options = {.precision = p,
                           .weights_folder = MODELS,
                           .text_model = TEXT_MODEL,
                           .ecg_signals_path = MUSE "inputs",
                           .threads = 2};
  options.model_count = task_models_present(MODELS, options.models);
  return options;
}

static void compare_golden(const drift_options *options, const char *const *operands, size_t count,
                           drift *d) {
  error err = {0};
  unsetenv("DEEPECG_CPU");
  if (!drift_make(operands, count, options, NULL, d, &err))
    fail_msg("%s", err.message);
}

static void test_no_drift_of_fp32(void **state) {
  (void)state;
  drift_options options = golden_options(PRECISION_FP32);
  drift d;
  compare_golden(&options, (const char *[]){MUSE "inputs/inputs.csv"}, 1, &d);
  assert_int_equal(d.records, GOLDEN_RECORDS);
  assert_int_equal(d.failed, 0);
  assert_int_equal(d.model_count, 9);
  for (size_t i = 0; i < d.model_count; i++) {
    assert_null(d.models[i].problem);
    assert_int_equal(d.models[i].records, GOLDEN_RECORDS);
    assert_true(d.models[i].largest == 0 && d.models[i].mean == 0);
    assert_int_equal(d.models[i].changed, 0);
    assert_true(d.models[i].calls > 0);
  }
  drift_clear(&d);
}

static bool is_reduced(const char *id) {
  return strncmp(id, "wcr", 3) == 0 || strcmp(id, TEXT_MODEL) == 0;
}

static void test_drift_of_bf16(void **state) {
  (void)state;
  error err = {0};
  unsetenv("DEEPECG_CPU");
  if (!precision_check(PRECISION_BF16, &err)) {
    printf("NOT RUN: %s\n", err.message);
    skip();
  }
  drift_options options = golden_options(PRECISION_BF16);
  drift d;
  compare_golden(&options, (const char *[]){MUSE "inputs/inputs.csv"}, 1, &d);
  for (size_t i = 0; i < d.model_count; i++) {
    const drift_model *m = &d.models[i];
    print_message("%s: largest difference %.2g, mean %.2g\n", m->id, m->largest, m->mean);
    if (is_reduced(m->id))
      assert_true(m->largest > 0 && m->largest < 0.03 && m->mean > 0);
    else
      assert_true(m->largest == 0); /* EfficientNets keep to float32 */
  }
  drift_clear(&d);
}

/* Records that a run has cleaned, with one that is none among them. */
static void test_cleaned_records(void **state) {
  (void)state;
  drift_options options = golden_options(PRECISION_FP32);
  options.cleaned = true;
  drift d;
  compare_golden(&options, (const char *[]){MUSE "expected/preprocessed", MUSE "inputs/ecg_000.xml"}, 2, &d);
  assert_int_equal(d.records, GOLDEN_RECORDS + 1);
  assert_int_equal(d.failed, 1);
  assert_non_null(strstr(d.problems[0], "ecg_000.xml"));
  assert_int_equal(d.model_count, 8); /* no diagnosis, no text model */
  assert_int_equal(d.models[0].records, GOLDEN_RECORDS);
  drift_clear(&d);
}

/* What a comparison says of itself. */
typedef struct listener {
  char text[2000];
  size_t read, ended[DRIFT_SIDES],
      others; /* progress: of records, to the end of each side, of anything else */
  size_t records, usable;
  const char *sides[DRIFT_SIDES];
} listener;

static void hear_message(void *context, report_level level, const char *text) {
  listener *l = context;
  size_t length = strlen(l->text);
  snprintf(l->text + length, sizeof l->text - length, "%d %s\n", (int)level, text);
}

static void hear_progress(void *context, const char *stage, size_t done, size_t total) {
  listener *l = context;
  bool is_read = strcmp(stage, "Reading") == 0, known = is_read;
  l->read += is_read;
  size_t expected = is_read ? l->records : l->usable;
  for (int side = 0; side < DRIFT_SIDES; side++)
    if (strcmp(stage, l->sides[side]) == 0) {
      known = true;
      l->ended[side] += done == total;
    }
  l->others += !known || total != expected;
}

static void compare_missing(const char *weights_folder, const char *text_model, drift *d, listener *l) {
  error err = {0};
  const reporter r = {.context = l, .message = hear_message};
  drift_options options = golden_options(PRECISION_FP32);
  options.weights_folder = weights_folder;
  options.text_model = text_model;
  options.model_count = 1;
  if (!drift_make((const char *[]){MUSE "inputs/ecg_000.xml"}, 1, &options, &r, d, &err))
    fail_msg("%s", err.message);
}

/* A model that isn't there takes no part; one that is there and can't be used fails. */
static void test_missing_model(void **state) {
  (void)state;
  listener absent = {0}, broken = {0};
  drift d;
  compare_missing(MODELS, "absent", &d, &absent);
  assert_int_equal(d.models_failed, 0);
  assert_int_equal(d.model_count, 1);
  assert_non_null(strstr(absent.text, "0 Comparing fp32 with fp32: wcr_77_classes\n"));
  assert_non_null(strstr(absent.text, "2 absent: not in "));
  drift_clear(&d);
  compare_missing(MODELS, "efficientnetv2_afib_5y", &d, &broken);
  assert_int_equal(d.models_failed, 1);
  assert_non_null(strstr(d.models[d.model_count - 1].problem, "efficientnetv2_afib_5y"));
  drift_clear(&d);
}

/* More records than are cleaned together; to be quick, only the first and the last of them can be read. */
static void test_everything_is_done_once(void **state) {
  (void)state;
  enum { COUNT = DRIFT_BATCH + 5, USABLE = 3 + 3 };
  char folder[FOLDER_PATH_SIZE], path[FOLDER_PATH_SIZE + 20];
  folder_make(folder, "drift_once");
  for (int i = 0; i < COUNT; i++) {
    snprintf(path, sizeof path, "%s/%04d.xml", folder, i);
    bool usable = i < 3 || i >= COUNT - 3;
    assert_int_equal(symlink(usable ? MUSE "inputs/ecg_000.xml" : MUSE "inputs/inputs.csv", path), 0);
  }
  listener l = {.records = COUNT,
                .usable = USABLE,
                .sides = {"efficientnetv2_afib_5y in fp32", "efficientnetv2_afib_5y in bf16"}};
  const reporter r = {.context = &l, .progress = hear_progress};
  drift_options options = golden_options(PRECISION_BF16);
  options.text_model = "absent";
  error err = {0};
  drift d;
  unsetenv("DEEPECG_CPU");
  if (!precision_check(PRECISION_BF16, &err)) {
    printf("NOT RUN in bf16: %s\n", err.message);
    options.precision = PRECISION_FP32;
    l.sides[DRIFT_REDUCED] = l.sides[DRIFT_FP32];
  }
  assert_true(task_models_named("efficientnetv2_afib_5y", options.models, &options.model_count, &err));
  if (!drift_make((const char *[]){folder}, 1, &options, &r, &d, &err))
    fail_msg("%s", err.message);
  assert_int_equal(d.models[0].records, USABLE);
  assert_int_equal(d.failed, COUNT - USABLE);
  assert_int_equal(l.read, COUNT);
  assert_int_equal(l.others, 0);
  size_t same = options.precision == PRECISION_FP32 ? 2 : 1;
  assert_int_equal(l.ended[DRIFT_FP32], same);
  assert_int_equal(l.ended[DRIFT_REDUCED], same);
  drift_clear(&d);
}

/* Ctrl-C at the first word of a stage whose name begins like this. */
typedef struct interruption {
  const char *stage;
  volatile sig_atomic_t happened;
  size_t said_after;
} interruption;

static void interrupt_at(void *context, const char *stage, size_t done, size_t total) {
  interruption *i = context;
  (void)done;
  (void)total;
  i->said_after += i->happened != 0;
  if (strncmp(stage, i->stage, strlen(i->stage)) == 0)
    i->happened = 1;
}

static void test_interrupted(void **state) {
  (void)state;
  static const char *const stages[] = {"Reading", "efficientnetv2_77_classes", "wcr_lvef_under_50",
                                       TEXT_MODEL};
  for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
    interruption at = {.stage = stages[i]};
    const reporter r = {.context = &at, .progress = interrupt_at};
    drift_options options = golden_options(PRECISION_FP32);
    options.cancelled = &at.happened;
    drift d;
    error err = {0};
    assert_false(drift_make((const char *[]){MUSE "inputs/inputs.csv"}, 1, &options, &r, &d, &err));
    assert_string_equal(err.message, "interrupted");
    assert_true(at.happened);
    assert_int_equal(at.said_after, 0);
    drift_clear(&d);
  }
}

/* A model without a single answer is none that doesn't move. */
static void test_nothing_to_compare(void **state) {
  (void)state;
  drift_options options = golden_options(PRECISION_FP32);
  drift d;
  compare_golden(&options, (const char *[]){MUSE "inputs/absent.xml"}, 1, &d);
  assert_int_equal(d.failed, 1);
  assert_int_equal(d.models_failed, d.model_count);
  for (size_t i = 0; i < d.model_count; i++)
    assert_non_null(d.models[i].problem);
  drift_clear(&d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_figures),       cmocka_unit_test(test_records),
      cmocka_unit_test(test_refusals),      cmocka_unit_test(test_no_drift_of_fp32),
      cmocka_unit_test(test_drift_of_bf16), cmocka_unit_test(test_cleaned_records),
      cmocka_unit_test(test_missing_model), cmocka_unit_test(test_everything_is_done_once),
      cmocka_unit_test(test_interrupted),   cmocka_unit_test(test_nothing_to_compare),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
