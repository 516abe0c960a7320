/* DICOM waveform objects: fixtures made by pydicom, real files, hostile bytes. */
#include "base/mapped_file.h"
#include "ecg/conform.h"
#include "ecg/formats/dicom.h"
#include "ecg/formats/dicom_file.h"
#include "support/ecg_files.h"
#include "support/mutate.h"

#include <libdeflate.h>
#include <math.h>
#include <unistd.h>

static void fixture_path(char path[600], const char *name, const char *extension) {
  snprintf(path, 600, "%s/fixtures/dicom/%s%s", DEEPECG_TEST_DATA, name, extension);
}

static void load_fixture(buffer *b, const char *name) {
  char path[600];
  mapped_file file;
  error err;
  fixture_path(path, name, ".dcm");
  if (!mapped_file_open(&file, path, &err))
    fail_msg("%s", err.message);
  assert_true(buffer_append(b, file.data, file.size, NULL));
  mapped_file_close(&file);
}

/* The largest difference in microvolts between the record's leads and lead-major floats (NAN: lead not
 * stored). */
static double largest_difference(const ecg_record *record, const float *expected) {
  double largest = 0;
  for (int lead = 0; lead < ECG_LEADS; lead++) {
    const float *values = expected + (size_t)lead * record->samples;
    assert_int_equal(record->source[lead], isnan(values[0]) ? LEAD_DERIVED : LEAD_STORED);
    for (size_t i = 0; i < record->samples && !isnan(values[0]); i++) {
      double unit = record->microvolts_per_unit != 0 ? record->microvolts_per_unit : 1;
      largest = fmax(largest, fabs((double)record->leads[lead][i] * unit - (double)values[i]));
    }
  }
  return largest;
}

static float *load_floats(const char *path, size_t count) {
  float *values = malloc(count * sizeof *values);
  FILE *file = fopen(path, "rb");
  assert_non_null(values);
  if (!file || fread(values, sizeof *values, count, file) != count || fgetc(file) != EOF)
    fail_msg("%s does not hold %zu floats", path, count);
  fclose(file);
  return values;
}

typedef struct fixture {
  const char *name;
  double rate_hz, microvolts_per_unit;
  const char *statements, *warning, *time;
} fixture;

static const char moment[] = "20240229101112.5";

static const fixture fixtures[] = {
    {"explicit_ss16", 500, 4.88, "Rythme sinusal élevé, Sinus rhythm, Abnormal report", "", moment},
    {"explicit_undefined", 500, 2.5, "窦性心律", "", moment},
    {"implicit_ss16", 500, 1.22, "", "", "20240301 080910"},
    {"deflated_ss16", 500, 2.5, "窦性心律", "", moment},
    {"big_endian_ss16", 500, 4.88, "", "", moment},
    {"explicit_sb8", 500, 10, "", "", moment},
    {"explicit_ub8", 500, 10, "", "", moment},
    {"explicit_us16", 500, 2, "", "", moment},
    {"explicit_sl32", 500, 0.00005, "", "", moment},
    {"explicit_ul32", 500, 0.0005, "", "", moment},
    {"twelve_in_sixteen", 500, 4.88, "", "lead II: 1 samples of padding held", moment},
    {"names_only", 500, 1, "", "", moment},
    {"without_preamble", 500, 4.88, "", "", moment},
    {"data_set_implicit", 500, 4.88, "", "", moment},
    {"data_set_explicit", 500, 4.88, "", "", moment},
    {"padding", 500, 4.88, "",
     "5 samples of padding cut off; lead V1: 3 samples of padding held; lead V2: 1 samples of padding held",
     moment},
    {"sequence_as_un", 500, 4.88, "", "", moment},
    {"two_groups", 500, 2.44, "", "", moment},
    {"without_sensitivity", 500, 0, "", "no channel declares its sensitivity and unit", moment},
    {"ten_seconds", 50, 4.88, "Sinus rhythm, Normal ECG", "", moment},
};

static void check_fixture(const fixture *f) {
  char path[600];
  buffer b = {0};
  ecg_record record;
  const char *report_name;
  load_fixture(&b, f->name);
  assert_int_equal(dicom_kind_of((const uint8_t *)b.data, b.size), DICOM_WAVEFORM);
  ecg_files_read(b.data, b.size, &record, &report_name);
  assert_string_equal(report_name, "DICOM");
  assert_false(record.in_reference);
  assert_true(record.sampling_rate_hz == f->rate_hz);
  if (fabs(record.microvolts_per_unit - f->microvolts_per_unit) > 1e-12)
    fail_msg("%s: unit of %g uV", f->name, record.microvolts_per_unit);
  assert_string_equal(record.statements, f->statements);
  assert_string_equal(record.warning, f->warning);
  assert_string_equal(record.acquisition_time, f->time);
  assert_string_equal(record.device, "Maker Model 7");
  fixture_path(path, f->name, ".f32");
  float *expected = load_floats(path, ECG_LEADS * record.samples);
  double difference = largest_difference(&record, expected);
  print_message("%-20s %5zu samples, largest difference %.3g uV\n", f->name, record.samples, difference);
  assert_true(difference <= 2e-4);
  free(expected);
  ecg_record_clear(&record);
  buffer_free(&b);
}

static void test_fixtures(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof fixtures / sizeof *fixtures; i++)
    check_fixture(&fixtures[i]);
}

/* Numbers stored in one unit stay whole, which the batch store makes use of. */
static void test_stored_counts_stay_whole(void **state) {
  (void)state;
  buffer b = {0};
  ecg_record record;
  load_fixture(&b, "explicit_ss16");
  ecg_files_read(b.data, b.size, &record, NULL);
  for (size_t i = 0; i < record.samples; i++)
    assert_true(record.leads[LEAD_V1][i] == rintf(record.leads[LEAD_V1][i]));
  ecg_record_clear(&record);
  buffer_free(&b);
}

static void test_conformed_to_muse_counts(void **state) {
  (void)state;
  static float signal[ECG_SAMPLES * ECG_LEADS];
  buffer b = {0};
  ecg_record record;
  char warning[100];
  error err;
  load_fixture(&b, "rhythm_500");
  ecg_files_read(b.data, b.size, &record, NULL);
  assert_true(ecg_conform(&record, ECG_UNITS_STORED, signal, warning, sizeof warning, &err));
  assert_string_equal(warning, "");
  for (size_t k = 0; k < ECG_SAMPLES; k++)
    assert_true(signal[k * ECG_LEADS + LEAD_II] ==
                (float)((double)record.leads[LEAD_II][2 * k] * (2.5 / 4.88)));
  ecg_record_clear(&record);
  buffer_free(&b);
}

/* ---- What is taken from a file that offers more than one thing ---- */

/* Change bytes to others of the same number, where they appear for the n-th time (0: everywhere). */
static void change(buffer *b, const char *old, const char *new, int n) {
  size_t length = strlen(old);
  int found = 0;
  assert_int_equal(strlen(new), length);
  for (size_t i = 0; i + length <= b->size; i++)
    if (memcmp(b->data + i, old, length) == 0 && (++found == n || n == 0))
      memcpy(b->data + i, new, length);
  assert_true(found > 0 && found >= n);
}

/* explicit_ss16 holds a derived median beat of 90 samples and then the original rhythm of 60. */
static size_t samples_after(const char *old, const char *new, const char *old_2, const char *new_2) {
  buffer b = {0};
  ecg_record record;
  load_fixture(&b, "explicit_ss16");
  change(&b, old, new, 1);
  change(&b, old_2, new_2, 1);
  ecg_files_read(b.data, b.size, &record, NULL);
  size_t samples = record.samples;
  ecg_record_clear(&record);
  buffer_free(&b);
  return samples;
}

static void test_the_rhythm_is_taken(void **state) {
  (void)state;
  assert_int_equal(samples_after("ORIGINAL", "DERIVED ", "MEDIAN", "MEDIAN"), 60);
  assert_int_equal(samples_after("MEDIAN BEAT", "SOME LABEL ", "DERIVED", "DERIVED"), 60);
  assert_int_equal(samples_after("DERIVED ", "ORIGINAL", "MEDIAN BEAT", "average    "), 60);
  assert_int_equal(samples_after("DERIVED ", "ORIGINAL", "MEDIAN BEAT", "SOME LABEL "), 90);
  /* Then lead V6 of the longer one is none of the twelve. */
  buffer b = {0};
  ecg_record record;
  load_fixture(&b, "explicit_ss16");
  change(&b, "DERIVED ", "ORIGINAL", 1);
  change(&b, "MEDIAN BEAT", "SOME LABEL ", 1);
  change(&b, "2:8 ", "2:9 ", 1);
  ecg_files_read(b.data, b.size, &record, NULL);
  assert_int_equal(record.samples, 60);
  ecg_record_clear(&record);
  buffer_free(&b);
}

/* Leads that follow from others make no difference. */
static void test_derived_leads_do_not_count(void **state) {
  (void)state;
  buffer b = {0};
  ecg_record record;
  load_fixture(&b, "explicit_ss16");
  change(&b, "DERIVED ", "ORIGINAL", 1);
  change(&b, "MEDIAN BEAT", "SOME LABEL ", 1);
  change(&b, "2:61", "2:99", 1);
  ecg_files_read(b.data, b.size, &record, NULL);
  assert_int_equal(record.samples, 90);
  assert_int_equal(record.source[LEAD_III], LEAD_DERIVED);
  ecg_record_clear(&record);
  buffer_free(&b);
}

/* Groups are one recording only where they run at the same time. */
static void test_groups_that_do_not_run_together(void **state) {
  (void)state;
  static const char *const changes[][2] = {{"7.25", "8.25"}, {"500 ", "250 "}, {"ORIGINAL", "DERIVED "}};
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
    buffer b = {0};
    load_fixture(&b, "two_groups");
    change(&b, changes[i][0], changes[i][1], 1);
    ecg_files_refuse(b.data, b.size, "DICOM", "Missing leads I, II");
    buffer_free(&b);
  }
}

static void test_damaged_median_does_not_matter(void **state) {
  (void)state;
  assert_int_equal(samples_after("4.88", "nan ", "SS", "XX"), 60);
}

static void test_codes_count_before_names(void **state) {
  (void)state;
  buffer b = {0};
  ecg_record record;
  load_fixture(&b, "explicit_ss16");
  change(&b, "2:62", "2:65", 0); /* -aVR, whatever its name */
  change(&b, "Lead V1 ", "Lead V2 ", 0);
  ecg_files_read(b.data, b.size, &record, NULL);
  assert_int_equal(record.source[LEAD_AVR], LEAD_DERIVED);
  assert_int_equal(record.source[LEAD_V1], LEAD_STORED);
  ecg_record_clear(&record);
  change(&b, "MDC ", "XYZ ", 0); /* now the names count */
  ecg_files_refuse(b.data, b.size, "DICOM", "Lead V2 appears twice");
  buffer_free(&b);
}

static void test_character_sets(void **state) {
  (void)state;
  static const struct {
    const char *declared, *statement, *warning;
  } cases[] = {{"ISO_IR 100", "élevé", ""},
               {"ISO_IR 144", "щlevщ", ""},
               {"ISO 2022  ", "\xef\xbf\xbdlev\xef\xbf\xbd", "texts in a character set that is not known"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    buffer b = {0};
    ecg_record record;
    load_fixture(&b, "explicit_ss16");
    change(&b, "ISO_IR 100", cases[i].declared, 1);
    ecg_files_read(b.data, b.size, &record, NULL);
    if (!strstr(record.statements, cases[i].statement))
      fail_msg("%s: %s", cases[i].declared, record.statements);
    assert_string_equal(record.warning, cases[i].warning);
    ecg_record_clear(&record);
    buffer_free(&b);
  }
}

static void test_unknown_unit(void **state) {
  (void)state;
  buffer b = {0};
  ecg_record record;
  load_fixture(&b, "ten_seconds");
  change(&b, "uV", "mm", 3); /* code and meaning: those of lead I, then the code of lead II */
  ecg_files_read(b.data, b.size, &record, NULL);
  assert_string_equal(record.warning, "lead II: no unit that is known, taken for that of the others");
  ecg_record_clear(&record);
  buffer_free(&b);
}

static void test_values_beyond_the_bits_stored(void **state) {
  (void)state;
  buffer b = {0};
  ecg_record record;
  load_fixture(&b, "ten_seconds");
  for (size_t i = 0; i + 10 < b.size; i++) /* Waveform Bits Stored of each channel: 16 becomes 8 */
    if (memcmp(b.data + i, "\x3a\x00\x1a\x02US\x02\x00\x10", 9) == 0)
      b.data[i + 8] = 8;
  ecg_files_read(b.data, b.size, &record, NULL);
  assert_non_null(strstr(record.warning, "lead I: values beyond the 8 bits declared"));
  ecg_record_clear(&record);
  buffer_free(&b);
}

/* ---- Refusals; the damage cases in tests/damage/ecg have those that a few bytes describe ---- */

static void test_other_objects(void **state) {
  (void)state;
  buffer b = {0};
  load_fixture(&b, "image");
  assert_int_equal(dicom_kind_of((const uint8_t *)b.data, b.size), DICOM_OTHER);
  ecg_files_refuse(b.data, b.size, "DICOM", "DICOM transfer syntax 1.2.840.10008.1.2.4.50");
  buffer_free(&b);
}

static void test_no_dicom(void **state) {
  (void)state;
  static const char *const texts[] = {"", "x", "\x08", "<RestingECG/>", "\x93NUMPY\x01"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    assert_int_equal(dicom_kind_of((const uint8_t *)texts[i], strlen(texts[i])), DICOM_NONE);
  buffer b = {0};
  load_fixture(&b, "data_set_implicit");
  b.data[0x15] = 'x'; /* of the SOP class's root */
  assert_int_equal(dicom_kind_of((const uint8_t *)b.data, b.size), DICOM_NONE);
  buffer_free(&b);
}

static void append_meta(buffer *b, const char *uid) {
  char zeros[128] = "";
  size_t length = strlen(uid) + strlen(uid) % 2;
  char element[8] = {2, 0, 0x10, 0, 'U', 'I', (char)length, 0};
  assert_true(buffer_append(b, zeros, 128, NULL) && buffer_append(b, "DICM", 4, NULL) &&
              buffer_append(b, element, 8, NULL) && buffer_append(b, uid, length, NULL));
}

/* 100 MB of zeros in 100 kB. */
static void test_inflate_bomb(void **state) {
  (void)state;
  size_t size = 100u << 20, capacity = 1 << 20;
  void *zeros = calloc(size, 1), *packed = malloc(capacity);
  assert_true(zeros && packed);
  struct libdeflate_compressor *c = libdeflate_alloc_compressor(6);
  size_t used = libdeflate_deflate_compress(c, zeros, size, packed, capacity);
  libdeflate_free_compressor(c);
  assert_true(used > 0);
  buffer b = {0};
  append_meta(&b, "1.2.840.10008.1.2.1.99");
  assert_true(buffer_append(&b, packed, used, NULL));
  ecg_files_refuse(b.data, b.size, "DICOM", "grows beyond 64 MB");
  buffer_free(&b);
  free(zeros);
  free(packed);
}

static void append_nested(buffer *b, int levels) {
  static const char sequence[] = "\x40\x00\x20\xb0SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff";
  for (int i = 0; i < levels; i++)
    assert_true(buffer_append(b, sequence, sizeof sequence - 1, NULL));
}

static void append_ends(buffer *b, int levels) {
  static const char ends[] = "\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0";
  for (int i = 0; i < levels; i++)
    assert_true(buffer_append(b, ends, sizeof ends - 1, NULL));
}

static void test_nesting(void **state) {
  (void)state;
  buffer b = {0};
  append_meta(&b, "1.2.840.10008.1.2.1");
  append_nested(&b, DICOM_MAX_DEPTH);
  append_ends(&b, DICOM_MAX_DEPTH);
  ecg_files_refuse(b.data, b.size, "DICOM", "DICOM object without a waveform");
  buffer_free(&b);
  append_meta(&b, "1.2.840.10008.1.2.1");
  append_nested(&b, 200000);
  ecg_files_refuse(b.data, b.size, "DICOM", "DICOM sequences are nested more than 32 deep");
  buffer_free(&b);
}

static void test_too_many_elements(void **state) {
  (void)state;
  static const char element[8] = {9, 0, 0, 0, 'C', 'S', 0, 0};
  buffer b = {0};
  append_meta(&b, "1.2.840.10008.1.2.1");
  for (int i = 0; i <= DICOM_MAX_ELEMENTS; i++)
    assert_true(buffer_append(&b, element, 8, NULL));
  ecg_files_refuse(b.data, b.size, "DICOM", "more than 1000000 elements");
  buffer_free(&b);
}

static void test_too_many_groups(void **state) {
  (void)state;
  static const char sequence[] = "\x00\x54\x00\x01SQ\0\0\xff\xff\xff\xff",
                    item[] = "\xfe\xff\x00\xe0\0\0\0\0";
  buffer b = {0};
  append_meta(&b, "1.2.840.10008.1.2.1");
  assert_true(buffer_append(&b, sequence, 12, NULL));
  for (int i = 0; i < 65; i++)
    assert_true(buffer_append(&b, item, 8, NULL));
  ecg_files_refuse(b.data, b.size, "DICOM", "more than 64 multiplex groups");
  buffer_free(&b);
}

/* ---- Hostile bytes ---- */

static void read_any(const uint8_t *data, size_t size, void *context) {
  static float signal[ECG_SAMPLES * ECG_LEADS];
  size_t *failed = context;
  ecg_record record;
  error err = {0};
  if (ecg_read(data, size, &record, NULL, &err)) {
    ecg_conform(&record, ECG_UNITS_PHYSICAL, signal, NULL, 0, &err);
    ecg_record_clear(&record);
    return;
  }
  ++*failed;
  if (err.code == ERROR_NONE || err.code == ERROR_INTERNAL || !*err.message)
    fail_msg("a failure without a reason");
  if (strstr(err.message, "Never") || strstr(err.message, "SECRET") || strstr(err.message, "19010203"))
    fail_msg("patient data in a message: %s", err.message);
}

static void test_hostile(void **state) {
  (void)state;
  static const char *const names[] = {"explicit_ss16",    "implicit_ss16", "explicit_undefined",
                                      "big_endian_ss16",  "deflated_ss16", "data_set_implicit",
                                      "sequence_as_un",   "padding",       "two_groups",
                                      "twelve_in_sixteen"};
  size_t count = sizeof names / sizeof *names;
  for (size_t i = 0; i < count; i++) {
    buffer b = {0};
    size_t cut = 0, changed = 0;
    load_fixture(&b, names[i]);
    mutate_truncate((const uint8_t *)b.data, b.size, 200, read_any, &cut);
    assert_int_equal(cut, 200);
    mutate_bytes((const uint8_t *)b.data, b.size, 1000, 40 + i, read_any, &changed);
    assert_true(changed > 0);
    buffer_free(&b);
  }
}

/* ---- Real files ---- */

static void check_real(const char *name, double unit, const char *device, const char *time) {
  char path[600];
  ecg_record record;
  const char *report_name;
  error err;
  snprintf(path, sizeof path, "%s/data/real/dicom/%s", DEEPECG_SHARED, name);
  if (access(path, R_OK) != 0)
    skip();
  if (!ecg_read_file(path, &record, &report_name, &err))
    fail_msg("%s", err.message);
  assert_string_equal(report_name, "DICOM");
  assert_true(record.samples == 5000 && record.sampling_rate_hz == 500);
  assert_true(record.microvolts_per_unit == unit);
  assert_string_equal(record.device, device);
  assert_string_equal(record.acquisition_time, time);
  assert_string_equal(record.statements, ""); /* their annotations are measurements */
  assert_string_equal(record.warning, "");
  snprintf(path, sizeof path, "%s/data/real/expected/dicom__%s.f32", DEEPECG_SHARED, name);
  float *expected = load_floats(path, (size_t)ECG_LEADS * 5000);
  double difference = largest_difference(&record, expected);
  print_message("%s: largest difference %.3g uV\n", name, difference);
  assert_true(difference <= 2e-4);
  free(expected);
  ecg_record_clear(&record);
}

static void test_real_files(void **state) {
  (void)state;
  check_real("ECGToolkit_Example.dcm", 2.5, "Unknown ELI250", "20021122091000");
  check_real("ecg2dcm_guangxi_sinus.dcm", 4.88, "GE Healthcare MAC P", "20240101000000");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_fixtures),
      cmocka_unit_test(test_stored_counts_stay_whole),
      cmocka_unit_test(test_conformed_to_muse_counts),
      cmocka_unit_test(test_the_rhythm_is_taken),
      cmocka_unit_test(test_derived_leads_do_not_count),
      cmocka_unit_test(test_groups_that_do_not_run_together),
      cmocka_unit_test(test_damaged_median_does_not_matter),
      cmocka_unit_test(test_codes_count_before_names),
      cmocka_unit_test(test_character_sets),
      cmocka_unit_test(test_unknown_unit),
      cmocka_unit_test(test_values_beyond_the_bits_stored),
      cmocka_unit_test(test_other_objects),
      cmocka_unit_test(test_no_dicom),
      cmocka_unit_test(test_inflate_bomb),
      cmocka_unit_test(test_nesting),
      cmocka_unit_test(test_too_many_elements),
      cmocka_unit_test(test_too_many_groups),
      cmocka_unit_test(test_hostile),
      cmocka_unit_test(test_real_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
