#include "ecg/describe.h"

#include "base/json_text.h"
#include "base/utf8.h"
#include "ecg/conform.h"
#include "ecg/facts.h"
#include "ecg/formats/format.h"
#include "ecg/formats/xml_events.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { WARNING_SIZE = 256 };

/* Everything that is shown. */
typedef struct description {
  const char *name, *format;
  ecg_record record;
  ecg_facts facts;
  bool usable;         /* by the pipeline */
  char pipeline[1000]; /* its warning, or why not */
} description;

bool ecg_looks_like(const uint8_t *data, size_t size) {
  return ecg_find_format(data, size) || xml_looks_like(data, size);
}

/* What the pipeline would say. */
static bool try_to_conform(description *d, error *err) {
  error reason;
  char warning[WARNING_SIZE];
  float *signal = malloc((size_t)ECG_SAMPLES * ECG_LEADS * sizeof *signal);
  if (!signal)
    return error_out_of_memory(err);
  d->usable = ecg_conform(&d->record, ECG_UNITS_STORED, signal, warning, sizeof warning, &reason);
  strcpy(d->pipeline, d->usable ? warning : reason.message);
  free(signal);
  return true;
}

static const char *checksum_word(ecg_checksum checksum) {
  static const char *const words[] = {"none in the file", "matches", "does not match"};
  return words[checksum];
}

/* ---- Text ---- */

/* What files say and how they are called stays on its line. */
static bool add_line(buffer *b, const char *what, const char *text, error *err) {
  size_t begin = b->size;
  if (!buffer_printf(b, err, "%-12s%s", what, text))
    return false;
  utf8_neutralise(b->data + begin);
  return buffer_append_text(b, "\n", err);
}

static bool add_rate(const description *d, buffer *b, error *err) {
  const ecg_record *r = &d->record;
  if (r->sampling_rate_hz == 0)
    return add_line(b, "rate", "not declared", err) &&
           buffer_printf(b, err, "%-12s%zu samples\n", "length", r->samples);
  return buffer_printf(b, err, "%-12s%.6g Hz\n%-12s%zu samples, %.6g s\n", "rate", r->sampling_rate_hz,
                       "length", r->samples, (double)r->samples / r->sampling_rate_hz);
}

static bool add_unit(const description *d, buffer *b, error *err) {
  if (!d->facts.in_millivolts)
    return add_line(b, "unit", "not declared", err);
  return buffer_printf(b, err, "%-12s%.6g uV per count\n", "unit", d->record.microvolts_per_unit);
}

static bool add_leads(const description *d, ecg_lead_source source, const char *what, buffer *b, error *err) {
  char names[64] = "";
  for (int lead = 0; lead < ECG_LEADS; lead++)
    if (d->record.source[lead] == source)
      strcat(strcat(names, *names ? ", " : ""), ecg_lead_names[lead]);
  return !*names || add_line(b, what, names, err);
}

static bool add_residual(const description *d, buffer *b, error *err) {
  if (!d->facts.residual_known)
    return add_line(b, "II-I-III", "not checked: III is derived", err);
  return buffer_printf(b, err, "%-12s%.3g%s at most\n", "II-I-III", d->facts.residual,
                       d->facts.in_millivolts ? " mV" : "");
}

static bool add_pipeline(const description *d, buffer *b, error *err) {
  return buffer_printf(b, err, "%-12s%s%s%s\n", "pipeline", d->usable ? "reads it" : "refuses it",
                       *d->pipeline ? ": " : "", d->pipeline);
}

/* One lead may be small or tall; most of them are not. */
static bool add_doubt(const description *d, buffer *b, error *err) {
  return 2 * d->facts.unusual <= ECG_LEADS ||
         buffer_printf(b, err, "%-12samplitude of %d leads is outside %g-%g mV: is the unit right?\n", "note",
                       d->facts.unusual, ecg_usual_lowest_mv, ecg_usual_highest_mv);
}

static bool add_table(const description *d, buffer *b, error *err) {
  bool ok = buffer_printf(b, err, "%-6s%10s%10s%11s  %s\n", "lead", "lowest", "highest", "amplitude",
                          d->facts.in_millivolts ? "mV" : "(stored numbers)");
  for (int lead = 0; lead < ECG_LEADS && ok; lead++) {
    const ecg_lead_facts *f = &d->facts.leads[lead];
    ok = buffer_printf(b, err, d->facts.in_millivolts ? "%-6s%10.3f%10.3f%11.3f%s\n" : "%-6s%10g%10g%11g%s\n",
                       ecg_lead_names[lead], f->lowest, f->highest, f->amplitude,
                       f->unusual ? f->amplitude > ecg_usual_highest_mv ? "  tall" : "  small" : "");
  }
  return ok;
}

static bool as_text(const description *d, buffer *b, error *err) {
  const ecg_record *r = &d->record;
  return add_line(b, "file", d->name, err) && buffer_printf(b, err, "%-12sECG, %s\n", "kind", d->format) &&
         add_rate(d, b, err) && add_unit(d, b, err) &&
         add_line(b, "device", *r->device ? r->device : "not declared", err) &&
         buffer_printf(b, err, "%-12s%zu\n", "statements", r->statement_count) &&
         add_line(b, "checksum", checksum_word(r->checksum), err) &&
         add_leads(d, LEAD_STORED, "stored", b, err) && add_leads(d, LEAD_DERIVED, "derived", b, err) &&
         add_residual(d, b, err) && add_pipeline(d, b, err) &&
         (!*r->warning || add_line(b, "warning", r->warning, err)) && add_doubt(d, b, err) &&
         add_table(d, b, err);
}

/* ---- JSON ---- */

static json_t *number_or_null(double value) {
  return value != 0 ? json_real(value) : json_null();
}

static json_t *leads_json(const description *d) {
  json_t *leads = json_array();
  for (int lead = 0; lead < ECG_LEADS; lead++) {
    const ecg_lead_facts *f = &d->facts.leads[lead];
    json_array_append_new(leads,
                          json_pack("{s:s, s:b, s:f, s:f, s:f, s:b}", "name", ecg_lead_names[lead], "stored",
                                    d->record.source[lead] == LEAD_STORED, "lowest", f->lowest, "highest",
                                    f->highest, "amplitude", f->amplitude, "unusual", f->unusual));
  }
  return leads;
}

static json_t *checksum_json(ecg_checksum checksum) {
  return checksum == CHECKSUM_NONE ? json_null() : json_boolean(checksum == CHECKSUM_MATCHES);
}

static bool as_json(const description *d, buffer *b, error *err) {
  const ecg_record *r = &d->record;
  json_t *root = json_pack(
      "{s:o, s:s, s:s, s:o, s:I, s:o, s:s, s:I, s:o, s:s, s:o, s:b, s:s, s:s, s:i, s:o}", "file",
      json_text(d->name), "kind", "ECG", "format", d->format, "sampling_rate_hz",
      number_or_null(r->sampling_rate_hz), "samples", (json_int_t)r->samples, "microvolts_per_unit",
      number_or_null(r->microvolts_per_unit), "device", r->device, "statements",
      (json_int_t)r->statement_count, "checksum_matches", checksum_json(r->checksum), "amplitudes_in",
      d->facts.in_millivolts ? "mV" : "stored numbers", "residual",
      d->facts.residual_known ? json_real(d->facts.residual) : json_null(), "usable", d->usable, "pipeline",
      d->pipeline, "warning", r->warning, "unusual_leads", d->facts.unusual, "leads", leads_json(d));
  char *text = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) : NULL;
  bool ok =
      text ? buffer_append_text(b, text, err) && buffer_append_text(b, "\n", err) : error_out_of_memory(err);
  free(text);
  json_decref(root);
  return ok;
}

bool ecg_describe(const char *name, const uint8_t *data, size_t size, bool json, buffer *text, error *err) {
  const ecg_format *format = ecg_find_format(data, size);
  description d = {.name = name, .format = format ? format->name : ""};
  if (!ecg_read(data, size, &d.record, NULL, err))
    return error_prefix(err, "%s", name);
  d.facts = ecg_facts_of(&d.record);
  bool ok = try_to_conform(&d, err) && (json ? as_json : as_text)(&d, text, err);
  ecg_record_clear(&d.record);
  return ok;
}
