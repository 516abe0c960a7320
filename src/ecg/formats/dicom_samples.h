/* Samples of a multiplex group (PS3.3 C.10.9.1): how they are stored, what is padding. */
#ifndef DEEPECG_ECG_FORMATS_DICOM_SAMPLES_H
#define DEEPECG_ECG_FORMATS_DICOM_SAMPLES_H

#include "ecg/formats/dicom_elements.h"

typedef struct dicom_sample_type {
  const char *interpretation; /* "SS" */
  uint32_t bits;
  bool is_signed;
} dicom_sample_type;

/* The type of these allocated bits and Waveform Sample Interpretation, or NULL: not one that is read. */
const dicom_sample_type *dicom_sample_type_of(uint32_t bits, const dicom_value *interpretation, error *err);

/* All samples of all channels: channel c of sample i is number i * channels + c. The caller has checked that
 * `data` holds them. */
typedef struct dicom_matrix {
  const dicom_sample_type *type;
  dicom_value data, padding; /* padding: length 0 where none is declared */
  size_t channels, samples;
} dicom_matrix;

/* How many samples are left without those at the end that are padding in all channels. */
size_t dicom_unpadded_samples(const dicom_matrix *m);

/* One of its channels. */
typedef struct dicom_channel_samples {
  const dicom_matrix *matrix;
  const uint8_t *first;
  size_t count;
  uint32_t bits_stored; /* as declared; 0: not */
  uint32_t bits;        /* that hold the value */
} dicom_channel_samples;

/* The first `count` samples of a channel. Some devices store 12 bits in 16 without extending the sign: where
 * no sample has a bit above those stored, it is extended here. */
dicom_channel_samples dicom_channel_of(const dicom_matrix *m, size_t channel, size_t count,
                                       uint32_t bits_stored);

/* values[i] = stored number i * factor + offset. */
void dicom_convert(const dicom_channel_samples *s, double factor, double offset, float *values);

/* Does a number lie beyond what the stored bits can say? */
bool dicom_exceeds_bits(const dicom_channel_samples *s);

/* Where the padding value is at an end of the range of numbers, so that no ordinary sample has it (files
 * declare 0 as padding), put the value before over each lost sample, or the first that is not lost. Returns
 * how many; s->count: all. */
size_t dicom_hold_over_padding(const dicom_channel_samples *s, float *values);

#endif
