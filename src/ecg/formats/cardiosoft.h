/* GE CardioSoft / CAM-14 XML. */
#ifndef DEEPECG_ECG_FORMATS_CARDIOSOFT_H
#define DEEPECG_ECG_FORMATS_CARDIOSOFT_H

#include "ecg/formats/format.h"

/* Root CardiologyXML. The first StripData is read, never the averaged beat of MedianSamples: lists of whole
 * (or decimal) numbers, one WaveformData per lead. The i-th is the i-th name of MeasurementTable/LeadOrder;
 * where that is absent or too short, its own `lead` attribute says. Leads beyond the twelve are passed over.
 * Rate: SampleRate; unit: Resolution (uVperLsb). An attribute or a ChannelSampleCountTotal that disagrees is
 * a warning.
 *
 * Statements: every Interpretation/Diagnosis/DiagnosisText, in file order, joined by one space; line breaks
 * and runs of blanks become one space too. No name and no identifier is read. */
extern const ecg_format cardiosoft_format;

#endif
