#include "backend/cpu/coming_weights.h"

#include "backend/cpu/aligned.h"

/* More would drive this step's own data out of the second cache. */
enum { MOST_BYTES = 384 << 10 };

coming_weights coming_after(const cpu_step *s, const frame *f) {
  return (coming_weights){
      .step = s + 1, .end = f->program->steps + f->program->step_count, .left = MOST_BYTES};
}

uintptr_t coming_next(coming_weights *c, ptrdiff_t lines) {
  while (c->step < c->end && c->done >= c->step->weight_bytes) {
    c->step++;
    c->done = 0;
  }
  size_t bytes = (size_t)lines * CACHE_LINE;
  if (c->step == c->end || c->left < bytes)
    return 0;
  uintptr_t address = (uintptr_t)c->step->weights + c->done;
  c->done += bytes;
  c->left -= bytes;
  return address;
}
