/* What is said of an ECG file: right numbers, and nothing about the patient. */
#include "base/mapped_file.h"
#include "ecg/describe.h"
#include "ecg/facts.h"
#include "support/ecg_files.h"

#include <jansson.h>
#include <math.h>

static bool is_near(double a, double b) {
  return fabs(a - b) <= 1e-9;
}

/* 10 samples: I and III are 0 but for one spike each, all others follow; 100 uV per count. */
static void make_record(ecg_record *record) {
  error err;
  assert_true(ecg_record_init(record, &err));
  record->samples = 10;
  record->microvolts_per_unit = 100;
  for (int lead = 0; lead < ECG_LEADS; lead++)
    assert_non_null(ecg_record_add_lead(record, (ecg_lead)lead, &err));
}

static void test_facts(void **state) {
  (void)state;
  ecg_record record;
  make_record(&record);
  for (size_t i = 0; i < 10; i += 2) /* a beat of 1.5 mV in each fifth */
    record.leads[LEAD_V2][i] = 15;
  record.leads[LEAD_V2][3] = -40; /* one outlier */
  record.leads[LEAD_V3][0] = 31;  /* not typical */
  for (size_t i = 1; i < 10; i += 2)
    record.leads[LEAD_V4][i] = -31;
  record.leads[LEAD_I][4] = 2;
  record.leads[LEAD_II][4] = 5;
  record.leads[LEAD_III][4] = 4;
  ecg_facts f = ecg_facts_of(&record);
  assert_true(f.in_millivolts && f.residual_known);
  assert_true(is_near(f.residual, 0.1));
  assert_true(is_near(f.leads[LEAD_V2].lowest, -4) && is_near(f.leads[LEAD_V2].highest, 1.5));
  assert_true(is_near(f.leads[LEAD_V2].amplitude, 1.5) && !f.leads[LEAD_V2].unusual);
  assert_true(f.leads[LEAD_V3].amplitude == 0 && f.leads[LEAD_V3].unusual);
  assert_true(is_near(f.leads[LEAD_V4].amplitude, 3.1) && f.leads[LEAD_V4].unusual);
  assert_int_equal(f.unusual, 11);
  record.source[LEAD_III] = LEAD_DERIVED;
  record.microvolts_per_unit = 0;
  f = ecg_facts_of(&record);
  assert_true(!f.in_millivolts && !f.residual_known && f.unusual == 0);
  assert_true(f.leads[LEAD_V2].lowest == -40 && f.leads[LEAD_V2].amplitude == 15);
  ecg_record_clear(&record);
}

static void describe(const void *bytes, size_t size, bool json, buffer *text) {
  error err;
  if (!ecg_describe("the file", bytes, size, json, text, &err))
    fail_msg("%s", err.message);
}

static void holds(const buffer *text, const char *line) {
  if (!strstr(text->data, line))
    fail_msg("\"%s\" is not in\n%s", line, text->data);
}

static void describe_fixture(const char *name, bool json, buffer *text) {
  char path[600];
  mapped_file file;
  error err;
  snprintf(path, sizeof path, "%s/fixtures/dicom/%s.dcm", DEEPECG_TEST_DATA, name);
  if (!mapped_file_open(&file, path, &err))
    fail_msg("%s", err.message);
  assert_true(ecg_looks_like(file.data, file.size));
  describe(file.data, file.size, json, text);
  mapped_file_close(&file);
}

static void test_text(void **state) {
  (void)state;
  static const char *const lines[] = {"file        the file\n",
                                      "kind        ECG, DICOM waveform\n",
                                      "rate        50 Hz\n",
                                      "length      500 samples, 10 s\n",
                                      "unit        4.88 uV per count\n",
                                      "device      Maker Model 7\n",
                                      "statements  2\n",
                                      "checksum    none in the file\n",
                                      "stored      I, II, V1, V2, V3, V4, V5, V6\n",
                                      "derived     III, aVR, aVL, aVF\n",
                                      "II-I-III    not checked: III is derived\n",
                                      "pipeline    reads it: resampled from 50 Hz to 250 Hz\n",
                                      "lead      lowest   highest  amplitude  mV\n"};
  buffer text = {0};
  describe_fixture("ten_seconds", false, &text);
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    holds(&text, lines[i]);
  assert_null(strstr(text.data, "warning"));
  buffer_free(&text);
  describe_fixture("padding", false, &text);
  holds(&text, "pipeline    refuses it: Signal too short: 55\n");
  holds(&text, "warning     5 samples of padding cut off;");
  holds(&text, "note        amplitude of 12 leads is outside 0.3-3 mV: is the unit right?\n");
  holds(&text, "  small\n");
  buffer_free(&text);
  describe_fixture("without_sensitivity", false, &text);
  holds(&text, "unit        not declared\n");
  holds(&text, "amplitude  (stored numbers)\n");
  buffer_free(&text);
  describe_fixture("explicit_ss16", false, &text);
  holds(&text, "II-I-III    0.83 mV at most\n");
  buffer_free(&text);
}

static void test_json(void **state) {
  (void)state;
  buffer text = {0};
  json_error_t where;
  describe_fixture("explicit_ss16", true, &text);
  json_t *root = json_loads(text.data, 0, &where);
  const char *file, *kind, *format, *device;
  double rate, unit;
  int samples, statements;
  json_t *leads, *checksum;
  assert_non_null(root);
  assert_int_equal(json_unpack(root, "{s:s, s:s, s:s, s:F, s:i, s:F, s:s, s:i, s:o, s:o}", "file", &file,
                               "kind", &kind, "format", &format, "sampling_rate_hz", &rate, "samples",
                               &samples, "microvolts_per_unit", &unit, "device", &device, "statements",
                               &statements, "checksum_matches", &checksum, "leads", &leads),
                   0);
  assert_string_equal(file, "the file");
  assert_string_equal(kind, "ECG");
  assert_true(rate == 500 && samples == 60 && unit == 4.88 && statements == 3);
  assert_true(json_is_null(checksum) && json_array_size(leads) == ECG_LEADS);
  json_decref(root);
  buffer_free(&text);
}

static void test_nothing_about_the_patient(void **state) {
  (void)state;
  static const char *const secrets[] = {"Never", "Shown", "SECRET", "19010203", "2024", "rhythm", "sinus"};
  for (int json = 0; json < 2; json++) {
    buffer text = {0};
    describe_fixture("explicit_ss16", json, &text);
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
      if (strstr(text.data, secrets[i]))
        fail_msg("%s is in\n%s", secrets[i], text.data);
    buffer_free(&text);
  }
}

static void describe_muse(const char *extra, const char *expected) {
  static const char head[] =
      "<Diagnosis><DiagnosisStatement><StmtText>Sinus</StmtText></DiagnosisStatement>"
      "<DiagnosisStatement><StmtText> </StmtText></DiagnosisStatement>"
      "<DiagnosisStatement><StmtText>Normal ECG</StmtText></DiagnosisStatement></Diagnosis>"
      "<OriginalDiagnosis><DiagnosisStatement><StmtText>Other</StmtText></DiagnosisStatement></"
      "OriginalDiagnosis>";
  muse_file file = {.types = {"Rhythm", NULL},
                    .samples = {10},
                    .leads = ecg_files_eight_leads,
                    .sample_base = "500",
                    .head = head,
                    .extra = extra};
  buffer b = {0}, text = {0};
  ecg_files_muse(&b, &file);
  describe(b.data, b.size, false, &text);
  holds(&text, expected);
  holds(&text, "statements  2\n");
  buffer_free(&b);
  buffer_free(&text);
}

static void test_checksums_and_statements_of_muse(void **state) {
  (void)state;
  describe_muse(NULL, "checksum    none in the file\n");
  describe_muse("<LeadDataCRC32>1</LeadDataCRC32>", "checksum    does not match\n");
  const char *path = DEEPECG_SHARED "/data/real/muse/easyRecg_muse_ecg1.xml";
  ecg_record record;
  if (!ecg_read_file(path, &record, NULL, NULL))
    skip();
  assert_int_equal(record.checksum, CHECKSUM_MATCHES);
  assert_int_equal(record.statement_count, 3);
  ecg_record_clear(&record);
}

static void test_refusals(void **state) {
  (void)state;
  static const uint8_t model[] = "PK\3\4 an archive";
  static const char xml[] = "<Other/>";
  buffer text = {0};
  error err;
  assert_false(ecg_looks_like(model, sizeof model));
  assert_true(ecg_looks_like((const uint8_t *)xml, sizeof xml - 1));
  assert_false(ecg_describe("the file", (const uint8_t *)xml, sizeof xml - 1, false, &text, &err));
  assert_string_equal(err.message, "the file: Unknown XML format: root element Other");
  assert_int_equal(text.size, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_facts),
      cmocka_unit_test(test_text),
      cmocka_unit_test(test_json),
      cmocka_unit_test(test_nothing_about_the_patient),
      cmocka_unit_test(test_checksums_and_statements_of_muse),
      cmocka_unit_test(test_refusals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
