/* Cleaned records on disk: base64 of 2500 x 12 float32, little-endian, sample-major, without line breaks. */
#ifndef DEEPECG_PIPELINE_PREPROCESSED_H
#define DEEPECG_PIPELINE_PREPROCESSED_H

#include "base/error.h"
#include "ecg/conform.h"

enum {
  PREPROCESSED_BYTES = ECG_SAMPLES * ECG_LEADS * 4,
  PREPROCESSED_CHARACTERS = PREPROCESSED_BYTES / 3 * 4
};

/* signal[sample * 12 + lead]. Written whole or not at all; the caller asks for the file system's sync once a
 * batch. */
bool preprocessed_write(const char *path, const float signal[ECG_SAMPLES * ECG_LEADS], error *err);

/* Read into signal[lead * 2500 + sample], the networks' order, each value times `scale`. A file of another
 * size, foreign characters and non-finite samples are errors that name the file. */
bool preprocessed_read(const char *path, float scale, float signal[ECG_LEADS * ECG_SAMPLES], error *err);

#endif
