/* The weights of a network are larger than a core's second cache: each step would wait for its own to come
 * from the third. So large products ask for the weights of the steps that follow, a few lines in each tile.
 */
#ifndef DEEPECG_BACKEND_CPU_COMING_WEIGHTS_H
#define DEEPECG_BACKEND_CPU_COMING_WEIGHTS_H

#include "backend/cpu/program.h"

typedef struct coming_weights {
  const cpu_step *step, *end; /* whose weights are asked for; the first step that is not */
  size_t done;                /* bytes of step's weights */
  size_t left;                /* bytes that may still be asked for */
} coming_weights;

/* What comes after step s. */
coming_weights coming_after(const cpu_step *s, const frame *f);

/* The address of the next `lines` cache lines to be asked for, which may end before them; 0: enough is on its
 * way. */
uintptr_t coming_next(coming_weights *c, ptrdiff_t lines);

#endif
