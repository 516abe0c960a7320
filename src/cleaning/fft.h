/* Discrete Fourier transforms of several real signals at once, in double.
 *
 * A real signal of n samples is taken as a complex one of n/2 (even samples real, odd samples imaginary),
 * transformed by a Stockham FFT with radices 2 and 5, and untangled. The signals ("leads") lie side by side:
 * every step of the transform is a loop over neighbouring numbers, and no lead's numbers ever touch
 * another's, so that a flat lead stays exactly flat. (Stockham's autosort: Cochran et al., "What is the fast
 * Fourier transform?", Proc. IEEE 55, 1967.) */
#ifndef DEEPECG_CLEANING_FFT_H
#define DEEPECG_CLEANING_FFT_H

#include "base/error.h"

#include <stddef.h>

/* Roots of unity and scratch memory: make one per thread. */
typedef struct real_fft real_fft;

/* For signals of `length` = 2^a 5^b samples (a > 0), `leads` of them at once. Any other length is
 * ERROR_UNSUPPORTED. */
real_fft *real_fft_create(size_t length, size_t leads, error *err);
void real_fft_destroy(real_fft *fft);

/* X(k) = sum over t of x(t) exp(-2 pi i k t / length), for k = 0 ... length/2. Sample t of a lead is signal[t
 * * leads + lead]; X(k) goes to re and im [k * leads + lead]. */
void real_fft_forward(real_fft *fft, const float *signal, double *re, double *im);

/* The inverse, divided by `length`: signal[t * leads + lead]. The imaginary parts at k = 0 and length/2
 * should be 0. */
void real_fft_inverse(real_fft *fft, const double *re, const double *im, double *signal);

#endif
