/* The sums that Strassen's product takes (backend/cpu/strassen.h). */
#ifndef DEEPECG_BACKEND_CPU_KERNELS_STRASSEN_H
#define DEEPECG_BACKEND_CPU_KERNELS_STRASSEN_H

#include <stddef.h>

/* n elements of A11, A12, A21, A22 to S1..S4. */
typedef void strassen_rows_kernel(const float *const a[4], ptrdiff_t n, float *const s[4]);

/* z[r][i] = x[r][i] + y[r][i] + base[r * base_stride + i]; rows of x, y and z, whole vectors wide, lie side
 * by side; without y (NULL) the sum of the others. */
typedef void add_rows_kernel(const float *x, const float *y, const float *base, ptrdiff_t base_stride,
                             ptrdiff_t rows, ptrdiff_t width, float *z);

#endif
