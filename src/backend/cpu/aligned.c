#include "backend/cpu/aligned.h"

#include "base/checked.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20 };

static bool round_up(size_t size, size_t unit, size_t *rounded) {
  if (!checked_add(size, unit - 1, rounded))
    return false;
  *rounded &= ~(unit - 1);
  return true;
}

bool aligned_size(size_t size, size_t *rounded) {
  return round_up(size, CACHE_LINE, rounded);
}

void *aligned_allocate(size_t size, bool huge_pages, error *err) {
  size_t unit = size >= HUGE_PAGE ? HUGE_PAGE : CACHE_LINE;
  size_t rounded;
  void *memory = NULL;
  if (round_up(size ? size : 1, unit, &rounded))
    memory = aligned_alloc(unit, rounded);
  if (!memory) {
    error_out_of_memory(err);
    return NULL;
  }
  if (unit == HUGE_PAGE && huge_pages)
    madvise(memory, rounded, MADV_HUGEPAGE); /* only advice: no matter if it is refused */
  return memory;
}
