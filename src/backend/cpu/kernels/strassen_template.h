/* strassen.h */
#include "backend/cpu/kernels/strassen.h"

static void strassen_rows(const float *const a[4], ptrdiff_t n, float *const s[4]) {
  for (ptrdiff_t i = 0; i < n; i += VECTOR_LANES) {
    vec_mask mask = vec_first(n - i < VECTOR_LANES ? n - i : VECTOR_LANES);
    vec a11 = vec_load_masked(a[0] + i, mask), a21 = vec_load_masked(a[2] + i, mask);
    vec s1 = vec_add(a21, vec_load_masked(a[3] + i, mask)), s2 = vec_sub(s1, a11);
    vec_store_masked(s[0] + i, mask, s1);
    vec_store_masked(s[1] + i, mask, s2);
    vec_store_masked(s[2] + i, mask, vec_sub(a11, a21));
    vec_store_masked(s[3] + i, mask, vec_sub(vec_load_masked(a[1] + i, mask), s2));
  }
}

static void add_rows(const float *x, const float *y, const float *base, ptrdiff_t base_stride, ptrdiff_t rows,
                     ptrdiff_t width, float *z) {
  for (ptrdiff_t r = 0; r < rows; r++, base += base_stride)
    for (ptrdiff_t i = 0; i < width; i += VECTOR_LANES) {
      ptrdiff_t at = r * width + i;
      vec sum = vec_load(x + at);
      if (y)
        sum = vec_add(sum, vec_load(y + at));
      vec_store(z + at, vec_add(sum, vec_load(base + i)));
    }
}
