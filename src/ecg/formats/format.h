/* ECG file formats: one file per format beside this one, one line each in the table of formats.c. */
#ifndef DEEPECG_ECG_FORMATS_FORMAT_H
#define DEEPECG_ECG_FORMATS_FORMAT_H

#include "ecg/record.h"

/* A format is a constant. `probe` looks at the content (never at a name) and says whether `read` should try.
 * `read` fills an initialised record; on failure the
 * record is cleared by the caller. The bytes are foreign: every length is checked. Both are thread-safe: no
 * shared state. */
typedef struct ecg_format {
  const char *name;        /* for people: "GE MUSE XML" */
  const char *report_name; /* for the reports' xml_type column: "MHI" */
  bool (*probe)(const uint8_t *data, size_t size);
  bool (*read)(const uint8_t *data, size_t size, ecg_record *record, error *err);
} ecg_format;

/* All formats, specific ones first. */
extern const ecg_format *const ecg_formats[];
extern const size_t ecg_format_count;

/* The format that recognises the bytes, or NULL. */
const ecg_format *ecg_find_format(const uint8_t *data, size_t size);

/* "GE MUSE XML" where the reports say "MHI". */
const char *ecg_format_name(const char *report_name);

/* Read an ECG from bytes. On success the record is complete (twelve finite leads) and owned by the caller. On
 * failure *err says why; *report_name (may be NULL) is set in both cases: the format's report_name, "NPY"
 * also for a damaged array file, "Unknown" where nothing recognised the bytes or an XML failed. */
bool ecg_read(const uint8_t *data, size_t size, ecg_record *record, const char **report_name, error *err);

/* The same for a file, which *err names. */
bool ecg_read_file(const char *path, ecg_record *record, const char **report_name, error *err);

#endif
