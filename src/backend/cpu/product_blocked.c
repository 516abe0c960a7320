#include "backend/cpu/product_blocked.h"

#include "backend/cpu/product_tiles.h"
#include "backend/cpu/strassen.h"

enum {
  /* Inner indices at a time: with 16 lanes a panel may come from the second cache; with fewer it is read
   * again so soon that it should stay in the first. */
  INNER_BLOCK_WIDE = 768,
  INNER_BLOCK_NARROW = 256,
  INNER_BLOCK_STRASSEN = 768, /* of which halves are read at a time */
  ROWS_IN_BLOCK = 168,        /* rows of A that are gathered at a time, at most: some 500 KB */
};

/* ---- geometry ---- */

/* Blocks change no bits: a sum goes on where the block before left it. */
static ptrdiff_t inner_block_size(const product *p) {
  return p->strassen ? INNER_BLOCK_STRASSEN : p->lanes >= 16 ? INNER_BLOCK_WIDE : INNER_BLOCK_NARROW;
}

/* Equal parts of the rows. */
static ptrdiff_t row_blocks(const product *p) {
  return (p->rows + ROWS_IN_BLOCK - 1) / ROWS_IN_BLOCK;
}

bool product_blocked_suits_strassen(const product *p) {
  return p->groups == 1 && p->padding == 0 &&
         strassen_fits(p->rows / row_blocks(p),
                       p->inner < INNER_BLOCK_STRASSEN ? p->inner & ~1 : INNER_BLOCK_STRASSEN);
}

static ptrdiff_t most_block_rows(const product *p) {
  return ROWS_IN_BLOCK + p->kernels->gemm_rows[p->panel_vectors - 1] + 1;
}

/* Floats of scratch for the rows of A that are gathered at a time; the rest of the scratch lies behind. */
static ptrdiff_t gathered_floats(const product *p) {
  return most_block_rows(p) * (inner_block_size(p) + 2 * GATHER_PADDING);
}

size_t product_blocked_scratch(const product *p) {
  ptrdiff_t width = (ptrdiff_t)p->panel_vectors * p->lanes, floats = gathered_floats(p);
  if (p->strassen)
    floats += strassen_scratch(most_block_rows(p), inner_block_size(p), width);
  return (size_t)floats * sizeof(float);
}

int product_blocked_samples(const product *p) {
  ptrdiff_t room = ROWS_IN_BLOCK / p->rows;
  return p->strassen || room < 1 ? 1 : (int)room;
}

/* ---- a block ---- */

/* A part of A, gathered once for all panels: the same of each of several samples, one after the other. */
typedef struct inner_block {
  int samples;
  ptrdiff_t first_tile, end_tile;
  ptrdiff_t begin, end; /* of the inner index */
  float *a;
  ptrdiff_t stride;
  ptrdiff_t end_panel;
  const float *after; /* a panel's weights that this thread reads after the block; NULL: not known */
} inner_block;

static ptrdiff_t block_rows(const product *p, const inner_block *block) {
  return tile_begin(p, block->end_tile) - tile_begin(p, block->first_tile);
}

/* The inner indices of a tile that meet the signal; the others would only add zeros. */
static void valid_inner(const product *p, ptrdiff_t tile, ptrdiff_t *begin, ptrdiff_t *end) {
  ptrdiff_t first_row = tile_begin(p, tile) * p->stride - p->padding;
  ptrdiff_t last_row = (tile_begin(p, tile + 1) - 1) * p->stride - p->padding;
  ptrdiff_t first_tap = last_row >= 0 ? 0 : (-last_row + p->dilation - 1) / p->dilation;
  ptrdiff_t end_tap = first_row >= p->in_rows ? 0 : (p->in_rows - 1 - first_row) / p->dilation + 1;
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
                            const float *a, gemm_tile *t, coming_panel *coming, ptrdiff_t column,
                            int vectors) {
  const float *panel = t->b;
  ptrdiff_t first_row = tile_begin(p, block->first_tile), width = (ptrdiff_t)vectors * p->lanes;
  for (ptrdiff_t tile = block->first_tile; tile < block->end_tile; tile++) {
    ptrdiff_t begin, end;
    valid_inner(p, tile, &begin, &end);
    begin = clamp(begin, block->begin, block->end);
    end = clamp(end, begin, block->end);
    t->inner = end - begin;
    t->a = a + (tile_begin(p, tile) - first_row) * block->stride + begin - block->begin;
    t->b = panel + begin * width;
    t->prefetch = coming_panel_next(coming, t->inner);
    product_run_tile(p, t, o, column, tile, vectors, block->begin > 0);
  }
}

static void run_block_panel(const product *p, const product_operands *o, const inner_block *block,
                            ptrdiff_t group, ptrdiff_t panel) {
  ptrdiff_t column = group * p->columns + panel * p->panel_vectors * p->lanes;
  gemm_tile t = product_panel_tile(p, o, group, panel);
  t.start_stride = o->y_stride;
  t.finish = block->end == p->inner;
  t.a_stride = block->stride;
  coming_panel coming = next_panel(p, block, group, panel);
  for (int i = 0; i < block->samples; i++) {
    t.b = panel_weights(p, group, panel);
    run_block_tiles(p, &o[i], block, block->a + i * block_rows(p, block) * block->stride, &t, &coming, column,
                    panel_width(p, panel));
  }
}

static void gather_block(const product *p, const product_operands *o, const inner_block *block,
                         ptrdiff_t group) {
  for (int i = 0; i < block->samples; i++)
    product_gather(p, o[i].x + group * p->group_channels, tile_begin(p, block->first_tile),
                   tile_begin(p, block->end_tile), block->begin, block->end,
                   block->a + i * block_rows(p, block) * block->stride, block->stride);
}

/* Pairs of full panels by Strassen's product of the inner halves. */
static void run_pairs(const product *p, const product_operands *o, const inner_block halves[2],
                      ptrdiff_t first_panel, ptrdiff_t end_panel) {
  ptrdiff_t width = (ptrdiff_t)p->panel_vectors * p->lanes, first_row = tile_begin(p, halves->first_tile);
  ptrdiff_t half = halves->end - halves->begin;
  uintptr_t panel_bytes = (uintptr_t)(p->inner * width) * sizeof(float);
  strassen_job j = {.kernels = p->kernels,
                    .a = {halves[0].a, halves[1].a},
                    .a_stride = halves->stride,
                    .rows = tile_begin(p, halves->end_tile) - first_row,
                    .inner = half,
                    .vectors = p->panel_vectors,
                    .resume = halves->begin > 0,
                    .scratch = o->scratch + gathered_floats(p)};
  strassen_sum_rows(&j);
  for (ptrdiff_t panel = first_panel; panel < end_panel; panel += 2) {
    j.tile = product_panel_tile(p, o, 0, panel);
    j.tile.last_lanes = p->lanes;
    j.tile.finish = halves[1].end == p->inner;
    j.tile.c = o->y + first_row * o->y_stride + panel * width;
    j.tile.residual = o->residual ? o->residual + first_row * o->y_stride + panel * width : NULL;
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
  for (int i = 0; i < 2; i++) {
    halves[i].stride = halves[0].end - halves[0].begin + GATHER_PADDING;
    halves[i].a = whole->a + i * block_rows(p, whole) * halves[i].stride;
    gather_block(p, o, &halves[i], 0);
  }
  if (first_panel < end_pairs)
    run_pairs(p, o, halves, first_panel, end_pairs);
  for (int i = 0; i < 2; i++)
    for (ptrdiff_t panel = end_pairs; panel < end_panel; panel++)
      run_block_panel(p, o, &halves[i], 0, panel);
}

static void run_block(const product *p, const product_operands *o, const inner_block *block, ptrdiff_t group,
                      ptrdiff_t first_panel, ptrdiff_t end_panel) {
  if (p->strassen && strassen_fits(block_rows(p, block), block->end - block->begin)) {
    run_halves(p, o, block, first_panel, end_panel);
    return;
  }
  gather_block(p, o, block, group);
  for (ptrdiff_t panel = first_panel; panel < end_panel; panel++)
    run_block_panel(p, o, block, group, panel);
}

/* ---- the whole ---- */

/* Threads share the panels, or pairs of panels: [*begin, *end) of all groups' are this one's. */
static void share_panels(const product *p, const frame *f, ptrdiff_t *begin, ptrdiff_t *end) {
  ptrdiff_t unit = p->strassen ? 2 : 1;
  frame_share(f, (p->groups * p->panels + unit - 1) / unit, begin, end);
  *begin *= unit;
  *end *= unit;
}

/* Where this thread begins to read the weights of the next large product. */
static const float *first_weights_of_next(const product *p, const frame *f) {
  ptrdiff_t begin, end;
  if (!p->next)
    return NULL;
  share_panels(p->next, f, &begin, &end);
  return begin < end ? panel_weights(p->next, begin / p->next->panels, begin % p->next->panels) : NULL;
}

static void run_panels(const product *p, const product_operands *o, int samples, ptrdiff_t group,
                       ptrdiff_t first_panel, ptrdiff_t end_panel, const frame *f) {
  ptrdiff_t size = inner_block_size(p), blocks = row_blocks(p);
  for (ptrdiff_t i = 0; i < blocks; i++)
    for (ptrdiff_t k = 0; k < p->inner; k += size) {
      inner_block block = {.samples = samples,
                           .first_tile = p->tiles * i / blocks,
                           .end_tile = p->tiles * (i + 1) / blocks,
                           .begin = k,
                           .end = clamp(k + size, 0, p->inner),
                           .a = o->scratch,
                           .stride = size + GATHER_PADDING,
                           .end_panel = end_panel,
                           .after = panel_weights(p, group, first_panel)};
      if (block.end < p->inner)
        block.after += block.end * panel_width(p, first_panel) * p->lanes;
      else if (i + 1 == blocks)
        block.after = first_weights_of_next(p, f);
      run_block(p, o, &block, group, first_panel, end_panel);
    }
}

/* Each thread gathers what it needs. */
void product_blocked_run(const product *p, const product_operands *o, int samples, const frame *f) {
  ptrdiff_t begin, end;
  share_panels(p, f, &begin, &end);
  for (ptrdiff_t group = 0; group < p->groups; group++) {
    ptrdiff_t first = clamp(begin - group * p->panels, 0, p->panels);
    ptrdiff_t last = clamp(end - group * p->panels, 0, p->panels);
    if (first < last)
      run_panels(p, o, samples, group, first, last, f);
  }
}
