/* The synthetic generator's files and tables: bytes, formats, names, labels. What the signals look like is
 * test_synth_shapes.c's. */
#include "base/atomic_file.h"
#include "base/buffer.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "ecg/formats/format.h"
#include "synth/record.h"
#include "synth/writers/writer.h"
#include "table/csv.h"

#include <jansson.h>
#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char folder[] = DEEPECG_TEST_TMP "/synth";

static synth_options small_set(synth_format format) {
  synth_options options = synth_defaults();
  options.format = format;
  options.count = 4;
  options.seed = 20240229;
  options.truth = true;
  return options;
}

static void file_name(const synth_options *options, size_t index, char name[32]) {
  synth_format format = options->format == SYNTH_MIXED ? (synth_format)(index % 3) : options->format;
  snprintf(name, 32, "ecg_%06zu%s", index, synth_writer_of(format)->extension);
}

static void append_file(buffer *all, const char *where, const char *name) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", where, name);
  mapped_file file;
  error err;
  if (!mapped_file_open(&file, path, &err))
    fail_msg("%s", err.message);
  assert_true(buffer_append(all, file.data, file.size, NULL));
  mapped_file_close(&file);
}

/* Write a set and append all its files, in order, to *all. */
static void write_and_read(const synth_options *options, buffer *all) {
  error err;
  if (!synth_write(folder, options, NULL, &err))
    fail_msg("%s", err.message);
  for (size_t i = 0; i < options->count; i++) {
    char name[32];
    file_name(options, i, name);
    append_file(all, folder, name);
  }
  append_file(all, folder, "table.csv");
  if (options->truth)
    append_file(all, folder, "truth.csv");
}

/* The same bytes on every machine, compiler and optimisation level: a change here is a change of every data
 * set that anyone has made, and must be meant. */
static void test_bytes_are_the_known_ones(void **state) {
  (void)state;
  static const struct {
    synth_format format;
    synth_leads leads;
    unsigned rate_hz;
    double hum_hz;
    const char *sha256;
  } known[] = {
      {SYNTH_MUSE, SYNTH_LEADS_USUAL, 500, 60,
       "8fdeb53d59deee24ed6c0b778525076935a599d044288cd79062e5066279f24a"},
      {SYNTH_CARDIOSOFT, SYNTH_LEADS_USUAL, 500, 50,
       "a6c95183ee8503faf406c0c02d628e97d0cb8690f237b5a9684b5835d4c5feed"},
      {SYNTH_NPY, SYNTH_LEADS_USUAL, 500, 60,
       "45dafa6014f67c85c4dc319ffd64dad0f474312769a81bec185f344b66c6dc3f"},
      {SYNTH_MIXED, SYNTH_LEADS_MIXED, SYNTH_RATE_MIXED, 0,
       "bf2aa47ec422e6109361d7bc71609fc712a55acdd8496655cf01078cd8a7fca1"},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    synth_options options = small_set(known[i].format);
    options.count = 6;
    options.leads = known[i].leads;
    options.rate_hz = known[i].rate_hz;
    options.hum_hz = known[i].hum_hz;
    buffer all = {0};
    write_and_read(&options, &all);
    assert_string_equal(sha256_of(all.data, all.size).hex, known[i].sha256);
    buffer_free(&all);
  }
}

static void test_count_and_threads_change_nothing(void **state) {
  (void)state;
  int threads = omp_get_max_threads();
  synth_options options = small_set(SYNTH_MUSE);
  options.count = 3;
  buffer few = {0}, many = {0};
  omp_set_num_threads(1);
  write_and_read(&options, &few);
  omp_set_num_threads(4);
  options.count = 9;
  write_and_read(&options, &many);
  omp_set_num_threads(threads);
  size_t files = 0;
  for (size_t i = 0; i < 3; i++) {
    buffer one = {0};
    char name[32];
    file_name(&options, i, name);
    append_file(&one, folder, name);
    assert_memory_equal(few.data + files, one.data, one.size);
    files += one.size;
    buffer_free(&one);
  }
  assert_memory_equal(few.data, many.data, files);
  buffer_free(&few);
  buffer_free(&many);
}

/* Read record `index` of the set in the folder and compare it with the record that the generator holds in
 * memory. */
static void check_file(synth_record *record, const synth_options *options, size_t index) {
  char name[32], path[512];
  file_name(options, index, name);
  snprintf(path, sizeof path, "%s/%s", folder, name);
  ecg_record read = {0};
  error err;
  const char *report_name;
  if (!ecg_read_file(path, &read, &report_name, &err))
    fail_msg("%s: %s", name, err.message);
  synth_record_make(record, options, index);
  static const char *const report_names[] = {"MHI", "CLSA", "NPY"};
  static const double units[] = {4.88, 5, 4.88};
  assert_string_equal(report_name, report_names[record->format]);
  assert_string_equal(read.warning, "");
  assert_int_equal(read.samples, record->samples);
  bool declares = record->format != SYNTH_NPY;
  assert_true(read.sampling_rate_hz == (declares ? record->rate_hz : 0));
  assert_true(read.microvolts_per_unit == (declares ? units[record->format] : 0));
  synth_record_count(record, SYNTH_RHYTHM, units[record->format]);
  for (size_t k = 0; k < record->leads; k++) {
    ecg_lead lead = synth_stored_lead(record, k);
    assert_int_equal(read.source[lead], LEAD_STORED);
    for (size_t i = 0; i < read.samples; i++)
      assert_true(read.leads[lead][i] == record->counts[k][i]);
  }
  for (size_t i = 0; i < read.samples; i++) {
    float one = read.leads[LEAD_I][i], two = read.leads[LEAD_II][i];
    assert_true(two - one == read.leads[LEAD_III][i]);
    assert_true(fabsf(read.leads[LEAD_AVR][i] + (one + two) / 2) <= 0.5f);
    assert_true(fabsf(read.leads[LEAD_AVL][i] - (one - two / 2)) <= 0.5f);
    assert_true(fabsf(read.leads[LEAD_AVF][i] - (two - one / 2)) <= 0.5f);
  }
  if (declares) {
    buffer statements = {0};
    assert_true(synth_statements_join(&record->statements, &statements, NULL));
    assert_string_equal(read.statements, statements.data);
    buffer_free(&statements);
  }
  ecg_record_clear(&read);
}

static void test_files_read_back(void **state) {
  (void)state;
  synth_record *record = malloc(sizeof *record);
  assert_non_null(record);
  static const struct {
    synth_format format;
    synth_leads leads;
    unsigned rate_hz;
  } sets[] = {
      {SYNTH_MUSE, SYNTH_LEADS_USUAL, 500},
      {SYNTH_MUSE, SYNTH_LEADS_12, 250},
      {SYNTH_CARDIOSOFT, SYNTH_LEADS_USUAL, 500},
      {SYNTH_CARDIOSOFT, SYNTH_LEADS_8, 250},
      {SYNTH_NPY, SYNTH_LEADS_8, 500},
      {SYNTH_MIXED, SYNTH_LEADS_MIXED, SYNTH_RATE_MIXED},
  };
  for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
    synth_options options = small_set(sets[s].format);
    options.count = 6;
    options.leads = sets[s].leads;
    options.rate_hz = sets[s].rate_hz;
    assert_true(synth_write(folder, &options, NULL, NULL));
    for (size_t i = 0; i < options.count; i++)
      check_file(record, &options, i);
  }
  free(record);
}

static void test_stored_leads_and_rates(void **state) {
  (void)state;
  synth_record *record = malloc(sizeof *record);
  assert_non_null(record);
  synth_options options = small_set(SYNTH_MUSE);
  synth_record_make(record, &options, 0);
  assert_true(record->leads == 8 && record->rate_hz == 500 && record->samples == 5000);
  assert_int_equal(synth_stored_lead(record, 2), LEAD_V1);
  options.leads = SYNTH_LEADS_12;
  options.rate_hz = 250;
  synth_record_make(record, &options, 0);
  assert_true(record->leads == 12 && record->samples == 2500 && record->median_samples == 300);
  options.leads = SYNTH_LEADS_MIXED;
  options.rate_hz = SYNTH_RATE_MIXED;
  unsigned eight = 0, slow = 0;
  for (size_t i = 0; i < 16; i++) {
    synth_record_make(record, &options, i);
    eight += record->leads == 8;
    slow += record->rate_hz == 250;
  }
  assert_true(eight > 0 && eight < 16 && slow > 0 && slow < 16);
  free(record);
}

static csv_table *read_csv(const char *name) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  error err;
  csv_table *table = csv_table_read(path, NULL, 0, &err);
  if (table == NULL)
    fail_msg("%s", err.message);
  return table;
}

static void test_tables_belong_to_the_records(void **state) {
  (void)state;
  static const char *const columns[] = {"ecg_machine_diagnosis",
                                        "77_classes_ecg_file_name",
                                        "afib_5y",
                                        "afib_ecg_file_name",
                                        "lvef_40",
                                        "lvef_40_ecg_file_name",
                                        "lvef_50",
                                        "lvef_50_ecg_file_name"};
  synth_options options = small_set(SYNTH_NPY);
  options.count = 300; /* more than the rows that are kept at a time */
  options.rate_hz = 250;
  assert_true(synth_write(folder, &options, NULL, NULL));
  csv_table *table = read_csv("table.csv"), *truth = read_csv("truth.csv");
  assert_int_equal(csv_table_file_columns(table), 8);
  assert_int_equal(csv_table_file_columns(truth), 1 + FINDING_COUNT);
  assert_int_equal(csv_table_rows(table), 300);
  assert_int_equal(csv_table_rows(truth), 300);
  for (size_t i = 0; i < 8; i++)
    assert_string_equal(csv_table_file_column_name(table, i), columns[i]);
  for (size_t i = 0; i < FINDING_COUNT; i++)
    assert_string_equal(csv_table_file_column_name(truth, i + 1), synth_finding_names[i]);
  synth_record *record = malloc(sizeof *record);
  assert_non_null(record);
  for (size_t row = 0; row < 300; row += 23) {
    char name[32];
    file_name(&options, row, name);
    synth_record_make(record, &options, row);
    const bool labels[] = {record->labels.afib_5y, record->labels.lvef_40, record->labels.lvef_50};
    buffer statements = {0};
    assert_true(synth_statements_join(&record->statements, &statements, NULL));
    assert_string_equal(csv_table_cell(table, row, 0).text, statements.data);
    for (int i = 1; i < 8; i += 2)
      assert_string_equal(csv_table_cell(table, row, i).text, name);
    for (int i = 0; i < 3; i++)
      assert_string_equal(csv_table_cell(table, row, 2 + 2 * i).text, labels[i] ? "1" : "0");
    assert_string_equal(csv_table_cell(truth, row, 0).text, name);
    for (int i = 0; i < FINDING_COUNT; i++)
      assert_string_equal(csv_table_cell(truth, row, i + 1).text, record->findings.has[i] ? "1" : "0");
    buffer_free(&statements);
  }
  free(record);
  csv_table_destroy(table);
  csv_table_destroy(truth);
}

static bool is_published(json_t *labels, const char *name) {
  size_t i;
  json_t *label;
  json_array_foreach(labels, i, label) {
    if (strcmp(json_string_value(json_object_get(label, "name")), name) == 0)
      return true;
  }
  return false;
}

static void test_findings_are_named_as_published(void **state) {
  (void)state;
  json_t *root = json_load_file(DEEPECG_TEST_DATA "/fixtures/labels.json", 0, NULL);
  assert_non_null(root);
  size_t published = 0;
  for (size_t i = 0; i < FINDING_COUNT; i++)
    published += is_published(json_object_get(root, "labels"), synth_finding_names[i]);
  assert_int_equal(published, 72);
  assert_int_equal(published + 3, FINDING_COUNT);
  json_decref(root);
}

/* Patient, heart, measurements and words of a record, without its signal. */
typedef struct case_history {
  heart_patient patient;
  heart_measurements m;
  synth_findings findings;
  synth_labels labels;
  synth_statements statements;
} case_history;

static case_history history(uint64_t seed, size_t index) {
  case_history c;
  random_stream random = random_stream_make(seed, index, RANDOM_PATIENT);
  c.patient = heart_patient_draw(&random);
  random = random_stream_make(seed, index, RANDOM_HEART);
  heart h = heart_of_patient(&c.patient, &random);
  random = random_stream_make(seed, index, RANDOM_SCHEDULE);
  heart_schedule schedule = heart_schedule_make(&h, &c.patient, &random);
  c.m = heart_measure(&h, &c.patient, &schedule);
  c.findings = synth_findings_read(&c.patient, &c.m);
  c.labels = synth_labels_read(&c.m, &c.findings);
  random = random_stream_make(seed, index, RANDOM_TEXT);
  c.statements = synth_statements_write(&c.patient, &c.m, &c.findings, &random);
  return c;
}

static void test_population_is_plausible(void **state) {
  (void)state;
  enum { RECORDS = 3000 };
  unsigned found[FINDING_COUNT] = {0}, afib = 0, lvef_40 = 0, lvef_50 = 0, french = 0;
  for (size_t i = 0; i < RECORDS; i++) {
    case_history c = history(5, i);
    for (size_t k = 0; k < FINDING_COUNT; k++)
      found[k] += c.findings.has[k];
    assert_true(!c.labels.lvef_40 || c.labels.lvef_50);
    assert_true(!c.findings.has[FINDING_AFIB] || c.labels.afib_5y);
    assert_true(c.m.beats >= 3 && c.m.rate_bpm > 24 && c.m.rate_bpm < 230);
    assert_true(c.m.qrs_s > 0.06 && c.m.qrs_s < 0.2 && c.m.qt_s > c.m.qrs_s + 0.1 && c.m.qt_s < 0.75);
    assert_true(c.m.p_conducted ? c.m.pr_s > 0.07 && c.m.pr_s < 0.4 : c.m.pr_s == 0);
    afib += c.labels.afib_5y;
    lvef_40 += c.labels.lvef_40;
    lvef_50 += c.labels.lvef_50;
    french += strstr(c.statements.items[c.statements.count - 1].text, "normal ECG") == NULL &&
              strstr(c.statements.items[c.statements.count - 1].text, "Normal ECG") == NULL &&
              strstr(c.statements.items[c.statements.count - 1].text, "Borderline ECG") == NULL;
  }
  assert_in_range(afib, RECORDS * 20 / 100, RECORDS * 40 / 100);
  assert_in_range(lvef_40, RECORDS * 20 / 100, RECORDS * 40 / 100);
  assert_in_range(lvef_50, RECORDS * 20 / 100, RECORDS * 40 / 100);
  assert_in_range(french, RECORDS * 28 / 100, RECORDS * 39 / 100);
  for (size_t k = 0; k < FINDING_COUNT; k++) {
    bool of_the_noise = k == FINDING_POOR_QUALITY;
    if ((found[k] == 0) != of_the_noise)
      fail_msg("\"%s\": %u of %d records", synth_finding_names[k], found[k], RECORDS);
  }
}

/* Known to be said in both languages, whatever the phrasing. */
static void test_statements_say_what_was_found(void **state) {
  (void)state;
  static const struct {
    synth_finding finding;
    const char *english, *french;
  } words[] = {
      {FINDING_AFIB, "trial fibrillation", "ibrillation auriculaire"},
      {FINDING_LEFT_BUNDLE_BLOCK, "eft bundle branch block", "de branche gauche"},
      {FINDING_RIGHT_BUNDLE_BLOCK, "ight bundle branch block", "de branche droit"},
      {FINDING_LONG_QT, "Prolonged QT", "QT "},
      {FINDING_Q_INFERIOR, "nferior infarct", "inférieur"},
      {FINDING_FIRST_DEGREE_BLOCK, "1st degree A-V block", "1er degré"},
  };
  for (size_t i = 0; i < 1500; i++) {
    case_history c = history(6, i);
    buffer text = {0};
    assert_true(synth_statements_join(&c.statements, &text, NULL));
    assert_true(c.statements.items[c.statements.count - 1].ends_line);
    for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
      bool ventricular = c.findings.has[FINDING_VENTRICULAR_PACED] ||
                         c.findings.has[FINDING_VENTRICULAR_TACHYCARDIA] ||
                         c.findings.has[FINDING_VENTRICULAR_RHYTHM];
      if (ventricular || !c.findings.has[words[k].finding])
        continue;
      if (!strstr(text.data, words[k].english) && !strstr(text.data, words[k].french))
        fail_msg("record %zu has \"%s\", but says: %s", i, synth_finding_names[words[k].finding], text.data);
    }
    buffer_free(&text);
  }
}

static void check_refused(const synth_options *options, const char *part) {
  error err = {0};
  assert_false(synth_write(folder, options, NULL, &err));
  assert_int_equal(err.code, ERROR_USAGE);
  if (!strstr(err.message, part))
    fail_msg("\"%s\" does not say \"%s\"", err.message, part);
}

static void test_options_out_of_range_are_refused(void **state) {
  (void)state;
  synth_options options = synth_defaults();
  options.count = 0;
  check_refused(&options, "number of records is 0");
  options.count = SYNTH_MAX_COUNT + 1;
  check_refused(&options, "number of records");
  options = synth_defaults();
  options.rate_hz = 360;
  check_refused(&options, "360 Hz");
  options = synth_defaults();
  options.hum_hz = -1;
  check_refused(&options, "mains frequency");
  options.hum_hz = (double)NAN;
  check_refused(&options, "mains frequency");
  options = synth_defaults();
  options.hum_microvolts = 1e9;
  check_refused(&options, "amplitude");
}

typedef struct progress_log {
  size_t calls, done, total;
} progress_log;

static void log_progress(void *context, const char *stage, size_t done, size_t total) {
  progress_log *log = context;
  assert_string_equal(stage, "Synthesising");
  assert_true(done > log->done && done <= total);
  *log = (progress_log){log->calls + 1, done, total};
}

static void test_progress_is_reported(void **state) {
  (void)state;
  progress_log log = {0};
  reporter r = {.context = &log, .progress = log_progress};
  synth_options options = small_set(SYNTH_NPY);
  options.count = 300;
  options.rate_hz = 250;
  assert_true(synth_write(folder, &options, &r, NULL));
  assert_true(log.calls >= 2 && log.done == 300 && log.total == 300);
}

static void test_failure_leaves_no_table(void **state) {
  (void)state;
  error err = {0};
  synth_options options = small_set(SYNTH_NPY);
  /* A file is where the folder should be. */
  char path[512];
  snprintf(path, sizeof path, "%s/ecg_000000.npy", folder);
  assert_true(synth_write(folder, &options, NULL, NULL));
  assert_false(synth_write(path, &options, NULL, &err));
  assert_true(strlen(err.message) > 0);
  /* A folder is where a record should be. */
  static const char blocked[] = DEEPECG_TEST_TMP "/synth_blocked";
  assert_true(make_folders(DEEPECG_TEST_TMP "/synth_blocked/ecg_000002.npy/x", NULL));
  unlink(DEEPECG_TEST_TMP "/synth_blocked/table.csv");
  err = (error){0};
  assert_false(synth_write(blocked, &options, NULL, &err));
  if (!strstr(err.message, "ecg_000002.npy"))
    fail_msg("\"%s\" does not name the file", err.message);
  assert_int_not_equal(access(DEEPECG_TEST_TMP "/synth_blocked/table.csv", F_OK), 0);
}

/* docs/synth.md: how the bundled demo was made. */
static void test_demo_is_made_again_byte_for_byte(void **state) {
  (void)state;
  synth_options options = synth_defaults();
  options.count = 7;
  options.seed = 9;
  options.format = SYNTH_MIXED;
  options.leads = SYNTH_LEADS_8;
  options.rate_hz = 250;
  buffer made = {0}, kept = {0};
  write_and_read(&options, &made);
  for (size_t i = 0; i < options.count; i++) {
    char name[32];
    file_name(&options, i, name);
    append_file(&kept, DEEPECG_TEST_DATA "/../ecg_signals", name);
  }
  append_file(&kept, DEEPECG_TEST_DATA "/../inputs", "data_rows_template.csv");
  assert_int_equal(made.size, kept.size);
  assert_memory_equal(made.data, kept.data, made.size);
  assert_true(kept.size <= 500000);
  csv_table *table = read_csv("table.csv");
  for (int column = 2; column < 8; column += 2) {
    unsigned positives = 0;
    for (size_t row = 0; row < csv_table_rows(table); row++)
      positives += csv_table_cell(table, row, column).text[0] == '1';
    assert_in_range(positives, 1, options.count - 1);
  }
  csv_table_destroy(table);
  buffer_free(&made);
  buffer_free(&kept);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bytes_are_the_known_ones),
      cmocka_unit_test(test_count_and_threads_change_nothing),
      cmocka_unit_test(test_files_read_back),
      cmocka_unit_test(test_stored_leads_and_rates),
      cmocka_unit_test(test_tables_belong_to_the_records),
      cmocka_unit_test(test_findings_are_named_as_published),
      cmocka_unit_test(test_population_is_plausible),
      cmocka_unit_test(test_statements_say_what_was_found),
      cmocka_unit_test(test_options_out_of_range_are_refused),
      cmocka_unit_test(test_progress_is_reported),
      cmocka_unit_test(test_failure_leaves_no_table),
      cmocka_unit_test(test_demo_is_made_again_byte_for_byte),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
