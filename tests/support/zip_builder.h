/* Small ZIP archives, right and wrong, for tests. Independent of the reader: its own CRC-32, its own layout.
 */
#ifndef DEEPECG_TESTS_ZIP_BUILDER_H
#define DEEPECG_TESTS_ZIP_BUILDER_H

#include "base/buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct zip_builder {
  buffer bytes, central;
  size_t count;
} zip_builder;

/* An entry; what is left 0 is derived from the data. */
typedef struct zip_spec {
  const char *name;
  size_t name_length;
  const void *data;
  size_t size;
  uint64_t claimed_size, claimed_compressed_size, offset_plus_one;
  unsigned method, flags;
  bool zip64;             /* numbers go to a zip64 field of the directory */
  const char *local_name; /* when it differs */
  size_t local_extra;     /* zero bytes, not counted in the local header when extra_is_missing */
  bool extra_is_missing;
} zip_spec;

static inline uint32_t zip_crc32(const void *data, size_t size) {
  uint32_t crc = 0xffffffff;
  for (const uint8_t *p = data, *end = p + size; p < end; p++) {
    crc ^= *p;
    for (int bit = 0; bit < 8; bit++)
      crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc;
}

static inline void zip_put(buffer *b, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; i++, value >>= 8)
    if (!buffer_append(b, &(uint8_t){(uint8_t)value}, 1, NULL))
      abort();
}

static inline void zip_put_bytes(buffer *b, const void *bytes, size_t size) {
  if (!buffer_append(b, bytes, size, NULL))
    abort();
}

static inline void zip_add_spec(zip_builder *z, zip_spec s) {
  size_t name_length = s.name_length ? s.name_length : strlen(s.name);
  const char *local_name = s.local_name ? s.local_name : s.name;
  uint64_t offset = s.offset_plus_one ? s.offset_plus_one - 1 : z->bytes.size;
  uint64_t size = s.claimed_size ? s.claimed_size : s.size;
  uint64_t compressed = s.claimed_compressed_size ? s.claimed_compressed_size : s.size;
  uint32_t crc = zip_crc32(s.data, s.size);

  zip_put(&z->bytes, 0x04034b50, 4);
  zip_put(&z->bytes, 20, 2);
  zip_put(&z->bytes, s.flags, 2);
  zip_put(&z->bytes, s.method, 2);
  zip_put(&z->bytes, 0, 4); /* time, date */
  zip_put(&z->bytes, crc, 4);
  zip_put(&z->bytes, s.size, 4);
  zip_put(&z->bytes, s.size, 4);
  zip_put(&z->bytes, name_length, 2);
  zip_put(&z->bytes, s.local_extra, 2);
  zip_put_bytes(&z->bytes, local_name, name_length);
  if (!s.extra_is_missing)
    for (size_t i = 0; i < s.local_extra; i++)
      zip_put(&z->bytes, 0, 1);
  zip_put_bytes(&z->bytes, s.data, s.size);

  zip_put(&z->central, 0x02014b50, 4);
  zip_put(&z->central, 20, 2);
  zip_put(&z->central, 20, 2);
  zip_put(&z->central, s.flags, 2);
  zip_put(&z->central, s.method, 2);
  zip_put(&z->central, 0, 4);
  zip_put(&z->central, crc, 4);
  zip_put(&z->central, s.zip64 ? 0xffffffff : compressed, 4);
  zip_put(&z->central, s.zip64 ? 0xffffffff : size, 4);
  zip_put(&z->central, name_length, 2);
  zip_put(&z->central, s.zip64 ? 34 : 0, 2);
  zip_put(&z->central, 0, 2 + 2 + 2 + 4); /* comment, disk, attributes */
  zip_put(&z->central, s.zip64 ? 0xffffffff : offset, 4);
  zip_put_bytes(&z->central, s.name, name_length);
  if (s.zip64) {
    zip_put(&z->central, 0xcafe, 2); /* another field first */
    zip_put(&z->central, 2, 2);
    zip_put(&z->central, 0, 2);
    zip_put(&z->central, 1, 2);
    zip_put(&z->central, 24, 2);
    zip_put(&z->central, size, 8);
    zip_put(&z->central, compressed, 8);
    zip_put(&z->central, offset, 8);
  }
  z->count++;
}

/* A stored entry whose data begin at a multiple of 64, as torch writes them. */
static inline void zip_add(zip_builder *z, const char *name, const void *data, size_t size) {
  size_t extra = (64 - (z->bytes.size + 30 + strlen(name)) % 64) % 64;
  zip_add_spec(z, (zip_spec){.name = name, .data = data, .size = size, .local_extra = extra});
}

static inline void zip_add_text(zip_builder *z, const char *name, const char *text) {
  zip_add(z, name, text, strlen(text));
}

static inline void zip_finish(zip_builder *z) {
  size_t offset = z->bytes.size;
  zip_put_bytes(&z->bytes, z->central.data, z->central.size);
  zip_put(&z->bytes, 0x06054b50, 4);
  zip_put(&z->bytes, 0, 4); /* disks */
  zip_put(&z->bytes, z->count, 2);
  zip_put(&z->bytes, z->count, 2);
  zip_put(&z->bytes, z->central.size, 4);
  zip_put(&z->bytes, offset, 4);
  zip_put(&z->bytes, 0, 2); /* comment */
}

/* The same with a zip64 end record; the old one is saturated. */
static inline void zip_finish64(zip_builder *z) {
  size_t offset = z->bytes.size;
  zip_put_bytes(&z->bytes, z->central.data, z->central.size);
  size_t record = z->bytes.size;
  zip_put(&z->bytes, 0x06064b50, 4);
  zip_put(&z->bytes, 44, 8);
  zip_put(&z->bytes, 45, 2);
  zip_put(&z->bytes, 45, 2);
  zip_put(&z->bytes, 0, 8); /* disks */
  zip_put(&z->bytes, z->count, 8);
  zip_put(&z->bytes, z->count, 8);
  zip_put(&z->bytes, z->central.size, 8);
  zip_put(&z->bytes, offset, 8);
  zip_put(&z->bytes, 0x07064b50, 4);
  zip_put(&z->bytes, 0, 4);
  zip_put(&z->bytes, record, 8);
  zip_put(&z->bytes, 1, 4);
  zip_put(&z->bytes, 0x06054b50, 4);
  zip_put(&z->bytes, 0, 4);
  zip_put(&z->bytes, 0xffffffffffffffff, 8); /* saturated: counts, size, offset */
  zip_put(&z->bytes, 0xffffffff, 4);
  zip_put(&z->bytes, 0, 2);
}

/* Also makes the builder ready for another archive. */
static inline void zip_builder_free(zip_builder *z) {
  buffer_free(&z->bytes);
  buffer_free(&z->central);
  *z = (zip_builder){0};
}

#endif
