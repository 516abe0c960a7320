/* Multiplex groups of a DICOM waveform (PS3.3 C.10.9): channels sampled together, one after the other in each
 * sample. A file may hold several: a rhythm strip, averaged beats. */
#ifndef DEEPECG_ECG_FORMATS_DICOM_GROUP_H
#define DEEPECG_ECG_FORMATS_DICOM_GROUP_H

#include "base/buffer.h"
#include "ecg/formats/dicom_elements.h"
#include "ecg/record.h"

/* More than an hour at 1000 Hz; a Holter recording is no 12-lead ECG of 10 s. */
enum { DICOM_MAX_SAMPLES = 1 << 22 };

/* One channel that is one of the twelve leads. NAN and 0: the file doesn't say. */
typedef struct dicom_channel {
  bool present;
  size_t index;                             /* among the group's channels */
  double sensitivity, correction, baseline; /* physical = stored * sensitivity * correction + baseline */
  double microvolts;                        /* of the unit that sensitivity and baseline are in */
  uint32_t bits_stored;
} dicom_channel;

/* Values point into the data set. */
typedef struct dicom_group {
  bool derived;  /* not ORIGINAL */
  bool averaged; /* its label says so */
  uint32_t channels, samples, bits_allocated;
  double rate_hz, offset_ms;
  dicom_value interpretation, padding, data;
  dicom_channel leads[ECG_LEADS];
  error problem; /* the first; it counts only if the group is used */
} dicom_group;

/* The group that is the recording: rhythm before averaged beats, original before derived, then the one with
 * most of the leads that cannot be derived, then the longest, then the first. groups[0..count), count > 0. */
const dicom_group *dicom_choose_group(const dicom_group *groups, size_t count);

/* Fill the record's samples, leads, rate and unit from the chosen group. Leads that it lacks come from other
 * groups of its kind that run at the same time.
 *
 * The record keeps the stored numbers where all leads have one scale and no baseline; where they have not,
 * all are brought to the scale of the first. Padding at the end is cut off, and what is lost elsewhere is
 * held (dicom_samples.h); a warning, appended to `warnings`, says so. */
bool dicom_take_leads(const dicom_group *groups, size_t count, const dicom_group *chosen, ecg_record *record,
                      buffer *warnings, error *err);

#endif
