#include "synth/writers/writer.h"

const synth_writer *synth_writer_of(synth_format format) {
  static const synth_writer *const table[SYNTH_MIXED] = {
      [SYNTH_MUSE] = &synth_muse_writer,
      [SYNTH_CARDIOSOFT] = &synth_cardiosoft_writer,
      [SYNTH_NPY] = &synth_npy_writer,
  };
  return table[format];
}
