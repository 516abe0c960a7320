/* GE MUSE XML. */
#ifndef DEEPECG_ECG_FORMATS_MUSE_H
#define DEEPECG_ECG_FORMATS_MUSE_H

#include "ecg/formats/format.h"

/* Root RestingECG. Of the Waveform elements the one of WaveformType Rhythm is read (the second element where
 * several are; and the second whatever its type, unless Median, where none is). Each LeadData is base64 of
 * little-endian 16-bit counts; leads beyond the twelve are passed over. The rate is SampleBase *
 * 10^SampleExponent, the unit LeadAmplitudeUnitsPerBit. A LeadDataCRC32 that doesn't match and a lead marked
 * LeadOff are warnings.
 *
 * Statements: every StmtText of Diagnosis (of OriginalDiagnosis where that has none), in file order, joined
 * by one space; line breaks and runs of blanks become one space too. No name and no identifier is read. */
extern const ecg_format muse_format;

#endif
