/* The directory of a ZIP archive over mapped bytes (APPNOTE 6.3, with zip64), and its stored entries in
 * place.
 *
 * Opening reads the directory only. The pages of an entry are touched when it is asked for: its local header
 * is then checked against the directory and its CRC-32 verified, once. Data descriptors are tolerated and not
 * needed: the directory has the sizes. An archive whose every CRC-32 is 0 was written without (torch can be
 * told to); nothing is verified then. */
#ifndef DEEPECG_CONTAINER_ZIP_H
#define DEEPECG_CONTAINER_ZIP_H

#include "base/error.h"
#include "base/mapped_file.h"

#include <stddef.h>
#include <stdint.h>

enum {
  ZIP_MAX_ENTRIES = 1 << 20,
  ZIP_MAX_INFLATED_ENTRY = 64 << 20, /* bytes of one deflated entry */
  ZIP_MAX_INFLATED_TOTAL = 256 << 20 /* bytes of all deflated entries asked for */
};

typedef struct zip_archive zip_archive;

/* Read the directory. `data` is borrowed and must outlive the archive. Offsets, sizes and counts are checked
 * against `size`, entries against each other. NULL and *err, with a reason, for: bytes that are no ZIP (with
 * advice where it is known what they are: an older torch.save, a Git LFS pointer, ...), a cut file, several
 * disks, encryption, names that are empty, hold a NUL or appear twice, entries that overlap. Destroy with
 * zip_close. */
zip_archive *zip_open(const uint8_t *data, size_t size, error *err);

/* `data` is that of `file`, which must outlive the archive: zip_bytes_done then gives its memory back. */
void zip_lend_file(zip_archive *archive, const mapped_file *file);

/* NULL is allowed. */
void zip_close(zip_archive *archive);

/* Entries are in the directory's order. Names are NUL-terminated, not checked to be UTF-8, and valid until
 * zip_close. */
size_t zip_entry_count(const zip_archive *archive);
const char *zip_entry_name(const zip_archive *archive, size_t index);
uint64_t zip_entry_size(const zip_archive *archive, size_t index);

/* Index of the entry with this name, or -1. */
long zip_find(const zip_archive *archive, const char *name);

/* The bytes of an entry, *size of them: in place when it is stored, else inflated into the archive's memory
 * (within the limits above). Valid until zip_close; the same pointer at every call. NULL and *err when the
 * bytes lie outside the file or in another entry, or don't have the directory's CRC-32 (see above); the
 * message names the entry. One thread at a time per archive; the bytes may be read by any number. */
const uint8_t *zip_entry_bytes(zip_archive *archive, size_t index, size_t *size, error *err);

/* `size` of an entry's bytes have been read and won't be needed soon again. They stay valid. */
void zip_bytes_done(const zip_archive *archive, const void *bytes, size_t size);

/* zip_find and zip_entry_bytes; ERROR_NOT_FOUND when there is no such entry. */
const uint8_t *zip_read(zip_archive *archive, const char *name, size_t *size, error *err);

#endif
