/* ECG files for tests, built in memory: NPY, GE MUSE XML, GE CardioSoft XML. */
#ifndef DEEPECG_TESTS_ECG_FILES_H
#define DEEPECG_TESTS_ECG_FILES_H

#include "base/base64.h"
#include "base/buffer.h"
#include "ecg/formats/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The count that every built file holds at this place: different for all leads, both signs, all below 2^11 so
 * that float16 holds it exactly. */
static inline int ecg_files_count(int lead, size_t sample) {
  return (int)(sample * 7 % 61) - 30 + lead * 100 - 400;
}

/* Replace the first (or, with `all`, every) occurrence of a text that must be there. */
static inline void ecg_files_replace(buffer *b, const char *old, const char *new, bool all) {
  buffer result = {0};
  const char *at = b->data, *found = strstr(at, old);
  assert_non_null(found);
  for (; found; found = all ? strstr(at, old) : NULL) {
    assert_true(buffer_append(&result, at, (size_t)(found - at), NULL) &&
                buffer_append_text(&result, new, NULL));
    at = found + strlen(old);
  }
  assert_true(buffer_append_text(&result, at, NULL));
  buffer_free(b);
  *b = result;
}

static inline void ecg_files_append(buffer *b, const char *text) {
  assert_true(buffer_append_text(b, text, NULL));
}

/* A whole NPY file of version 1: header text, then bytes. */
static inline void ecg_files_npy(buffer *b, const char *header, const void *bytes, size_t size) {
  size_t length = strlen(header);
  char prefix[10] = {(char)0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (char)(length & 255), (char)(length >> 8)};
  assert_true(buffer_append(b, prefix, sizeof prefix, NULL) && buffer_append(b, header, length, NULL) &&
              buffer_append(b, bytes, size, NULL));
}

/* What a MUSE file says; every text may be NULL, the element is left out then. */
typedef struct muse_file {
  const char *head;     /* between <RestingECG> and the first waveform */
  const char *types[3]; /* WaveformType of up to three waveforms; "" leaves the element out, NULL ends */
  size_t samples[3];
  const char *leads; /* "I II V1 ..." */
  const char *sample_base, *sample_exponent;
  const char *extra; /* inside every LeadData */
} muse_file;

static const char ecg_files_eight_leads[] = "I II V1 V2 V3 V4 V5 V6";
static const char ecg_files_twelve_leads[] = "I II III aVR aVL aVF V1 V2 V3 V4 V5 V6";

static inline void ecg_files_element(buffer *b, const char *name, const char *text) {
  if (text)
    assert_true(buffer_printf(b, NULL, "<%s>%s</%s>\n", name, text, name));
}

static inline void ecg_files_muse_lead(buffer *b, const char *name, size_t samples, const char *extra) {
  int lead = ecg_lead_from_name(name, strlen(name));
  uint8_t *bytes = malloc(2 * samples + 1);
  char *text = malloc(base64_encoded_size(2 * samples) + 1);
  assert_true(bytes && text);
  for (size_t i = 0; i < samples; i++) {
    int count = ecg_files_count(lead < 0 ? 0 : lead, i);
    bytes[2 * i] = (uint8_t)(count & 255);
    bytes[2 * i + 1] = (uint8_t)(count >> 8 & 255);
  }
  base64_encode(bytes, 2 * samples, text);
  text[base64_encoded_size(2 * samples)] = '\0';
  ecg_files_append(b, "<LeadData>");
  ecg_files_element(b, "LeadID", name);
  if (extra)
    ecg_files_append(b, extra);
  ecg_files_append(b, "<WaveFormData>\n");
  for (size_t at = 0, length = strlen(text); at < length; at += 76)
    assert_true(buffer_printf(b, NULL, "%.76s\n", text + at));
  ecg_files_append(b, "</WaveFormData></LeadData>\n");
  free(bytes);
  free(text);
}

/* The names of a blank-separated list, one after the other; false at its end. */
static inline bool ecg_files_next_name(const char **list, char name[16]) {
  int used = 0;
  if (sscanf(*list, "%15s%n", name, &used) != 1)
    return false;
  *list += used;
  return true;
}

static inline void ecg_files_muse(buffer *b, const muse_file *file) {
  ecg_files_append(
      b, "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<!DOCTYPE RestingECG SYSTEM \"restecg.dtd\">\n"
         "<RestingECG>\n");
  if (file->head)
    ecg_files_append(b, file->head);
  for (int i = 0; i < 3 && file->types[i]; i++) {
    ecg_files_append(b, "<Waveform>\n");
    ecg_files_element(b, "WaveformType", *file->types[i] ? file->types[i] : NULL);
    ecg_files_element(b, "SampleBase", file->sample_base);
    ecg_files_element(b, "SampleExponent", file->sample_exponent);
    char name[16];
    for (const char *list = file->leads; ecg_files_next_name(&list, name);)
      ecg_files_muse_lead(b, name, file->samples[i], file->extra);
    ecg_files_append(b, "</Waveform>\n");
  }
  ecg_files_append(b, "</RestingECG>\n");
}

/* What a CardioSoft file says. */
typedef struct cardiosoft_file {
  const char *head;       /* between <CardiologyXML> and the measurements */
  const char *lead_order; /* NULL: no measurement table */
  const char *leads;      /* the WaveformData of the strip, "I II V1 ..." */
  bool without_attribute; /* of WaveformData */
  size_t samples;
  const char *strip_head; /* SampleRate, Resolution, ... */
  const char *separator;  /* between numbers; NULL: "," */
} cardiosoft_file;

static inline void ecg_files_cardiosoft_lead(buffer *b, const char *name, const cardiosoft_file *file) {
  int lead = ecg_lead_from_name(name, strlen(name));
  if (file->without_attribute)
    ecg_files_append(b, "<WaveformData>\t");
  else
    assert_true(buffer_printf(b, NULL, "<WaveformData lead=\"%s\">\t", name));
  for (size_t i = 0; i < file->samples; i++)
    assert_true(buffer_printf(b, NULL, "%s%d",
                              i == 0            ? ""
                              : file->separator ? file->separator
                                                : ",",
                              ecg_files_count(lead < 0 ? 0 : lead, i)));
  ecg_files_append(b, "</WaveformData>\n");
}

static inline void ecg_files_cardiosoft(buffer *b, const cardiosoft_file *file) {
  ecg_files_append(b, "<?xml version=\"1.0\" encoding=\"ISO8859-1\" ?>\r\n<CardiologyXML>\r\n");
  if (file->head)
    ecg_files_append(b, file->head);
  ecg_files_append(b, "<RestingECGMeasurements>");
  if (file->lead_order)
    assert_true(buffer_printf(b, NULL, "<MeasurementTable><LeadOrder>%s</LeadOrder></MeasurementTable>",
                              file->lead_order));
  ecg_files_append(b,
                   "<MedianSamples><SampleRate>100</SampleRate><WaveformData lead=\"I\">1,2,3</WaveformData>"
                   "</MedianSamples></RestingECGMeasurements>\n<StripData>\n");
  if (file->strip_head)
    ecg_files_append(b, file->strip_head);
  char name[16];
  for (const char *list = file->leads; ecg_files_next_name(&list, name);)
    ecg_files_cardiosoft_lead(b, name, file);
  ecg_files_append(b, "</StripData>\n</CardiologyXML>\n");
}

/* A read that must succeed; clear the record afterwards. */
static inline void ecg_files_read(const void *bytes, size_t size, ecg_record *record,
                                  const char **report_name) {
  error err = {0};
  if (!ecg_read(bytes, size, record, report_name, &err))
    fail_msg("not read: %s", err.message);
}

/* A read that must fail with this message (or a part of it). */
static inline void ecg_files_refuse(const void *bytes, size_t size, const char *report_name,
                                    const char *message) {
  ecg_record record;
  const char *name;
  error err = {0};
  if (ecg_read(bytes, size, &record, &name, &err)) {
    ecg_record_clear(&record);
    fail_msg("read, but should fail with: %s", message);
  }
  if (!strstr(err.message, message))
    fail_msg("message is \"%s\", not \"%s\"", err.message, message);
  assert_string_equal(name, report_name);
  assert_null(record.memory);
}

#endif
