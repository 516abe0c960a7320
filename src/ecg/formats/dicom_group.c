#include "ecg/formats/dicom_group.h"

#include "base/checked.h"
#include "ecg/formats/field_text.h"

#include <math.h>
#include <string.h>

/* ---- Which group ---- */

/* I, II and V1 to V6: the others follow from them. */
static bool is_needed(int lead) {
  return lead <= LEAD_II || lead >= LEAD_V1;
}

static int needed_leads(const dicom_group *g) {
  int count = 0;
  for (int lead = 0; lead < ECG_LEADS; lead++)
    count += g->leads[lead].present && is_needed(lead);
  return count;
}

static double seconds_of(const dicom_group *g) {
  return g->rate_hz > 0 ? g->samples / g->rate_hz : 0;
}

static bool is_better(const dicom_group *a, const dicom_group *b) {
  if (a->averaged != b->averaged)
    return b->averaged;
  if (a->derived != b->derived)
    return b->derived;
  if (needed_leads(a) != needed_leads(b))
    return needed_leads(a) > needed_leads(b);
  return seconds_of(a) > seconds_of(b);
}

const dicom_group *dicom_choose_group(const dicom_group *groups, size_t count) {
  const dicom_group *best = groups;
  for (size_t i = 1; i < count; i++)
    if (is_better(&groups[i], best))
      best = &groups[i];
  return best;
}

static bool runs_with(const dicom_group *g, const dicom_group *chosen) {
  return g->averaged == chosen->averaged && g->derived == chosen->derived && g->samples == chosen->samples &&
         g->rate_hz == chosen->rate_hz && g->offset_ms == chosen->offset_ms;
}

/* ---- Samples ---- */

/* How samples are stored (PS3.3 C.10.9.1.5). */
typedef struct sample_type {
  const char *interpretation;
  uint32_t bits;
  bool is_signed;
} sample_type;

static const sample_type sample_types[] = {
    {"SB", 8, true},   {"UB", 8, false}, {"SS", 16, true},
    {"US", 16, false}, {"SL", 32, true}, {"UL", 32, false},
};

static const sample_type *find_type(const dicom_group *g, error *err) {
  for (size_t i = 0; i < sizeof sample_types / sizeof *sample_types; i++)
    if (sample_types[i].bits == g->bits_allocated &&
        dicom_text_is(&g->interpretation, sample_types[i].interpretation))
      return &sample_types[i];
  const char *name;
  size_t length;
  dicom_text(&g->interpretation, &name, &length);
  error_set(
      err, ERROR_UNSUPPORTED,
      "DICOM samples of %u bits as %.*s: only SB and UB of 8, SS and US of 16, SL and UL of 32 are read",
      g->bits_allocated, (int)(length < 2 ? length : 2), name);
  return NULL;
}

static uint64_t load_bits(const uint8_t *p, uint32_t bits, bool big_endian) {
  if (bits == 8)
    return *p;
  if (bits == 16)
    return (uint64_t)(big_endian ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
  return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
}

static int64_t extend_sign(uint64_t value, uint32_t bits) {
  uint64_t sign = (uint64_t)1 << (bits - 1);
  return (int64_t)(value ^ sign) - (int64_t)sign;
}

/* The samples of one channel. */
typedef struct channel_samples {
  const uint8_t *first;
  size_t step, count;
  const sample_type *type;
  bool big_endian;
  uint32_t bits; /* that hold the value */
} channel_samples;

static int64_t sample_at(const channel_samples *s, size_t i) {
  uint64_t value = load_bits(s->first + i * s->step, s->type->bits, s->big_endian);
  return s->type->is_signed ? extend_sign(value, s->bits) : (int64_t)value;
}

static uint64_t raw_at(const channel_samples *s, size_t i) {
  return load_bits(s->first + i * s->step, s->type->bits, s->big_endian);
}

/* Some devices store 12 bits in 16 without extending the sign: no sample has a bit above the twelve then. */
static uint32_t bits_of_values(const channel_samples *s, uint32_t bits_stored) {
  if (!s->type->is_signed || bits_stored == 0 || bits_stored >= s->type->bits)
    return s->type->bits;
  for (size_t i = 0; i < s->count; i++)
    if (raw_at(s, i) >> bits_stored)
      return s->type->bits;
  return bits_stored;
}

static channel_samples samples_of(const dicom_group *g, const sample_type *type, const dicom_channel *c) {
  size_t bytes = type->bits / 8;
  channel_samples s = {g->data.bytes + c->index * bytes,
                       g->channels * bytes,
                       g->samples,
                       type,
                       g->data.big_endian,
                       type->bits};
  s.bits = bits_of_values(&s, c->bits_stored);
  return s;
}

/* ---- Padding ---- */

/* 8-bit padding may be sent as a word. */
static bool padding_bits(const dicom_group *g, const sample_type *type, uint64_t *bits) {
  if (g->padding.length < type->bits / 8)
    return false;
  *bits = load_bits(g->padding.bytes, type->bits, g->padding.big_endian);
  return true;
}

static bool is_all_padding(const dicom_group *g, const sample_type *type, size_t sample, uint64_t padding) {
  size_t bytes = type->bits / 8;
  const uint8_t *at = g->data.bytes + sample * g->channels * bytes;
  for (uint32_t i = 0; i < g->channels; i++, at += bytes)
    if (load_bits(at, type->bits, g->data.big_endian) != padding)
      return false;
  return true;
}

static size_t samples_without_padding(const dicom_group *g, const sample_type *type) {
  uint64_t padding;
  size_t count = g->samples;
  if (padding_bits(g, type, &padding))
    while (count && is_all_padding(g, type, count - 1, padding))
      count--;
  return count;
}

static bool ends_range(uint64_t value, const sample_type *type, uint32_t bits) {
  uint64_t all = UINT32_MAX >> (32 - type->bits), top = (uint64_t)1 << (bits - 1);
  if (!type->is_signed)
    return value == 2 * top - 1;
  return value == top - 1 || value == top || value == ((0 - top) & all);
}

/* Only a value that no ordinary sample has can be told from one: files declare 0 as padding. */
static bool is_end_of_range(uint64_t value, const sample_type *type, uint32_t bits_stored) {
  return ends_range(value, type, type->bits) ||
         (bits_stored && bits_stored < type->bits && ends_range(value, type, bits_stored));
}

/* ---- One lead ---- */

/* What turns stored numbers into the record's: value = stored * factor + offset. */
typedef struct conversion {
  double factor, offset;
} conversion;

static void convert(const channel_samples *s, conversion c, float *values) {
  if (c.factor == 1 && c.offset == 0)
    for (size_t i = 0; i < s->count; i++)
      values[i] = (float)sample_at(s, i);
  else
    for (size_t i = 0; i < s->count; i++)
      values[i] = (float)((double)sample_at(s, i) * c.factor + c.offset);
}

/* Returns how many were held; all of them: there is nothing to hold. */
static size_t hold_over_padding(const channel_samples *s, uint64_t padding, float *values) {
  size_t held = 0, first = 0;
  while (first < s->count && raw_at(s, first) == padding)
    first++;
  if (first == s->count)
    return s->count;
  for (size_t i = 0; i < s->count; i++) {
    if (raw_at(s, i) != padding)
      continue;
    values[i] = i < first ? values[first] : values[i - 1];
    held++;
  }
  return held;
}

static bool mend_padding(const dicom_group *g, const channel_samples *s, int lead, float *values,
                         buffer *warnings, error *err) {
  uint64_t padding;
  const char *name = ecg_lead_names[lead];
  if (!padding_bits(g, s->type, &padding) || !is_end_of_range(padding, s->type, g->leads[lead].bits_stored))
    return true;
  size_t held = hold_over_padding(s, padding, values);
  if (held == s->count)
    return error_set(err, ERROR_DATA, "Lead %s holds nothing but padding", name);
  return held == 0 || field_add_warning(warnings, err, "lead %s: %zu samples of padding held", name, held);
}

static bool warn_of_bits(const channel_samples *s, uint32_t bits_stored, const char *name, buffer *warnings,
                         error *err) {
  if (!s->type->is_signed || bits_stored == 0 || bits_stored >= s->bits)
    return true;
  int64_t limit = (int64_t)1 << (bits_stored - 1);
  for (size_t i = 0; i < s->count; i++)
    if (sample_at(s, i) < -limit || sample_at(s, i) >= limit)
      return field_add_warning(warnings, err, "lead %s: values beyond the %u bits declared", name,
                               bits_stored);
  return true;
}

/* ---- The record ---- */

/* Microvolts per stored step, 0 where the file doesn't say. */
static double scale_of(const dicom_channel *c) {
  return isnan(c->sensitivity) || c->microvolts == 0 ? 0 : c->sensitivity * c->correction * c->microvolts;
}

static bool check_scale(const dicom_channel *c, const char *name, error *err) {
  double scale = scale_of(c), offset = c->baseline * c->microvolts;
  bool declared = !isnan(c->sensitivity) && c->microvolts != 0;
  if (declared && (scale == 0 || !isfinite(scale) || !isfinite(offset)))
    return error_set(err, ERROR_DATA, "Lead %s: sensitivity times correction factor is no scale", name);
  return true;
}

static bool warn_of_unit(const dicom_channel *c, const char *name, double unit, buffer *warnings,
                         error *err) {
  return unit == 0 || scale_of(c) != 0 ||
         field_add_warning(warnings, err, "lead %s: no unit that is known, taken for that of the others",
                           name);
}

static conversion conversion_of(const dicom_channel *c, double unit) {
  double scale = scale_of(c);
  if (scale == 0 || unit == 0)
    return (conversion){1, 0};
  return (conversion){scale / unit, c->baseline * c->microvolts / unit};
}

static bool check_data(const dicom_group *g, const sample_type *type, buffer *warnings, error *err) {
  size_t bytes = type->bits / 8, wanted;
  if (g->channels == 0 || g->samples == 0)
    return error_set(err, ERROR_DATA, "DICOM waveform of %u channels and %u samples", g->channels,
                     g->samples);
  /* Words of two bytes are swapped in a big-endian file; other widths could mean two things. */
  if (g->data.big_endian && (bytes == 4 || (bytes == 1 && memcmp(g->data.vr, "OW", 2) == 0)))
    return error_set(err, ERROR_UNSUPPORTED, "DICOM waveform of %u bits in big-endian words",
                     g->bits_allocated);
  if (g->samples > DICOM_MAX_SAMPLES)
    return error_set(err, ERROR_LIMIT, "DICOM waveform of %u samples: more than %d are not read", g->samples,
                     DICOM_MAX_SAMPLES);
  if (!checked_mul(g->channels, g->samples, &wanted) || !checked_mul(wanted, bytes, &wanted))
    return error_set(err, ERROR_LIMIT, "DICOM waveform is too large");
  if (g->data.length < wanted)
    return error_set(err, ERROR_FORMAT,
                     "DICOM waveform is cut short: %u samples of %u channels are %zu bytes, %zu are present",
                     g->samples, g->channels, wanted, g->data.length);
  return g->data.length - wanted <= 1 ||
         field_add_warning(warnings, err, "%zu bytes of waveform data beyond those declared",
                           g->data.length - wanted);
}

static bool take_lead(const dicom_group *g, const sample_type *type, int lead, ecg_record *record,
                      buffer *warnings, error *err) {
  const dicom_channel *c = &g->leads[lead];
  const char *name = ecg_lead_names[lead];
  if (c->index >= g->channels)
    return error_set(err, ERROR_DATA, "Lead %s is channel %zu of %u", name, c->index + 1, g->channels);
  if (!check_scale(c, name, err))
    return false;
  channel_samples s = samples_of(g, type, c);
  s.count = record->samples;
  float *values = ecg_record_add_lead(record, (ecg_lead)lead, err);
  if (!values)
    return false;
  convert(&s, conversion_of(c, record->microvolts_per_unit), values);
  return warn_of_unit(c, name, record->microvolts_per_unit, warnings, err) &&
         mend_padding(g, &s, lead, values, warnings, err) &&
         warn_of_bits(&s, c->bits_stored, name, warnings, err);
}

static bool take_leads_of(const dicom_group *g, const sample_type *type, ecg_record *record, buffer *warnings,
                          error *err) {
  for (int lead = 0; lead < ECG_LEADS; lead++)
    if (g->leads[lead].present && record->source[lead] == LEAD_MISSING &&
        !take_lead(g, type, lead, record, warnings, err))
      return false;
  return true;
}

/* A record has one unit: that of its first lead that declares one, also for leads that declare none. */
static bool set_unit(const dicom_group *g, ecg_record *record, buffer *warnings, error *err) {
  for (int lead = 0; lead < ECG_LEADS && record->microvolts_per_unit == 0; lead++)
    if (g->leads[lead].present)
      record->microvolts_per_unit = fabs(scale_of(&g->leads[lead]));
  return record->microvolts_per_unit != 0 ||
         field_add_warning(warnings, err, "no channel declares its sensitivity and unit");
}

static bool take_chosen(const dicom_group *g, ecg_record *record, buffer *warnings, error *err) {
  const sample_type *type = find_type(g, err);
  if (!type || !check_data(g, type, warnings, err))
    return false;
  if (!(g->rate_hz > 0))
    return error_set(err, ERROR_DATA, "DICOM waveform without a sampling frequency above 0");
  record->sampling_rate_hz = g->rate_hz;
  record->samples = samples_without_padding(g, type);
  if (record->samples == 0)
    return error_set(err, ERROR_DATA, "DICOM waveform holds nothing but padding");
  size_t cut = g->samples - record->samples;
  return set_unit(g, record, warnings, err) &&
         (cut == 0 || field_add_warning(warnings, err, "%zu samples of padding cut off", cut)) &&
         take_leads_of(g, type, record, warnings, err);
}

static bool take_more(const dicom_group *g, ecg_record *record, buffer *warnings, error *err) {
  const sample_type *type = find_type(g, err);
  return type && check_data(g, type, warnings, err) && take_leads_of(g, type, record, warnings, err);
}

static bool lacks_leads(const ecg_record *record) {
  for (int lead = 0; lead < ECG_LEADS; lead++)
    if (is_needed(lead) && record->source[lead] == LEAD_MISSING)
      return true;
  return false;
}

bool dicom_take_leads(const dicom_group *groups, size_t count, const dicom_group *chosen, ecg_record *record,
                      buffer *warnings, error *err) {
  if (chosen->problem.code != ERROR_NONE)
    return error_set(err, chosen->problem.code, "%s", chosen->problem.message);
  if (!take_chosen(chosen, record, warnings, err))
    return false;
  for (size_t i = 0; i < count && lacks_leads(record); i++)
    if (&groups[i] != chosen && groups[i].problem.code == ERROR_NONE && runs_with(&groups[i], chosen) &&
        !take_more(&groups[i], record, warnings, err))
      return false;
  return true;
}
