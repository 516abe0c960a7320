#include "ecg/formats/muse.h"

#include "base/base64.h"
#include "base/number_text.h"
#include "ecg/formats/field_text.h"
#include "ecg/formats/xml_events.h"

#include <libdeflate.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum element {
  ROOT = 1,
  TEST,
  DEVICE,
  DATE,
  TIME,
  DIAGNOSIS,
  STATEMENT,
  STATEMENT_TEXT,
  ORIGINAL_DIAGNOSIS,
  ORIGINAL_STATEMENT,
  ORIGINAL_TEXT,
  WAVEFORM,
  WAVEFORM_TYPE,
  SAMPLE_BASE,
  SAMPLE_EXPONENT,
  LEAD,
  LEAD_ID,
  SAMPLE_COUNT,
  UNITS_PER_BIT,
  UNITS,
  SAMPLE_SIZE,
  LEAD_OFF,
  CRC32,
  DATA
};

static const xml_rule rules[] = {
    {XML_DOCUMENT, NULL, ROOT, false},
    {ROOT, "Waveform", WAVEFORM, false},
    {WAVEFORM, "LeadData", LEAD, false},
    {LEAD, "LeadID", LEAD_ID, true},
    {LEAD, "LeadSampleCountTotal", SAMPLE_COUNT, true},
    {LEAD, "LeadAmplitudeUnitsPerBit", UNITS_PER_BIT, true},
    {LEAD, "LeadAmplitudeUnits", UNITS, true},
    {LEAD, "LeadSampleSize", SAMPLE_SIZE, true},
    {LEAD, "LeadOff", LEAD_OFF, true},
    {LEAD, "LeadDataCRC32", CRC32, true},
    {LEAD, "WaveFormData", DATA, true},
    {WAVEFORM, "WaveformType", WAVEFORM_TYPE, true},
    {WAVEFORM, "SampleBase", SAMPLE_BASE, true},
    {WAVEFORM, "SampleExponent", SAMPLE_EXPONENT, true},
    {ROOT, "TestDemographics", TEST, false},
    {TEST, "AcquisitionDevice", DEVICE, true},
    {TEST, "AcquisitionDate", DATE, true},
    {TEST, "AcquisitionTime", TIME, true},
    {ROOT, "Diagnosis", DIAGNOSIS, false},
    {DIAGNOSIS, "DiagnosisStatement", STATEMENT, false},
    {STATEMENT, "StmtText", STATEMENT_TEXT, true},
    {ROOT, "OriginalDiagnosis", ORIGINAL_DIAGNOSIS, false},
    {ORIGINAL_DIAGNOSIS, "DiagnosisStatement", ORIGINAL_STATEMENT, false},
    {ORIGINAL_STATEMENT, "StmtText", ORIGINAL_TEXT, true},
};

typedef enum data_state { DATA_ABSENT, DATA_GOOD, DATA_NOT_BASE64, DATA_ODD } data_state;

/* Numbers that a file leaves out are NAN. */
typedef struct muse_lead {
  int lead; /* -1: none of the twelve */
  float *samples;
  size_t count;
  data_state state;
  uint32_t crc;
  double declared_count, declared_crc, sample_size, units_per_bit, microvolts_per_unit;
  bool off;
} muse_lead;

typedef enum waveform_type { TYPE_OTHER, TYPE_RHYTHM, TYPE_MEDIAN } waveform_type;

typedef struct waveform {
  int rank; /* how much it looks like the rhythm strip; 0: not at all */
  waveform_type type;
  double sample_base, sample_exponent;
  muse_lead leads[ECG_LEADS]; /* DATA_ABSENT where the file lacks it */
  error problem;              /* the first; it counts only if this waveform is the one */
} waveform;

typedef struct muse {
  ecg_record *record;
  size_t waveforms;
  waveform current, best;
  muse_lead lead;
  buffer device, date, time, statements, original_statements, warnings;
  size_t statement_count, original_count;
} muse;

static bool muse_probe(const uint8_t *data, size_t size) {
  char root[32];
  return xml_root_name(data, size, root, sizeof root) && strcmp(root, "RestingECG") == 0;
}

static void problem(muse *m, error_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Note what is wrong with the current waveform. */
static void problem(muse *m, error_code code, const char *format, ...) {
  char text[200];
  if (m->current.problem.code != ERROR_NONE)
    return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  error_set(&m->current.problem, code, "%s", text);
}

static void set_number(muse *m, const char *name, const char *text, size_t length, double *value) {
  field_trim(&text, &length);
  if (length && !parse_float64(text, length, value))
    problem(m, ERROR_FORMAT, "%s is not a number: \"%.*s\"", name, (int)(length < 20 ? length : 20), text);
}

static double microvolts_of(const char *unit, size_t length) {
  return field_is(unit, length, "MICROVOLTS") ? 1 : field_is(unit, length, "MILLIVOLTS") ? 1000 : NAN;
}

/* Base64 of little-endian signed 16-bit counts; decoded where the text lies. */
static bool decode_samples(muse *m, char *text, size_t length, error *err) {
  muse_lead *lead = &m->lead;
  uint8_t *bytes = (uint8_t *)text;
  size_t size;
  if (!base64_decode(text, length, bytes, &size)) {
    lead->state = DATA_NOT_BASE64;
    return true;
  }
  lead->state = size % 2 ? DATA_ODD : DATA_GOOD;
  lead->count = size / 2;
  lead->crc = libdeflate_crc32(0, bytes, size);
  lead->samples = arena_alloc_array(m->record->memory, lead->count, sizeof *lead->samples, err);
  if (!lead->samples)
    return false;
  for (size_t i = 0; i < lead->count; i++)
    lead->samples[i] = (float)(int16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8);
  return true;
}

static void close_lead(muse *m) {
  const muse_lead *lead = &m->lead;
  if (lead->lead < 0)
    return;
  const char *name = ecg_lead_names[lead->lead];
  if (m->current.leads[lead->lead].state != DATA_ABSENT)
    problem(m, ERROR_DATA, "Lead %s appears twice", name);
  else if (lead->state == DATA_NOT_BASE64)
    problem(m, ERROR_FORMAT, "Lead %s: WaveFormData is not whole base64", name);
  else if (lead->state == DATA_ODD)
    problem(m, ERROR_FORMAT, "Lead %s: WaveFormData has an odd number of bytes", name);
  else if (lead->count == 0)
    problem(m, ERROR_DATA, "Lead %s has no samples", name);
  else if (!isnan(lead->sample_size) && lead->sample_size != 2)
    problem(m, ERROR_UNSUPPORTED, "Lead %s: samples of %g bytes", name, lead->sample_size);
  else if (!isnan(lead->declared_count) && lead->declared_count != (double)lead->count)
    problem(m, ERROR_DATA, "Lead %s: %.0f samples declared, %zu present", name, lead->declared_count,
            lead->count);
  else
    m->current.leads[lead->lead] = *lead;
}

/* The reference takes the second waveform. It is the rhythm strip in every file known, but nothing promises
 * so. */
static void close_waveform(muse *m) {
  waveform *w = &m->current;
  bool second = m->waveforms == 2;
  w->rank = w->type == TYPE_RHYTHM ? 2 + second : w->type == TYPE_OTHER && second ? 1 : 0;
  if (w->rank > m->best.rank)
    m->best = *w;
}

static xml_answer muse_start(void *context, int element, const char *const *attributes, error *err) {
  (void)attributes, (void)err;
  muse *m = context;
  if (element == WAVEFORM) {
    m->current = (waveform){.sample_base = NAN, .sample_exponent = 0};
    m->waveforms++;
  } else if (element == LEAD) {
    m->lead = (muse_lead){.lead = -1,
                          .declared_count = NAN,
                          .declared_crc = NAN,
                          .sample_size = NAN,
                          .units_per_bit = NAN,
                          .microvolts_per_unit = NAN};
    return m->current.type == TYPE_MEDIAN ? XML_SKIP : XML_ENTER;
  }
  return XML_ENTER;
}

static void end_of_waveform_part(muse *m, enum element element, const char *text, size_t length) {
  if (element == WAVEFORM)
    close_waveform(m);
  else if (element == SAMPLE_BASE)
    set_number(m, "SampleBase", text, length, &m->current.sample_base);
  else if (element == SAMPLE_EXPONENT)
    set_number(m, "SampleExponent", text, length, &m->current.sample_exponent);
  else if (element == WAVEFORM_TYPE)
    m->current.type = field_is(text, length, "Rhythm")   ? TYPE_RHYTHM
                      : field_is(text, length, "Median") ? TYPE_MEDIAN
                                                         : TYPE_OTHER;
}

static void end_of_lead_part(muse *m, enum element element, const char *text, size_t length) {
  if (element == LEAD)
    close_lead(m);
  else if (element == LEAD_ID)
    m->lead.lead = ecg_lead_from_name(text, length);
  else if (element == SAMPLE_COUNT)
    set_number(m, "LeadSampleCountTotal", text, length, &m->lead.declared_count);
  else if (element == UNITS_PER_BIT)
    set_number(m, "LeadAmplitudeUnitsPerBit", text, length, &m->lead.units_per_bit);
  else if (element == UNITS)
    m->lead.microvolts_per_unit = microvolts_of(text, length);
  else if (element == SAMPLE_SIZE)
    set_number(m, "LeadSampleSize", text, length, &m->lead.sample_size);
  else if (element == LEAD_OFF)
    m->lead.off = field_is(text, length, "TRUE");
  else if (element == CRC32 && !parse_float64(text, length, &m->lead.declared_crc))
    m->lead.declared_crc = INFINITY; /* matches nothing */
}

static bool add_statement(buffer *statements, size_t *count, const char *text, size_t length, error *err) {
  size_t before = statements->size;
  if (!field_add_words(statements, text, length, err))
    return false;
  *count += statements->size > before;
  return true;
}

static bool muse_end(void *context, int element, char *text, size_t length, error *err) {
  muse *m = context;
  switch ((enum element)element) {
  case DATA:
    return decode_samples(m, text, length, err);
  case DEVICE:
    return field_add_words(&m->device, text, length, err);
  case DATE:
    return field_add_words(&m->date, text, length, err);
  case TIME:
    return field_add_words(&m->time, text, length, err);
  case STATEMENT_TEXT:
    return add_statement(&m->statements, &m->statement_count, text, length, err);
  case ORIGINAL_TEXT:
    return add_statement(&m->original_statements, &m->original_count, text, length, err);
  default:
    end_of_waveform_part(m, (enum element)element, text, length);
    end_of_lead_part(m, (enum element)element, text, length);
    return true;
  }
}

static bool crc_differs(const muse_lead *lead) {
  return !isnan(lead->declared_crc) && lead->declared_crc != (double)lead->crc &&
         lead->declared_crc != (double)(int32_t)lead->crc;
}

static void set_checksum(muse *m) {
  for (int lead = 0; lead < ECG_LEADS; lead++) {
    const muse_lead *l = &m->best.leads[lead];
    if (l->state != DATA_GOOD || isnan(l->declared_crc))
      continue;
    if (crc_differs(l))
      m->record->checksum = CHECKSUM_DIFFERS;
    else if (m->record->checksum == CHECKSUM_NONE)
      m->record->checksum = CHECKSUM_MATCHES;
  }
}

static bool lead_is_off(const muse_lead *lead) {
  return lead->off;
}

/* One warning for all leads of which `is_odd` holds: "V1, V2: what". */
static bool warn_of_leads(muse *m, bool (*is_odd)(const muse_lead *), const char *what, error *err) {
  char names[64] = "";
  for (int lead = 0; lead < ECG_LEADS; lead++)
    if (m->best.leads[lead].state == DATA_GOOD && is_odd(&m->best.leads[lead]))
      strcat(strcat(names, *names ? ", " : ""), ecg_lead_names[lead]);
  return !*names || field_add_warning(&m->warnings, err, "%s: lead %s", what, names);
}

static bool set_rate(ecg_record *record, const waveform *w, error *err) {
  if (isnan(w->sample_base))
    return true;
  double rate = w->sample_base * pow(10, w->sample_exponent);
  if (!(rate > 0 && isfinite(rate)))
    return error_set(err, ERROR_DATA, "SampleBase %g with SampleExponent %g is no sampling rate",
                     w->sample_base, w->sample_exponent);
  record->sampling_rate_hz = rate;
  return true;
}

/* Microvolts per count, 0 where the file doesn't say. */
static double lead_scale(const muse_lead *lead) {
  double scale = lead->units_per_bit * lead->microvolts_per_unit;
  return scale > 0 && isfinite(scale) ? scale : 0;
}

/* A record has one unit: that of its first lead, also for leads that declare none. */
static bool unify_units(muse *m, error *err) {
  double unit = m->record->microvolts_per_unit;
  bool differ = false;
  for (int lead = 0; unit != 0 && lead < ECG_LEADS; lead++) {
    muse_lead *l = &m->best.leads[lead];
    double scale = lead_scale(l);
    if (l->state != DATA_GOOD || scale == 0 || scale == unit)
      continue;
    for (size_t i = 0; i < l->count; i++)
      l->samples[i] = (float)((double)l->samples[i] * scale / unit);
    differ = true;
  }
  return !differ ||
         field_add_warning(&m->warnings, err, "leads of different units brought to %g microvolts", unit);
}

static bool take_leads(muse *m, error *err) {
  ecg_record *record = m->record;
  const char *first = NULL;
  for (int lead = 0; lead < ECG_LEADS; lead++) {
    const muse_lead *l = &m->best.leads[lead];
    if (l->state != DATA_GOOD)
      continue;
    if (!first) {
      first = ecg_lead_names[lead];
      record->samples = l->count;
      record->microvolts_per_unit = lead_scale(l);
    } else if (l->count != record->samples) {
      return error_set(err, ERROR_DATA, "Lead %s has %zu samples, lead %s has %zu", ecg_lead_names[lead],
                       l->count, first, record->samples);
    }
    record->leads[lead] = l->samples;
    record->source[lead] = LEAD_STORED;
  }
  return true;
}

static bool set_texts(muse *m, error *err) {
  ecg_record *record = m->record;
  bool edited = m->statements.size > 0;
  const buffer *statements = edited ? &m->statements : &m->original_statements;
  record->statement_count = edited ? m->statement_count : m->original_count;
  if (m->time.size && !field_add_words(&m->date, m->time.data, m->time.size, err))
    return false;
  record->device = arena_strndup(record->memory, m->device.data, m->device.size, err);
  record->acquisition_time = arena_strndup(record->memory, m->date.data, m->date.size, err);
  record->statements = arena_strndup(record->memory, statements->data, statements->size, err);
  record->warning = arena_strndup(record->memory, m->warnings.data, m->warnings.size, err);
  return record->device && record->acquisition_time && record->statements && record->warning;
}

static bool finish(muse *m, error *err) {
  if (m->best.rank == 0)
    return error_set(err, ERROR_UNSUPPORTED, "Unknown XML format: GE MUSE without a Rhythm waveform");
  if (m->best.problem.code != ERROR_NONE)
    return error_set(err, m->best.problem.code, "%s", m->best.problem.message);
  set_checksum(m);
  return take_leads(m, err) && set_rate(m->record, &m->best, err) && unify_units(m, err) &&
         warn_of_leads(m, crc_differs, "checksum does not match", err) &&
         warn_of_leads(m, lead_is_off, "marked as off", err) && set_texts(m, err);
}

static bool muse_read(const uint8_t *data, size_t size, ecg_record *record, error *err) {
  static const xml_walk walk = {rules, sizeof rules / sizeof *rules, muse_start, muse_end};
  muse m = {.record = record};
  record->in_reference = true;
  bool done = xml_read(data, size, &walk, &m, err) && finish(&m, err);
  buffer *buffers[] = {&m.device, &m.date, &m.time, &m.statements, &m.original_statements, &m.warnings};
  for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
    buffer_free(buffers[i]);
  return done;
}

const ecg_format muse_format = {"GE MUSE XML", "MHI", muse_probe, muse_read};
