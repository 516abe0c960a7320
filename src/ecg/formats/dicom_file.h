/* DICOM files (PS3.10): preamble, file meta information, and the data set behind them in its transfer syntax.
 */
#ifndef DEEPECG_ECG_FORMATS_DICOM_FILE_H
#define DEEPECG_ECG_FORMATS_DICOM_FILE_H

#include "ecg/formats/dicom_elements.h"

enum { DICOM_UID_SIZE = 65, DICOM_MAX_INFLATED = 64 << 20 };

/* The data set points into the file's bytes, or is owned where it was deflated. */
typedef struct dicom_file {
  const uint8_t *data_set;
  size_t size;
  dicom_syntax syntax;
  char transfer_syntax[DICOM_UID_SIZE]; /* "" where the file doesn't say */
  uint8_t *inflated;
} dicom_file;

/* Does it start like a DICOM file: with a preamble and DICM, with the file meta information itself, or with a
 * data set whose first elements are in order up to a SOP class of the standard? */
bool dicom_looks_like(const uint8_t *data, size_t size);

/* The SOP class that the file meta information names, or else the first elements of the data set; "" where
 * neither does. For a file that dicom_looks_like. */
void dicom_find_sop_class(const uint8_t *data, size_t size, char sop_class[DICOM_UID_SIZE]);

/* Find the data set. Implicit and explicit little-endian, explicit big-endian and deflated (to at most
 * DICOM_MAX_INFLATED bytes) are known; without a transfer syntax the first element shows which it is. Close
 * with dicom_file_close (also after a failure). */
bool dicom_file_open(dicom_file *file, const uint8_t *data, size_t size, error *err);
void dicom_file_close(dicom_file *file);

#endif
