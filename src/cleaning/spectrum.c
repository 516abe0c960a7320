#include "cleaning/workspace.h"

#include <math.h>
#include <stdlib.h>

cleaning_workspace *cleaning_workspace_create(error *err) {
  cleaning_workspace *workspace = malloc(sizeof *workspace);
  if (!workspace) {
    error_out_of_memory(err);
    return NULL;
  }
  workspace->fft = real_fft_create(CLEANING_SAMPLES, CLEANING_LEADS, err);
  if (workspace->fft)
    return workspace;
  free(workspace);
  return NULL;
}

void cleaning_workspace_destroy(cleaning_workspace *workspace) {
  if (!workspace)
    return;
  real_fft_destroy(workspace->fft);
  free(workspace);
}

void spectrum_sum_add(spectrum_sum *sum, const float signal[CLEANING_SAMPLES * CLEANING_LEADS],
                      cleaning_workspace *workspace) {
  double *re = workspace->re, *im = workspace->im;
  real_fft_forward(workspace->fft, signal, re, im);
  for (size_t i = 0; i < (size_t)CLEANING_BINS * CLEANING_LEADS; i++)
    re[i] = sqrt(re[i] * re[i] + im[i] * im[i]);
  for (size_t lead = 0; lead < CLEANING_LEADS; lead++)
    for (size_t bin = 0; bin < CLEANING_BINS; bin++)
      sum->magnitude[lead][bin] += re[bin * CLEANING_LEADS + lead];
  sum->records++;
}

void spectrum_sum_merge(spectrum_sum *sum, const spectrum_sum *other) {
  for (size_t lead = 0; lead < CLEANING_LEADS; lead++)
    for (size_t bin = 0; bin < CLEANING_BINS; bin++)
      sum->magnitude[lead][bin] += other->magnitude[lead][bin];
  sum->records += other->records;
}
