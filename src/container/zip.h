/* The directory of a ZIP archive over mapped bytes (APPNOTE 6.3, zip64), and its stored entries in place. */
#ifndef DEEPECG_CONTAINER_ZIP_H
#define DEEPECG_CONTAINER_ZIP_H

#include "base/arena.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct zip_archive zip_archive;

/* Read the directory. `data` is borrowed. Everything is checked against `size`: offsets, counts, overlaps of an entry with the
 * directory, names. Refused with a reason: not a ZIP, several disks, encryption, duplicate names. NULL and *err. */
zip_archive *zip_open(const uint8_t *data, size_t size, error *err);
void zip_close(zip_archive *archive);

size_t zip_entry_count(const zip_archive *archive);
const char *zip_entry_name(const zip_archive *archive, size_t index);
uint64_t zip_entry_size(const zip_archive *archive, size_t index);
/* Index of the entry with this name, or -1. */
long zip_find(const zip_archive *archive, const char *name);

/* The bytes of a stored entry, in place, its CRC-32 verified (once per entry; thread-safe reads afterwards). A deflated entry is inflated into the
 * archive's memory, with a limit of 64 MiB. NULL and *err on a mismatch. */
const uint8_t *zip_entry_bytes(zip_archive *archive, size_t index, size_t *size, error *err);

#endif
