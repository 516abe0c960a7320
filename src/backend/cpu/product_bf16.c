#include "backend/cpu/product_bf16.h"

#include "backend/cpu/product_tiles.h"

#include <string.h>

enum {
  LEAST_INNER = 32,
  ROW_PADDING = 16, /* between rounded rows, so that they don't fall on the same cache sets */
};

bool product_bf16_suits(const builder *b, const product *p, int vectors) {
  return b->program->bf16 && !vectors && p->rows > 1 && p->kernel * p->group_channels >= LEAST_INNER &&
         p->dilation == 1;
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

/* Rows that pass a panel one after the other: of each sample this part of its tiles. */
typedef struct block {
  int samples;
  row_part rows;
  ptrdiff_t stride; /* pairs between rows of the signal */
  ptrdiff_t end_panel;
  const float *after; /* a panel's weights that this thread reads after the block; NULL: not known */
} block;

/* Of the signal, the first that is read; the padding has rows too. */
static ptrdiff_t first_signal_row(const product *p, const block *k) {
  return first_row(p, &k->rows) * p->stride - p->padding;
}

static ptrdiff_t rows_in_scratch(const product *p) {
  ptrdiff_t rows = clamp(ROWS_IN_BLOCK + p->kernels->gemm_rows[p->panel_vectors - 1] + 1, 1, p->rows);
  return (rows - 1) * p->stride + p->kernel;
}

static ptrdiff_t stride_in_scratch(const product *p) {
  return pairs_of_tap(p) + (p->kernel > 1 ? 0 : ROW_PADDING);
}

/* A tile that is rounded next. */
static ptrdiff_t tile_floats(const product *p) {
  return (ptrdiff_t)GEMM_MAX_ROWS * GEMM_MAX_VECTORS * p->lanes;
}

size_t product_bf16_scratch(const product *p) {
  ptrdiff_t rounded = p->reads_pairs ? 0 : rows_in_scratch(p) * stride_in_scratch(p);
  return (size_t)(tile_floats(p) + rounded) * sizeof(float);
}

static void round_rows(const product *p, const float *x, const block *k, float *to) {
  ptrdiff_t end_row =
      (tile_begin(p, end_tile(p, &k->rows)) - 1) * p->stride - p->padding + p->kernel; /* of the signal */
  for (ptrdiff_t row = first_signal_row(p, k); row < end_row; row++, to += k->stride)
    if (row >= 0 && row < p->in_rows)
      p->bf16->to_pairs(x + row * p->channels, p->group_channels, to);
    else
      memset(to, 0, (size_t)pairs_of_tap(p) * sizeof *to);
}

/* ---- tiles ---- */

/* The inner pairs of a tile that meet the signal; the others would only add zeros. */
static void valid_pairs(const product *p, ptrdiff_t tile, ptrdiff_t *begin, ptrdiff_t *end) {
  ptrdiff_t first = tile_begin(p, tile) * p->stride - p->padding;
  ptrdiff_t last = (tile_begin(p, tile + 1) - 1) * p->stride - p->padding;
  *begin = clamp(-last, 0, p->kernel) * pairs_of_tap(p);
  *end = clamp(clamp(p->in_rows - first, 0, p->kernel) * pairs_of_tap(p), *begin, pairs_of_inner(p));
}

static coming_panel next_panel(const product *p, const block *k, ptrdiff_t group, ptrdiff_t panel) {
  bool last = panel + 1 == k->end_panel;
  ptrdiff_t width = (ptrdiff_t)panel_width(p, last ? panel : panel + 1) * p->lanes;
  const float *weights = last ? k->after : panel_weights(p, group, panel + 1);
  return (coming_panel){.data = (uintptr_t)weights,
                        .bytes = weights ? pairs_of_inner(p) * width * (ptrdiff_t)sizeof(float) : 0};
}

/* The signal's rows from the block's first on. */
static const float *pairs_of(const product *p, const product_operands *o, const block *k) {
  return p->reads_pairs ? o->x + first_signal_row(p, k) * k->stride : o->scratch + tile_floats(p);
}

static gemm_tile tile_of_panel(const product *p, const product_operands *o, const block *k, ptrdiff_t group,
                               ptrdiff_t panel) {
  ptrdiff_t last_vector = panel * p->panel_vectors + panel_width(p, panel) - 1;
  return (gemm_tile){.a_stride = p->stride * k->stride,
                     .c = o->scratch,
                     .c_stride = p->writes_pairs ? p->panel_vectors * p->lanes : o->y_stride,
                     .rounded_stride = 2 * o->y_stride,
                     .last_lanes = clamp(p->columns - last_vector * p->lanes, 0, p->lanes),
                     .initial = p->bias + (group * p->vectors + panel * p->panel_vectors) * p->lanes,
                     .finish = true,
                     .residual_stride = p->groups * p->columns,
                     .activation = p->activation,
                     .alpha = p->alpha};
}

static void run_panel(const product *p, const product_operands *o, const block *k, ptrdiff_t group,
                      ptrdiff_t panel, coming_panel *coming) {
  int vectors = panel_width(p, panel);
  ptrdiff_t width = (ptrdiff_t)vectors * p->lanes;
  ptrdiff_t column = group * p->columns + panel * p->panel_vectors * p->lanes;
  const float *b = panel_weights(p, group, panel), *pairs = pairs_of(p, o, k);
  gemm_tile t = tile_of_panel(p, o, k, group, panel);
  for (ptrdiff_t tile = first_tile(p, &k->rows); tile < end_tile(p, &k->rows); tile++) {
    ptrdiff_t begin, end, first = tile_begin(p, tile), rows = tile_begin(p, tile + 1) - first;
    valid_pairs(p, tile, &begin, &end);
    t.inner = end - begin;
    t.a = pairs + (first * p->stride - p->padding - first_signal_row(p, k)) * k->stride + begin;
    t.b = b + begin * width;
    if (p->writes_pairs)
      t.rounded = (uint16_t *)(o->y + first * o->y_stride) + column;
    else
      t.c = o->y + first * o->y_stride + column;
    t.residual = o->residual ? o->residual + first * t.residual_stride + column : NULL;
    t.prefetch = coming_panel_next(coming, t.inner);
    p->bf16->gemm_tiles[vectors - 1][rows - 1](&t);
  }
}

/* ---- the whole ---- */

static void run_block(const product *const *p, const product_operands *o, const block *k, ptrdiff_t group,
                      ptrdiff_t first_panel) {
  if (!p[0]->reads_pairs)
    round_rows(p[0], o->x + group * p[0]->group_channels, k, o->scratch + tile_floats(p[0]));
  for (ptrdiff_t panel = first_panel; panel < k->end_panel; panel++) {
    coming_panel coming = next_panel(p[0], k, group, panel);
    for (int i = 0; i < k->samples; i++)
      run_panel(p[i], &o[i], k, group, panel, &coming);
  }
}

void product_bf16_panels(const product *const *p, const product_operands *o, int samples, ptrdiff_t group,
                         ptrdiff_t first_panel, ptrdiff_t end_panel, const frame *f) {
  const product *first = p[0];
  ptrdiff_t parts = row_parts(first);
  for (ptrdiff_t i = 0; i < parts; i++) {
    block k = {.samples = samples,
               .rows = {i, parts},
               .stride = first->reads_pairs ? bf16_row_stride(first->channels) : stride_in_scratch(first),
               .end_panel = end_panel,
               .after = i + 1 < parts ? panel_weights(first, group, first_panel)
                                      : product_first_weights_of_next(first, f)};
    run_block(p, o, &k, group, first_panel);
  }
}
