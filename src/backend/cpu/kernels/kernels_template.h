/* Everything that is compiled once per instruction set, in one translation unit: vec and its functions come
 * from the simd_*.h header that was included before, KERNELS and KERNELS_NAME say what the table is called.
 */
#include "backend/cpu/kernels/kernels.h"

const cpu_kernels KERNELS = {
    .name = KERNELS_NAME,
    .lanes = VECTOR_LANES,
};
