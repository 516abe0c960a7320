#include "base/base64.h"
#include "synth/exact_math.h"
#include "synth/writers/writer.h"
#include "synth/writers/xml_text.h"

#include <libdeflate.h>

enum { BYTES_PER_LINE = 51 }; /* 68 characters of base64 */

static const double microvolts_per_count = 4.88;
static const char microvolts_per_count_text[] = "4.88";

static long milliseconds(double seconds) {
  return exact_round(1000.0 * seconds);
}

static void write_demographics(xml_text *xml, const synth_record *record) {
  const synth_time *t = &record->acquired;
  xml_text_open(xml, "MuseInfo");
  xml_text_element(xml, "MuseVersion", "", "9.0.9.18167");
  xml_text_close(xml, "MuseInfo");
  xml_text_open(xml, "PatientDemographics");
  xml_text_format(xml, "PatientID", "SYNTHETIC%06zu", record->index);
  xml_text_number(xml, "PatientAge", "", record->patient.age_years);
  xml_text_element(xml, "AgeUnits", "", "YEARS");
  xml_text_element(xml, "Gender", "", record->patient.male ? "MALE" : "FEMALE");
  xml_text_element(xml, "PatientLastName", "", "SYNTHETIC");
  xml_text_close(xml, "PatientDemographics");
  xml_text_open(xml, "TestDemographics");
  xml_text_element(xml, "DataType", "", "RESTING");
  xml_text_element(xml, "AcquisitionDevice", "", "SYNTH");
  xml_text_element(xml, "Status", "", "UNCONFIRMED");
  xml_text_format(xml, "AcquisitionTime", "%02u:%02u:%02u", t->hour, t->minute, t->second);
  xml_text_format(xml, "AcquisitionDate", "%02u-%02u-%04u", t->month, t->day, t->year);
  xml_text_close(xml, "TestDemographics");
}

/* Onsets are samples of the median beat at 500 Hz. */
static void write_measurements(xml_text *xml, const heart_measurements *m) {
  long q_onset = SYNTH_MEDIAN_ONSET_MS / 2;
  long q_offset = q_onset + milliseconds(m->qrs_s) / 2, p_onset = q_onset - milliseconds(m->pr_s) / 2;
  xml_text_open(xml, "RestingECGMeasurements");
  xml_text_number(xml, "VentricularRate", "", exact_round(m->rate_bpm));
  if (m->p_present)
    xml_text_number(xml, "AtrialRate", "", exact_round(m->atrial_rate_bpm));
  if (m->p_conducted)
    xml_text_number(xml, "PRInterval", "", milliseconds(m->pr_s));
  xml_text_number(xml, "QRSDuration", "", milliseconds(m->qrs_s));
  xml_text_number(xml, "QTInterval", "", milliseconds(m->qt_s));
  xml_text_number(xml, "QTCorrected", "", milliseconds(m->qtc_bazett_s));
  if (m->p_conducted)
    xml_text_number(xml, "PAxis", "", exact_round(m->p_axis_degrees));
  xml_text_number(xml, "RAxis", "", exact_round(m->qrs_axis_degrees));
  xml_text_number(xml, "TAxis", "", exact_round(m->t_axis_degrees));
  xml_text_number(xml, "QRSCount", "", m->beats);
  xml_text_number(xml, "QOnset", "", q_onset);
  xml_text_number(xml, "QOffset", "", q_offset);
  if (m->p_conducted) {
    xml_text_number(xml, "POnset", "", p_onset);
    xml_text_number(xml, "POffset", "", p_onset + milliseconds(m->p_s) / 2);
  }
  xml_text_number(xml, "TOffset", "", q_onset + milliseconds(m->qt_s) / 2);
  xml_text_number(xml, "ECGSampleBase", "", 500);
  xml_text_number(xml, "ECGSampleExponent", "", 0);
  xml_text_close(xml, "RestingECGMeasurements");
}

static void write_diagnosis(xml_text *xml, const char *name, const synth_statements *statements) {
  xml_text_open(xml, name);
  xml_text_element(xml, "Modality", "", "RESTING");
  for (size_t i = 0; i < statements->count; i++) {
    xml_text_open(xml, "DiagnosisStatement");
    if (statements->items[i].ends_line)
      xml_text_element(xml, "StmtFlag", "", "ENDSLINE");
    xml_text_element(xml, "StmtText", "", statements->items[i].text);
    xml_text_close(xml, "DiagnosisStatement");
  }
  xml_text_close(xml, name);
}

static void write_beats(xml_text *xml, const synth_record *record) {
  size_t end, first = heart_schedule_visible(&record->schedule, &end);
  xml_text_open(xml, "QRSTimesTypes");
  for (size_t i = first; i < end; i++) {
    const ventricular_beat *beat = &record->schedule.ventricular[i];
    xml_text_open(xml, "QRS");
    xml_text_number(xml, "Number", "", (long)(i - first + 1));
    xml_text_number(xml, "Type", "", beat->shape);
    xml_text_number(xml, "Time", "", milliseconds(beat->onset_s));
    xml_text_close(xml, "QRS");
  }
  xml_text_number(xml, "GlobalRR", "", milliseconds(record->measurements.rr_s));
  xml_text_close(xml, "QRSTimesTypes");
}

static void write_samples(xml_text *xml, const uint8_t *bytes, size_t size) {
  char line[BYTES_PER_LINE / 3 * 4 + 1];
  xml_text_indent(xml);
  xml_text_raw(xml, "<WaveFormData>\n", 15);
  for (size_t i = 0; i < size; i += BYTES_PER_LINE) {
    size_t part = size - i < BYTES_PER_LINE ? size - i : BYTES_PER_LINE;
    size_t length = base64_encoded_size(part);
    base64_encode(bytes + i, part, line);
    line[length] = '\n';
    xml_text_raw(xml, line, length + 1);
  }
  xml_text_indent(xml);
  xml_text_raw(xml, "</WaveFormData>\n", 16);
}

static void write_lead(xml_text *xml, const char *name, const int16_t *counts, size_t samples) {
  uint8_t bytes[2 * SYNTH_MAX_SAMPLES];
  for (size_t i = 0; i < samples; i++) {
    bytes[2 * i] = (uint8_t)((uint16_t)counts[i] & 0xff);
    bytes[2 * i + 1] = (uint8_t)((uint16_t)counts[i] >> 8);
  }
  xml_text_open(xml, "LeadData");
  xml_text_number(xml, "LeadByteCountTotal", "", (long)(2 * samples));
  xml_text_number(xml, "LeadTimeOffset", "", 0);
  xml_text_number(xml, "LeadSampleCountTotal", "", (long)samples);
  xml_text_element(xml, "LeadAmplitudeUnitsPerBit", "", microvolts_per_count_text);
  xml_text_element(xml, "LeadAmplitudeUnits", "", "MICROVOLTS");
  xml_text_number(xml, "LeadHighLimit", "", 32767);
  xml_text_number(xml, "LeadLowLimit", "", -32768);
  xml_text_element(xml, "LeadID", "", name);
  xml_text_number(xml, "LeadOffsetFirstSample", "", 0);
  xml_text_number(xml, "FirstSampleBaseline", "", 0);
  xml_text_number(xml, "LeadSampleSize", "", 2);
  xml_text_element(xml, "LeadOff", "", "FALSE");
  xml_text_element(xml, "BaselineSway", "", "FALSE");
  xml_text_number(xml, "LeadDataCRC32", "", (long)libdeflate_crc32(0, bytes, 2 * samples));
  write_samples(xml, bytes, 2 * samples);
  xml_text_close(xml, "LeadData");
}

static void write_waveform(xml_text *xml, synth_record *record, synth_part part) {
  size_t samples = synth_record_count(record, part, microvolts_per_count);
  xml_text_open(xml, "Waveform");
  xml_text_element(xml, "WaveformType", "", part == SYNTH_RHYTHM ? "Rhythm" : "Median");
  xml_text_number(xml, "WaveformStartTime", "", 0);
  xml_text_number(xml, "NumberofLeads", "", record->leads);
  xml_text_element(xml, "SampleType", "", "CONTINUOUS_SAMPLES");
  xml_text_number(xml, "SampleBase", "", record->rate_hz);
  xml_text_number(xml, "SampleExponent", "", 0);
  xml_text_number(xml, "HighPassFilter", "", 5);
  xml_text_number(xml, "LowPassFilter", "", 150);
  xml_text_element(xml, "ACFilter", "", "NONE");
  for (size_t k = 0; k < record->leads; k++)
    write_lead(xml, ecg_lead_names[synth_stored_lead(record, k)], record->counts[k], samples);
  xml_text_close(xml, "Waveform");
}

static bool write_muse(synth_record *record, buffer *out, error *err) {
  static const char head[] =
      "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<!DOCTYPE RestingECG SYSTEM \"restecg.dtd\">\n";
  xml_text xml = {.out = out, .err = err, .indent = "   ", .line_end = "\n", .ok = true};
  xml_text_raw(&xml, head, sizeof head - 1);
  xml_text_open(&xml, "RestingECG");
  write_demographics(&xml, record);
  write_measurements(&xml, &record->measurements);
  write_diagnosis(&xml, "Diagnosis", &record->statements);
  write_diagnosis(&xml, "OriginalDiagnosis", &record->statements);
  write_beats(&xml, record);
  write_waveform(&xml, record, SYNTH_MEDIAN);
  write_waveform(&xml, record, SYNTH_RHYTHM);
  xml_text_close(&xml, "RestingECG");
  return xml.ok;
}

const synth_writer synth_muse_writer = {.extension = ".xml", .write = write_muse};
