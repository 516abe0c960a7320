#include "backend/cpu/product_blocked.h"

#include "backend/cpu/product_tiles.h"
#include "backend/cpu/strassen.h"

enum {
  /* Inner indices at a time: with 16 lanes a panel may come from the second cache; with fewer it is read
   * again so soon that it should stay in the first. */
  INNER_BLOCK_WIDE = 768,
  INNER_BLOCK_NARROW = 256,
  /* Of which halves are read at a time. */
  INNER_BLOCK_STRASSEN = 768,
  INNER_BLOCK_STRASSEN_NARROW = 1024, /* of panels so narrow that a half stays in the first cache */
};

/* ---- geometry ---- */

/* Blocks change no bits: a sum goes on where the block before left it. */
static ptrdiff_t inner_block_size(const product *p) {
  if (p->strassen)
    return p->panel_vectors * p->lanes <= 16 ? INNER_BLOCK_STRASSEN_NARROW : INNER_BLOCK_STRASSEN;
  return p->lanes >= 16 ? INNER_BLOCK_WIDE : INNER_BLOCK_NARROW;
}

bool product_blocked_suits_strassen(const product *p) {
  return p->groups == 1 && p->padding == 0 &&
         strassen_fits(p->rows / row_parts(p),
                       p->inner < INNER_BLOCK_STRASSEN ? p->inner & ~1 : INNER_BLOCK_STRASSEN);
}

static ptrdiff_t most_block_rows(const product *p) {
  return ROWS_IN_BLOCK + p->kernels->gemm_rows[p->panel_vectors - 1] + 1;
}

/* Floats of scratch for the rows of A of a block that aren't in place; the rest of the scratch lies behind.
 */
static ptrdiff_t gathered_floats(const product *p) {
  if (product_in_place(p, 0, p->rows))
    return 0;
  return most_block_rows(p) * (inner_block_size(p) + 2 * GATHER_PADDING);
}

size_t product_blocked_scratch(const product *p) {
  ptrdiff_t width = (ptrdiff_t)p->panel_vectors * p->lanes, floats = gathered_floats(p);
  if (p->strassen)
    floats += strassen_scratch(most_block_rows(p), inner_block_size(p), width);
  return (size_t)floats * sizeof(float);
}

/* ---- a block ---- */

/* A part of A, of several samples one after the other. */
typedef struct inner_block {
  int samples;
  row_part rows;        /* of a sample */
  ptrdiff_t begin, end; /* of the inner index */
  a_rows a[FRAMES_IN_STEP];
  ptrdiff_t end_panel;
  const float *after; /* a panel's weights that this thread reads after the block; NULL: not known */
} inner_block;

/* The inner indices of a tile that meet the signal; the others would only add zeros. */
static void valid_inner(const product *p, ptrdiff_t tile, ptrdiff_t *begin, ptrdiff_t *end) {
  ptrdiff_t first = tile_begin(p, tile) * p->stride - p->padding;
  ptrdiff_t last = (tile_begin(p, tile + 1) - 1) * p->stride - p->padding;
  ptrdiff_t first_tap = last >= 0 ? 0 : (-last + p->dilation - 1) / p->dilation;
  ptrdiff_t end_tap = first >= p->in_rows ? 0 : (p->in_rows - 1 - first) / p->dilation + 1;
  *begin = clamp(first_tap, 0, p->kernel) * p->group_channels;
  *end = clamp(end_tap, 0, p->kernel) * p->group_channels;
}

static coming_panel next_panel(const product *p, const inner_block *block, ptrdiff_t group, ptrdiff_t panel) {
  bool last = panel + 1 == block->end_panel;
  ptrdiff_t width = (ptrdiff_t)panel_width(p, last ? panel : panel + 1) * p->lanes;
  const float *weights = last ? block->after : panel_weights(p, group, panel + 1) + block->begin * width;
  return (coming_panel){.data = (uintptr_t)weights,
                        .bytes =
                            weights ? (block->end - block->begin) * width * (ptrdiff_t)sizeof(float) : 0};
}

static void run_block_tiles(const product *p, const product_operands *o, const inner_block *block,
                            const a_rows *a, gemm_tile *t, coming_panel *coming, ptrdiff_t column,
                            int vectors) {
  const float *panel = t->b;
  ptrdiff_t row = first_row(p, &block->rows), width = (ptrdiff_t)vectors * p->lanes;
  for (ptrdiff_t tile = first_tile(p, &block->rows); tile < end_tile(p, &block->rows); tile++) {
    ptrdiff_t begin, end;
    valid_inner(p, tile, &begin, &end);
    begin = clamp(begin, block->begin, block->end);
    end = clamp(end, begin, block->end);
    t->inner = end - begin;
    t->a = a->a + (tile_begin(p, tile) - row) * a->stride + begin - block->begin;
    t->a_stride = a->stride;
    t->b = panel + begin * width;
    t->prefetch = coming_panel_next(coming, t->inner);
    product_run_tile(p, t, o, column, tile, vectors, block->begin > 0);
  }
}

static void run_block_panel(const product *const *p, const product_operands *o, const inner_block *block,
                            ptrdiff_t group, ptrdiff_t panel) {
  ptrdiff_t column = group * p[0]->columns + panel * p[0]->panel_vectors * p[0]->lanes;
  gemm_tile t = product_panel_tile(p[0], o, group, panel);
  t.start_stride = o->y_stride;
  t.finish = block->end == p[0]->inner;
  coming_panel coming = next_panel(p[0], block, group, panel);
  for (int i = 0; i < block->samples; i++) {
    t.b = panel_weights(p[0], group, panel);
    run_block_tiles(p[i], &o[i], block, &block->a[i], &t, &coming, column, panel_width(p[0], panel));
  }
}

/* `to`: scratch for rows that aren't in place. */
static void find_rows(const product *const *p, const product_operands *o, inner_block *block, ptrdiff_t group,
                      float *to) {
  ptrdiff_t stride = block->end - block->begin + GATHER_PADDING;
  for (int i = 0; i < block->samples; i++) {
    ptrdiff_t begin = first_row(p[i], &block->rows), rows = part_rows(p[i], &block->rows);
    block->a[i] = product_rows(p[i], o[i].x + group * p[i]->group_channels, begin, begin + rows, block->begin,
                               block->end, to, stride);
    to += block->a[i].a == to ? rows * stride : 0;
  }
}

/* Pairs of full panels by Strassen's product of the inner halves. */
static void run_pairs(const product *p, const product_operands *o, const inner_block halves[2],
                      ptrdiff_t first_panel, ptrdiff_t end_panel) {
  ptrdiff_t width = (ptrdiff_t)p->panel_vectors * p->lanes, row = first_row(p, &halves->rows);
  ptrdiff_t half = halves->end - halves->begin;
  uintptr_t panel_bytes = (uintptr_t)(p->inner * width) * sizeof(float);
  strassen_job j = {.kernels = p->kernels,
                    .a = {halves[0].a->a, halves[1].a->a},
                    .a_stride = halves->a->stride,
                    .rows = part_rows(p, &halves->rows),
                    .inner = half,
                    .vectors = p->panel_vectors,
                    .resume = halves->begin > 0,
                    .scratch = o->scratch + gathered_floats(p)};
  strassen_sum_rows(&j);
  for (ptrdiff_t panel = first_panel; panel < end_panel; panel += 2) {
    j.tile = product_panel_tile(p, o, 0, panel);
    j.tile.last_lanes = p->lanes;
    j.tile.finish = halves[1].end == p->inner;
    j.tile.c = o->y + row * o->y_stride + panel * width;
    j.tile.residual = o->residual ? o->residual + row * o->y_stride + panel * width : NULL;
    for (int i = 0; i < 2; i++) {
      j.b[i] = panel_weights(p, 0, panel + i) + halves->begin * width;
      j.coming[i] = panel + 2 < end_panel
                        ? (uintptr_t)(panel_weights(p, 0, panel + 2 + i) + halves->begin * width)
                    : halves->after ? (uintptr_t)halves->after + (uintptr_t)i * panel_bytes
                                    : 0;
    }
    strassen_multiply(&j);
  }
}

/* By Strassen's product where it can be; panels without a partner as usual, one inner half after the other.
 */
static void run_halves(const product *p, const product_operands *o, const inner_block *whole,
                       ptrdiff_t first_panel, ptrdiff_t end_panel) {
  ptrdiff_t width = (ptrdiff_t)p->panel_vectors * p->lanes, full = p->columns / width;
  ptrdiff_t end_pairs = first_panel + ((end_panel < full ? end_panel : full) - first_panel) / 2 * 2;
  inner_block halves[] = {*whole, *whole};
  halves[0].end = halves[1].begin = (whole->begin + whole->end) / 2;
  ptrdiff_t half = halves[0].end - halves[0].begin;
  for (int i = 0; i < 2; i++)
    find_rows(&p, o, &halves[i], 0, o->scratch + i * part_rows(p, &whole->rows) * (half + GATHER_PADDING));
  if (first_panel < end_pairs)
    run_pairs(p, o, halves, first_panel, end_pairs);
  for (int i = 0; i < 2; i++)
    for (ptrdiff_t panel = end_pairs; panel < end_panel; panel++)
      run_block_panel(&p, o, &halves[i], 0, panel);
}

static void run_block(const product *const *p, const product_operands *o, inner_block *block, ptrdiff_t group,
                      ptrdiff_t first_panel, ptrdiff_t end_panel) {
  if (p[0]->strassen && strassen_fits(part_rows(p[0], &block->rows), block->end - block->begin)) {
    run_halves(p[0], o, block, first_panel, end_panel);
    return;
  }
  find_rows(p, o, block, group, o->scratch);
  for (ptrdiff_t panel = first_panel; panel < end_panel; panel++)
    run_block_panel(p, o, block, group, panel);
}

/* ---- the whole ---- */

void product_blocked_panels(const product *const *p, const product_operands *o, int samples, ptrdiff_t group,
                            ptrdiff_t first_panel, ptrdiff_t end_panel, const frame *f) {
  const product *first = p[0];
  ptrdiff_t size = inner_block_size(first), parts = row_parts(first);
  for (ptrdiff_t i = 0; i < parts; i++)
    for (ptrdiff_t k = 0; k < first->inner; k += size) {
      inner_block block = {.samples = samples,
                           .rows = {i, parts},
                           .begin = k,
                           .end = clamp(k + size, 0, first->inner),
                           .end_panel = end_panel,
                           .after = panel_weights(first, group, first_panel)};
      if (block.end < first->inner)
        block.after += block.end * panel_width(first, first_panel) * first->lanes;
      else if (i + 1 == parts)
        block.after = product_first_weights_of_next(first, f);
      run_block(p, o, &block, group, first_panel, end_panel);
    }
}
