/* Inputs and logits of golden/analysis. A file that can't be read fails the running test. */
#ifndef DEEPECG_TESTS_GOLDEN_FILES_H
#define DEEPECG_TESTS_GOLDEN_FILES_H

#include "base/base64.h"
#include "base/mapped_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN_ANALYSIS DEEPECG_TEST_DATA "/golden/analysis/"

enum { GOLDEN_LEADS = 12, GOLDEN_SAMPLES = 2500, GOLDEN_RECORDS = 12 };

static inline mapped_file golden_map(const char *path) {
  mapped_file file;
  error err = {0};
  if (!mapped_file_open(&file, path, &err))
    fail_msg("%s", err.message);
  return file;
}

/* Preprocessed record 0..11, (12, 2500), not scaled. Free with free. */
static inline float *golden_ecg(int record) {
  char path[300];
  snprintf(path, sizeof path,
           DEEPECG_TEST_DATA "/golden/preprocessing/muse_hum60/expected/preprocessed/ecg_%03d.base64",
           record);
  mapped_file text = golden_map(path);
  float *samples = malloc(text.size + 3), *signal = malloc(sizeof(float) * GOLDEN_LEADS * GOLDEN_SAMPLES);
  size_t size;
  assert_true(samples && signal);
  assert_true(base64_decode((const char *)text.data, text.size, (uint8_t *)samples, &size));
  assert_int_equal(size, sizeof(float) * GOLDEN_LEADS * GOLDEN_SAMPLES);
  for (size_t i = 0; i < GOLDEN_LEADS * GOLDEN_SAMPLES; i++) /* stored sample by sample */
    signal[i] = samples[i % GOLDEN_SAMPLES * GOLDEN_LEADS + i / GOLDEN_SAMPLES];
  free(samples);
  mapped_file_close(&text);
  return signal;
}

/* All rows of a float32 .npy file, rows * columns of them. Free with free. */
static inline float *golden_matrix(const char *path, size_t rows, size_t columns) {
  mapped_file file = golden_map(path);
  size_t header = 10 + file.data[8] + 256u * file.data[9], bytes = rows * columns * sizeof(float);
  assert_int_equal(file.size, header + bytes);
  float *values = malloc(bytes);
  assert_non_null(values);
  memcpy(values, file.data + header, bytes);
  mapped_file_close(&file);
  return values;
}

#endif
