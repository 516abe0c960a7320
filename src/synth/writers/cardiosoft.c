#include "synth/exact_math.h"
#include "synth/writers/writer.h"
#include "synth/writers/xml_text.h"

#include <string.h>

enum { NUMBERS_PER_LINE = 250, NUMBER_SIZE = 8 }; /* "-32768," and a spare byte */

static const double microvolts_per_count = 5.0;
static const char milliseconds_unit[] = " units=\"ms\"", degrees_unit[] = " units=\"degrees\"";

static long milliseconds(double seconds) {
  return exact_round(1000.0 * seconds);
}

static void write_visit(xml_text *xml, const synth_record *record) {
  const synth_time *t = &record->acquired;
  xml_text_element(xml, "ObservationType", "", "RestECG");
  xml_text_open(xml, "ObservationDateTime");
  xml_text_number(xml, "Hour", "", t->hour);
  xml_text_number(xml, "Minute", "", t->minute);
  xml_text_number(xml, "Second", "", t->second);
  xml_text_number(xml, "Day", "", t->day);
  xml_text_number(xml, "Month", "", t->month);
  xml_text_number(xml, "Year", "", t->year);
  xml_text_close(xml, "ObservationDateTime");
  xml_text_open(xml, "ClinicalInfo");
  xml_text_open(xml, "DeviceInfo");
  xml_text_element(xml, "Desc", "", "CardioSoft");
  xml_text_element(xml, "SoftwareVer", "", "SYNTH");
  xml_text_close(xml, "DeviceInfo");
  xml_text_close(xml, "ClinicalInfo");
  xml_text_open(xml, "PatientInfo");
  xml_text_format(xml, "PID", "SYNTHETIC%06zu", record->index);
  xml_text_number(xml, "Age", " units=\"Years\"", record->patient.age_years);
  xml_text_element(xml, "Gender", "", record->patient.male ? "MALE" : "FEMALE");
  xml_text_close(xml, "PatientInfo");
}

static void write_filters(xml_text *xml) {
  xml_text_open(xml, "FilterSetting");
  xml_text_element(xml, "CubicSpline", "", "No");
  xml_text_element(xml, "Filter50Hz", "", "No");
  xml_text_element(xml, "Filter60Hz", "", "No");
  xml_text_number(xml, "LowPass", " units=\"Hz\"", 150);
  xml_text_close(xml, "FilterSetting");
}

/* One DiagnosisText per line of statements. */
static bool write_interpretation(xml_text *xml, const synth_statements *statements) {
  buffer line = {0};
  bool ok = true;
  xml_text_open(xml, "Interpretation");
  xml_text_open(xml, "Diagnosis");
  for (size_t i = 0; i < statements->count && ok; i++) {
    ok = (line.size == 0 || buffer_append_text(&line, " ", xml->err)) &&
         buffer_append_text(&line, statements->items[i].text, xml->err);
    if (!ok || !statements->items[i].ends_line)
      continue;
    xml_text_element(xml, "DiagnosisText", "", line.data);
    buffer_clear(&line);
  }
  xml_text_close(xml, "Diagnosis");
  xml_text_close(xml, "Interpretation");
  buffer_free(&line);
  return ok;
}

/* "12,-7,": whole numbers as text, faster than printf. */
static size_t put_number(char *text, int number) {
  char digits[NUMBER_SIZE];
  size_t count = 0, length = 0;
  unsigned rest = number < 0 ? 0u - (unsigned)number : (unsigned)number;
  do {
    digits[count++] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  if (number < 0)
    text[length++] = '-';
  while (count > 0)
    text[length++] = digits[--count];
  text[length++] = ',';
  return length;
}

static void write_numbers(xml_text *xml, const int16_t *counts, size_t samples) {
  char line[NUMBERS_PER_LINE * NUMBER_SIZE];
  for (size_t i = 0; i < samples; i += NUMBERS_PER_LINE) {
    size_t end = samples - i < NUMBERS_PER_LINE ? samples : i + NUMBERS_PER_LINE, length = 0;
    for (size_t k = i; k < end; k++)
      length += put_number(line + length, counts[k]);
    if (end == samples)
      length--; /* no comma after the last */
    xml_text_raw(xml, "\t\t", 2);
    xml_text_raw(xml, line, length);
    if (end < samples)
      xml_text_raw(xml, "\r\n", 2);
  }
}

static void write_waveforms(xml_text *xml, synth_record *record, synth_part part) {
  size_t samples = synth_record_count(record, part, microvolts_per_count);
  xml_text_number(xml, "NumberOfLeads", "", record->leads);
  xml_text_number(xml, "SampleRate", " units=\"Hz\"", record->rate_hz);
  xml_text_number(xml, "ChannelSampleCountTotal", "", (long)samples);
  xml_text_element(xml, "Resolution", " units=\"uVperLsb\"", "5");
  for (size_t k = 0; k < record->leads; k++) {
    const char *name = ecg_lead_names[synth_stored_lead(record, k)];
    xml_text_indent(xml);
    xml_text_raw(xml, "<WaveformData lead=\"", 20);
    xml_text_raw(xml, name, strlen(name));
    xml_text_raw(xml, "\">", 2);
    write_numbers(xml, record->counts[k], samples);
    xml_text_raw(xml, "</WaveformData>\r\n", 17);
  }
}

static void write_lead_order(xml_text *xml, const synth_record *record) {
  char names[64] = "";
  for (size_t k = 0; k < record->leads; k++) {
    if (k > 0)
      strcat(names, ", ");
    strcat(names, ecg_lead_names[synth_stored_lead(record, k)]);
  }
  xml_text_element(xml, "LeadOrder", "", names);
}

static void write_measurements(xml_text *xml, synth_record *record) {
  const heart_measurements *m = &record->measurements;
  xml_text_open(xml, "RestingECGMeasurements");
  xml_text_number(xml, "VentricularRate", " units=\"BPM\"", exact_round(m->rate_bpm));
  if (m->p_conducted) {
    xml_text_number(xml, "PQInterval", milliseconds_unit, milliseconds(m->pr_s));
    xml_text_number(xml, "PDuration", milliseconds_unit, milliseconds(m->p_s));
  }
  xml_text_number(xml, "QRSDuration", milliseconds_unit, milliseconds(m->qrs_s));
  xml_text_number(xml, "QTInterval", milliseconds_unit, milliseconds(m->qt_s));
  xml_text_number(xml, "QTCInterval", milliseconds_unit, milliseconds(m->qtc_bazett_s));
  xml_text_number(xml, "RRInterval", milliseconds_unit, milliseconds(m->rr_s));
  if (m->p_conducted)
    xml_text_number(xml, "PAxis", degrees_unit, exact_round(m->p_axis_degrees));
  xml_text_number(xml, "RAxis", degrees_unit, exact_round(m->qrs_axis_degrees));
  xml_text_number(xml, "TAxis", degrees_unit, exact_round(m->t_axis_degrees));
  xml_text_number(xml, "QRSNum", "", m->beats);
  xml_text_open(xml, "MeasurementTable");
  write_lead_order(xml, record);
  xml_text_close(xml, "MeasurementTable");
  xml_text_open(xml, "MedianSamples");
  write_waveforms(xml, record, SYNTH_MEDIAN);
  xml_text_close(xml, "MedianSamples");
  xml_text_close(xml, "RestingECGMeasurements");
}

static bool write_cardiosoft(synth_record *record, buffer *out, error *err) {
  static const char head[] = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\r\n";
  xml_text xml = {.out = out, .err = err, .indent = "\t", .line_end = "\r\n", .ok = true};
  xml_text_raw(&xml, head, sizeof head - 1);
  xml_text_open(&xml, "CardiologyXML");
  write_visit(&xml, record);
  write_filters(&xml);
  if (!write_interpretation(&xml, &record->statements))
    return false;
  write_measurements(&xml, record);
  xml_text_open(&xml, "StripData");
  write_waveforms(&xml, record, SYNTH_RHYTHM);
  xml_text_close(&xml, "StripData");
  xml_text_close(&xml, "CardiologyXML");
  return xml.ok;
}

const synth_writer synth_cardiosoft_writer = {.extension = ".xml", .write = write_cardiosoft};
