/* Texts stored once: equal texts get the same number. */
#ifndef DEEPECG_TABLE_STRING_POOL_H
#define DEEPECG_TABLE_STRING_POOL_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct string_pool string_pool;

/* An empty pool, or NULL (out of memory). Not thread-safe while texts are added. */
string_pool *string_pool_create(error *err);
void string_pool_destroy(string_pool *pool);

/* The number of text[0..length), which is copied where it is new. Numbers count from 0. */
bool string_pool_add(string_pool *pool, const char *text, size_t length, uint32_t *number, error *err);

/* No more texts will be added: frees what only adding needs. */
void string_pool_finish(string_pool *pool);

/* The NUL-terminated text with a number; valid until the next add or destroy. */
const char *string_pool_text(const string_pool *pool, uint32_t number, size_t *length);

#endif
