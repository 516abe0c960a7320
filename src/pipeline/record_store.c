#include "pipeline/record_store.h"

#include "ecg/conform.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const int independent_leads[8] = {LEAD_I,  LEAD_II, LEAD_V1, LEAD_V2,
                                         LEAD_V3, LEAD_V4, LEAD_V5, LEAD_V6};

static uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static float derived_lead(const float *sample, const ecg_limb_rule *rule) {
  return rule->a * sample[LEAD_I] + rule->b * sample[LEAD_II];
}

static void derive_limb_leads(float *sample) {
  for (int i = 0; i < ECG_LIMB_RULES; i++)
    sample[ecg_limb_rules[i].lead] = derived_lead(sample, &ecg_limb_rules[i]);
}

/* Per lead 0 where every sample comes back from a 16-bit count with all its bits (-0 does not). */
static void find_fractions(const float *signal, uint32_t lost[ECG_LEADS]) {
  memset(lost, 0, ECG_LEADS * sizeof *lost);
  for (size_t t = 0; t < ECG_SAMPLES; t++)
    for (size_t lead = 0; lead < ECG_LEADS; lead++) {
      float value = signal[t * ECG_LEADS + lead];
      bool fits = value >= -32768.0f && value <= 32767.0f;
      lost[lead] |= bits_of((float)(int32_t)(fits ? value : 0)) ^ bits_of(value);
    }
}

static bool limb_leads_follow(const float *signal) {
  uint32_t differ = 0;
  for (size_t t = 0; t < ECG_SAMPLES; t++)
    for (int i = 0; i < ECG_LIMB_RULES; i++) {
      const float *sample = signal + t * ECG_LEADS;
      differ |= bits_of(derived_lead(sample, &ecg_limb_rules[i])) ^ bits_of(sample[ecg_limb_rules[i].lead]);
    }
  return differ == 0;
}

static stored_form smallest_form(const float *signal) {
  uint32_t lost[ECG_LEADS], lost_by_eight = 0, lost_by_limbs = 0;
  find_fractions(signal, lost);
  for (int i = 0; i < 8; i++)
    lost_by_eight |= lost[independent_leads[i]];
  for (int lead = LEAD_III; lead <= LEAD_AVF; lead++)
    lost_by_limbs |= lost[lead];
  if (lost_by_eight)
    return STORED_FLOATS;
  return limb_leads_follow(signal) ? STORED_EIGHT_COUNTS : lost_by_limbs ? STORED_FLOATS : STORED_COUNTS;
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
