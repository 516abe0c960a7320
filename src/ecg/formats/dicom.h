/* DICOM waveform objects (12-lead, general and ambulatory ECG; any object whose waveform holds the leads). */
#ifndef DEEPECG_ECG_FORMATS_DICOM_H
#define DEEPECG_ECG_FORMATS_DICOM_H

#include "ecg/formats/format.h"

/* Which leads channels hold is taken from codes (MDC 2:1, SCPECG 5.6.3-9-1), and from names (those of CID
 * 3001 and as the other formats have them) where the code belongs to another scheme. Which multiplex group is
 * the recording: dicom_group.h; what becomes of padding: dicom_samples.h. Statements: the texts (0070,0006)
 * of the waveform annotations but for those with the word REPORT, joined by ", ", as DeepECG_Docker extracts
 * them. */
extern const ecg_format dicom_format;

typedef enum dicom_kind {
  DICOM_NONE,    /* the bytes are no DICOM file */
  DICOM_OTHER,   /* another object: an image, a report, a directory */
  DICOM_WAVEFORM /* a waveform, or the file doesn't say what it is */
} dicom_kind;

/* What the beginning says; the rest may be damaged. */
dicom_kind dicom_kind_of(const uint8_t *data, size_t size);

#endif
