/* What the ways to compute a product (product.c, product_blocked.c, product_bf16.c) have in common: panels of
 * columns, tiles of rows, the rows of A in memory, and what is asked for ahead of time. */
#ifndef DEEPECG_BACKEND_CPU_PRODUCT_TILES_H
#define DEEPECG_BACKEND_CPU_PRODUCT_TILES_H

#include "backend/cpu/aligned.h"
#include "backend/cpu/product.h"

enum {
  GATHER_PADDING = 16,    /* between gathered rows, so that they don't fall on the same cache sets */
  ROWS_IN_BLOCK = 168,    /* of the result that pass a panel one after the other, at most */
  PACKED_ALONE = 1 << 20, /* bytes of weights up to which threads cost more than they save */
};

static inline ptrdiff_t clamp(ptrdiff_t x, ptrdiff_t low, ptrdiff_t high) {
  return x < low ? low : x > high ? high : x;
}

/* The vectors of one panel out of those of a matrix: the last panel may have fewer than `most`. */
static inline int vectors_of_panel(ptrdiff_t vectors, int most, ptrdiff_t panel) {
  ptrdiff_t left = vectors - panel * most;
  return left < most ? (int)left : most;
}

static inline int panel_width(const product *p, ptrdiff_t panel) {
  return vectors_of_panel(p->vectors, p->panel_vectors, panel);
}

/* In bfloat16 a pair of channels takes the place of a float. */
static inline ptrdiff_t pairs_of_tap(const product *p) {
  return (p->group_channels + 1) / 2;
}

static inline ptrdiff_t pairs_of_inner(const product *p) {
  return p->kernel * pairs_of_tap(p);
}

static inline const float *panel_weights(const product *p, ptrdiff_t group, ptrdiff_t panel) {
  ptrdiff_t inner = p->bf16 ? pairs_of_inner(p) : p->inner;
  return p->weights + (group * p->vectors + panel * p->panel_vectors) * p->lanes * inner;
}

static inline ptrdiff_t tile_begin(const product *p, ptrdiff_t tile) {
  return p->rows * tile / p->tiles;
}

/* One of some equal parts of a product's rows, in whole tiles. */
typedef struct row_part {
  ptrdiff_t part, parts;
} row_part;

/* Parts of ROWS_IN_BLOCK rows or hardly more. */
static inline ptrdiff_t row_parts(const product *p) {
  return (p->rows + ROWS_IN_BLOCK - 1) / ROWS_IN_BLOCK;
}

static inline ptrdiff_t first_tile(const product *p, const row_part *r) {
  return p->tiles * r->part / r->parts;
}

static inline ptrdiff_t end_tile(const product *p, const row_part *r) {
  return p->tiles * (r->part + 1) / r->parts;
}

static inline ptrdiff_t first_row(const product *p, const row_part *r) {
  return tile_begin(p, first_tile(p, r));
}

static inline ptrdiff_t part_rows(const product *p, const row_part *r) {
  return tile_begin(p, end_tile(p, r)) - first_row(p, r);
}

/* The panel's weights that are read next, which the tiles of this one ask for: they come from far away. An
 * address as a number, since what is asked for may end before the tiles do; 0: none. */
typedef struct coming_panel {
  uintptr_t data;
  ptrdiff_t bytes, done;
} coming_panel;

/* What a tile of so many inner indices asks for: a line at each. */
static inline uintptr_t coming_panel_next(coming_panel *c, ptrdiff_t inner) {
  uintptr_t address = c->done < c->bytes ? c->data + (uintptr_t)c->done : 0;
  c->done += inner * CACHE_LINE;
  return address;
}

/* Where this thread begins to read the weights of the next large product; NULL: there is none. */
const float *product_first_weights_of_next(const product *p, const frame *f);

/* Rows of A, one row's elements side by side. */
typedef struct a_rows {
  const float *a;
  ptrdiff_t stride;
} a_rows;

/* Do the windows of the result's rows [begin, end) lie in x as rows of A? */
bool product_in_place(const product *p, ptrdiff_t begin, ptrdiff_t end);

/* Elements [k_begin, k_end) of the windows of rows [begin, end) of a group's x: where they are if they are in
 * place, else copied to `to`, `to_stride` apart, with zeros outside the signal. */
a_rows product_rows(const product *p, const float *x, ptrdiff_t begin, ptrdiff_t end, ptrdiff_t k_begin,
                    ptrdiff_t k_end, float *to, ptrdiff_t to_stride);

/* A tile with what is the same for all rows of a panel: columns, bias, distances of y's rows, activation. */
gemm_tile product_panel_tile(const product *p, const product_operands *o, ptrdiff_t group, ptrdiff_t panel);

/* Run a tile whose a, b and inner are set. `column`: of y, where the panel begins; `resume`: the sums start
 * from y. */
void product_run_tile(const product *p, gemm_tile *t, const product_operands *o, ptrdiff_t column,
                      ptrdiff_t tile, int vectors, bool resume);

#endif
