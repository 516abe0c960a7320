#include "backend/cpu/kernels/simd_avx2.h"

#define KERNELS      cpu_kernels_avx2
#define KERNELS_NAME "avx2"
#include "backend/cpu/kernels/kernels_template.h"
