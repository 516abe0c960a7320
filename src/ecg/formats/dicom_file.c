#include "ecg/formats/dicom_file.h"

#include "base/checked.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

enum { PREAMBLE = 128, PREFIX = 4, FIRST_ROOM = 1 << 18, META_GROUP = 0x0002, IDENTIFYING_GROUP = 0x0008 };
static const uint32_t tag_transfer_syntax = DICOM_TAG(0x0002, 0x0010);
static const uint32_t tag_media_sop_class = DICOM_TAG(0x0002, 0x0002);
static const uint32_t tag_sop_class = DICOM_TAG(0x0008, 0x0016);
static const dicom_syntax explicit_little = {false, false};

typedef struct transfer_syntax {
  const char *uid;
  dicom_syntax syntax;
  bool deflated;
} transfer_syntax;

static const transfer_syntax transfer_syntaxes[] = {
    {"1.2.840.10008.1.2", {.implicit_vr = true}, false},
    {"1.2.840.10008.1.2.1", {false, false}, false},
    {"1.2.840.10008.1.2.1.99", {false, false}, true},
    {"1.2.840.10008.1.2.2", {.big_endian = true}, false},
};

static bool has_preamble(const uint8_t *data, size_t size) {
  return range_inside(PREAMBLE, PREFIX, size) && memcmp(data + PREAMBLE, "DICM", PREFIX) == 0;
}

/* The group length with which file meta information begins. */
static bool begins_with_meta(const uint8_t *data, size_t size) {
  static const uint8_t start[] = {2, 0, 0, 0, 'U', 'L', 4, 0};
  return size >= sizeof start && memcmp(data, start, sizeof start) == 0;
}

static dicom_syntax shown_syntax(const uint8_t *data, size_t size, size_t offset) {
  return (dicom_syntax){.implicit_vr = !dicom_is_explicit(data, size, offset)};
}

/* A data set alone has no signature: its elements must rise within group 0008 to the SOP class, which must
 * be one of the standard. */
static bool begins_with_data_set(const uint8_t *data, size_t size) {
  static const char root[] = "1.2.840.10008.";
  dicom_syntax syntax = shown_syntax(data, size, 0);
  dicom_header header;
  uint32_t previous = 0;
  for (size_t at = 0; dicom_read_header(data, size, syntax, &at, &header); at += header.length) {
    if (header.tag >> 16 != IDENTIFYING_GROUP || header.tag < previous || header.tag > tag_sop_class ||
        !range_inside(at, header.length, size))
      return false;
    if (header.tag == tag_sop_class)
      return header.length >= sizeof root && memcmp(data + at, root, sizeof root - 1) == 0;
    previous = header.tag;
  }
  return false;
}

bool dicom_looks_like(const uint8_t *data, size_t size) {
  return has_preamble(data, size) || begins_with_meta(data, size) || begins_with_data_set(data, size);
}

static size_t meta_offset(const uint8_t *data, size_t size) {
  return has_preamble(data, size) ? PREAMBLE + PREFIX : 0;
}

static bool take_uid(const uint8_t *bytes, size_t length, char uid[DICOM_UID_SIZE]) {
  dicom_value value = {.bytes = bytes, .length = length};
  const char *text;
  dicom_text(&value, &text, &length);
  if (length >= DICOM_UID_SIZE)
    return false;
  memcpy(uid, text, length);
  uid[length] = '\0';
  return true;
}

/* File meta information is explicit little-endian and ends where another group begins: its declared length is
 * wrong in too many files. */
static bool read_meta(dicom_file *file, const uint8_t *data, size_t size, size_t *offset, error *err) {
  for (;;) {
    size_t at = *offset;
    dicom_header header;
    if (at == size)
      return error_set(err, ERROR_FORMAT, "DICOM file ends before its data set");
    if (!dicom_read_header(data, size, explicit_little, &at, &header) || header.tag >> 16 != META_GROUP)
      return true;
    if (!range_inside(at, header.length, size))
      return error_set(err, ERROR_FORMAT, "DICOM file meta information is cut short");
    if (header.tag == tag_transfer_syntax && !take_uid(data + at, header.length, file->transfer_syntax))
      return error_set(err, ERROR_FORMAT, "DICOM transfer syntax is no UID");
    *offset = at + header.length;
  }
}

/* Meta information first (explicit), then group 0008 in the syntax that it shows. */
void dicom_find_sop_class(const uint8_t *data, size_t size, char sop_class[DICOM_UID_SIZE]) {
  dicom_header header;
  *sop_class = '\0';
  for (size_t at = meta_offset(data, size), next; at < size; at = next) {
    next = at;
    dicom_syntax syntax = shown_syntax(data, size, at);
    if (!dicom_read_header(data, size, syntax, &next, &header) || header.tag > tag_sop_class ||
        !range_inside(next, header.length, size))
      return;
    if (header.tag == tag_media_sop_class || header.tag == tag_sop_class) {
      if (!take_uid(data + next, header.length, sop_class))
        *sop_class = '\0';
      return;
    }
    next += header.length;
  }
}

static const transfer_syntax *find_transfer_syntax(const char *uid) {
  for (size_t i = 0; i < sizeof transfer_syntaxes / sizeof *transfer_syntaxes; i++)
    if (strcmp(transfer_syntaxes[i].uid, uid) == 0)
      return &transfer_syntaxes[i];
  return NULL;
}

/* One try with room for `capacity` bytes. */
static bool inflate_into(dicom_file *file, struct libdeflate_decompressor *d, const uint8_t *data,
                         size_t size, size_t capacity, enum libdeflate_result *result, error *err) {
  uint8_t *room = realloc(file->inflated, capacity);
  if (!room)
    return error_out_of_memory(err);
  file->inflated = room;
  *result = libdeflate_deflate_decompress(d, data, size, room, capacity, &file->size);
  return true;
}

static bool inflate_within_limit(dicom_file *file, struct libdeflate_decompressor *d, const uint8_t *data,
                                 size_t size, error *err) {
  enum libdeflate_result result = LIBDEFLATE_INSUFFICIENT_SPACE;
  for (size_t room = FIRST_ROOM; result == LIBDEFLATE_INSUFFICIENT_SPACE; room *= 2) {
    if (room > DICOM_MAX_INFLATED)
      return error_set(err, ERROR_LIMIT, "Deflated DICOM data set grows beyond %d MB",
                       DICOM_MAX_INFLATED >> 20);
    if (!inflate_into(file, d, data, size, room, &result, err))
      return false;
  }
  return result == LIBDEFLATE_SUCCESS ||
         error_set(err, ERROR_FORMAT, "Deflated DICOM data set is damaged or cut short");
}

static bool inflate(dicom_file *file, const uint8_t *data, size_t size, error *err) {
  struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
  if (!d)
    return error_out_of_memory(err);
  bool done = inflate_within_limit(file, d, data, size, err);
  libdeflate_free_decompressor(d);
  file->data_set = file->inflated;
  return done;
}

bool dicom_file_open(dicom_file *file, const uint8_t *data, size_t size, error *err) {
  size_t at = meta_offset(data, size);
  *file = (dicom_file){0};
  if (!read_meta(file, data, size, &at, err))
    return false;
  file->data_set = data + at;
  file->size = size - at;
  file->syntax = shown_syntax(data, size, at);
  if (!*file->transfer_syntax)
    return true;
  const transfer_syntax *known = find_transfer_syntax(file->transfer_syntax);
  if (!known)
    return error_set(err, ERROR_UNSUPPORTED, "DICOM transfer syntax %s", file->transfer_syntax);
  file->syntax = known->syntax;
  return !known->deflated || inflate(file, data + at, size - at, err);
}

void dicom_file_close(dicom_file *file) {
  free(file->inflated);
  *file = (dicom_file){0};
}
