#include "ecg/formats/npy.h"
#include "synth/writers/writer.h"

static const double microvolts_per_count = 4.88;

static bool write_npy(synth_record *record, buffer *out, error *err) {
  size_t samples = synth_record_count(record, SYNTH_RHYTHM, microvolts_per_count);
  if (!npy_append_header(out, "<i2", samples, err) || !buffer_reserve(out, samples * ECG_LEADS * 2, err))
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
