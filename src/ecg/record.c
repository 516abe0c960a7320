#include "ecg/record.h"

#include <math.h>
#include <string.h>
#include <strings.h>

const char *const ecg_lead_names[ECG_LEADS] = {"I",  "II", "III", "aVR", "aVL", "aVF",
                                               "V1", "V2", "V3",  "V4",  "V5",  "V6"};

/* Words that files put in front of a lead's name. A minus sign is none of them: -aVR is another signal. */
static const char *const decorations[] = {"MDC", "ECG", "LEAD"};

static bool is_separator(char c) {
  return c == ' ' || c == '_' || c == ':' || c == '\t' || c == '\r' || c == '\n';
}

static size_t decoration_length(const char *name, size_t length) {
  for (size_t i = 0; i < sizeof decorations / sizeof *decorations; i++) {
    size_t n = strlen(decorations[i]);
    if (length >= n && strncasecmp(name, decorations[i], n) == 0)
      return n;
  }
  return length && is_separator(*name) ? 1 : 0;
}

/* The name ends where an explanation begins: "aVL, augmented voltage, left", "I (Einthoven)". */
static size_t bare_length(const char *name, size_t length) {
  size_t end = 0;
  while (end < length && name[end] && name[end] != ',' && name[end] != '(')
    end++;
  while (end && is_separator(name[end - 1]))
    end--;
  return end;
}

int ecg_lead_from_name(const char *name, size_t length) {
  for (size_t n; (n = decoration_length(name, length)) != 0;)
    name += n, length -= n;
  length = bare_length(name, length);
  for (int lead = 0; lead < ECG_LEADS; lead++)
    if (strlen(ecg_lead_names[lead]) == length && strncasecmp(name, ecg_lead_names[lead], length) == 0)
      return lead;
  return -1;
}

bool ecg_record_init(ecg_record *record, error *err) {
  *record = (ecg_record){.device = "", .acquisition_time = "", .statements = "", .warning = ""};
  record->memory = arena_create(err);
  return record->memory != NULL;
}

void ecg_record_clear(ecg_record *record) {
  arena_destroy(record->memory);
  *record = (ecg_record){0};
}

float *ecg_record_add_lead(ecg_record *record, ecg_lead lead, error *err) {
  if (record->source[lead] == LEAD_STORED) {
    error_set(err, ERROR_DATA, "Lead %s appears twice", ecg_lead_names[lead]);
    return NULL;
  }
  float *samples = arena_alloc_array(record->memory, record->samples, sizeof *samples, err);
  if (samples) {
    record->leads[lead] = samples;
    record->source[lead] = LEAD_STORED;
  }
  return samples;
}

const ecg_limb_rule ecg_limb_rules[ECG_LIMB_RULES] = {
    {LEAD_III, -1.0f, 1.0f}, {LEAD_AVR, -0.5f, -0.5f}, {LEAD_AVL, 1.0f, -0.5f}, {LEAD_AVF, -0.5f, 1.0f}};

static bool derive(ecg_record *record, const ecg_limb_rule *rule, error *err) {
  if (record->leads[rule->lead])
    return true;
  float *derived = ecg_record_add_lead(record, rule->lead, err);
  if (!derived)
    return false;
  record->source[rule->lead] = LEAD_DERIVED;
  const float *one = record->leads[LEAD_I], *two = record->leads[LEAD_II];
  for (size_t i = 0; i < record->samples; i++)
    derived[i] = rule->a * one[i] + rule->b * two[i];
  return true;
}

static bool is_limb_lead_to_derive(int lead) {
  return lead >= LEAD_III && lead <= LEAD_AVF;
}

static bool check_present(const ecg_record *record, error *err) {
  char names[64] = "";
  int missing = 0;
  for (int lead = 0; lead < ECG_LEADS; lead++)
    if (!record->leads[lead] && !is_limb_lead_to_derive(lead)) {
      strcat(strcat(names, missing ? ", " : ""), ecg_lead_names[lead]);
      missing++;
    }
  return missing ? error_set(err, ERROR_DATA, "Missing lead%s %s", missing > 1 ? "s" : "", names) : true;
}

/* No unit makes so much of an ECG; in a batch such a record would drown all others, and could push them out
 * of float's range. */
static const float greatest_value = 1e12f;

/* Without an early way out: this loop runs over every sample of every file, and so it becomes vector code. */
static bool all_plausible(const float *samples, size_t count) {
  unsigned odd = 0;
  for (size_t i = 0; i < count; i++)
    odd |= !(fabsf(samples[i]) <= greatest_value);
  return !odd;
}

static bool check_values(const ecg_record *record, error *err) {
  for (int lead = 0; lead < ECG_LEADS; lead++) {
    const float *samples = record->leads[lead];
    if (all_plausible(samples, record->samples))
      continue;
    size_t i = 0;
    while (fabsf(samples[i]) <= greatest_value)
      i++;
    return isfinite(samples[i])
               ? error_set(err, ERROR_DATA, "Lead %s has a value beyond %g (sample %zu)",
                           ecg_lead_names[lead], (double)greatest_value, i)
               : error_set(err, ERROR_DATA, "Lead %s has a value that is not finite (sample %zu)",
                           ecg_lead_names[lead], i);
  }
  return true;
}

bool ecg_record_complete(ecg_record *record, error *err) {
  if (!check_present(record, err))
    return false;
  for (int i = 0; i < ECG_LIMB_RULES; i++)
    if (!derive(record, &ecg_limb_rules[i], err))
      return false;
  return check_values(record, err);
}
