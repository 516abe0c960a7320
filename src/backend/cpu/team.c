#include "backend/cpu/team.h"

#include <sched.h>

enum { SPINS_BEFORE_YIELD = 2000 };

void team_init(team *t, int size) {
  t->size = size;
  atomic_init(&t->arrived, 0);
  atomic_init(&t->generation, 0);
}

static void pause_briefly(void) {
#ifdef __x86_64__
  __builtin_ia32_pause();
#endif
}

void team_wait(team *t) {
  unsigned generation = atomic_load_explicit(&t->generation, memory_order_relaxed);
  if (atomic_fetch_add_explicit(&t->arrived, 1, memory_order_acq_rel) == t->size - 1) {
    atomic_store_explicit(&t->arrived, 0, memory_order_relaxed);
    atomic_store_explicit(&t->generation, generation + 1, memory_order_release);
    return;
  }
  /* Where threads outnumber processors the one that is waited for may need this one's. */
  int spins = 0;
  while (atomic_load_explicit(&t->generation, memory_order_acquire) == generation) {
    if (spins < SPINS_BEFORE_YIELD) {
      spins++;
      pause_briefly();
    } else {
      sched_yield();
    }
  }
}
