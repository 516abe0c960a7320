/* NumPy arrays: every shape, type, byte order and memory order; headers good and bad. */
#include "ecg/conform.h"
#include "support/ecg_files.h"

#include <math.h>

enum { SAMPLES = 2500 };

typedef struct npy_kind {
  const char *name; /* without byte order */
  int size;
} npy_kind;

static const npy_kind kinds[] = {{"i1", 1}, {"i2", 2}, {"i4", 4}, {"i8", 8}, {"u1", 1}, {"u2", 2},
                                 {"u4", 4}, {"u8", 8}, {"f2", 2}, {"f4", 4}, {"f8", 8}};

static const char *const shapes[] = {"(2500, 12)", "(12, 2500)", "(2500, 12, 1)", "(12, 2500, 1)"};

/* What a type can hold of the test signal. */
static int64_t value_of(const npy_kind *kind, int lead, size_t sample) {
  int value = ecg_files_count(lead, sample);
  if (kind->name[0] == 'u')
    value += 430;
  return kind->size == 1 ? (kind->name[0] == 'u' ? value & 255 : (int8_t)value) : value;
}

static uint16_t half_bits(int64_t value) {
  uint64_t magnitude = (uint64_t)(value < 0 ? -value : value);
  if (magnitude == 0)
    return 0;
  int exponent = 63 - __builtin_clzll(magnitude);
  uint64_t fraction = (magnitude << (10 - exponent)) & 1023;
  return (uint16_t)((value < 0) << 15 | (exponent + 15) << 10 | (int)fraction);
}

static uint64_t bits_of(const npy_kind *kind, int64_t value) {
  uint64_t bits = (uint64_t)value;
  float single = (float)value;
  double real = (double)value;
  if (kind->name[0] != 'f')
    return bits;
  if (kind->size == 2)
    return half_bits(value);
  memcpy(&bits, kind->size == 4 ? (void *)&single : (void *)&real, (size_t)kind->size);
  return bits;
}

static void store(uint8_t *at, uint64_t bits, int size, bool big_endian) {
  for (int i = 0; i < size; i++)
    at[big_endian ? size - 1 - i : i] = (uint8_t)(bits >> 8 * i);
}

static void make_file(buffer *b, const npy_kind *kind, int shape, bool big_endian, bool fortran) {
  size_t rows = shape % 2 ? ECG_LEADS : SAMPLES, columns = shape % 2 ? SAMPLES : ECG_LEADS;
  uint8_t *bytes = malloc(rows * columns * (size_t)kind->size);
  assert_non_null(bytes);
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < columns; c++) {
      int64_t value = shape % 2 ? value_of(kind, (int)r, c) : value_of(kind, (int)c, r);
      size_t index = fortran ? c * rows + r : r * columns + c;
      store(bytes + index * (size_t)kind->size, bits_of(kind, value), kind->size, big_endian);
    }
  char header[200];
  snprintf(header, sizeof header, "{'descr': '%c%s', 'fortran_order': %s, 'shape': %s, }   \n",
           kind->size == 1 ? '|'
           : big_endian    ? '>'
                           : '<',
           kind->name, fortran ? "True" : "False", shapes[shape]);
  ecg_files_npy(b, header, bytes, rows * columns * (size_t)kind->size);
  free(bytes);
}

static void check_file(const npy_kind *kind, int shape, bool big_endian, bool fortran) {
  buffer b = {0};
  ecg_record record;
  const char *name;
  make_file(&b, kind, shape, big_endian, fortran);
  ecg_files_read(b.data, b.size, &record, &name);
  assert_string_equal(name, "NPY");
  assert_true(record.samples == SAMPLES && record.sampling_rate_hz == 0 && record.microvolts_per_unit == 0);
  assert_true(record.in_reference);
  for (int lead = 0; lead < ECG_LEADS; lead++)
    for (size_t i = 0; i < SAMPLES; i++)
      if (record.leads[lead][i] != (float)value_of(kind, lead, i))
        fail_msg("%s %s%s%s: lead %s, sample %zu: %g", kind->name, shapes[shape],
                 big_endian ? " big-endian" : "", fortran ? " Fortran" : "", ecg_lead_names[lead], i,
                 (double)record.leads[lead][i]);
  ecg_record_clear(&record);
  buffer_free(&b);
}

static void test_all_shapes_types_and_orders(void **state) {
  (void)state;
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
    for (int shape = 0; shape < 4; shape++)
      for (int order = 0; order < 4; order++)
        check_file(&kinds[k], shape, order & 1, order & 2);
}

/* One float16 pattern in the first sample of lead I. */
static float read_half(uint16_t bits) {
  static const npy_kind half = {"f2", 2};
  buffer b = {0};
  ecg_record record;
  make_file(&b, &half, 0, false, false);
  b.data[b.size - (size_t)SAMPLES * ECG_LEADS * 2] = (char)(bits & 255);
  b.data[b.size - (size_t)SAMPLES * ECG_LEADS * 2 + 1] = (char)(bits >> 8);
  ecg_files_read(b.data, b.size, &record, NULL);
  float value = record.leads[LEAD_I][0];
  ecg_record_clear(&record);
  buffer_free(&b);
  return value;
}

static void test_float16_values(void **state) {
  (void)state;
  assert_true(read_half(0x3c00) == 1.0f);
  assert_true(read_half(0xc000) == -2.0f);
  assert_true(read_half(0x7bff) == 65504.0f);
  assert_true(read_half(0x0400) == 0x1p-14f);
  assert_true(read_half(0x0001) == 0x1p-24f);
  assert_true(read_half(0x83ff) == -0x1.ff8p-15f);
  assert_true(read_half(0x3555) == 0x1.554p-2f);
}

/* ---- Headers ---- */

/* An int16 array of zeros under this header. */
static void make_zeros(buffer *b, const char *header, size_t bytes) {
  char *zeros = calloc(bytes + 1, 1);
  assert_non_null(zeros);
  ecg_files_npy(b, header, zeros, bytes);
  free(zeros);
}

static void accept_header(const char *header) {
  buffer b = {0};
  ecg_record record;
  make_zeros(&b, header, 60000);
  ecg_files_read(b.data, b.size, &record, NULL);
  assert_int_equal(record.samples, SAMPLES);
  ecg_record_clear(&record);
  buffer_free(&b);
}

static void refuse_header(const char *header, const char *message) {
  buffer b = {0};
  make_zeros(&b, header, 60000);
  ecg_files_refuse(b.data, b.size, "NPY", message);
  buffer_free(&b);
}

static void test_header_spellings(void **state) {
  (void)state;
  accept_header("{'descr': '<i2', 'fortran_order': False, 'shape': (2500, 12), }");
  accept_header("{'descr':'<i2','fortran_order':False,'shape':(2500,12)}\n");
  accept_header("  { \"shape\" : ( 2500 , 12 , ) ,\t\"fortran_order\" : True , \"descr\" : \"=i2\" , }  \n");
  accept_header("{'descr': 'i2', 'fortran_order': False, 'shape': (2500L, 12L), }");
  refuse_header("", "no dictionary");
  refuse_header("{'descr': '<i2', 'fortran_order': False}", "is missing");
  refuse_header("{'descr': '<i2', 'descr': '<i2', 'fortran_order': False, 'shape': (2500, 12)}", "twice");
  refuse_header("{'descr': '<i2', 'fortran_order': False, 'shape': (2500, 12), 'x': 1}", "unknown key");
  refuse_header("{'descr': '<i2', 'fortran_order': 0, 'shape': (2500, 12)}", "neither True nor False");
  refuse_header("{'descr': '<i2', 'fortran_order': False, 'shape': 30000}", "not a tuple");
  refuse_header("{'descr': '<i2', 'fortran_order': False, 'shape': (2500, -12)}",
                "something else than sizes");
  refuse_header("{'descr': '<i2', 'fortran_order': False, 'shape': (2500, 12}", "not closed");
  refuse_header("{'descr': '<i2', 'fortran_order': False, 'shape': (2500, 12)", "not closed");
  refuse_header("{'descr': '<i2', 'fortran_order': False, 'shape': (2500, 12)} x", "text after");
  refuse_header("{'descr': '<i2, 'fortran_order': False, 'shape': (2500, 12)}", "NPY header");
  refuse_header("{descr: '<i2', 'fortran_order': False, 'shape': (2500, 12)}", "no key");
}

static void refuse_type(const char *descr, const char *message) {
  char header[200];
  snprintf(header, sizeof header, "{'descr': %s, 'fortran_order': False, 'shape': (2500, 12), }", descr);
  refuse_header(header, message);
}

static void test_other_types_are_refused(void **state) {
  (void)state;
  refuse_type("'|O'", "pickled (object) data");
  refuse_type("'|b1'", "type b1");
  refuse_type("'<c8'", "type c8");
  refuse_type("'<f16'", "type f16");
  refuse_type("'<i3'", "type i3");
  refuse_type("'<U5'", "type U5");
  refuse_type("'|V12'", "type V12");
  refuse_type("'<M8[ns]'", "not a plain number type");
  refuse_type("[('a', '<i2')]", "structured type");
  refuse_type("''", "descr is not a type name");
  refuse_type("'<'", "descr is not a type name");
  refuse_type("'<\x01\x02'", "not a plain number type");
}

static void refuse_shape(const char *shape, const char *message) {
  char header[200];
  snprintf(header, sizeof header, "{'descr': '<i2', 'fortran_order': False, 'shape': %s, }", shape);
  refuse_header(header, message);
}

static void test_other_shapes_are_refused(void **state) {
  (void)state;
  refuse_shape("()", "Wrong array shape ()");
  refuse_shape("(30000,)", "Wrong array shape (30000)");
  refuse_shape("(900,)", "Signal too short: 900");
  refuse_shape("(2500, 8)", "Wrong lead count: 8");
  refuse_shape("(2500, 13)", "Wrong lead count: 13");
  refuse_shape("(8, 2500)", "Signal too short: 8");
  refuse_shape("(0, 12)", "Signal too short: 0");
  refuse_shape("(12, 0)", "Signal too short: 0");
  refuse_shape("(2500, 12, 2)", "Wrong array shape (2500, 12, 2)");
  refuse_shape("(1, 2500, 12)", "Wrong array shape (1, 2500, 12)");
  refuse_shape("(2500, 12, 1, 1)", "more than 3 dimensions");
  refuse_shape("(2501, 12)", "cut short: 30012 elements declared, 30000 present");
  refuse_shape("(4611686018427387904, 12)", "more than 4194304 are not read");
  refuse_shape("(12, 1537228672809129301)", "more than 4194304 are not read");
  refuse_shape("(4194305, 12)", "more than 4194304 are not read");
  refuse_shape("(4194304, 12)", "cut short: 50331648 elements declared, 30000 present");
  refuse_shape("(99999999999999999999, 12)", "something else than sizes");
}

static void test_nan_fails_and_infinity_names_its_lead(void **state) {
  (void)state;
  static const npy_kind single = {"f4", 4};
  static const uint8_t nan_bits[] = {0, 0, 0xc0, 0x7f}, infinity_bits[] = {0, 0, 0x80, 0xff};
  buffer b = {0};
  make_file(&b, &single, 0, false, false);
  uint8_t *value = (uint8_t *)b.data + b.size - 4 * (100 * ECG_LEADS - LEAD_V2); /* sample 2400 */
  memcpy(value, nan_bits, 4);
  ecg_files_refuse(b.data, b.size, "NPY", "Contains NaN values");
  memcpy(value, infinity_bits, 4);
  ecg_files_refuse(b.data, b.size, "NPY", "Lead V2 has a value that is not finite (sample 2400)");
  buffer_free(&b);
}

static void test_versions(void **state) {
  (void)state;
  buffer b = {0}, longer = {0};
  make_zeros(&b, "{'descr': '<i2', 'fortran_order': False, 'shape': (2500, 12), }\n", 60000);
  static const char wide[] = "\0\0";
  assert_true(buffer_append(&longer, b.data, 10, NULL) && buffer_append(&longer, wide, 2, NULL) &&
              buffer_append(&longer, b.data + 10, b.size - 10, NULL));
  for (char version = 2; version <= 3; version++) {
    ecg_record record;
    longer.data[6] = version;
    ecg_files_read(longer.data, longer.size, &record, NULL);
    ecg_record_clear(&record);
  }
  longer.data[6] = 4;
  ecg_files_refuse(longer.data, longer.size, "NPY", "NPY version 4.0");
  longer.data[6] = 2;
  longer.data[11] = 1;
  ecg_files_refuse(longer.data, longer.size, "NPY", "NPY header of");
  longer.data[11] = 0;
  longer.data[9] = (char)0xff;
  ecg_files_refuse(longer.data, 1000, "NPY", "the file ends inside it");
  buffer_free(&b);
  buffer_free(&longer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_all_shapes_types_and_orders),
      cmocka_unit_test(test_float16_values),
      cmocka_unit_test(test_header_spellings),
      cmocka_unit_test(test_other_types_are_refused),
      cmocka_unit_test(test_other_shapes_are_refused),
      cmocka_unit_test(test_nan_fails_and_infinity_names_its_lead),
      cmocka_unit_test(test_versions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
