/* Change of sampling rate with an anti-alias filter. */
#ifndef DEEPECG_ECG_RESAMPLE_H
#define DEEPECG_ECG_RESAMPLE_H

#include "base/error.h"

#include <stddef.h>

/* Bring `leads` signals of `samples` values each, taken at from_hz, to to_hz: output k of a lead is the
 * band-limited signal at time k / to_hz. Input before the first and after the last sample is that sample,
 * held. `stride` apart: output k of lead j goes to output[k * stride + j].
 *
 * Polyphase form: outputs whose time lies equally between input samples share their filter weights. The
 * filter is a sinc under a four-term Blackman-Harris window of 40 zero crossings to either side, cut off
 * (-6 dB) at 0.46 of the lower rate: flat within 2e-4 up to 0.42, below -79 dB from 0.50 and -105 dB from
 * 0.51 on. Weights are scaled to a sum of 1, so that a constant stays. Arithmetic in double; from_hz is taken
 * to the microhertz. Thread-safe. False: out of memory. */
bool resample(const float *const *input, size_t leads, size_t samples, double from_hz, double to_hz,
              float *output, size_t output_samples, size_t stride, error *err);

#endif
