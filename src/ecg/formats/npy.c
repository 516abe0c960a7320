#include "ecg/formats/npy.h"

#include "base/checked.h"
#include "ecg/conform.h"

#include <ctype.h>
#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_SAMPLES = 1 << 22, MAX_RANK = 3, MAX_HEADER = 65536, PREFIX = 8 };

static const uint8_t magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

typedef struct npy_header {
  char kind; /* 'i', 'u', 'f', or whatever else the file says */
  bool big_endian, fortran_order;
  size_t item_size;
  size_t rank;
  size_t dims[MAX_RANK];
} npy_header;

static bool npy_probe(const uint8_t *data, size_t size) {
  return size >= sizeof magic && memcmp(data, magic, sizeof magic) == 0;
}

/* ---- The header: a Python dictionary of three entries ---- */

typedef struct cursor {
  const char *at, *end;
} cursor;

static bool header_error(error *err, const char *what) {
  return error_set(err, ERROR_FORMAT, "NPY header: %s", what);
}

static void skip_blanks(cursor *c) {
  while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
    c->at++;
}

static bool take(cursor *c, char wanted) {
  skip_blanks(c);
  if (c->at == c->end || *c->at != wanted)
    return false;
  c->at++;
  return true;
}

static bool take_word(cursor *c, const char *word) {
  skip_blanks(c);
  size_t length = strlen(word);
  if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0)
    return false;
  c->at += length;
  return true;
}

/* A quoted text without escapes. */
static bool take_text(cursor *c, const char **text, size_t *length) {
  skip_blanks(c);
  if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
    return false;
  char quote = *c->at++;
  const char *close = memchr(c->at, quote, (size_t)(c->end - c->at));
  if (!close)
    return false;
  *text = c->at;
  *length = (size_t)(close - c->at);
  c->at = close + 1;
  return true;
}

static bool take_size(cursor *c, size_t *value) {
  skip_blanks(c);
  const char *start = c->at;
  size_t n = 0;
  for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
    if (!checked_mul(n, 10, &n) || !checked_add(n, (size_t)(*c->at - '0'), &n))
      return false;
  if (c->at == start)
    return false;
  take(c, 'L'); /* Python 2 wrote long integers so */
  *value = n;
  return true;
}

static bool parse_descr(cursor *c, npy_header *header, error *err) {
  const char *text;
  size_t length;
  skip_blanks(c);
  if (c->at < c->end && *c->at == '[')
    return error_set(err, ERROR_UNSUPPORTED, "NPY array of structured type");
  if (!take_text(c, &text, &length) || length < 2)
    return header_error(err, "descr is not a type name");
  bool has_order = strchr("<>=|", text[0]) != NULL && text[0] != '\0';
  header->big_endian = text[0] == '>';
  cursor rest = {text + (has_order ? 1 : 0), text + length};
  header->kind = rest.at < rest.end && isalpha((unsigned char)*rest.at) ? *rest.at++ : '?';
  if (header->kind == 'O')
    return error_set(err, ERROR_UNSUPPORTED,
                     "NPY file contains pickled (object) data, which is never loaded");
  if (!take_size(&rest, &header->item_size) || rest.at != rest.end)
    return header_error(err, "descr is not a plain number type");
  return true;
}

static bool parse_order(cursor *c, npy_header *header, error *err) {
  header->fortran_order = take_word(c, "True");
  return header->fortran_order || take_word(c, "False") ||
         header_error(err, "fortran_order is neither True nor False");
}

static bool parse_shape(cursor *c, npy_header *header, error *err) {
  if (!take(c, '('))
    return header_error(err, "shape is not a tuple");
  header->rank = 0;
  while (!take(c, ')')) {
    size_t dim;
    if (!take_size(c, &dim))
      return header_error(err, "shape holds something else than sizes");
    if (header->rank == MAX_RANK)
      return error_set(err, ERROR_DATA, "NPY array has more than %d dimensions", MAX_RANK);
    header->dims[header->rank++] = dim;
    if (!take(c, ',')) {
      if (!take(c, ')'))
        return header_error(err, "shape is not closed");
      break;
    }
  }
  return true;
}

static bool parse_entry(cursor *c, npy_header *header, unsigned *seen, error *err) {
  static const struct {
    const char *key;
    bool (*parse)(cursor *, npy_header *, error *);
  } entries[] = {{"descr", parse_descr}, {"fortran_order", parse_order}, {"shape", parse_shape}};
  const char *key;
  size_t length;
  if (!take_text(c, &key, &length) || !take(c, ':'))
    return header_error(err, "no key where one belongs");
  for (unsigned i = 0; i < 3; i++) {
    if (strlen(entries[i].key) != length || memcmp(entries[i].key, key, length) != 0)
      continue;
    if (*seen & 1u << i)
      return header_error(err, "a key appears twice");
    *seen |= 1u << i;
    return entries[i].parse(c, header, err);
  }
  return header_error(err, "unknown key");
}

static bool parse_dictionary(cursor c, npy_header *header, error *err) {
  unsigned seen = 0;
  if (!take(&c, '{'))
    return header_error(err, "no dictionary");
  while (!take(&c, '}')) {
    if (!parse_entry(&c, header, &seen, err))
      return false;
    if (!take(&c, ',')) {
      if (!take(&c, '}'))
        return header_error(err, "dictionary is not closed");
      break;
    }
  }
  skip_blanks(&c);
  if (c.at != c.end)
    return header_error(err, "text after the dictionary");
  return seen == 7 || header_error(err, "descr, fortran_order or shape is missing");
}

/* Where the array's bytes begin. */
static bool parse_header(const uint8_t *data, size_t size, npy_header *header, size_t *offset, error *err) {
  if (size < PREFIX + 4)
    return header_error(err, "the file ends inside it");
  if (data[6] < 1 || data[6] > 3)
    return error_set(err, ERROR_UNSUPPORTED, "NPY version %d.%d", data[6], data[7]);
  size_t length_bytes = data[6] == 1 ? 2 : 4;
  size_t length = data[PREFIX] | (size_t)data[PREFIX + 1] << 8, start = PREFIX + length_bytes;
  if (length_bytes == 4)
    length |= (size_t)data[PREFIX + 2] << 16 | (size_t)data[PREFIX + 3] << 24;
  if (length > MAX_HEADER)
    return error_set(err, ERROR_LIMIT, "NPY header of %zu bytes", length);
  if (!range_inside(start, length, size))
    return header_error(err, "the file ends inside it");
  *offset = start + length;
  const char *text = (const char *)data + start;
  return parse_dictionary((cursor){text, text + length}, header, err);
}

/* ---- Elements ---- */

typedef struct element_type {
  char kind;
  size_t size;
  float (*to_float)(uint64_t bits);
} element_type;

static float from_i8(uint64_t bits) {
  return (float)(int8_t)bits;
}
static float from_i16(uint64_t bits) {
  return (float)(int16_t)bits;
}
static float from_i32(uint64_t bits) {
  return (float)(int32_t)bits;
}
static float from_i64(uint64_t bits) {
  return (float)(int64_t)bits;
}
static float from_unsigned(uint64_t bits) {
  return (float)bits;
}

static float from_f16(uint64_t bits) {
  int exponent = (int)(bits >> 10 & 31);
  float fraction = (float)(bits & 1023), sign = bits & 0x8000 ? -1.0f : 1.0f;
  if (exponent == 31)
    return fraction != 0 ? NAN : sign * INFINITY;
  return sign * (exponent ? ldexpf(fraction + 1024.0f, exponent - 25) : ldexpf(fraction, -24));
}

static float from_f32(uint64_t bits) {
  uint32_t low = (uint32_t)bits;
  float value;
  memcpy(&value, &low, sizeof value);
  return value;
}

static float from_f64(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return (float)value;
}

static const element_type element_types[] = {
    {'i', 1, from_i8},       {'i', 2, from_i16},      {'i', 4, from_i32},      {'i', 8, from_i64},
    {'u', 1, from_unsigned}, {'u', 2, from_unsigned}, {'u', 4, from_unsigned}, {'u', 8, from_unsigned},
    {'f', 2, from_f16},      {'f', 4, from_f32},      {'f', 8, from_f64}};

static const element_type *find_type(const npy_header *header, error *err) {
  for (size_t i = 0; i < sizeof element_types / sizeof *element_types; i++)
    if (element_types[i].kind == header->kind && element_types[i].size == header->item_size)
      return &element_types[i];
  error_set(err, ERROR_UNSUPPORTED,
            "NPY array of type %c%zu: only integers and floats of at most 64 bits are read", header->kind,
            header->item_size);
  return NULL;
}

static uint64_t load_16(const uint8_t *bytes, bool big_endian) {
  uint16_t value;
  memcpy(&value, bytes, sizeof value);
  return big_endian ? be16toh(value) : le16toh(value);
}

static uint64_t load_32(const uint8_t *bytes, bool big_endian) {
  uint32_t value;
  memcpy(&value, bytes, sizeof value);
  return big_endian ? be32toh(value) : le32toh(value);
}

static uint64_t load_64(const uint8_t *bytes, bool big_endian) {
  uint64_t value;
  memcpy(&value, bytes, sizeof value);
  return big_endian ? be64toh(value) : le64toh(value);
}

static uint64_t load_bits(const uint8_t *bytes, size_t size, bool big_endian) {
  switch (size) {
  case 1:
    return *bytes;
  case 2:
    return load_16(bytes, big_endian);
  case 4:
    return load_32(bytes, big_endian);
  default:
    return load_64(bytes, big_endian);
  }
}

/* ---- The array ---- */

/* Two-dimensional view: `samples` by 12 leads, steps in elements. */
typedef struct layout {
  size_t samples, sample_step, lead_step;
} layout;

static bool wrong_shape(const npy_header *header, error *err) {
  char text[80] = "";
  size_t used = 0;
  for (size_t i = 0; i < header->rank; i++)
    used += (size_t)snprintf(text + used, sizeof text - used, "%s%zu", i ? ", " : "", header->dims[i]);
  return error_set(err, ERROR_DATA, "Wrong array shape (%s): an ECG is (samples, 12) or (12, samples)", text);
}

/* Wrong shapes get the reference's messages, in its order: length first, then leads. */
static bool find_layout(const npy_header *header, layout *l, error *err) {
  size_t rows = header->rank ? header->dims[0] : 0, columns = header->rank > 1 ? header->dims[1] : 0;
  bool lead_major = rows == ECG_LEADS && header->rank > 1;
  if (header->rank == 3 && header->dims[2] != 1)
    return wrong_shape(header, err);
  l->samples = lead_major ? columns : rows;
  if (header->rank == 0 || (header->rank == 1 && rows >= ECG_SAMPLES))
    return wrong_shape(header, err);
  if (l->samples == 0 || (!lead_major && columns != ECG_LEADS && rows < ECG_SAMPLES))
    return error_set(err, ERROR_DATA, "Signal too short: %zu", l->samples);
  if (!lead_major && columns != ECG_LEADS)
    return error_set(err, ERROR_DATA, "Wrong lead count: %zu", columns);
  if (l->samples > MAX_SAMPLES) /* a file with holes may declare any number and hardly take any room */
    return error_set(err, ERROR_LIMIT, "NPY array of %zu samples: more than %d are not read", l->samples,
                     MAX_SAMPLES);
  size_t row_step = header->fortran_order ? 1 : columns, column_step = header->fortran_order ? rows : 1;
  l->sample_step = lead_major ? column_step : row_step;
  l->lead_step = lead_major ? row_step : column_step;
  return true;
}

/* At most MAX_SAMPLES of twelve leads and eight bytes: no product overflows. */
static bool check_length(const layout *l, size_t item_size, size_t available, error *err) {
  size_t elements = l->samples * ECG_LEADS;
  if (elements * item_size > available)
    return error_set(err, ERROR_FORMAT, "NPY file is cut short: %zu elements declared, %zu present", elements,
                     available / item_size);
  return true;
}

static bool copy_lead(const uint8_t *first, const layout *l, const npy_header *header,
                      const element_type *type, float *samples) {
  bool has_nan = false;
  size_t step = l->sample_step * type->size;
  for (size_t i = 0; i < l->samples; i++) {
    samples[i] = type->to_float(load_bits(first + i * step, type->size, header->big_endian));
    has_nan |= isnan(samples[i]);
  }
  return !has_nan;
}

static bool npy_read(const uint8_t *data, size_t size, ecg_record *record, error *err) {
  npy_header header = {0};
  layout l = {0};
  size_t offset = 0;
  record->in_reference = true;
  if (!parse_header(data, size, &header, &offset, err))
    return false;
  const element_type *type = find_type(&header, err);
  if (!type || !find_layout(&header, &l, err) || !check_length(&l, type->size, size - offset, err))
    return false;
  record->samples = l.samples;
  for (int lead = 0; lead < ECG_LEADS; lead++) {
    float *samples = ecg_record_add_lead(record, (ecg_lead)lead, err);
    if (!samples)
      return false;
    const uint8_t *first = data + offset + (size_t)lead * l.lead_step * type->size;
    if (!copy_lead(first, &l, &header, type, samples))
      return error_set(err, ERROR_DATA, "Contains NaN values");
  }
  return true;
}

const ecg_format npy_format = {"NumPy array", "NPY", npy_probe, npy_read};

/* ---- Writing ---- */

/* The dictionary is padded with blanks so that the numbers begin at a multiple of 64 bytes. */
bool npy_append_header(buffer *out, const char *descr, size_t samples, error *err) {
  const size_t whole = 128, prefix = 10, start = out->size;
  const char version_and_length[4] = {1, 0, (char)(whole - prefix), 0};
  if (!buffer_append(out, magic, sizeof magic, err) ||
      !buffer_append(out, version_and_length, sizeof version_and_length, err) ||
      !buffer_printf(out, err, "{'descr': '%s', 'fortran_order': False, 'shape': (%zu, %d), }", descr,
                     samples, ECG_LEADS))
    return false;
  size_t padding = whole - 1 - (out->size - start);
  return buffer_printf(out, err, "%*s\n", (int)padding, "");
}
