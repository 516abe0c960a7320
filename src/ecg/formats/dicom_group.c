#include "ecg/formats/dicom_group.h"

#include "base/checked.h"
#include "ecg/formats/dicom_samples.h"
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

/* Without a scale, the stored numbers. */
static void convert(const dicom_channel_samples *s, const dicom_channel *c, double unit, float *values) {
  double scale = scale_of(c);
  bool known = scale != 0 && unit != 0;
  dicom_convert(s, known ? scale / unit : 1, known ? c->baseline * c->microvolts / unit : 0, values);
}

static bool mend_padding(const dicom_channel_samples *s, const char *name, float *values, buffer *warnings,
                         error *err) {
  size_t held = dicom_hold_over_padding(s, values);
  if (held == s->count)
    return error_set(err, ERROR_DATA, "Lead %s holds nothing but padding", name);
  return held == 0 || field_add_warning(warnings, err, "lead %s: %zu samples of padding held", name, held);
}

static bool warn_of_bits(const dicom_channel_samples *s, const char *name, buffer *warnings, error *err) {
  return !dicom_exceeds_bits(s) ||
         field_add_warning(warnings, err, "lead %s: values beyond the %u bits declared", name,
                           s->bits_stored);
}

static bool check_length(const dicom_group *g, size_t bytes, buffer *warnings, error *err) {
  size_t wanted;
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

static bool open_matrix(const dicom_group *g, dicom_matrix *m, buffer *warnings, error *err) {
  *m = (dicom_matrix){dicom_sample_type_of(g->bits_allocated, &g->interpretation, err), g->data, g->padding,
                      g->channels, g->samples};
  if (!m->type)
    return false;
  if (g->channels == 0 || g->samples == 0)
    return error_set(err, ERROR_DATA, "DICOM waveform of %u channels and %u samples", g->channels,
                     g->samples);
  size_t bytes = m->type->bits / 8;
  /* Words of two bytes are swapped in a big-endian file; other widths could mean two things. */
  if (g->data.big_endian && (bytes == 4 || (bytes == 1 && memcmp(g->data.vr, "OW", 2) == 0)))
    return error_set(err, ERROR_UNSUPPORTED, "DICOM waveform of %u bits in big-endian words",
                     g->bits_allocated);
  return check_length(g, bytes, warnings, err);
}

static bool take_lead(const dicom_group *g, const dicom_matrix *m, int lead, ecg_record *record,
                      buffer *warnings, error *err) {
  const dicom_channel *c = &g->leads[lead];
  const char *name = ecg_lead_names[lead];
  if (c->index >= g->channels)
    return error_set(err, ERROR_DATA, "Lead %s is channel %zu of %u", name, c->index + 1, g->channels);
  if (!check_scale(c, name, err))
    return false;
  float *values = ecg_record_add_lead(record, (ecg_lead)lead, err);
  if (!values)
    return false;
  dicom_channel_samples s = dicom_channel_of(m, c->index, record->samples, c->bits_stored);
  convert(&s, c, record->microvolts_per_unit, values);
  return warn_of_unit(c, name, record->microvolts_per_unit, warnings, err) &&
         mend_padding(&s, name, values, warnings, err) && warn_of_bits(&s, name, warnings, err);
}

static bool take_leads_of(const dicom_group *g, const dicom_matrix *m, ecg_record *record, buffer *warnings,
                          error *err) {
  for (int lead = 0; lead < ECG_LEADS; lead++)
    if (g->leads[lead].present && record->source[lead] == LEAD_MISSING &&
        !take_lead(g, m, lead, record, warnings, err))
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
  dicom_matrix m;
  if (!open_matrix(g, &m, warnings, err))
    return false;
  if (!(g->rate_hz > 0))
    return error_set(err, ERROR_DATA, "DICOM waveform without a sampling frequency above 0");
  record->sampling_rate_hz = g->rate_hz;
  record->samples = dicom_unpadded_samples(&m);
  if (record->samples == 0)
    return error_set(err, ERROR_DATA, "DICOM waveform holds nothing but padding");
  size_t cut = g->samples - record->samples;
  return set_unit(g, record, warnings, err) &&
         (cut == 0 || field_add_warning(warnings, err, "%zu samples of padding cut off", cut)) &&
         take_leads_of(g, &m, record, warnings, err);
}

static bool take_more(const dicom_group *g, ecg_record *record, buffer *warnings, error *err) {
  dicom_matrix m;
  return open_matrix(g, &m, warnings, err) && take_leads_of(g, &m, record, warnings, err);
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
