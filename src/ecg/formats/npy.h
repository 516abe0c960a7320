/* NumPy array files. */
#ifndef DEEPECG_ECG_FORMATS_NPY_H
#define DEEPECG_ECG_FORMATS_NPY_H

#include "base/buffer.h"
#include "ecg/formats/format.h"

/* NPY 1.0 to 3.0 (numpy.lib.format): an array of shape (N, 12), (12, N), (N, 12, 1) or (12, N, 1); integers
 * of 8 to 64 bits, float16, float32, float64; either byte order, C or Fortran order. Pickled objects,
 * booleans, complex and structured types are refused. At most 2^22 samples. Neither rate nor unit is
 * declared. Any NaN fails the record. */
extern const ecg_format npy_format;

/* What stands before the numbers of a (samples, 12) array in C order: NPY 1.0 with a header of 128 bytes.
 * `descr` is the type, as "<f4" or "<i2". */
bool npy_append_header(buffer *out, const char *descr, size_t samples, error *err);

#endif
