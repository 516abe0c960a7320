#include "cleaning/flatten.h"
#include "cleaning/workspace.h"

static bool changes_lead(const cleaning_plan *plan, int lead) {
  int first, last;
  for (size_t i = 0; i < plan->range_count[lead]; i++)
    if (range_bins(plan->ranges[lead][i], &first, &last))
      return true;
  return false;
}

/* The transform is linear: what flattening changes in the spectrum is transformed back alone and added. */
void cleaning_apply(const cleaning_plan *plan, const float signal[CLEANING_SAMPLES * CLEANING_LEADS],
                    float cleaned[CLEANING_SAMPLES * CLEANING_LEADS], cleaning_workspace *workspace) {
  for (size_t i = 0; i < (size_t)CLEANING_SAMPLES * CLEANING_LEADS; i++)
    cleaned[i] = (float)((double)signal[i] * plan->factor);
  bool changed[CLEANING_LEADS], any_changed = false;
  for (int lead = 0; lead < CLEANING_LEADS; lead++)
    any_changed |= changed[lead] = changes_lead(plan, lead);
  if (!any_changed)
    return;
  real_fft_forward(workspace->fft, cleaned, workspace->re, workspace->im);
  for (int lead = 0; lead < CLEANING_LEADS; lead++)
    flatten(plan->ranges[lead], plan->range_count[lead], workspace->re + lead, workspace->im + lead,
            CLEANING_LEADS);
  real_fft_inverse(workspace->fft, workspace->re, workspace->im, workspace->samples);
  for (size_t i = 0; i < (size_t)CLEANING_SAMPLES * CLEANING_LEADS; i++)
    cleaned[i] = (float)((double)cleaned[i] + workspace->samples[i]);
}
