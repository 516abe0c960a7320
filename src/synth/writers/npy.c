#include "synth/writers/writer.h"

#include <string.h>

static const double microvolts_per_count = 4.88;

/* NPY 1.0: magic, version, length of the header, a Python dictionary padded with blanks to a multiple of 64
 * bytes. */
static bool append_header(buffer *out, size_t samples, error *err) {
  const char magic[] = "\x93NUMPY\x01";
  const size_t header = 128, prefix = 10;
  const uint16_t length = (uint16_t)(header - prefix);
  const char size[2] = {(char)(length & 0xff), (char)(length >> 8)};
  if (!buffer_append(out, magic, 8, err) || !buffer_append(out, size, 2, err) ||
      !buffer_printf(out, err, "{'descr': '<i2', 'fortran_order': False, 'shape': (%zu, %d), }", samples,
                     ECG_LEADS))
    return false;
  size_t padding = header - 1 - out->size;
  return buffer_printf(out, err, "%*s\n", (int)padding, "");
}

static bool write_npy(synth_record *record, buffer *out, error *err) {
  size_t samples = synth_record_count(record, SYNTH_RHYTHM, microvolts_per_count);
  if (!append_header(out, samples, err) || !buffer_reserve(out, samples * ECG_LEADS * 2, err))
    return false;
  for (size_t i = 0; i < samples; i++) {
    char row[2 * ECG_LEADS];
    for (size_t lead = 0; lead < ECG_LEADS; lead++) {
      uint16_t bits = (uint16_t)record->counts[lead][i];
      row[2 * lead] = (char)(bits & 0xff);
      row[2 * lead + 1] = (char)(bits >> 8);
    }
    if (!buffer_append(out, row, sizeof row, err))
      return false;
  }
  return true;
}

const synth_writer synth_npy_writer = {.extension = ".npy", .write = write_npy};
