#include "ecg/formats/cardiosoft.h"

#include "base/number_text.h"
#include "ecg/formats/field_text.h"
#include "ecg/formats/xml_events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum element {
  ROOT = 1,
  CLINICAL_INFO,
  DEVICE_INFO,
  DEVICE,
  SOFTWARE,
  DATE_TIME,
  YEAR,
  MONTH,
  DAY,
  HOUR,
  MINUTE,
  SECOND,
  INTERPRETATION,
  DIAGNOSIS,
  DIAGNOSIS_TEXT,
  MEASUREMENTS,
  MEASUREMENT_TABLE,
  LEAD_ORDER,
  STRIP,
  SAMPLE_RATE,
  SAMPLE_COUNT,
  RESOLUTION,
  WAVEFORM
};

static const xml_rule rules[] = {
    {XML_DOCUMENT, NULL, ROOT, false},
    {ROOT, "StripData", STRIP, false},
    {STRIP, "WaveformData", WAVEFORM, true},
    {STRIP, "SampleRate", SAMPLE_RATE, true},
    {STRIP, "ChannelSampleCountTotal", SAMPLE_COUNT, true},
    {STRIP, "Resolution", RESOLUTION, true},
    {ROOT, "RestingECGMeasurements", MEASUREMENTS, false},
    {MEASUREMENTS, "MeasurementTable", MEASUREMENT_TABLE, false},
    {MEASUREMENT_TABLE, "LeadOrder", LEAD_ORDER, true},
    {ROOT, "Interpretation", INTERPRETATION, false},
    {INTERPRETATION, "Diagnosis", DIAGNOSIS, false},
    {DIAGNOSIS, "DiagnosisText", DIAGNOSIS_TEXT, true},
    {ROOT, "ClinicalInfo", CLINICAL_INFO, false},
    {CLINICAL_INFO, "DeviceInfo", DEVICE_INFO, false},
    {DEVICE_INFO, "Desc", DEVICE, true},
    {DEVICE_INFO, "SoftwareVer", SOFTWARE, true},
    {ROOT, "ObservationDateTime", DATE_TIME, false},
    {DATE_TIME, "Year", YEAR, true},
    {DATE_TIME, "Month", MONTH, true},
    {DATE_TIME, "Day", DAY, true},
    {DATE_TIME, "Hour", HOUR, true},
    {DATE_TIME, "Minute", MINUTE, true},
    {DATE_TIME, "Second", SECOND, true},
};

enum { DATE_PARTS = SECOND - YEAR + 1, MAX_WAVEFORMS = 64 };

/* One WaveformData; which lead it is, is known at the end only, for nothing promises that LeadOrder comes
 * first. */
typedef struct strip_lead {
  int attribute_lead; /* -1: no attribute, or none of the twelve */
  float *samples;
  size_t count;
} strip_lead;

typedef struct cardiosoft {
  ecg_record *record;
  size_t strips, count;
  strip_lead leads[MAX_WAVEFORMS];
  size_t ordered; /* names in LeadOrder */
  int order[MAX_WAVEFORMS];
  double declared_count, rate, resolution, microvolts_per_unit; /* 0 where the file doesn't say */
  double date[DATE_PARTS];                                      /* -1 where it doesn't */
  float *values;
  size_t capacity;
  buffer device, statements, warnings;
} cardiosoft;

static bool cardiosoft_probe(const uint8_t *data, size_t size) {
  char root[32];
  return xml_root_name(data, size, root, sizeof root) && strcmp(root, "CardiologyXML") == 0;
}

static xml_answer open_waveform(cardiosoft *c, const char *const *attributes, error *err) {
  if (c->count == MAX_WAVEFORMS) {
    error_set(err, ERROR_LIMIT, "StripData has more than %d leads", MAX_WAVEFORMS);
    return XML_FAIL;
  }
  const char *name = xml_attribute(attributes, "lead");
  c->leads[c->count].attribute_lead = name ? ecg_lead_from_name(name, strlen(name)) : -1;
  return XML_ENTER;
}

static double microvolts_of(const char *units) {
  return !units || strcasecmp(units, "uVperLsb") == 0 ? 1
         : strcasecmp(units, "nVperLsb") == 0         ? 1e-3
         : strcasecmp(units, "mVperLsb") == 0         ? 1e3
                                                      : 0;
}

static xml_answer cardiosoft_start(void *context, int element, const char *const *attributes, error *err) {
  cardiosoft *c = context;
  if (element == STRIP)
    return c->strips++ ? XML_SKIP : XML_ENTER;
  if (element == RESOLUTION)
    c->microvolts_per_unit = microvolts_of(xml_attribute(attributes, "units"));
  return element == WAVEFORM ? open_waveform(c, attributes, err) : XML_ENTER;
}

/* Which lead the i-th WaveformData is, as far as is known by now. */
static int lead_at(const cardiosoft *c, size_t i) {
  return i < c->ordered ? c->order[i] : c->leads[i].attribute_lead;
}

static bool close_waveform(cardiosoft *c, const char *text, size_t length, error *err) {
  strip_lead *lead = &c->leads[c->count];
  int known = lead_at(c, c->count++);
  if (!field_parse_numbers(text, length, &c->values, &c->capacity, &lead->count, err))
    return known >= 0 ? error_prefix(err, "Lead %s", ecg_lead_names[known])
                      : error_prefix(err, "WaveformData %zu of StripData", c->count);
  lead->samples = arena_alloc_array(c->record->memory, lead->count, sizeof *lead->samples, err);
  if (!lead->samples)
    return false;
  if (lead->count)
    memcpy(lead->samples, c->values, lead->count * sizeof *lead->samples);
  return true;
}

static void set_lead_order(cardiosoft *c, const char *text, size_t length) {
  const char *end = text + length;
  c->ordered = 0;
  while (text < end && c->ordered < MAX_WAVEFORMS) {
    const char *comma = memchr(text, ',', (size_t)(end - text));
    const char *stop = comma ? comma : end;
    c->order[c->ordered++] = ecg_lead_from_name(text, (size_t)(stop - text));
    text = comma ? comma + 1 : end;
  }
}

/* An element that is there but holds no positive number would be read wrongly in silence. */
static bool set_positive(const char *name, const char *text, size_t length, double *value, error *err) {
  field_trim(&text, &length);
  if (!length)
    return true;
  return (parse_float64(text, length, value) && *value > 0) ||
         error_set(err, ERROR_FORMAT, "%s is not a positive number: \"%.*s\"", name,
                   (int)(length < 20 ? length : 20), text);
}

static void set_date_part(cardiosoft *c, int element, const char *text, size_t length) {
  double number;
  if (parse_float64(text, length, &number) && number >= 0 && number < 10000)
    c->date[element - YEAR] = number;
}

static bool add_statement(cardiosoft *c, const char *text, size_t length, error *err) {
  size_t before = c->statements.size;
  if (!field_add_words(&c->statements, text, length, err))
    return false;
  c->record->statement_count += c->statements.size > before;
  return true;
}

static bool cardiosoft_end(void *context, int element, char *text, size_t length, error *err) {
  cardiosoft *c = context;
  switch ((enum element)element) {
  case WAVEFORM:
    return close_waveform(c, text, length, err);
  case LEAD_ORDER:
    set_lead_order(c, text, length);
    return true;
  case SAMPLE_RATE:
    return set_positive("SampleRate", text, length, &c->rate, err);
  case SAMPLE_COUNT:
    return set_positive("ChannelSampleCountTotal", text, length, &c->declared_count, err);
  case RESOLUTION:
    return set_positive("Resolution", text, length, &c->resolution, err);
  case DIAGNOSIS_TEXT:
    return add_statement(c, text, length, err);
  case DEVICE:
  case SOFTWARE:
    return field_add_words(&c->device, text, length, err);
  default:
    if (element >= YEAR && element <= SECOND)
      set_date_part(c, element, text, length);
    return true;
  }
}

static bool take_lead(cardiosoft *c, size_t i, error *err) {
  ecg_record *record = c->record;
  const strip_lead *l = &c->leads[i];
  int lead = lead_at(c, i);
  if (lead < 0)
    return true;
  const char *name = ecg_lead_names[lead];
  if (record->source[lead] == LEAD_STORED)
    return error_set(err, ERROR_DATA, "Lead %s appears twice", name);
  if (l->count == 0)
    return error_set(err, ERROR_DATA, "Lead %s has no samples", name);
  if (record->samples && record->samples != l->count)
    return error_set(err, ERROR_DATA, "Lead %s has %zu samples, those before it %zu", name, l->count,
                     record->samples);
  if (l->attribute_lead >= 0 && l->attribute_lead != lead &&
      !field_add_warning(&c->warnings, err, "LeadOrder says %s where StripData says %s", name,
                         ecg_lead_names[l->attribute_lead]))
    return false;
  record->samples = l->count;
  record->leads[lead] = l->samples;
  record->source[lead] = LEAD_STORED;
  return true;
}

static bool set_date(cardiosoft *c, error *err) {
  const double *d = c->date;
  if (d[0] < 0 || d[1] < 0 || d[2] < 0)
    return true;
  bool has_time = d[3] >= 0 && d[4] >= 0 && d[5] >= 0;
  c->record->acquisition_time =
      has_time ? arena_printf(c->record->memory, err, "%04.0f-%02.0f-%02.0f %02.0f:%02.0f:%02.0f", d[0], d[1],
                              d[2], d[3], d[4], d[5])
               : arena_printf(c->record->memory, err, "%04.0f-%02.0f-%02.0f", d[0], d[1], d[2]);
  return c->record->acquisition_time != NULL;
}

static bool set_texts(cardiosoft *c, error *err) {
  ecg_record *record = c->record;
  record->device = arena_strndup(record->memory, c->device.data, c->device.size, err);
  record->statements = arena_strndup(record->memory, c->statements.data, c->statements.size, err);
  record->warning = arena_strndup(record->memory, c->warnings.data, c->warnings.size, err);
  return record->device && record->statements && record->warning && set_date(c, err);
}

static bool finish(cardiosoft *c, error *err) {
  if (c->count == 0)
    return error_set(err, ERROR_UNSUPPORTED, "Unknown XML format: GE CardioSoft without StripData");
  for (size_t i = 0; i < c->count; i++)
    if (!take_lead(c, i, err))
      return false;
  if (c->declared_count > 0 && c->declared_count != (double)c->record->samples &&
      !field_add_warning(&c->warnings, err, "%.0f samples declared, %zu present", c->declared_count,
                         c->record->samples))
    return false;
  c->record->sampling_rate_hz = c->rate;
  c->record->microvolts_per_unit = c->resolution * c->microvolts_per_unit;
  return set_texts(c, err);
}

static bool cardiosoft_read(const uint8_t *data, size_t size, ecg_record *record, error *err) {
  static const xml_walk walk = {rules, sizeof rules / sizeof *rules, cardiosoft_start, cardiosoft_end};
  cardiosoft c = {.record = record, .date = {-1, -1, -1, -1, -1, -1}};
  record->in_reference = true;
  bool done = xml_read(data, size, &walk, &c, err) && finish(&c, err);
  free(c.values);
  buffer_free(&c.device);
  buffer_free(&c.statements);
  buffer_free(&c.warnings);
  return done;
}

const ecg_format cardiosoft_format = {"GE CardioSoft XML", "CLSA", cardiosoft_probe, cardiosoft_read};
