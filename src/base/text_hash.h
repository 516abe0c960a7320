/* A keyed hash of texts for hash tables: who doesn't know the key cannot make texts that collide. */
#ifndef DEEPECG_BASE_TEXT_HASH_H
#define DEEPECG_BASE_TEXT_HASH_H

#include <stddef.h>
#include <stdint.h>

/* A key for one table; `address` (the table's own) stands in where the system has no random numbers yet. */
uint64_t text_hash_key(const void *address);

/* `length` bytes, no NUL needed. All 64 bits serve. Another key, another hash: store none, and let no result
 * depend on one. Thread-safe. */
uint64_t text_hash(uint64_t key, const char *text, size_t length);

#endif
