/* A barrier for threads that work on one sample: a network is some hundred short steps, far too short for the
 * operating system's barriers. */
#ifndef DEEPECG_BACKEND_CPU_TEAM_H
#define DEEPECG_BACKEND_CPU_TEAM_H

#include <stdatomic.h>

typedef struct team {
  int size;
  _Alignas(64) atomic_int arrived;
  _Alignas(64) atomic_uint generation;
} team;

void team_init(team *t, int size);

/* Returns when all `size` threads have called it; what they wrote before is then visible to all. */
void team_wait(team *t);

#endif
