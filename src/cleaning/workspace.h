/* What one thread needs to transform records. */
#ifndef DEEPECG_CLEANING_WORKSPACE_H
#define DEEPECG_CLEANING_WORKSPACE_H

#include "cleaning/cleaning.h"
#include "cleaning/fft.h"

struct cleaning_workspace {
  real_fft *fft;
  double re[CLEANING_BINS * CLEANING_LEADS]; /* [bin][lead] */
  double im[CLEANING_BINS * CLEANING_LEADS];
  double samples[CLEANING_SAMPLES * CLEANING_LEADS]; /* [sample][lead] */
};

#endif
