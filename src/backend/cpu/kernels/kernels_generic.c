#include "backend/cpu/kernels/simd_generic.h"

#define KERNELS      cpu_kernels_generic
#define KERNELS_NAME "generic"
#include "backend/cpu/kernels/kernels_template.h"
