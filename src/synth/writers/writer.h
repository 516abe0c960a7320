/* File formats that the generator writes: one file each beside this one, one line each in the table of
 * writers.c. */
#ifndef DEEPECG_SYNTH_WRITERS_WRITER_H
#define DEEPECG_SYNTH_WRITERS_WRITER_H

#include "base/buffer.h"
#include "synth/record.h"

typedef struct synth_writer {
  const char *extension; /* with its dot */
  /* Append the file to `out`. Uses record->counts. */
  bool (*write)(synth_record *record, buffer *out, error *err);
} synth_writer;

extern const synth_writer synth_muse_writer, synth_cardiosoft_writer, synth_npy_writer;

/* Of any format but SYNTH_MIXED. */
const synth_writer *synth_writer_of(synth_format format);

#endif
