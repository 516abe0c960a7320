#include "ecg/formats/dicom_samples.h"

static const dicom_sample_type types[] = {
    {"SB", 8, true},   {"UB", 8, false}, {"SS", 16, true},
    {"US", 16, false}, {"SL", 32, true}, {"UL", 32, false},
};

const dicom_sample_type *dicom_sample_type_of(uint32_t bits, const dicom_value *interpretation, error *err) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (types[i].bits == bits && dicom_text_is(interpretation, types[i].interpretation))
      return &types[i];
  const char *name;
  size_t length;
  dicom_text(interpretation, &name, &length);
  error_set(
      err, ERROR_UNSUPPORTED,
      "DICOM samples of %u bits as %.*s: only SB and UB of 8, SS and US of 16, SL and UL of 32 are read",
      bits, (int)(length < 2 ? length : 2), name);
  return NULL;
}

static uint64_t load_bits(const uint8_t *p, uint32_t bits, bool big_endian) {
  if (bits == 8)
    return *p;
  if (bits == 16)
    return (uint64_t)(big_endian ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
  return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
}

static size_t bytes_of(const dicom_matrix *m) {
  return m->type->bits / 8;
}

/* ---- Padding ---- */

/* 8-bit padding may be sent as a word. */
static bool padding_bits(const dicom_matrix *m, uint64_t *bits) {
  if (m->padding.length < bytes_of(m))
    return false;
  *bits = load_bits(m->padding.bytes, m->type->bits, m->padding.big_endian);
  return true;
}

static bool is_all_padding(const dicom_matrix *m, size_t sample, uint64_t padding) {
  const uint8_t *at = m->data.bytes + sample * m->channels * bytes_of(m);
  for (size_t i = 0; i < m->channels; i++, at += bytes_of(m))
    if (load_bits(at, m->type->bits, m->data.big_endian) != padding)
      return false;
  return true;
}

size_t dicom_unpadded_samples(const dicom_matrix *m) {
  uint64_t padding;
  size_t count = m->samples;
  if (padding_bits(m, &padding))
    while (count && is_all_padding(m, count - 1, padding))
      count--;
  return count;
}

static bool ends_range(uint64_t value, const dicom_sample_type *type, uint32_t bits) {
  uint64_t all = UINT32_MAX >> (32 - type->bits), top = (uint64_t)1 << (bits - 1);
  if (!type->is_signed)
    return value == 2 * top - 1;
  return value == top - 1 || value == top || value == ((0 - top) & all);
}

static bool is_end_of_range(uint64_t value, const dicom_sample_type *type, uint32_t bits_stored) {
  return ends_range(value, type, type->bits) ||
         (bits_stored && bits_stored < type->bits && ends_range(value, type, bits_stored));
}

/* ---- One channel ---- */

static uint64_t raw_at(const dicom_channel_samples *s, size_t i) {
  const dicom_matrix *m = s->matrix;
  return load_bits(s->first + i * m->channels * bytes_of(m), m->type->bits, m->data.big_endian);
}

static int64_t extend_sign(uint64_t value, uint32_t bits) {
  uint64_t sign = (uint64_t)1 << (bits - 1);
  return (int64_t)(value ^ sign) - (int64_t)sign;
}

static int64_t sample_at(const dicom_channel_samples *s, size_t i) {
  uint64_t value = raw_at(s, i);
  return s->matrix->type->is_signed ? extend_sign(value, s->bits) : (int64_t)value;
}

static bool stores_fewer_bits(const dicom_channel_samples *s) {
  return s->matrix->type->is_signed && s->bits_stored != 0 && s->bits_stored < s->matrix->type->bits;
}

static bool has_upper_bits(const dicom_channel_samples *s) {
  for (size_t i = 0; i < s->count; i++)
    if (raw_at(s, i) >> s->bits_stored)
      return true;
  return false;
}

dicom_channel_samples dicom_channel_of(const dicom_matrix *m, size_t channel, size_t count,
                                       uint32_t bits_stored) {
  dicom_channel_samples s = {m, m->data.bytes + channel * bytes_of(m), count, bits_stored, m->type->bits};
  if (stores_fewer_bits(&s) && !has_upper_bits(&s))
    s.bits = bits_stored;
  return s;
}

void dicom_convert(const dicom_channel_samples *s, double factor, double offset, float *values) {
  for (size_t i = 0; i < s->count; i++)
    values[i] = (float)((double)sample_at(s, i) * factor + offset);
}

bool dicom_exceeds_bits(const dicom_channel_samples *s) {
  if (!stores_fewer_bits(s))
    return false;
  int64_t limit = (int64_t)1 << (s->bits_stored - 1);
  for (size_t i = 0; i < s->count; i++)
    if (sample_at(s, i) < -limit || sample_at(s, i) >= limit)
      return true;
  return false;
}

size_t dicom_hold_over_padding(const dicom_channel_samples *s, float *values) {
  size_t held = 0, first = 0;
  uint64_t padding;
  if (!padding_bits(s->matrix, &padding) || !is_end_of_range(padding, s->matrix->type, s->bits_stored))
    return 0;
  while (first < s->count && raw_at(s, first) == padding)
    first++;
  for (size_t i = 0; i < s->count && first < s->count; i++) {
    if (raw_at(s, i) != padding)
      continue;
    values[i] = i < first ? values[first] : values[i - 1];
    held++;
  }
  return first < s->count ? held : s->count;
}
