/* Signals between the passes come back to the bit, and GE's as 16-bit counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ecg/conform.h"
#include "pipeline/record_store.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES = ECG_SAMPLES * ECG_LEADS };

static void comes_back(const float *signal, stored_form expected) {
  stored_signal stored = {0};
  error err;
  float *again = malloc(VALUES * sizeof *again);
  assert_non_null(again);
  assert_true(stored_signal_keep(&stored, signal, &err));
  assert_int_equal(stored.form, expected);
  stored_signal_get(&stored, again);
  assert_memory_equal(again, signal, VALUES * sizeof *again);
  stored_signal_free(&stored);
  free(again);
}

static void every_form_keeps_the_bits(void **state) {
  (void)state;
  float *signal = malloc(VALUES * sizeof *signal);
  assert_non_null(signal);
  for (size_t i = 0; i < VALUES; i++)
    signal[i] = (float)((int)(i * 7919 % 4001) - 2000);
  comes_back(signal, STORED_COUNTS);
  for (size_t t = 0; t < ECG_SAMPLES; t++)
    for (int i = 0; i < ECG_LIMB_RULES; i++) {
      const ecg_limb_rule *rule = &ecg_limb_rules[i];
      float *sample = signal + t * ECG_LEADS;
      sample[rule->lead] = rule->a * sample[LEAD_I] + rule->b * sample[LEAD_II];
    }
  comes_back(signal, STORED_EIGHT_COUNTS);
  signal[LEAD_V1] = 32768;
  comes_back(signal, STORED_FLOATS);
  signal[LEAD_V1] = -0.0f;
  comes_back(signal, STORED_FLOATS);
  signal[LEAD_V1] = 1;
  signal[LEAD_AVR] = 5;
  comes_back(signal, STORED_FLOATS); /* aVL and aVF hold halves */
  signal[VALUES - 1] = 0.1f;
  comes_back(signal, STORED_FLOATS);
  free(signal);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_form_keeps_the_bits)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
