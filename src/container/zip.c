#include "container/zip.h"

#include "base/arena.h"
#include "base/checked.h"
#include "container/lfs_pointer.h"
#include "container/little_endian.h"

#include <inttypes.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

enum {
  LOCAL_SIGNATURE = 0x04034b50,
  LOCAL_SIZE = 30,
  CENTRAL_SIGNATURE = 0x02014b50,
  CENTRAL_SIZE = 46,
  END_SIGNATURE = 0x06054b50,
  END_SIZE = 22,
  END64_SIGNATURE = 0x06064b50,
  END64_SIZE = 56,
  LOCATOR_SIGNATURE = 0x07064b50,
  LOCATOR_SIZE = 20,
  ZIP64_EXTRA_ID = 1,
  FLAG_ENCRYPTED = 1,
  METHOD_STORED = 0,
  METHOD_DEFLATED = 8,
  LARGEST_COMMENT = 0xffff,
  DEFLATE_BEST_RATIO = 1032 /* a deflate stream can't grow by more */
};

typedef struct entry {
  const char *name;
  uint64_t header_offset;
  uint64_t limit; /* where the next entry, or the directory, begins */
  uint64_t compressed_size, size;
  uint32_t crc;
  uint16_t method;
  const uint8_t *bytes; /* once verified */
} entry;

struct zip_archive {
  const uint8_t *data;
  size_t size;
  const mapped_file *lent; /* whose bytes `data` is; NULL: not known */
  arena *memory;
  entry *entries; /* in the directory's order */
  entry **by_name;
  size_t count;
  bool has_crcs;
  uint64_t inflated; /* bytes, of all entries so far */
};

/* What the end of the archive says about its directory. */
typedef struct directory {
  uint64_t count, size, offset;
} directory;

/* ---- What the file is when it isn't a ZIP ---- */

static bool starts_with(const uint8_t *data, size_t size, const char *start, size_t length) {
  return size >= length && memcmp(data, start, length) == 0;
}

static bool not_a_zip(const uint8_t *data, size_t size, error *err) {
  /* PROTO 2, LONG1 of 10 bytes: torch's magic number 0x1950a86a20f9469cfc6c */
  static const char old_torch[] = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
  if (size == 0)
    return error_set(err, ERROR_FORMAT, "the file is empty");
  if (starts_with(data, size, old_torch, sizeof old_torch - 1))
    return error_set(
        err, ERROR_UNSUPPORTED,
        "a torch.save file of the format before torch 1.6; convert it in Python with torch 1.6 or "
        "later: torch.save(torch.load(f), f)");
  if (is_lfs_pointer(data, size))
    return refuse_lfs_pointer(err);
  if (starts_with(data, size, "PK\3\4", 4))
    return error_set(err, ERROR_FORMAT, "a ZIP archive without its end: the file is cut short or damaged");
  return error_set(err, ERROR_FORMAT, "not a ZIP archive");
}

/* ---- The end records ---- */

/* The last end record whose comment reaches exactly to the end of the file. */
static bool find_end(const uint8_t *data, size_t size, size_t *position) {
  for (size_t comment = 0; comment <= LARGEST_COMMENT && comment + END_SIZE <= size; comment++) {
    size_t at = size - END_SIZE - comment;
    if (read_u32(data + at) == END_SIGNATURE && read_u16(data + at + 20) == comment) {
      *position = at;
      return true;
    }
  }
  return false;
}

/* The 32-bit end record may hold all ones in place of a number that the zip64 one has, but no other number.
 */
static bool same_or_saturated(uint64_t narrow, uint64_t ones, uint64_t wide) {
  return narrow == ones || narrow == wide;
}

static bool read_end64(const uint8_t *data, size_t end, directory *dir, size_t *limit, error *err) {
  const uint8_t *locator = data + end - LOCATOR_SIZE;
  uint64_t at = read_u64(locator + 8);
  if (!range_inside(at, END64_SIZE, end - LOCATOR_SIZE) || read_u32(data + at) != END64_SIGNATURE)
    return error_set(err, ERROR_FORMAT, "the zip64 end record isn't where its locator says");
  const uint8_t *record = data + at;
  if (read_u32(locator + 4) != 0 || read_u32(record + 16) != 0 || read_u32(record + 20) != 0 ||
      read_u64(record + 24) != read_u64(record + 32))
    return error_set(err, ERROR_UNSUPPORTED, "a ZIP archive of several disks");
  directory wide = {
      .count = read_u64(record + 32), .size = read_u64(record + 40), .offset = read_u64(record + 48)};
  if (!same_or_saturated(dir->count, 0xffff, wide.count) ||
      !same_or_saturated(dir->size, 0xffffffff, wide.size) ||
      !same_or_saturated(dir->offset, 0xffffffff, wide.offset))
    return error_set(err, ERROR_FORMAT, "the two end records contradict each other");
  *dir = wide;
  *limit = (size_t)at;
  return true;
}

static bool read_end(const uint8_t *data, size_t size, directory *dir, error *err) {
  size_t end = 0;
  if (!find_end(data, size, &end))
    return not_a_zip(data, size, err);
  const uint8_t *record = data + end;
  *dir = (directory){
      .count = read_u16(record + 10), .size = read_u32(record + 12), .offset = read_u32(record + 16)};
  size_t limit = end;
  if (end >= LOCATOR_SIZE && read_u32(record - LOCATOR_SIZE) == LOCATOR_SIGNATURE) {
    if (!read_end64(data, end, dir, &limit, err))
      return false;
  } else if (read_u16(record + 4) != 0 || read_u16(record + 6) != 0 || read_u16(record + 8) != dir->count) {
    return error_set(err, ERROR_UNSUPPORTED, "a ZIP archive of several disks");
  }
  if (!range_inside(dir->offset, dir->size, limit))
    return error_set(err, ERROR_FORMAT,
                     "the directory (%" PRIu64 " bytes at %" PRIu64 ") lies outside the file", dir->size,
                     dir->offset);
  if (dir->count > ZIP_MAX_ENTRIES)
    return error_set(err, ERROR_LIMIT, "%" PRIu64 " entries; at most %d are read", dir->count,
                     ZIP_MAX_ENTRIES);
  if (dir->count > dir->size / CENTRAL_SIZE)
    return error_set(err, ERROR_FORMAT, "%" PRIu64 " entries don't fit into a directory of %" PRIu64 " bytes",
                     dir->count, dir->size);
  return true;
}

/* ---- The directory ---- */

/* Take the next 64-bit number of a zip64 extra field for a number that was saturated. */
static bool widen(uint64_t *number, const uint8_t **field, size_t *left) {
  if (*number != 0xffffffff)
    return true;
  if (*left < 8)
    return false;
  *number = read_u64(*field);
  *field += 8;
  *left -= 8;
  return true;
}

static bool read_zip64_extra(entry *e, const uint8_t *extra, size_t length) {
  while (length >= 4) {
    size_t id = read_u16(extra), size = read_u16(extra + 2);
    if (size > length - 4)
      return false;
    const uint8_t *field = extra + 4;
    if (id == ZIP64_EXTRA_ID)
      return widen(&e->size, &field, &size) && widen(&e->compressed_size, &field, &size) &&
             widen(&e->header_offset, &field, &size);
    extra = field + size;
    length -= 4 + size;
  }
  /* Without the field the numbers are what they are; 0xffffffff is then out of range in all but huge files.
   */
  return true;
}

static bool read_name(zip_archive *z, entry *e, const uint8_t *name, size_t length, error *err) {
  if (length == 0 || memchr(name, '\0', length))
    return error_set(err, ERROR_FORMAT, "entry %zu has %s name", (size_t)(e - z->entries),
                     length ? "a NUL in its" : "no");
  e->name = arena_strndup(z->memory, (const char *)name, length, err);
  return e->name != NULL;
}

/* One entry of the directory; *p moves behind it. */
static bool read_entry(zip_archive *z, entry *e, const uint8_t **p, const uint8_t *end, error *err) {
  const uint8_t *header = *p;
  size_t left = (size_t)(end - header);
  if (left < CENTRAL_SIZE || read_u32(header) != CENTRAL_SIGNATURE)
    return error_set(err, ERROR_FORMAT, "entry %zu of the directory is damaged", (size_t)(e - z->entries));
  size_t name_length = read_u16(header + 28), extra_length = read_u16(header + 30);
  size_t total = CENTRAL_SIZE + name_length + extra_length + read_u16(header + 32);
  if (total > left)
    return error_set(err, ERROR_FORMAT, "entry %zu runs out of the directory", (size_t)(e - z->entries));
  if (!read_name(z, e, header + CENTRAL_SIZE, name_length, err))
    return false;
  e->method = read_u16(header + 10);
  e->crc = read_u32(header + 16);
  e->compressed_size = read_u32(header + 20);
  e->size = read_u32(header + 24);
  e->header_offset = read_u32(header + 42);
  if (read_u16(header + 8) & FLAG_ENCRYPTED)
    return error_set(err, ERROR_UNSUPPORTED, "entry '%s' is encrypted", e->name);
  if (!read_zip64_extra(e, header + CENTRAL_SIZE + name_length, extra_length))
    return error_set(err, ERROR_FORMAT, "entry '%s' has a damaged zip64 field", e->name);
  *p = header + total;
  return true;
}

static int compare_names(const void *a, const void *b) {
  const entry *const *x = a, *const *y = b;
  return strcmp((*x)->name, (*y)->name);
}

static int compare_offsets(const void *a, const void *b) {
  const entry *const *x = a, *const *y = b;
  return ((*x)->header_offset > (*y)->header_offset) - ((*x)->header_offset < (*y)->header_offset);
}

/* Each entry ends before the next begins and the last before the directory. The extra field of the local
 * header isn't counted here, so that opening touches no page but the directory's; locate_data counts it. */
static bool set_limits(zip_archive *z, entry **by_offset, uint64_t directory_offset, error *err) {
  qsort(by_offset, z->count, sizeof *by_offset, compare_offsets);
  for (size_t i = 0; i < z->count; i++) {
    entry *e = by_offset[i];
    e->limit = i + 1 < z->count ? by_offset[i + 1]->header_offset : directory_offset;
    uint64_t head = LOCAL_SIZE + strlen(e->name);
    if (!range_inside(e->header_offset, head, e->limit) ||
        !range_inside(e->header_offset + head, e->compressed_size, e->limit))
      return error_set(err, ERROR_FORMAT, "entry '%s' lies outside the file or overlaps %s", e->name,
                       i + 1 < z->count ? "another one" : "the directory");
  }
  return true;
}

static bool sort_names(zip_archive *z, error *err) {
  qsort(z->by_name, z->count, sizeof *z->by_name, compare_names);
  for (size_t i = 1; i < z->count; i++)
    if (strcmp(z->by_name[i - 1]->name, z->by_name[i]->name) == 0)
      return error_set(err, ERROR_FORMAT, "entry '%s' is there twice", z->by_name[i]->name);
  return true;
}

static bool read_directory(zip_archive *z, const directory *dir, error *err) {
  size_t count = (size_t)dir->count;
  z->entries = arena_alloc_array(z->memory, count, sizeof *z->entries, err);
  if (!z->entries)
    return false;
  z->by_name = arena_alloc_array(z->memory, count, sizeof *z->by_name, err);
  if (!z->by_name)
    return false;
  const uint8_t *p = z->data + dir->offset, *end = p + dir->size;
  for (; z->count < count; z->count++) {
    if (!read_entry(z, &z->entries[z->count], &p, end, err))
      return false;
    z->by_name[z->count] = &z->entries[z->count];
    z->has_crcs |= z->entries[z->count].crc != 0;
  }
  return set_limits(z, z->by_name, dir->offset, err) && sort_names(z, err);
}

zip_archive *zip_open(const uint8_t *data, size_t size, error *err) {
  directory dir = {0};
  if (!read_end(data, size, &dir, err))
    return NULL;
  arena *memory = arena_create(err);
  if (!memory)
    return NULL;
  zip_archive *z = arena_alloc(memory, sizeof *z, err);
  if (z)
    *z = (zip_archive){.data = data, .size = size, .memory = memory};
  if (!z || !read_directory(z, &dir, err)) {
    arena_destroy(memory);
    return NULL;
  }
  return z;
}

void zip_lend_file(zip_archive *z, const mapped_file *file) {
  z->lent = file;
}

void zip_close(zip_archive *z) {
  if (z)
    arena_destroy(z->memory);
}

size_t zip_entry_count(const zip_archive *z) {
  return z->count;
}

const char *zip_entry_name(const zip_archive *z, size_t index) {
  return z->entries[index].name;
}

uint64_t zip_entry_size(const zip_archive *z, size_t index) {
  return z->entries[index].size;
}

/* ---- Entries ---- */

/* A sorted table, not a hash: no choice of names makes it slow. */
long zip_find(const zip_archive *z, const char *name) {
  const entry key = {.name = name}, *wanted = &key;
  entry **found = bsearch(&wanted, z->by_name, z->count, sizeof *z->by_name, compare_names);
  return found ? (long)(*found - z->entries) : -1;
}

/* The entry's bytes as they lie in the file, behind its local header. */
static const uint8_t *locate_data(const zip_archive *z, const entry *e, error *err) {
  const uint8_t *header =
      z->data + e->header_offset; /* set_limits has seen that header and name are inside */
  size_t name_length = strlen(e->name);
  if (read_u32(header) != LOCAL_SIGNATURE || read_u16(header + 26) != name_length ||
      memcmp(header + LOCAL_SIZE, e->name, name_length) != 0 || read_u16(header + 8) != e->method) {
    error_set(err, ERROR_FORMAT, "entry '%s' isn't where the directory says (the file is damaged)", e->name);
    return NULL;
  }
  uint64_t start = e->header_offset + LOCAL_SIZE + name_length + read_u16(header + 28);
  if (!range_inside(start, e->compressed_size, e->limit)) {
    error_set(err, ERROR_FORMAT, "entry '%s' runs into the next one", e->name);
    return NULL;
  }
  return z->data + start;
}

static bool may_inflate(const zip_archive *z, const entry *e, error *err) {
  if (e->size > ZIP_MAX_INFLATED_ENTRY || e->size > ZIP_MAX_INFLATED_TOTAL - z->inflated)
    return error_set(err, ERROR_LIMIT,
                     "entry '%s' would inflate to %" PRIu64
                     " bytes; compressed entries are read up to %d MiB, %d MiB "
                     "together (tensors are expected to be stored uncompressed)",
                     e->name, e->size, ZIP_MAX_INFLATED_ENTRY >> 20, ZIP_MAX_INFLATED_TOTAL >> 20);
  if (e->size / DEFLATE_BEST_RATIO > e->compressed_size)
    return error_set(err, ERROR_FORMAT, "entry '%s' claims an impossible size of %" PRIu64 " bytes", e->name,
                     e->size);
  return true;
}

static const uint8_t *inflate(zip_archive *z, const entry *e, const uint8_t *compressed, error *err) {
  if (!may_inflate(z, e, err))
    return NULL;
  uint8_t *bytes = arena_alloc(z->memory, (size_t)e->size, err);
  if (!bytes)
    return NULL;
  z->inflated += e->size;
  struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
  if (!decompressor) {
    error_out_of_memory(err);
    return NULL;
  }
  enum libdeflate_result result = libdeflate_deflate_decompress(
      decompressor, compressed, (size_t)e->compressed_size, bytes, (size_t)e->size, NULL);
  libdeflate_free_decompressor(decompressor);
  /* Without a place for the actual size, libdeflate calls a short stream an error too. */
  if (result == LIBDEFLATE_SUCCESS)
    return bytes;
  error_set(err, ERROR_FORMAT, "entry '%s' doesn't inflate to its %" PRIu64 " bytes (the file is damaged)",
            e->name, e->size);
  return NULL;
}

static const uint8_t *entry_content(zip_archive *z, const entry *e, error *err) {
  const uint8_t *bytes = locate_data(z, e, err);
  if (!bytes)
    return NULL;
  if (e->method == METHOD_DEFLATED)
    return inflate(z, e, bytes, err);
  if (e->method != METHOD_STORED) {
    error_set(err, ERROR_UNSUPPORTED,
              "entry '%s' is compressed by method %d; only stored and deflate are read", e->name, e->method);
    return NULL;
  }
  if (e->compressed_size != e->size) {
    error_set(err, ERROR_FORMAT, "entry '%s' is stored, but its two sizes differ", e->name);
    return NULL;
  }
  return bytes;
}

static bool check_crc(const zip_archive *z, const entry *e, const uint8_t *bytes, error *err) {
  uint32_t crc = z->has_crcs ? libdeflate_crc32(0, bytes, (size_t)e->size) : e->crc;
  return crc == e->crc ||
         error_set(err, ERROR_FORMAT,
                   "entry '%s' is damaged: its CRC-32 is %08" PRIx32 ", the directory says %08" PRIx32,
                   e->name, crc, e->crc);
}

const uint8_t *zip_entry_bytes(zip_archive *z, size_t index, size_t *size, error *err) {
  entry *e = &z->entries[index];
  if (!e->bytes) {
    const uint8_t *bytes = entry_content(z, e, err);
    if (!bytes || !check_crc(z, e, bytes, err))
      return NULL;
    e->bytes = bytes;
  }
  *size = (size_t)e->size;
  return e->bytes;
}

void zip_bytes_done(const zip_archive *z, const void *bytes, size_t size) {
  if (z->lent)
    mapped_file_done(z->lent, bytes, size);
}

const uint8_t *zip_read(zip_archive *z, const char *name, size_t *size, error *err) {
  long index = zip_find(z, name);
  if (index < 0) {
    error_set(err, ERROR_NOT_FOUND, "no entry '%s' in the archive", name);
    return NULL;
  }
  return zip_entry_bytes(z, (size_t)index, size, err);
}
