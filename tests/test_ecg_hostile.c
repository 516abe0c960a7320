/* Bytes that no reader should trust: described damage, truncations, random changes. */
#include "ecg/conform.h"
#include "support/damage.h"
#include "support/ecg_files.h"
#include "support/mutate.h"

static bool read_and_conform(const uint8_t *data, size_t size, void *context, error *err) {
  static float signal[ECG_SAMPLES * ECG_LEADS];
  char warning[100];
  ecg_record record;
  (void)context;
  if (!ecg_read(data, size, &record, NULL, err))
    return false;
  bool done = ecg_conform(&record, ECG_UNITS_PHYSICAL, signal, warning, sizeof warning, err);
  ecg_record_clear(&record);
  return done;
}

static void test_damage_cases(void **state) {
  (void)state;
  assert_true(damage_check_reader(DEEPECG_TEST_DATA, "ecg", read_and_conform, NULL) >= 40);
}

typedef struct tally {
  size_t read, failed;
} tally;

static void read_any(const uint8_t *data, size_t size, void *context) {
  tally *t = context;
  error err = {0};
  if (read_and_conform(data, size, NULL, &err)) {
    t->read++;
    return;
  }
  t->failed++;
  if (err.code == ERROR_NONE || err.code == ERROR_INTERNAL || !*err.message)
    fail_msg("a failure without a reason");
}

static void attack(const buffer *b, uint64_t seed) {
  tally cut = {0}, changed = {0};
  const uint8_t *data = (const uint8_t *)b->data;
  mutate_truncate(data, b->size, 200, read_any, &cut);
  assert_int_equal(cut.failed, 200);
  mutate_bytes(data, b->size, 10000, seed, read_any, &changed);
  assert_int_equal(changed.read + changed.failed, 10000);
  assert_true(changed.failed > 0);
}

static void test_npy(void **state) {
  (void)state;
  buffer b = {0};
  float *samples = calloc((size_t)ECG_SAMPLES * ECG_LEADS, sizeof *samples);
  assert_non_null(samples);
  ecg_files_npy(&b, "{'descr': '<f4', 'fortran_order': False, 'shape': (2500, 12), }\n", samples,
                (size_t)ECG_SAMPLES * ECG_LEADS * sizeof *samples);
  attack(&b, 1);
  b.size = 700; /* a header under heavy fire */
  tally t = {0};
  mutate_bytes((const uint8_t *)b.data, b.size, 10000, 2, read_any, &t);
  free(samples);
  buffer_free(&b);
}

static void test_muse(void **state) {
  (void)state;
  static const muse_file file = {.types = {"Median", "Rhythm", NULL},
                                 .samples = {60, 500},
                                 .leads = ecg_files_eight_leads,
                                 .sample_base = "50",
                                 .sample_exponent = "0",
                                 .head = "<Diagnosis><DiagnosisStatement><StmtText>Sinus &lt; \xe9"
                                         "</StmtText></DiagnosisStatement></Diagnosis>",
                                 .extra = "<LeadSampleSize>2</LeadSampleSize>"};
  buffer b = {0};
  ecg_files_muse(&b, &file);
  attack(&b, 3);
  buffer_free(&b);
}

static void test_cardiosoft(void **state) {
  (void)state;
  static const cardiosoft_file file = {.lead_order = "I, II, V1, V2, V3, V4, V5, V6",
                                       .leads = ecg_files_eight_leads,
                                       .samples = 500,
                                       .head = "<Interpretation><Diagnosis><DiagnosisText>Normal \xe9"
                                               "</DiagnosisText></Diagnosis></Interpretation>",
                                       .strip_head = "<SampleRate units=\"Hz\">50</SampleRate>"
                                                     "<Resolution units=\"uVperLsb\">5</Resolution>"};
  buffer b = {0};
  ecg_files_cardiosoft(&b, &file);
  attack(&b, 4);
  buffer_free(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_damage_cases),
      cmocka_unit_test(test_npy),
      cmocka_unit_test(test_muse),
      cmocka_unit_test(test_cardiosoft),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
