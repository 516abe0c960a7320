#include "backend/cpu/kernels/simd_avx512.h"

#define KERNELS      cpu_kernels_avx512
#define KERNELS_NAME "avx512"
#include "backend/cpu/kernels/kernels_template.h"
