/* Signals of a batch between the two passes of the cleaning, kept as small as they can be without losing a
 * bit: a batch of 10,000 GE records is 400 MB instead of 1.2 GB. */
#ifndef DEEPECG_PIPELINE_RECORD_STORE_H
#define DEEPECG_PIPELINE_RECORD_STORE_H

#include "base/error.h"

#include <stddef.h>

typedef enum stored_form {
  STORED_FLOATS,      /* 12 x float32 */
  STORED_COUNTS,      /* 12 x int16: every sample is a whole number */
  STORED_EIGHT_COUNTS /* I, II, V1-V6 as int16; the other four follow exactly from I and II */
} stored_form;

typedef struct stored_signal {
  stored_form form;
  void *samples; /* owned; NULL: nothing stored */
} stored_signal;

/* signal[sample * 12 + lead], 2500 samples. */
bool stored_signal_keep(stored_signal *stored, const float *signal, error *err);
/* The same bits as were kept. */
void stored_signal_get(const stored_signal *stored, float *signal);
void stored_signal_free(stored_signal *stored);

#endif
