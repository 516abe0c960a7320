/* The stages of the self test: one line each in the table of selftest.c. */
#ifndef DEEPECG_SELFTEST_STAGES_H
#define DEEPECG_SELFTEST_STAGES_H

#include "base/error.h"
#include "ecg/conform.h"
#include "selftest/selftest.h"

enum { SELFTEST_ECGS = 6 };

/* What stages hand on to later ones. */
typedef struct selftest_state {
  char folder[512]; /* scratch */
  int threads;
  float *signals; /* SELFTEST_ECGS x (samples, leads), read and then cleaned; NULL until then */
} selftest_state;

/* Fill in `detail` (SELFTEST_DETAIL bytes) and say whether all is as it should be; where something could not
 * be done at all, *err says what. */
typedef bool selftest_stage(selftest_state *state, char *detail, error *err);

selftest_stage selftest_generator, selftest_readers, selftest_cleaning, selftest_network,
    selftest_network_bf16, selftest_metrics;

/* "ecg_000002.npy", in the order in which the generator mixes formats. */
void selftest_file_name(size_t index, char *name, size_t size);

#endif
