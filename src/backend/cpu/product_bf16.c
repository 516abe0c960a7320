#include "backend/cpu/product_bf16.h"

#include "backend/cpu/aligned.h"

#include <string.h>

enum {
  LEAST_INNER = 32,
  PAIRS_IN_BLOCK = 768,   /* of the inner index, where there is a single tap */
  ROWS_IN_BLOCK = 168,    /* of the result, at most */
  PACKED_ALONE = 1 << 20, /* bytes of weights up to which threads cost more than they save */
  ROW_PADDING = 16,       /* between rounded rows, so that they don't fall on the same cache sets */
};

/* ---- geometry ---- */

static ptrdiff_t pairs_of_tap(const product *p) {
  return (p->group_channels + 1) / 2;
}

static ptrdiff_t pairs_of_inner(const product *p) {
  return p->kernel * pairs_of_tap(p);
}

static int panel_width(const product *p, ptrdiff_t panel) {
  ptrdiff_t left = p->vectors - panel * p->panel_vectors;
  return left < p->panel_vectors ? (int)left : p->panel_vectors;
}

static const float *panel_weights(const product *p, ptrdiff_t group, ptrdiff_t panel) {
  return p->weights + (group * p->vectors + panel * p->panel_vectors) * p->lanes * pairs_of_inner(p);
}

static ptrdiff_t tile_begin(const product *p, ptrdiff_t tile) {
  return p->rows * tile / p->tiles;
}

static ptrdiff_t clamp(ptrdiff_t x, ptrdiff_t low, ptrdiff_t high) {
  return x < low ? low : x > high ? high : x;
}

bool product_bf16_suits(const builder *b, const product *p, int vectors) {
  return b->program->bf16 && !vectors && p->rows > 1 && p->inner >= LEAST_INNER && p->dilation == 1;
}

/* ---- packing ---- */

/* `columns` columns of a panel of zeros that is `width` wide. */
static void pack_taps(const product *p, const float *weight, ptrdiff_t columns, ptrdiff_t width,
                      float *panel) {
  for (ptrdiff_t column = 0; column < columns; column++, weight += p->inner)
    for (ptrdiff_t c = 0; c < p->group_channels; c += 2)
      for (ptrdiff_t k = 0; k < p->kernel; k++) {
        float second = c + 1 < p->group_channels ? weight[(c + 1) * p->kernel + k] : 0.0f;
        panel[(k * pairs_of_tap(p) + c / 2) * width + column] = bf16_pair(weight[c * p->kernel + k], second);
      }
}

static void pack_panel(const product *p, const product_sources *s, ptrdiff_t group, ptrdiff_t panel,
                       float *packed) {
  ptrdiff_t first = panel * p->panel_vectors * p->lanes, left = p->columns - first, count;
  ptrdiff_t width = (ptrdiff_t)panel_width(p, panel) * p->lanes, columns = left < width ? left : width;
  float *to = packed + (panel_weights(p, group, panel) - p->weights);
  first += group * p->columns;
  const float *from = source_columns(p, s, first, columns, &count);
  if (p->kernel == 1 && count == columns) {
    p->bf16->pack_panel(from, columns, p->inner, width, to);
    return;
  }
  memset(to, 0, (size_t)(pairs_of_inner(p) * width) * sizeof *to);
  for (ptrdiff_t i = 0; i < columns; i += count) {
    from = source_columns(p, s, first + i, columns - i, &count);
    pack_taps(p, from, count, width, to + i);
  }
}

size_t product_bf16_weight_bytes(const product *p) {
  return (size_t)(p->groups * p->vectors * p->lanes * pairs_of_inner(p)) * sizeof *p->weights;
}

bool product_bf16_pack(builder *b, product *p, const product_sources *s, error *err) {
  weight_key key = key_of_weights(s);
  key.form = WEIGHT_BF16;
  key.sizes[0] = p->groups;
  key.sizes[1] = p->columns;
  key.sizes[2] = p->group_channels;
  key.sizes[3] = p->kernel;
  p->bf16 = b->program->bf16;
  p->blocked = true; /* as far as others are concerned */
  float *packed = weight_store_find(b->weights, &key);
  p->weights = packed;
  if (packed)
    return true;
  size_t size = product_bf16_weight_bytes(p);
  p->weights = packed = weight_store_add(b->weights, &key, size, err);
  if (!packed)
    return false;
#pragma omp parallel for num_threads(b->threads) if (b->threads > 1 && size >= PACKED_ALONE)
  for (ptrdiff_t i = 0; i < p->groups * p->panels; i++)
    pack_panel(p, s, i / p->panels, i % p->panels, packed);
  return true;
}

/* ---- the signal as pairs ---- */

/* Rows of the result [first_tile, end_tile) and inner pairs [begin, end) that are computed together. */
typedef struct block {
  ptrdiff_t first_tile, end_tile, begin, end;
  ptrdiff_t first_row; /* of the signal, which is the first in scratch memory; the padding has rows too */
  ptrdiff_t stride;    /* pairs between rows of the signal */
} block;

static ptrdiff_t rows_in_scratch(const product *p) {
  ptrdiff_t rows = clamp(ROWS_IN_BLOCK + p->kernels->gemm_rows[p->panel_vectors - 1] + 1, 1, p->rows);
  return (rows - 1) * p->stride + p->kernel;
}

static ptrdiff_t stride_in_scratch(const product *p) {
  ptrdiff_t tap = pairs_of_tap(p);
  return p->kernel > 1 ? tap : (tap < PAIRS_IN_BLOCK ? tap : PAIRS_IN_BLOCK) + ROW_PADDING;
}

size_t product_bf16_scratch(const product *p) {
  return (size_t)(rows_in_scratch(p) * stride_in_scratch(p)) * sizeof(float);
}

/* With several taps the windows overlap, and whole rows are needed. */
static void round_rows(const product *p, const float *x, const block *k, float *to) {
  ptrdiff_t begin = p->kernel > 1 ? 0 : 2 * k->begin;
  ptrdiff_t end = p->kernel > 1 ? p->group_channels : clamp(2 * k->end, 0, p->group_channels);
  ptrdiff_t end_row =
      (tile_begin(p, k->end_tile) - 1) * p->stride - p->padding + p->kernel; /* of the signal */
  for (ptrdiff_t row = k->first_row; row < end_row; row++, to += k->stride)
    if (row >= 0 && row < p->in_rows)
      p->bf16->to_pairs(x + row * p->channels + begin, end - begin, to);
    else
      memset(to, 0, (size_t)((end - begin + 1) / 2) * sizeof *to);
}

/* ---- tiles ---- */

/* The inner pairs of a tile that meet the signal; the others would only add zeros. */
static void valid_pairs(const product *p, ptrdiff_t tile, const block *k, ptrdiff_t *begin, ptrdiff_t *end) {
  ptrdiff_t first_row = tile_begin(p, tile) * p->stride - p->padding;
  ptrdiff_t last_row = (tile_begin(p, tile + 1) - 1) * p->stride - p->padding;
  *begin = clamp(clamp(-last_row, 0, p->kernel) * pairs_of_tap(p), k->begin, k->end);
  *end = clamp(clamp(p->in_rows - first_row, 0, p->kernel) * pairs_of_tap(p), *begin, k->end);
}

/* The next panel's part of the block, which the tiles of this one ask for: it comes from far away. */
typedef struct coming_panel {
  const char *data;
  ptrdiff_t bytes, done;
} coming_panel;

static coming_panel next_panel(const product *p, const block *k, ptrdiff_t group, ptrdiff_t panel) {
  if (panel + 1 == p->panels)
    return (coming_panel){0};
  ptrdiff_t width = (ptrdiff_t)panel_width(p, panel + 1) * p->lanes;
  return (coming_panel){.data = (const char *)(panel_weights(p, group, panel + 1) + k->begin * width),
                        .bytes = (k->end - k->begin) * width * (ptrdiff_t)sizeof(float)};
}

static gemm_tile tile_of_panel(const product *p, const product_operands *o, const block *k, ptrdiff_t group,
                               ptrdiff_t panel) {
  ptrdiff_t last_vector = panel * p->panel_vectors + panel_width(p, panel) - 1;
  return (gemm_tile){.a_stride = p->stride * k->stride,
                     .c_stride = o->y_stride,
                     .start_stride = o->y_stride,
                     .last_lanes = clamp(p->columns - last_vector * p->lanes, 0, p->lanes),
                     .initial = p->bias + (group * p->vectors + panel * p->panel_vectors) * p->lanes,
                     .finish = k->end == pairs_of_inner(p),
                     .residual_stride = o->y_stride,
                     .activation = p->activation,
                     .alpha = p->alpha};
}

static void run_panel(const product *p, const product_operands *o, const block *k, ptrdiff_t group,
                      ptrdiff_t panel) {
  int vectors = panel_width(p, panel);
  ptrdiff_t width = (ptrdiff_t)vectors * p->lanes;
  ptrdiff_t column = group * p->columns + panel * p->panel_vectors * p->lanes;
  ptrdiff_t scratch_begin = p->kernel > 1 ? 0 : k->begin;
  const float *b = panel_weights(p, group, panel);
  gemm_tile t = tile_of_panel(p, o, k, group, panel);
  coming_panel coming = next_panel(p, k, group, panel);
  for (ptrdiff_t tile = k->first_tile; tile < k->end_tile; tile++) {
    ptrdiff_t begin, end, first = tile_begin(p, tile), rows = tile_begin(p, tile + 1) - first;
    valid_pairs(p, tile, k, &begin, &end);
    t.inner = end - begin;
    t.a = o->scratch + (first * p->stride - p->padding - k->first_row) * k->stride + begin - scratch_begin;
    t.b = b + begin * width;
    t.c = o->y + first * o->y_stride + column;
    t.start = k->begin > 0 ? t.c : NULL;
    t.residual = o->residual ? o->residual + first * o->y_stride + column : NULL;
    t.prefetch = coming.done < coming.bytes ? coming.data + coming.done : NULL;
    coming.done += t.inner * CACHE_LINE; /* a line for each step of a tile */
    p->bf16->gemm_tiles[vectors - 1][rows - 1](&t);
  }
}

/* ---- the whole ---- */

static void run_rows(const product *p, const product_operands *o, block *k, ptrdiff_t group,
                     ptrdiff_t first_panel, ptrdiff_t end_panel) {
  ptrdiff_t pairs = pairs_of_inner(p);
  const float *x = o->x + group * p->group_channels;
  k->first_row = tile_begin(p, k->first_tile) * p->stride - p->padding;
  k->stride = stride_in_scratch(p);
  for (k->begin = 0; k->begin < pairs; k->begin = k->end) {
    k->end = clamp(k->begin + PAIRS_IN_BLOCK, 0, pairs);
    if (k->begin == 0 || p->kernel == 1)
      round_rows(p, x, k, o->scratch);
    for (ptrdiff_t panel = first_panel; panel < end_panel; panel++)
      run_panel(p, o, k, group, panel);
  }
}

/* Threads share the panels: each rounds what it needs. */
void product_bf16_run(const product *p, const product_operands *o, const frame *f) {
  ptrdiff_t begin, end, blocks = (p->rows + ROWS_IN_BLOCK - 1) / ROWS_IN_BLOCK;
  frame_share(f, p->groups * p->panels, &begin, &end);
  for (ptrdiff_t group = 0; group < p->groups; group++) {
    ptrdiff_t first = clamp(begin - group * p->panels, 0, p->panels);
    ptrdiff_t last = clamp(end - group * p->panels, 0, p->panels);
    for (ptrdiff_t i = 0; first < last && i < blocks; i++)
      run_rows(p, o, &(block){.first_tile = p->tiles * i / blocks, .end_tile = p->tiles * (i + 1) / blocks},
               group, first, last);
  }
}
