#include "pipeline/record_store.h"

#include "ecg/conform.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const int independent_leads[8] = {LEAD_I,  LEAD_II, LEAD_V1, LEAD_V2,
                                         LEAD_V3, LEAD_V4, LEAD_V5, LEAD_V6};

static bool is_count(float value) {
  return value >= -32768.0f && value <= 32767.0f && value == rintf(value) && !(value == 0 && signbit(value));
}

static void derive_limb_leads(float *sample) {
  for (int i = 0; i < ECG_LIMB_RULES; i++)
    sample[ecg_limb_rules[i].lead] =
        ecg_limb_rules[i].a * sample[LEAD_I] + ecg_limb_rules[i].b * sample[LEAD_II];
}

static stored_form smallest_form(const float *signal) {
  bool eight = true, twelve = true;
  for (size_t t = 0; t < ECG_SAMPLES && (eight || twelve); t++) {
    const float *sample = signal + t * ECG_LEADS;
    float derived[ECG_LEADS];
    memcpy(derived, sample, sizeof derived);
    derive_limb_leads(derived);
    eight = eight && memcmp(derived, sample, sizeof derived) == 0;
    for (int i = 0; i < 8; i++) {
      bool whole = is_count(sample[independent_leads[i]]);
      eight = eight && whole;
      twelve = twelve && whole;
    }
    for (int lead = LEAD_III; lead <= LEAD_AVF; lead++)
      twelve = twelve && is_count(sample[lead]);
  }
  return eight ? STORED_EIGHT_COUNTS : twelve ? STORED_COUNTS : STORED_FLOATS;
}

bool stored_signal_keep(stored_signal *stored, const float *signal, error *err) {
  stored->form = smallest_form(signal);
  size_t per_sample = stored->form == STORED_FLOATS   ? ECG_LEADS * sizeof(float)
                      : stored->form == STORED_COUNTS ? ECG_LEADS * sizeof(int16_t)
                                                      : 8 * sizeof(int16_t);
  stored->samples = malloc(ECG_SAMPLES * per_sample);
  if (!stored->samples)
    return error_out_of_memory(err);
  if (stored->form == STORED_FLOATS) {
    memcpy(stored->samples, signal, ECG_SAMPLES * per_sample);
    return true;
  }
  int16_t *counts = stored->samples;
  if (stored->form == STORED_COUNTS) {
    for (size_t i = 0; i < (size_t)ECG_SAMPLES * ECG_LEADS; i++)
      counts[i] = (int16_t)signal[i];
    return true;
  }
  for (size_t t = 0; t < ECG_SAMPLES; t++)
    for (size_t i = 0; i < 8; i++)
      counts[t * 8 + i] = (int16_t)signal[t * ECG_LEADS + (size_t)independent_leads[i]];
  return true;
}

void stored_signal_get(const stored_signal *stored, float *signal) {
  const int16_t *counts = stored->samples;
  switch (stored->form) {
  case STORED_FLOATS:
    memcpy(signal, stored->samples, sizeof(float) * ECG_SAMPLES * ECG_LEADS);
    return;
  case STORED_COUNTS:
    for (size_t i = 0; i < (size_t)ECG_SAMPLES * ECG_LEADS; i++)
      signal[i] = counts[i];
    return;
  case STORED_EIGHT_COUNTS:
    for (size_t t = 0; t < ECG_SAMPLES; t++) {
      float *sample = signal + t * ECG_LEADS;
      for (size_t i = 0; i < 8; i++)
        sample[independent_leads[i]] = counts[t * 8 + i];
      derive_limb_leads(sample);
    }
    return;
  }
}

void stored_signal_free(stored_signal *stored) {
  free(stored->samples);
  *stored = (stored_signal){0};
}
