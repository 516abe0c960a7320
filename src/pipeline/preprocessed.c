#include "pipeline/preprocessed.h"

#include "base/atomic_file.h"
#include "base/base64.h"
#include "base/mapped_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "float32 arrays are written as they lie in memory");
_Static_assert(PREPROCESSED_BYTES % 3 == 0, "no padding");

bool preprocessed_write(const char *path, const float signal[ECG_SAMPLES * ECG_LEADS], error *err) {
  char *text = malloc(PREPROCESSED_CHARACTERS);
  if (!text)
    return error_out_of_memory(err);
  base64_encode((const uint8_t *)signal, PREPROCESSED_BYTES, text);
  bool ok = atomic_file_save(path, ATOMIC_FILE_REPLACE, false, text, PREPROCESSED_CHARACTERS, err);
  free(text);
  return ok;
}

static bool decode(const mapped_file *file, const char *path, float *samples, error *err) {
  size_t size = 0;
  /* Up to a line break or two beyond the exact size: an editor may have added them. */
  if (file->size < PREPROCESSED_CHARACTERS || file->size > PREPROCESSED_CHARACTERS + 4)
    return error_set(err, ERROR_FORMAT, "%s: %zu bytes, a cleaned record has %d", path, file->size,
                     PREPROCESSED_CHARACTERS);
  uint8_t *bytes = malloc(PREPROCESSED_BYTES + 8);
  if (!bytes)
    return error_out_of_memory(err);
  bool ok = base64_decode((const char *)file->data, file->size, bytes, &size) && size == PREPROCESSED_BYTES;
  if (ok)
    memcpy(samples, bytes, PREPROCESSED_BYTES);
  free(bytes);
  return ok || error_set(err, ERROR_FORMAT, "%s: not base64 of 2500 x 12 float32 samples", path);
}

bool preprocessed_read(const char *path, float scale, float signal[ECG_LEADS * ECG_SAMPLES], error *err) {
  mapped_file file;
  if (!mapped_file_open(&file, path, err))
    return false;
  float *samples = malloc(PREPROCESSED_BYTES);
  bool ok = samples ? decode(&file, path, samples, err) : error_out_of_memory(err);
  mapped_file_close(&file);
  for (size_t t = 0; ok && t < ECG_SAMPLES; t++)
    for (size_t lead = 0; lead < ECG_LEADS; lead++) {
      float value = samples[t * ECG_LEADS + lead];
      if (!isfinite(value)) {
        ok = error_set(err, ERROR_DATA, "%s: lead %s has a sample that is not a finite number", path,
                       ecg_lead_names[lead]);
        break;
      }
      signal[lead * ECG_SAMPLES + t] = value * scale;
    }
  free(samples);
  return ok;
}
