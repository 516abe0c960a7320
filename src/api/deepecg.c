#include "deepecg.h"

#include "cleaning/cleaning.h"
#include "ecg/conform.h"
#include "ecg/formats/format.h"
#include "model/model.h"
#include "tasks/tasks.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)DEEPECG_SAMPLES == (int)ECG_SAMPLES && (int)DEEPECG_LEADS == (int)ECG_LEADS,
               "one shape of an ECG");
_Static_assert(sizeof((deepecg_error *)0)->message == sizeof((error *)0)->message, "messages fit");

enum { SIGNAL_VALUES = ECG_SAMPLES * ECG_LEADS };

struct deepecg_ecg {
  const char *format;
  char *statements;
  float signal[SIGNAL_VALUES]; /* lead by lead, as the networks take it */
};

struct deepecg_model {
  model *network;
  model_family family;
};

static void hand_over(deepecg_error *to, const error *from) {
  if (to)
    memcpy(to->message, from->message, sizeof to->message);
}

const char *deepecg_version(void) {
  return DEEPECG_VERSION;
}

static void to_leads(const float *samples, float *leads) {
  for (size_t t = 0; t < ECG_SAMPLES; t++)
    for (size_t lead = 0; lead < ECG_LEADS; lead++)
      leads[lead * ECG_SAMPLES + t] = samples[t * ECG_LEADS + lead];
}

static void to_samples(const float *leads, float *samples) {
  for (size_t t = 0; t < ECG_SAMPLES; t++)
    for (size_t lead = 0; lead < ECG_LEADS; lead++)
      samples[t * ECG_LEADS + lead] = leads[lead * ECG_SAMPLES + t];
}

static deepecg_ecg *conform(const ecg_record *record, error *err) {
  deepecg_ecg *ecg = calloc(1, sizeof *ecg);
  float *samples = malloc(sizeof(float) * SIGNAL_VALUES);
  char *statements = strdup(record->statements);
  if (!ecg || !samples || !statements)
    error_out_of_memory(err);
  bool ok = ecg && samples && statements && ecg_conform(record, ECG_UNITS_STORED, samples, NULL, 0, err);
  if (ok) {
    ecg->format = record->format;
    ecg->statements = statements;
    to_leads(samples, ecg->signal);
  } else {
    free(statements);
    free(ecg);
    ecg = NULL;
  }
  free(samples);
  return ecg;
}

deepecg_ecg *deepecg_ecg_read(const char *path, deepecg_error *err) {
  error reason;
  ecg_record record;
  deepecg_ecg *ecg = NULL;
  if (ecg_read_file(path, &record, NULL, &reason) && !(ecg = conform(&record, &reason)))
    error_prefix(&reason, "%s", path);
  ecg_record_clear(&record);
  if (!ecg)
    hand_over(err, &reason);
  return ecg;
}

deepecg_ecg *deepecg_ecg_read_bytes(const void *bytes, size_t size, deepecg_error *err) {
  error reason;
  ecg_record record;
  deepecg_ecg *ecg = ecg_read(bytes, size, &record, NULL, &reason) ? conform(&record, &reason) : NULL;
  ecg_record_clear(&record);
  if (!ecg)
    hand_over(err, &reason);
  return ecg;
}

void deepecg_ecg_free(deepecg_ecg *ecg) {
  if (!ecg)
    return;
  free(ecg->statements);
  free(ecg);
}

const char *deepecg_ecg_format(const deepecg_ecg *ecg) {
  return ecg->format;
}

const char *deepecg_ecg_statements(const deepecg_ecg *ecg) {
  return ecg->statements;
}

const float *deepecg_ecg_lead(const deepecg_ecg *ecg, int lead) {
  return lead >= 0 && lead < ECG_LEADS ? ecg->signal + (size_t)lead * ECG_SAMPLES : NULL;
}

bool deepecg_clean(deepecg_ecg *const *ecgs, size_t count, deepecg_error *err) {
  error reason;
  cleaning_workspace *workspace = cleaning_workspace_create(&reason);
  spectrum_sum *sum = calloc(1, sizeof *sum);
  float *samples = malloc(sizeof(float) * SIGNAL_VALUES);
  cleaning_plan *plan = NULL;
  if (workspace && (!sum || !samples))
    error_out_of_memory(&reason);
  if (workspace && sum && samples) {
    for (size_t i = 0; i < count; i++) {
      to_samples(ecgs[i]->signal, samples);
      spectrum_sum_add(sum, samples, workspace);
    }
    plan = cleaning_plan_create(sum, &reason);
  }
  for (size_t i = 0; plan && i < count; i++) {
    to_samples(ecgs[i]->signal, samples);
    cleaning_apply(plan, samples, samples, workspace);
    to_leads(samples, ecgs[i]->signal);
  }
  bool ok = plan != NULL;
  if (!ok)
    hand_over(err, &reason);
  cleaning_plan_destroy(plan);
  cleaning_workspace_destroy(workspace);
  free(sum);
  free(samples);
  return ok;
}

deepecg_model *deepecg_model_open(const char *path, int threads, deepecg_error *err) {
  return deepecg_model_open_in(path, threads, DEEPECG_FP32, err);
}

deepecg_model *deepecg_model_open_in(const char *path, int threads, deepecg_precision wanted,
                                     deepecg_error *err) {
  error reason;
  const model_options options = {.backend = "cpu",
                                 .threads = threads > 0 ? threads : omp_get_num_procs(),
                                 .precision = wanted == DEEPECG_BF16 ? PRECISION_BF16 : PRECISION_FP32};
  deepecg_model *m = calloc(1, sizeof *m);
  if (!m)
    error_out_of_memory(&reason);
  else if (precision_check(options.precision, &reason) &&
           (m->network = model_open(path, &options, NULL, &reason)))
    m->family = strcmp(model_kind(m->network), "TorchScript") == 0 ? FAMILY_EFFICIENTNET : FAMILY_WCR;
  if (m && m->network)
    return m;
  hand_over(err, &reason);
  free(m);
  return NULL;
}

void deepecg_model_close(deepecg_model *m) {
  if (!m)
    return;
  model_close(m->network);
  free(m);
}

size_t deepecg_model_output_count(const deepecg_model *m) {
  return model_output_count(m->network);
}

const char *deepecg_model_output_name(const deepecg_model *m, size_t index) {
  return model_output_count(m->network) == LABEL_COUNT && index < LABEL_COUNT ? labels[index].name : "";
}

/* A sigmoid would make a plausible 0 or 1 of an infinite logit. */
static void to_probabilities(model_family family, size_t columns, const float *logits, float *probabilities) {
  bool finite = true;
  for (size_t i = 0; i < columns; i++)
    finite = finite && isfinite(logits[i]);
  family_probabilities(family, columns, logits, probabilities);
  for (size_t i = 0; !finite && i < columns; i++)
    probabilities[i] = NAN;
}

bool deepecg_model_predict(deepecg_model *m, deepecg_ecg *const *ecgs, size_t count, float *probabilities,
                           deepecg_error *err) {
  error reason;
  size_t columns = model_output_count(m->network);
  float *signals = calloc(count ? count : 1, sizeof(float) * SIGNAL_VALUES);
  float *logits = calloc(count ? count : 1, sizeof(float) * columns);
  float scale = (float)families[m->family].input_scale;
  bool ok = (signals && logits) || error_out_of_memory(&reason);
  for (size_t i = 0; ok && i < count; i++)
    for (size_t k = 0; k < SIGNAL_VALUES; k++)
      signals[i * SIGNAL_VALUES + k] = ecgs[i]->signal[k] * scale;
  ok = ok && model_predict(m->network, signals, count, logits, &reason);
  for (size_t i = 0; ok && i < count; i++)
    to_probabilities(m->family, columns, logits + i * columns, probabilities + i * columns);
  if (!ok)
    hand_over(err, &reason);
  free(signals);
  free(logits);
  return ok;
}
