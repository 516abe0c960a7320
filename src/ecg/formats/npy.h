/* NumPy array files. */
#ifndef DEEPECG_ECG_FORMATS_NPY_H
#define DEEPECG_ECG_FORMATS_NPY_H

#include "ecg/formats/format.h"

/* NPY 1.0 to 3.0 (numpy.lib.format): an array of shape (N, 12), (12, N), (N, 12, 1) or (12, N, 1); integers
 * of 8 to 64 bits, float16, float32, float64; either byte order, C or Fortran order. Pickled objects,
 * booleans, complex and structured types are refused. Neither rate nor unit is declared. Any NaN fails the
 * record. */
extern const ecg_format npy_format;

#endif
