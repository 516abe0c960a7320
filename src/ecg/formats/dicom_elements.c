#include "ecg/formats/dicom_elements.h"

#include "base/checked.h"
#include "base/number_text.h"

#include <string.h>
#include <strings.h>

static const uint32_t undefined_length = UINT32_MAX;
static const uint32_t tag_item = DICOM_TAG(0xfffe, 0xe000), tag_item_end = DICOM_TAG(0xfffe, 0xe00d),
                      tag_sequence_end = DICOM_TAG(0xfffe, 0xe0dd);
enum { DELIMITER_GROUP = 0xfffe, NO_RULE = -1, MOST_PADDING = 7 };

typedef struct walker {
  const dicom_walk *walk;
  void *context;
  const uint8_t *data;
  size_t elements;
  int depth;
} walker;

/* Part of the data set: data[at..end). */
typedef struct span {
  size_t at, end;
  dicom_syntax syntax;
} span;

/* ---- Headers ---- */

static uint16_t load_16(const uint8_t *p, bool big_endian) {
  return (uint16_t)(big_endian ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
}

static uint32_t load_32(const uint8_t *p, bool big_endian) {
  uint32_t first = load_16(p, big_endian), second = load_16(p + 2, big_endian);
  return big_endian ? first << 16 | second : second << 16 | first;
}

/* Value representations with a length of 32 bits; all others have one of 16. */
static bool has_long_length(const char vr[2]) {
  static const char long_ones[][3] = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ",
                                      "SV", "UC", "UN", "UR", "UT", "UV"};
  for (size_t i = 0; i < sizeof long_ones / sizeof *long_ones; i++)
    if (memcmp(long_ones[i], vr, 2) == 0)
      return true;
  return false;
}

static bool is_upper(uint8_t c) {
  return c >= 'A' && c <= 'Z';
}

bool dicom_is_explicit(const uint8_t *data, size_t size, size_t offset) {
  return range_inside(offset, 8, size) && is_upper(data[offset + 4]) && is_upper(data[offset + 5]);
}

bool dicom_read_header(const uint8_t *data, size_t size, dicom_syntax syntax, size_t *offset,
                       dicom_header *header) {
  size_t at = *offset;
  if (!range_inside(at, 8, size))
    return false;
  bool big = syntax.big_endian;
  *header = (dicom_header){.tag = DICOM_TAG(load_16(data + at, big), load_16(data + at + 2, big))};
  *offset = at + 8;
  if (syntax.implicit_vr || header->tag >> 16 == DELIMITER_GROUP) {
    header->length = load_32(data + at + 4, big);
    return true;
  }
  if (!dicom_is_explicit(data, size, at))
    return false;
  memcpy(header->vr, data + at + 4, 2);
  if (!has_long_length(header->vr)) {
    header->length = load_16(data + at + 6, big);
    return true;
  }
  if (!range_inside(at, 12, size))
    return false;
  header->length = load_32(data + at + 8, big);
  *offset = at + 12;
  return true;
}

/* ---- Walking ---- */

static bool element_error(error *err, error_code code, uint32_t tag, size_t at, const char *what) {
  return error_set(err, code, "DICOM element (%04x,%04x) at offset %zu %s", (unsigned)(tag >> 16),
                   (unsigned)(tag & 0xffff), at, what);
}

static bool next_header(walker *w, span *s, dicom_header *header, error *err) {
  size_t at = s->at;
  if (!dicom_read_header(w->data, s->end, s->syntax, &s->at, header))
    return error_set(err, ERROR_FORMAT, "No DICOM element begins at offset %zu: cut short or damaged", at);
  if (++w->elements > DICOM_MAX_ELEMENTS)
    return error_set(err, ERROR_LIMIT, "DICOM data set has more than %d elements", DICOM_MAX_ELEMENTS);
  if (header->length != undefined_length && header->length > s->end - s->at)
    return element_error(err, ERROR_FORMAT, header->tag, at, "is longer than what is left: cut short");
  return true;
}

static const dicom_rule *find_rule(const walker *w, int parent, uint32_t tag) {
  for (size_t i = 0; parent != NO_RULE && i < w->walk->rule_count; i++)
    if (w->walk->rules[i].parent == parent && w->walk->rules[i].tag == tag)
      return &w->walk->rules[i];
  return NULL;
}

static bool walk_elements(walker *w, span *s, int parent, bool delimited, error *err);

static bool item_start(const walker *w, int sequence, error *err) {
  return sequence == NO_RULE || w->walk->item_start(w->context, sequence, err);
}

static bool item_end(const walker *w, int sequence, error *err) {
  return sequence == NO_RULE || w->walk->item_end(w->context, sequence, err);
}

/* An item of a sequence that nobody wants is jumped over where it says how long it is (so are the fragments
 * of encapsulated pixel data, which are no data sets). */
static bool walk_item(walker *w, span *s, int sequence, uint32_t length, error *err) {
  bool delimited = length == undefined_length;
  if (!delimited && sequence == NO_RULE) {
    s->at += length;
    return true;
  }
  span inner = {s->at, delimited ? s->end : s->at + length, s->syntax};
  if (!item_start(w, sequence, err) || !walk_elements(w, &inner, sequence, delimited, err) ||
      !item_end(w, sequence, err))
    return false;
  s->at = inner.at;
  return true;
}

static bool walk_items(walker *w, span *s, int sequence, bool delimited, error *err) {
  while (delimited || s->at < s->end) {
    dicom_header header;
    size_t at = s->at;
    if (!next_header(w, s, &header, err))
      return false;
    if (delimited && header.tag == tag_sequence_end)
      return header.length == 0 || element_error(err, ERROR_FORMAT, header.tag, at, "has a length");
    if (header.tag != tag_item)
      return element_error(err, ERROR_FORMAT, header.tag, at, "stands where an item of a sequence belongs");
    if (!walk_item(w, s, sequence, header.length, err))
      return false;
  }
  return true;
}

static bool is_unknown(const dicom_header *header) {
  return memcmp(header->vr, "UN", 2) == 0;
}

/* A sequence. Sent as UN, its items are implicit little-endian whatever the file is (PS3.5 6.2.2). */
static bool walk_sequence(walker *w, span *s, const dicom_header *header, int sequence, error *err) {
  bool delimited = header->length == undefined_length;
  span inner = {s->at, delimited ? s->end : s->at + header->length, s->syntax};
  if (is_unknown(header))
    inner.syntax = (dicom_syntax){.implicit_vr = true};
  if (++w->depth > DICOM_MAX_DEPTH)
    return error_set(err, ERROR_LIMIT, "DICOM sequences are nested more than %d deep", DICOM_MAX_DEPTH);
  if (!walk_items(w, &inner, sequence, delimited, err))
    return false;
  w->depth--;
  s->at = inner.at;
  return true;
}

static bool take_sequence(walker *w, span *s, const dicom_header *header, int sequence, size_t at,
                          error *err) {
  if (*header->vr && memcmp(header->vr, "SQ", 2) != 0 && !is_unknown(header))
    return element_error(err, ERROR_FORMAT, header->tag, at, "should be a sequence");
  return walk_sequence(w, s, header, sequence, err);
}

static bool take_value(walker *w, span *s, const dicom_header *header, int element, size_t at, error *err) {
  if (header->length == undefined_length)
    return element_error(err, ERROR_UNSUPPORTED, header->tag, at, "has a value of undefined length");
  dicom_value value = {
      w->data + s->at, header->length, {header->vr[0], header->vr[1]}, .big_endian = s->syntax.big_endian};
  s->at += header->length;
  return w->walk->value(w->context, element, &value, err);
}

static bool take_element(walker *w, span *s, const dicom_header *header, int parent, size_t at, error *err) {
  const dicom_rule *rule = find_rule(w, parent, header->tag);
  if (header->tag >> 16 == DELIMITER_GROUP)
    return element_error(err, ERROR_FORMAT, header->tag, at, "stands outside a sequence");
  if (rule && rule->sequence)
    return take_sequence(w, s, header, rule->element, at, err);
  if (rule)
    return take_value(w, s, header, rule->element, at, err);
  if (header->length == undefined_length)
    return walk_sequence(w, s, header, NO_RULE, err);
  s->at += header->length;
  return true;
}

/* The elements of the data set (delimited: not) or of an item. */
static bool walk_elements(walker *w, span *s, int parent, bool delimited, error *err) {
  while (delimited || s->at < s->end) {
    dicom_header header;
    size_t at = s->at;
    if (!next_header(w, s, &header, err))
      return false;
    if (delimited && header.tag == tag_item_end)
      return header.length == 0 || element_error(err, ERROR_FORMAT, header.tag, at, "has a length");
    if (!take_element(w, s, &header, parent, at, err))
      return false;
  }
  return true;
}

static size_t without_padding(const uint8_t *data, size_t size) {
  size_t end = size;
  while (end && size - end < MOST_PADDING && data[end - 1] == 0)
    end--;
  return end;
}

/* Zeros at the end may belong to the last value: they count as padding only where no element begins. */
static bool walk_data_set(walker *w, span *s, error *err) {
  size_t unpadded = without_padding(w->data, s->end);
  while (s->at < s->end && !(s->at >= unpadded && s->end - s->at <= MOST_PADDING)) {
    dicom_header header;
    size_t at = s->at;
    if (!next_header(w, s, &header, err) || !take_element(w, s, &header, DICOM_DATA_SET, at, err))
      return false;
  }
  return true;
}

bool dicom_read(const uint8_t *data, size_t size, dicom_syntax syntax, const dicom_walk *walk, void *context,
                error *err) {
  walker w = {.walk = walk, .context = context, .data = data};
  span s = {0, size, syntax};
  return walk_data_set(&w, &s, err);
}

/* ---- Values ---- */

static bool is_padding(char c) {
  return c == ' ' || c == '\0' || c == '\t' || c == '\r' || c == '\n';
}

void dicom_text(const dicom_value *value, const char **text, size_t *length) {
  const char *start = (const char *)value->bytes;
  const char *separator = value->length ? memchr(start, '\\', value->length) : NULL;
  const char *end = separator ? separator : start + value->length;
  while (start < end && is_padding(*start))
    start++;
  while (end > start && is_padding(end[-1]))
    end--;
  *text = start;
  *length = (size_t)(end - start);
}

bool dicom_text_is(const dicom_value *value, const char *word) {
  const char *text;
  size_t length;
  dicom_text(value, &text, &length);
  return length == strlen(word) && strncasecmp(text, word, length) == 0;
}

bool dicom_decimal(const dicom_value *value, double *number) {
  const char *text;
  size_t length;
  dicom_text(value, &text, &length);
  return parse_float64(text, length, number);
}

bool dicom_unsigned(const dicom_value *value, uint32_t *number) {
  if (value->length != 2 && value->length != 4)
    return false;
  *number = value->length == 2 ? load_16(value->bytes, value->big_endian)
                               : load_32(value->bytes, value->big_endian);
  return true;
}
