/* Memory for vectors: aligned to cache lines, in huge pages where they are wanted and the system likes to
 * give them. */
#ifndef DEEPECG_BACKEND_CPU_ALIGNED_H
#define DEEPECG_BACKEND_CPU_ALIGNED_H

#include "base/error.h"

#include <stddef.h>

enum { CACHE_LINE = 64 };

/* `size` rounded up to whole cache lines; false where that overflows. */
bool aligned_size(size_t size, size_t *rounded);

/* Not initialised; free with free(). NULL and *err when memory is out. */
void *aligned_allocate(size_t size, bool huge_pages, error *err);

#endif
