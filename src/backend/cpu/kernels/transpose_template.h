/* A matrix turned round, in squares of vectors. */

static void transpose(const float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t begin, ptrdiff_t end,
                      float *y) {
  vec square[VECTOR_LANES];
  for (ptrdiff_t column = begin; column < end; column += VECTOR_LANES) {
    ptrdiff_t width = end - column < VECTOR_LANES ? end - column : VECTOR_LANES;
    vec_mask across = vec_first(width);
    for (ptrdiff_t row = 0; row < rows; row += VECTOR_LANES) {
      ptrdiff_t height = rows - row < VECTOR_LANES ? rows - row : VECTOR_LANES;
      vec_mask down = vec_first(height);
      for (ptrdiff_t i = 0; i < VECTOR_LANES; i++)
        square[i] = i < height ? vec_load_masked(x + (row + i) * columns + column, across) : vec_set1(0);
      vec_transpose(square);
      for (ptrdiff_t i = 0; i < width; i++)
        vec_store_masked(y + (column + i) * rows + row, down, square[i]);
    }
  }
}
