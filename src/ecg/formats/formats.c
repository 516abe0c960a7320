#include "base/mapped_file.h"
#include "ecg/formats/cardiosoft.h"
#include "ecg/formats/dicom.h"
#include "ecg/formats/muse.h"
#include "ecg/formats/npy.h"
#include "ecg/formats/xml_events.h"

#include <string.h>

const ecg_format *const ecg_formats[] = {&npy_format, &dicom_format, &muse_format, &cardiosoft_format};
const size_t ecg_format_count = sizeof ecg_formats / sizeof *ecg_formats;

static const char unknown[] = "Unknown";

static bool not_recognised(const uint8_t *data, size_t size, error *err) {
  static const xml_walk well_formed = {0};
  char root[64] = "";
  if (size == 0)
    return error_set(err, ERROR_FORMAT, "Empty file");
  if (!xml_looks_like(data, size))
    return error_set(err, ERROR_UNSUPPORTED, "Unknown file format: neither XML, DICOM nor a NumPy array");
  if (!xml_read(data, size, &well_formed, NULL, err))
    return false;
  xml_root_name(data, size, root, sizeof root);
  return error_set(err, ERROR_UNSUPPORTED, "Unknown XML format: root element %s", root);
}

static bool read_as(const ecg_format *format, const uint8_t *data, size_t size, ecg_record *record,
                    error *err) {
  if (!ecg_record_init(record, err))
    return false;
  record->format = format->report_name;
  if (format->read(data, size, record, err) && ecg_record_complete(record, err))
    return true;
  ecg_record_clear(record);
  return false;
}

const ecg_format *ecg_find_format(const uint8_t *data, size_t size) {
  for (size_t i = 0; i < ecg_format_count; i++)
    if (ecg_formats[i]->probe(data, size))
      return ecg_formats[i];
  return NULL;
}

bool ecg_read(const uint8_t *data, size_t size, ecg_record *record, const char **report_name, error *err) {
  const char *ignored;
  if (!report_name)
    report_name = &ignored;
  *report_name = unknown;
  *record = (ecg_record){0};
  const ecg_format *format = ecg_find_format(data, size);
  if (!format)
    return not_recognised(data, size, err);
  bool done = read_as(format, data, size, record, err);
  if (done || !xml_looks_like(data, size))
    *report_name = format->report_name;
  return done;
}

const char *ecg_format_name(const char *report_name) {
  for (size_t i = 0; i < ecg_format_count; i++)
    if (strcmp(ecg_formats[i]->report_name, report_name) == 0)
      return ecg_formats[i]->name;
  return report_name;
}

bool ecg_read_file(const char *path, ecg_record *record, const char **report_name, error *err) {
  mapped_file file;
  *record = (ecg_record){0};
  if (report_name)
    *report_name = unknown;
  if (!mapped_file_open(&file, path, err))
    return false;
  bool done = ecg_read(file.data, file.size, record, report_name, err);
  mapped_file_close(&file);
  return done || error_prefix(err, "%s", path);
}
