#include "hub/tar.h"

#include "base/checked.h"

#include <stdio.h>
#include <string.h>

enum { BLOCK = 512, LARGEST_EXTENSION = 1 << 16 };

typedef struct tar_header {
  char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link_name[100];
  char magic[6], version[2], user[32], group[32], device_major[8], device_minor[8], prefix[155], padding[12];
} tar_header;

_Static_assert(sizeof(tar_header) == BLOCK, "a tar header is one block");

/* What extended headers said of the entry after them. */
typedef struct tar_extension {
  const char *name;
  bool has_size, sparse;
  uint64_t size;
} tar_extension;

tar_reader tar_reader_of(const void *data, size_t size, arena *memory) {
  return (tar_reader){data, size, 0, memory};
}

/* --- numbers */

/* Octal digits with blanks around them, or a big-endian number behind a byte 0x80. */
static bool read_number(const char *field, size_t width, uint64_t *value) {
  *value = 0;
  if ((unsigned char)field[0] == 0x80) {
    for (size_t i = 1; i < width; i++) {
      if (*value >> 56)
        return false;
      *value = *value << 8 | (unsigned char)field[i];
    }
    return true;
  }
  size_t i = 0, digits = 0;
  while (i < width && field[i] == ' ')
    i++;
  for (; i < width && field[i] >= '0' && field[i] <= '7'; i++, digits++)
    *value = *value << 3 | (uint64_t)(field[i] - '0');
  return digits > 0 && (i == width || field[i] == ' ' || field[i] == '\0');
}

/* The sum of the header's bytes, its own field counted as blanks. */
static uint64_t checksum_of(const tar_header *header) {
  const unsigned char *bytes = (const unsigned char *)header;
  size_t first = offsetof(tar_header, checksum), last = first + sizeof header->checksum;
  uint64_t sum = 0;
  for (size_t i = 0; i < BLOCK; i++)
    sum += i >= first && i < last ? ' ' : bytes[i];
  return sum;
}

static bool is_end_mark(const tar_header *header) {
  static const char zeros[BLOCK];
  return memcmp(header, zeros, BLOCK) == 0;
}

/* --- extended headers */

static bool take_record(tar_reader *tar, tar_extension *extension, const char *key, size_t key_length,
                        const char *value, size_t length, error *err) {
  if (key_length == 4 && memcmp(key, "path", 4) == 0) {
    if (memchr(value, '\0', length))
      return error_set(err, ERROR_FORMAT, "a name with a NUL");
    extension->name = arena_strndup(tar->memory, value, length, err);
    return extension->name != NULL;
  }
  if (key_length == 4 && memcmp(key, "size", 4) == 0) {
    extension->has_size = length > 0 && length < 19;
    for (size_t i = 0; extension->has_size && i < length; i++) {
      extension->has_size = value[i] >= '0' && value[i] <= '9';
      extension->size = extension->size * 10 + (uint64_t)(value[i] - '0');
    }
    return extension->has_size || error_set(err, ERROR_FORMAT, "a size that is no number");
  }
  if (key_length > 11 && memcmp(key, "GNU.sparse.", 11) == 0)
    extension->sparse = true;
  return true;
}

/* Records "LENGTH KEY=VALUE\n", where LENGTH counts the whole record. */
static bool read_pax(tar_reader *tar, tar_extension *extension, const char *text, size_t size, error *err) {
  for (size_t at = 0; at < size;) {
    size_t length = 0, i = at;
    for (; i < size && i < at + 8 && text[i] >= '0' && text[i] <= '9'; i++)
      length = length * 10 + (size_t)(text[i] - '0');
    const char *key = text + i + 1;
    const char *end = length > 0 && length <= size - at ? text + at + length - 1 : NULL;
    if (!end || i >= size || text[i] != ' ' || key >= end || *end != '\n')
      return error_set(err, ERROR_FORMAT, "a damaged extended header");
    const char *equals = memchr(key, '=', (size_t)(end - key));
    if (!equals || !take_record(tar, extension, key, (size_t)(equals - key), equals + 1,
                                (size_t)(end - equals) - 1, err))
      return equals ? false : error_set(err, ERROR_FORMAT, "a damaged extended header");
    at += length;
  }
  return true;
}

static bool read_extension(tar_reader *tar, tar_extension *extension, const tar_header *header,
                           const uint8_t *data, uint64_t size, error *err) {
  if (size > LARGEST_EXTENSION)
    return error_set(err, ERROR_LIMIT, "an extended header of %llu bytes", (unsigned long long)size);
  if (header->type == 'x' || header->type == 'X')
    return read_pax(tar, extension, (const char *)data, (size_t)size, err);
  if (header->type == 'L') {
    extension->name =
        arena_strndup(tar->memory, (const char *)data, strnlen((const char *)data, (size_t)size), err);
    return extension->name != NULL;
  }
  return true; /* names of links, and what holds for all entries: nothing that matters here */
}

/* --- entries */

static bool is_extension(char type) {
  return type && strchr("xXgLK", type);
}

static tar_kind kind_of(const tar_header *header, const tar_extension *extension) {
  if (extension->sparse)
    return TAR_OTHER;
  if (header->type == '0' || header->type == '\0')
    return TAR_FILE;
  return header->type == '5' ? TAR_FOLDER : TAR_OTHER;
}

static char *name_of(tar_reader *tar, const tar_header *header, error *err) {
  size_t name = strnlen(header->name, sizeof header->name);
  size_t prefix = strnlen(header->prefix, sizeof header->prefix);
  bool posix = header->magic[5] == '\0'; /* GNU keeps other things where the prefix is */
  if (!posix || prefix == 0)
    return arena_strndup(tar->memory, header->name, name, err);
  return arena_printf(tar->memory, err, "%.*s/%.*s", (int)prefix, header->prefix, (int)name, header->name);
}

static bool check_header(const tar_header *header, error *err) {
  uint64_t checksum;
  if (memcmp(header->magic, "ustar", 5) != 0 ||
      !read_number(header->checksum, sizeof header->checksum, &checksum) || checksum != checksum_of(header))
    return error_set(err, ERROR_FORMAT, "not a tar archive, or damaged");
  return true;
}

/* The header at the reader's offset and the bytes behind it; the offset moves past both. */
static bool next_block(tar_reader *tar, const tar_extension *extension, const tar_header **header,
                       const uint8_t **data, uint64_t *size, error *err) {
  if (!range_inside(tar->offset, BLOCK, tar->size))
    return error_set(err, ERROR_FORMAT, "cut off: the end mark is not there");
  *header = (const tar_header *)(tar->data + tar->offset);
  if (is_end_mark(*header))
    return true;
  if (!check_header(*header, err))
    return false;
  if (!read_number((*header)->size, sizeof(*header)->size, size))
    return error_set(err, ERROR_FORMAT, "a size that is no number");
  if (extension->has_size && !is_extension((*header)->type))
    *size = extension->size;
  if ((*header)->type == '5') /* the size of a folder says nothing about bytes behind it */
    *size = 0;
  tar->offset += BLOCK;
  *data = tar->data + tar->offset;
  if (*size > SIZE_MAX - BLOCK || !range_inside(tar->offset, *size, tar->size))
    return error_set(err, ERROR_FORMAT, "cut off in the middle of a file");
  size_t padded = ((size_t)*size + BLOCK - 1) / BLOCK * BLOCK, left = tar->size - tar->offset;
  tar->offset += padded < left ? padded : left;
  return true;
}

bool tar_next(tar_reader *tar, tar_entry *entry, bool *end, error *err) {
  tar_extension extension = {0};
  for (;;) {
    const tar_header *header = NULL;
    const uint8_t *data = NULL;
    uint64_t size = 0;
    if (!next_block(tar, &extension, &header, &data, &size, err))
      return false;
    *end = is_end_mark(header);
    if (*end)
      return true;
    if (is_extension(header->type)) {
      if (!read_extension(tar, &extension, header, data, size, err))
        return false;
      continue;
    }
    const char *name = extension.name ? extension.name : name_of(tar, header, err);
    *entry = (tar_entry){kind_of(header, &extension), name, data, size};
    return name != NULL;
  }
}

/* --- writing */

static void put_octal(char *field, size_t width, uint64_t value) {
  for (size_t i = width - 1; i-- > 0; value >>= 3)
    field[i] = (char)('0' + (value & 7));
  field[width - 1] = '\0';
}

bool tar_begin_file(atomic_file *out, const char *name, uint64_t size, error *err) {
  tar_header header = {.type = '0', .magic = "ustar", .version = {'0', '0'}};
  size_t length = strlen(name);
  if (length > sizeof header.name || size >> 33)
    return error_set(err, ERROR_LIMIT, "%s: too long a name or too large a file for a tar archive", name);
  memcpy(header.name, name, length);
  put_octal(header.mode, sizeof header.mode, 0644);
  put_octal(header.uid, sizeof header.uid, 0);
  put_octal(header.gid, sizeof header.gid, 0);
  put_octal(header.size, sizeof header.size, size);
  put_octal(header.mtime, sizeof header.mtime, 0);
  put_octal(header.checksum, sizeof header.checksum - 1, checksum_of(&header));
  header.checksum[7] = ' ';
  return atomic_file_write(out, &header, sizeof header, err);
}

bool tar_end_file(atomic_file *out, uint64_t size, error *err) {
  static const char zeros[BLOCK];
  size_t rest = (size_t)(size % BLOCK);
  return rest == 0 || atomic_file_write(out, zeros, BLOCK - rest, err);
}

bool tar_end(atomic_file *out, error *err) {
  static const char zeros[2 * BLOCK];
  return atomic_file_write(out, zeros, sizeof zeros, err);
}
