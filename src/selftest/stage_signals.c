/* The stages that an ECG passes before a network sees it. */
#include "base/buffer.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "cleaning/cleaning.h"
#include "ecg/formats/format.h"
#include "selftest/stages.h"
#include "synth/synth.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES = ECG_SAMPLES * ECG_LEADS };

/* Known answers. The first is the sha256 of the generated files, one after the other; the others are what
 * that version of the readers and the cleaning gave which agrees with the reference's golden runs. */
static const char files_sha256[] = "393eb1b4de7725476a7e5e33c2d66e2a01f5d19523e028fda3db967affbd1884";
static const double read_sum = 5079634, cleaning_factor = 0.00757630341, cleaned_sum = 38289.0655;
static const size_t cleaning_regions = 5;

void selftest_file_name(size_t index, char *name, size_t size) {
  snprintf(name, size, "ecg_%06zu%s", index, index % 3 == 2 ? ".npy" : ".xml");
}

static void file_path(const selftest_state *state, size_t index, char path[640]) {
  char name[32];
  selftest_file_name(index, name, sizeof name);
  snprintf(path, 640, "%s/%s", state->folder, name);
}

bool selftest_generator(selftest_state *state, char *detail, error *err) {
  synth_options options = synth_defaults();
  options.count = SELFTEST_ECGS;
  options.seed = 20;
  options.format = SYNTH_MIXED;
  if (!synth_write(state->folder, &options, NULL, err))
    return false;
  buffer all = {0};
  bool ok = true;
  for (size_t i = 0; ok && i < SELFTEST_ECGS; i++) {
    char path[640];
    file_path(state, i, path);
    mapped_file file;
    ok = mapped_file_open(&file, path, err);
    if (ok) {
      ok = buffer_append(&all, file.data, file.size, err);
      mapped_file_close(&file);
    }
  }
  sha256_text text = sha256_of(all.data, all.size);
  buffer_free(&all);
  if (!ok)
    return false;
  snprintf(detail, SELFTEST_DETAIL, "%d files, sha256 %.16s...", SELFTEST_ECGS, text.hex);
  return strcmp(text.hex, files_sha256) == 0;
}

static double sum_of_magnitudes(const float *values, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += fabs((double)values[i]);
  return sum;
}

bool selftest_readers(selftest_state *state, char *detail, error *err) {
  static const char *const formats[] = {"MHI", "CLSA", "NPY"};
  state->signals = malloc(sizeof(float) * VALUES * SELFTEST_ECGS);
  if (!state->signals)
    return error_out_of_memory(err);
  bool formats_right = true;
  for (size_t i = 0; i < SELFTEST_ECGS; i++) {
    char path[640];
    ecg_record record;
    const char *format;
    file_path(state, i, path);
    if (!ecg_read_file(path, &record, &format, err))
      return false;
    formats_right = formats_right && strcmp(format, formats[i % 3]) == 0;
    bool ok = ecg_conform(&record, ECG_UNITS_STORED, state->signals + i * VALUES, NULL, 0, err);
    ecg_record_clear(&record);
    if (!ok)
      return false;
  }
  double sum = sum_of_magnitudes(state->signals, VALUES * SELFTEST_ECGS);
  snprintf(detail, SELFTEST_DETAIL, "MUSE, CardioSoft, NPY; sum of counts %.1f", sum);
  return formats_right && sum == read_sum;
}

static bool close_to(double value, double expected) {
  return fabs(value - expected) <= 1e-6 * fabs(expected);
}

static bool clean(selftest_state *state, char *detail, const cleaning_plan *plan,
                  cleaning_workspace *workspace) {
  for (size_t i = 0; i < SELFTEST_ECGS; i++) {
    float *signal = state->signals + i * VALUES;
    cleaning_apply(plan, signal, signal, workspace);
  }
  double sum = sum_of_magnitudes(state->signals, VALUES * SELFTEST_ECGS);
  snprintf(detail, SELFTEST_DETAIL, "scale %.9g, %zu spectral region%s, sum %.9g", plan->factor,
           plan->region_count, plan->region_count == 1 ? "" : "s", sum);
  return close_to(plan->factor, cleaning_factor) && plan->region_count == cleaning_regions &&
         close_to(sum, cleaned_sum);
}

bool selftest_cleaning(selftest_state *state, char *detail, error *err) {
  if (!state->signals)
    return error_set(err, ERROR_DATA, "nothing was read");
  cleaning_workspace *workspace = cleaning_workspace_create(err);
  spectrum_sum *sum = calloc(1, sizeof *sum);
  cleaning_plan *plan = NULL;
  if (workspace && !sum)
    error_out_of_memory(err);
  if (workspace && sum) {
    for (size_t i = 0; i < SELFTEST_ECGS; i++)
      spectrum_sum_add(sum, state->signals + i * VALUES, workspace);
    plan = cleaning_plan_create(sum, err);
  }
  bool ok = plan && clean(state, detail, plan, workspace);
  cleaning_plan_destroy(plan);
  cleaning_workspace_destroy(workspace);
  free(sum);
  return ok;
}
