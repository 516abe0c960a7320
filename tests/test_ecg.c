/* Records: lead names, derivation, checks; the golden inputs, file by file. */
#include "base/mapped_file.h"
#include "ecg/conform.h"
#include "support/ecg_files.h"

#include <dirent.h>
#include <math.h>
#include <unistd.h>

static void check_name(const char *name, int lead) {
  int got = ecg_lead_from_name(name, strlen(name));
  if (got != lead)
    fail_msg("\"%s\" is lead %d, not %d", name, got, lead);
}

static void test_lead_names(void **state) {
  (void)state;
  for (int lead = 0; lead < ECG_LEADS; lead++)
    check_name(ecg_lead_names[lead], lead);
  check_name("AVR", LEAD_AVR);
  check_name("avl", LEAD_AVL);
  check_name("Lead aVR", LEAD_AVR);
  check_name("MDC_ECG_LEAD_AVF", LEAD_AVF);
  check_name("ECG I", LEAD_I);
  check_name(" V6 \n", LEAD_V6);
  check_name("aVL, augmented voltage, left", LEAD_AVL);
  check_name("Lead I (Einthoven)", LEAD_I);
  static const char *const others[] = {"",          "V",    "V3R", "V7", "V10", "-aVR",
                                       "Lead -aVR", "IIII", "VI",  "X",  "aV",  "Lead"};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    check_name(others[i], -1);
  assert_int_equal(ecg_lead_from_name("V1\0\0", 4), LEAD_V1);
  assert_int_equal(ecg_lead_from_name("V12", 2), LEAD_V1);
}

/* A record with the leads of `mask`, lead L holding L + 1 and L + 2. */
static void make_record(ecg_record *record, unsigned mask) {
  assert_true(ecg_record_init(record, NULL));
  record->samples = 2;
  for (int lead = 0; lead < ECG_LEADS; lead++)
    if (mask >> lead & 1) {
      float *samples = ecg_record_add_lead(record, (ecg_lead)lead, NULL);
      samples[0] = (float)lead + 1;
      samples[1] = (float)lead + 2;
    }
}

static void test_limb_leads_are_derived(void **state) {
  (void)state;
  ecg_record record;
  make_record(&record, 0xfc3); /* I = 1 2, II = 2 3 */
  assert_true(ecg_record_complete(&record, NULL));
  static const float expected[4][2] = {{1, 1}, {-1.5f, -2.5f}, {0, 0.5f}, {1.5f, 2}};
  for (int i = 0; i < 4; i++) {
    assert_int_equal(record.source[LEAD_III + i], LEAD_DERIVED);
    for (int k = 0; k < 2; k++)
      assert_true(record.leads[LEAD_III + i][k] == expected[i][k]);
  }
  assert_int_equal(record.source[LEAD_V1], LEAD_STORED);
  ecg_record_clear(&record);
  ecg_record_clear(&record);
}

static void test_stored_leads_are_kept(void **state) {
  (void)state;
  ecg_record record;
  make_record(&record, 0xfff);
  assert_true(ecg_record_complete(&record, NULL));
  for (int lead = 0; lead < ECG_LEADS; lead++)
    assert_true(record.leads[lead][1] == (float)lead + 2 && record.source[lead] == LEAD_STORED);
  assert_null(ecg_record_add_lead(&record, LEAD_V2, NULL));
  ecg_record_clear(&record);
}

static void check_incomplete(unsigned mask, ecg_lead broken, float value, const char *message) {
  ecg_record record;
  error err = {0};
  make_record(&record, mask);
  if (record.leads[broken])
    record.leads[broken][1] = value;
  assert_false(ecg_record_complete(&record, &err));
  assert_string_equal(err.message, message);
  ecg_record_clear(&record);
}

static void test_missing_and_broken_leads_are_named(void **state) {
  (void)state;
  check_incomplete(0xfff & ~(1u << LEAD_V3), LEAD_I, 2, "Missing lead V3");
  check_incomplete(7, LEAD_I, 2, "Missing leads V1, V2, V3, V4, V5, V6");
  check_incomplete(0xfc2, LEAD_II, 2, "Missing lead I");
  check_incomplete(0xfff, LEAD_V5, NAN, "Lead V5 has a value that is not finite (sample 1)");
  check_incomplete(0xfff, LEAD_AVL, -INFINITY, "Lead aVL has a value that is not finite (sample 1)");
  check_incomplete(0xfff, LEAD_V2, 3e12f, "Lead V2 has a value beyond 1e+12 (sample 1)");
  check_incomplete(0xfff, LEAD_V2, -2e38f, "Lead V2 has a value beyond 1e+12 (sample 1)");
  check_incomplete(0xfc3, LEAD_I, INFINITY, "Lead I has a value that is not finite (sample 1)");
}

/* ---- Golden inputs ---- */

/* Where the specification differs from the reference on purpose. */
static const struct {
  const char *set, *file, *message;
} differences[] = {
    {"damaged_xml", "short", "Signal too short: 2000"},
    {"npy_odd_length", "r1", "Wrong length: 5001 samples"},
    {"muse_missing_lead_V3", "r1", "Missing lead V3"},
};

/* Messages that the specification quotes, and those that are the XML parser's. */
static const char *const quoted[] = {"Signal too short", "Contains NaN", "Wrong lead count",
                                     "no element found: line 1, column 22"};

typedef struct golden_row {
  const char *file, *type, *status, *message;
} golden_row;

/* One line of ecg_processing_detailed_report.csv, with or without its xml_type column. */
static bool parse_row(char *line, bool has_type, golden_row *row) {
  char *fields[4] = {line, "", "", ""};
  int wanted = has_type ? 4 : 3;
  for (int i = 1; i < wanted; i++) {
    char *comma = strchr(fields[i - 1], ',');
    if (!comma)
      return false;
    *comma = '\0';
    fields[i] = comma + 1;
  }
  int status = has_type ? 2 : 1;
  char *message = fields[status + 1];
  message += *message == '"';
  message[strcspn(message, "\"\r\n")] = '\0';
  *row = (golden_row){line, has_type ? fields[1] : "NPY", fields[status], message};
  return true;
}

static bool read_and_conform(const char *path, const char **type, float *signal, error *err) {
  ecg_record record;
  mapped_file file;
  if (!mapped_file_open(&file, path, err))
    return false;
  bool read = ecg_read(file.data, file.size, &record, type, err);
  mapped_file_close(&file);
  if (!read)
    return false;
  bool done = ecg_conform(&record, ECG_UNITS_STORED, signal, NULL, 0, err);
  ecg_record_clear(&record);
  return done;
}

static void expect_message(const golden_row *row, const char *message) {
  for (size_t i = 0; i < sizeof quoted / sizeof *quoted; i++)
    if (strncmp(row->message, quoted[i], strlen(quoted[i])) == 0 && strcmp(message, row->message) != 0)
      fail_msg("%s: \"%s\" instead of \"%s\"", row->file, message, row->message);
  if (strncmp(row->message, "Unknown XML", 11) == 0 && strncmp(message, "Unknown XML format", 18) != 0)
    fail_msg("%s: \"%s\"", row->file, message);
}

static void check_golden_file(const char *set, const golden_row *row) {
  static float signal[ECG_SAMPLES * ECG_LEADS];
  char path[1000];
  const char *type, *expected_failure = NULL;
  error err = {0};
  snprintf(path, sizeof path, "%s/golden/preprocessing/%s/inputs/%s.npy", DEEPECG_TEST_DATA, set, row->file);
  if (access(path, R_OK) != 0)
    memcpy(path + strlen(path) - 3, "xml", 3);
  if (access(path, R_OK) != 0)
    return; /* the public samples are not copied here */
  for (size_t i = 0; i < sizeof differences / sizeof *differences; i++)
    if (strcmp(differences[i].set, set) == 0 && strcmp(differences[i].file, row->file) == 0)
      expected_failure = differences[i].message;
  bool done = read_and_conform(path, &type, signal, &err);
  bool should = !expected_failure && strcmp(row->status, "Success") == 0;
  if (done != should)
    fail_msg("%s/%s: %s", set, row->file, done ? "read" : err.message);
  if (expected_failure && strncmp(err.message, expected_failure, strlen(expected_failure)) != 0)
    fail_msg("%s/%s: %s", set, row->file, err.message);
  if (!done && !expected_failure)
    expect_message(row, err.message);
  if (done)
    assert_string_equal(type, row->type);
}

static int check_golden_set(const char *set) {
  char path[600], line[400];
  int rows = 0;
  snprintf(path, sizeof path,
           "%s/golden/preprocessing/%s/expected/outputs/batch_1/ecg_processing_detailed_report.csv",
           DEEPECG_TEST_DATA, set);
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  assert_non_null(fgets(line, sizeof line, file));
  bool has_type = strstr(line, "xml_type") != NULL;
  for (; fgets(line, sizeof line, file); rows++) {
    golden_row row = {0};
    assert_true(parse_row(line, has_type, &row));
    check_golden_file(set, &row);
  }
  fclose(file);
  return rows;
}

static void test_golden_inputs_have_the_expected_status(void **state) {
  (void)state;
  int rows = 0, sets = 0;
  DIR *folder = opendir(DEEPECG_TEST_DATA "/golden/preprocessing");
  assert_non_null(folder);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
    if (entry->d_name[0] != '.') {
      rows += check_golden_set(entry->d_name);
      sets++;
    }
  closedir(folder);
  assert_true(sets >= 12 && rows >= 60);
}

/* Where the reference finds no peak, its output is what was read, times one factor. */
static void check_scaled(const char *input, const char *set, const char *stem, double tolerance) {
  static float signal[ECG_SAMPLES * ECG_LEADS], expected[ECG_SAMPLES * ECG_LEADS + 3];
  static char text[4 * sizeof expected / 3 + 8];
  char path[1000];
  const char *type;
  error err = {0};
  if (!read_and_conform(input, &type, signal, &err))
    fail_msg("%s", err.message);
  snprintf(path, sizeof path, "%s/golden/preprocessing/%s/expected/preprocessed/%s.base64", DEEPECG_TEST_DATA,
           set, stem);
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  size_t length = fread(text, 1, sizeof text, file), size;
  fclose(file);
  assert_true(base64_decode(text, length, (uint8_t *)expected, &size));
  assert_int_equal(size, sizeof signal);
  double xy = 0, xx = 0;
  for (size_t i = 0; i < ECG_SAMPLES * ECG_LEADS; i++) {
    xy += (double)signal[i] * (double)expected[i];
    xx += (double)signal[i] * (double)signal[i];
  }
  for (size_t i = 0; i < ECG_SAMPLES * ECG_LEADS; i++)
    if (fabs((double)signal[i] * xy / xx - (double)expected[i]) > tolerance)
      fail_msg("%s: sample %zu, lead %s", stem, i / ECG_LEADS, ecg_lead_names[i % ECG_LEADS]);
}

static void test_uncleaned_golden_output_is_the_scaled_input(void **state) {
  (void)state;
  check_scaled(DEEPECG_TEST_DATA "/golden/preprocessing/muse_nopeaks/inputs/ecg_000.xml", "muse_nopeaks",
               "ecg_000", 1e-5);
  const char *sample = DEEPECG_SHARED "/data/ecg_signals/dummy_ecg.xml";
  if (access(sample, R_OK) == 0)
    check_scaled(sample, "dummy_xml", "dummy_ecg", 1e-5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lead_names),
      cmocka_unit_test(test_limb_leads_are_derived),
      cmocka_unit_test(test_stored_leads_are_kept),
      cmocka_unit_test(test_missing_and_broken_leads_are_named),
      cmocka_unit_test(test_golden_inputs_have_the_expected_status),
      cmocka_unit_test(test_uncleaned_golden_output_is_the_scaled_input),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
