/* The kernels that exist once per instruction set. A kernel is compiled from the template headers of this
 * folder by kernels_generic.c, kernels_avx2.c and kernels_avx512.c, each with its own compiler flags. */
#ifndef DEEPECG_BACKEND_CPU_KERNELS_H
#define DEEPECG_BACKEND_CPU_KERNELS_H

#include "base/error.h"

#include <stddef.h>

typedef struct cpu_kernels {
  const char *name; /* "avx512" */
  int lanes;        /* floats in a vector */
} cpu_kernels;

extern const cpu_kernels cpu_kernels_generic;
#ifdef __x86_64__
extern const cpu_kernels cpu_kernels_avx2, cpu_kernels_avx512;
#endif

/* The best that this processor can run, or what DEEPECG_CPU asks for. NULL and *err if that can't be had. */
const cpu_kernels *cpu_kernels_choose(error *err);

#endif
