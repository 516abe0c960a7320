#include "backend/cpu/product.h"

#include "backend/cpu/aligned.h"
#include "backend/cpu/product_bf16.h"
#include "backend/cpu/product_sources.h"
#include "backend/cpu/strassen.h"

#include <string.h>

enum {
  INNER_WHOLE = 320, /* up to this many inner indices a panel stays in the first cache as a whole */
  /* Else so many at a time: with 16 lanes a panel may come from the second cache; with fewer it is read again
   * so soon that it should stay in the first. */
  INNER_BLOCK_WIDE = 768,
  INNER_BLOCK_NARROW = 256,
  INNER_BLOCK_STRASSEN = 768, /* of which halves are read at a time */
  ROWS_IN_BLOCK = 168,        /* rows of A that are gathered at a time, at most: some 500 KB */
  PACKED_ALONE = 1 << 20,     /* bytes of weights up to which threads cost more than they save */
  GATHER_PADDING = 16,        /* between gathered rows, so that they don't fall on the same cache sets */
};

/* Blocks change no bits: a sum goes on where the block before left it. */
static ptrdiff_t inner_block_size(const product *p) {
  return p->strassen ? INNER_BLOCK_STRASSEN : p->lanes >= 16 ? INNER_BLOCK_WIDE : INNER_BLOCK_NARROW;
}

ptrdiff_t product_padded_columns(const product *p) {
  return p->vectors * p->lanes;
}

size_t product_weight_bytes(const product *p) {
  if (p->bf16)
    return product_bf16_weight_bytes(p);
  return (size_t)(p->groups * p->vectors * p->lanes * p->inner) * sizeof *p->weights;
}

/* ---- packing ---- */

/* `columns` columns of a panel that is `width` wide. */
static void pack_columns(const product *p, const float *weight, ptrdiff_t columns, ptrdiff_t width,
                         float *panel) {
  for (ptrdiff_t k = 0; k < p->kernel; k++)
    for (ptrdiff_t c = 0; c < p->group_channels; c++, panel += width)
      for (ptrdiff_t i = 0; i < columns; i++)
        panel[i] = weight[(i * p->group_channels + c) * p->kernel + k];
}

static void pack_panel(const product *p, const product_sources *s, ptrdiff_t group, ptrdiff_t first_vector,
                       int vectors, float *panel) {
  ptrdiff_t width = (ptrdiff_t)vectors * p->lanes, first = first_vector * p->lanes, left = p->columns - first;
  if (left < width)
    memset(panel, 0, (size_t)(width * p->inner) * sizeof *panel);
  for (ptrdiff_t i = 0, count, end = left < width ? left : width; i < end; i += count) {
    const float *weight = source_columns(p, s, group * p->columns + first + i, end - i, &count);
    if (p->kernel == 1 && count == width)
      p->kernels->transpose(weight, width, p->inner, 0, p->inner, panel);
    else
      pack_columns(p, weight, count, width, panel + i);
  }
}

static int panel_width(const product *p, ptrdiff_t panel) {
  ptrdiff_t left = p->vectors - panel * p->panel_vectors;
  return left < p->panel_vectors ? (int)left : p->panel_vectors;
}

static const float *panel_weights(const product *p, ptrdiff_t group, ptrdiff_t panel) {
  return p->weights + (group * p->vectors + panel * p->panel_vectors) * p->lanes * p->inner;
}

static bool pack_weights(builder *b, product *p, const product_sources *s, error *err) {
  weight_key key = key_of_weights(s);
  key.form = WEIGHT_PACKED;
  key.sizes[0] = p->groups * p->columns;
  key.sizes[1] = p->group_channels;
  key.sizes[2] = p->kernel;
  key.sizes[3] = (p->groups * 4 + p->panel_vectors) * 64 + p->lanes;
  float *packed = weight_store_find(b->weights, &key);
  p->weights = packed;
  if (packed)
    return true;
  p->weights = packed = weight_store_add(b->weights, &key, product_weight_bytes(p), err);
  if (!packed)
    return false;
#pragma omp parallel for num_threads(b->threads) if (b->threads > 1 &&                                       \
                                                     product_weight_bytes(p) >= PACKED_ALONE)
  for (ptrdiff_t i = 0; i < p->groups * p->panels; i++) {
    ptrdiff_t group = i / p->panels, panel = i % p->panels;
    pack_panel(p, s, group, panel * p->panel_vectors, panel_width(p, panel),
               packed + (panel_weights(p, group, panel) - packed));
  }
  return true;
}

/* Several sources may lack a bias, or have all the same: the key has their number. */
static bool pack_bias(builder *b, product *p, const product_sources *s, error *err) {
  ptrdiff_t padded = product_padded_columns(p);
  weight_key key = key_of_biases(s);
  key.form = WEIGHT_PADDED;
  key.sizes[0] = p->groups;
  key.sizes[1] = p->columns;
  key.sizes[2] = padded;
  key.sizes[3] = p->lanes * (PRODUCT_MOST_SOURCES + 1) + s->count;
  float *packed = weight_store_find(b->weights, &key);
  if (!packed) {
    packed = weight_store_add(b->weights, &key, (size_t)(p->groups * padded) * sizeof *packed, err);
    for (ptrdiff_t i = 0; packed && i < p->groups * padded; i++)
      packed[i] = i % padded < p->columns ? source_bias(p, s, i / padded * p->columns + i % padded) : 0.0f;
  }
  p->bias = packed;
  return packed != NULL;
}

/* ---- geometry ---- */

/* Wide panels take the fewest loads for a multiply-add. */
static int choose_panel_vectors(ptrdiff_t vectors) {
  return vectors < GEMM_MAX_VECTORS ? (int)vectors : GEMM_MAX_VECTORS;
}

bool product_is_blocked(const product *p) {
  return p->kernel * p->group_channels > INNER_WHOLE;
}

/* Equal parts of the rows. */
static ptrdiff_t row_blocks(const product *p) {
  return (p->rows + ROWS_IN_BLOCK - 1) / ROWS_IN_BLOCK;
}

static bool prepare_floats(builder *b, product *p, const product_sources *s, error *err) {
  p->blocked = product_is_blocked(p);
  p->strassen = p->blocked && p->groups == 1 && p->padding == 0 &&
                strassen_fits(p->rows / row_blocks(p),
                              p->inner < INNER_BLOCK_STRASSEN ? p->inner & ~1 : INNER_BLOCK_STRASSEN);
  if (p->blocked) {
    if (b->last_product)
      b->last_product->next = p;
    b->last_product = p;
  }
  return pack_weights(b, p, s, err);
}

static bool prepare(builder *b, product *p, const product_sources *s, int vectors, error *err) {
  p->kernels = b->program->kernels;
  p->lanes = p->kernels->lanes;
  p->inner = p->kernel * p->group_channels;
  p->vectors = (p->columns + p->lanes - 1) / p->lanes;
  p->panel_vectors = vectors ? vectors : choose_panel_vectors(p->vectors);
  p->panels = (p->vectors + p->panel_vectors - 1) / p->panel_vectors;
  ptrdiff_t most_rows = p->kernels->gemm_rows[p->panel_vectors - 1];
  p->tiles = (p->rows + most_rows - 1) / most_rows;
  bool packed =
      product_bf16_suits(b, p, vectors) ? product_bf16_pack(b, p, s, err) : prepare_floats(b, p, s, err);
  return packed && pack_bias(b, p, s, err);
}

bool product_prepare(builder *b, product *p, const product_weights *w, int vectors, error *err) {
  return prepare(b, p, &(product_sources){w, 1}, vectors, err);
}

bool product_prepare_joined(builder *b, product *p, const product_weights *w, int count, error *err) {
  return prepare(b, p, &(product_sources){w, count}, 0, err);
}

static ptrdiff_t tile_begin(const product *p, ptrdiff_t tile) {
  return p->rows * tile / p->tiles;
}

static ptrdiff_t most_block_rows(const product *p) {
  return ROWS_IN_BLOCK + p->kernels->gemm_rows[p->panel_vectors - 1] + 1;
}

/* Floats of scratch for the rows of A that are gathered at a time; the rest of the scratch lies behind. */
static ptrdiff_t gathered_floats(const product *p) {
  return p->blocked ? most_block_rows(p) * (inner_block_size(p) + 2 * GATHER_PADDING)
                    : p->kernels->gemm_rows[p->panel_vectors - 1] * (p->inner + GATHER_PADDING);
}

size_t product_scratch(const product *p) {
  if (p->bf16)
    return product_bf16_scratch(p);
  ptrdiff_t width = (ptrdiff_t)p->panel_vectors * p->lanes, floats = gathered_floats(p);
  if (!p->blocked)
    floats += width * (p->inner + GATHER_PADDING);
  else if (p->strassen)
    floats += strassen_scratch(most_block_rows(p), inner_block_size(p), width);
  return (size_t)floats * sizeof(float);
}

/* ---- the rows of A ---- */

/* Do the windows of rows [begin, end) lie in x as they are? */
static bool windows_in_place(const product *p, ptrdiff_t begin, ptrdiff_t end) {
  if (p->kernel > 1 && (p->groups > 1 || p->dilation > 1))
    return false;
  return begin * p->stride >= p->padding && (end - 1) * p->stride - p->padding + p->kernel <= p->in_rows;
}

static void copy_floats(float *to, const float *from, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++)
    to[i] = from[i];
}

/* Elements [k_begin, k_end) of the window of one row; zeros outside the signal. */
static void gather_row(const product *p, const float *x, ptrdiff_t row, ptrdiff_t k_begin, ptrdiff_t k_end,
                       float *to) {
  for (ptrdiff_t k = k_begin; k < k_end;) {
    ptrdiff_t tap = k / p->group_channels, channel = k % p->group_channels;
    ptrdiff_t count = p->group_channels - channel < k_end - k ? p->group_channels - channel : k_end - k;
    ptrdiff_t t = row * p->stride - p->padding + tap * p->dilation;
    if (t >= 0 && t < p->in_rows)
      copy_floats(to, x + t * p->channels + channel, count);
    else
      memset(to, 0, (size_t)count * sizeof *to);
    to += count;
    k += count;
  }
}

static void gather(const product *p, const float *x, ptrdiff_t begin, ptrdiff_t end, ptrdiff_t k_begin,
                   ptrdiff_t k_end, float *to, ptrdiff_t to_stride) {
  bool in_place = windows_in_place(p, begin, end);
  for (ptrdiff_t row = begin; row < end; row++, to += to_stride) {
    if (in_place)
      copy_floats(to, x + (row * p->stride - p->padding) * p->channels + k_begin, k_end - k_begin);
    else
      gather_row(p, x, row, k_begin, k_end, to);
  }
}

/* ---- tiles ---- */

static gemm_tile panel_tile(const product *p, const product_operands *o, ptrdiff_t group, ptrdiff_t panel) {
  ptrdiff_t last_vector = panel * p->panel_vectors + panel_width(p, panel) - 1;
  ptrdiff_t last_lanes = p->columns - last_vector * p->lanes;
  return (gemm_tile){.last_lanes = last_lanes < p->lanes ? last_lanes : p->lanes,
                     .initial = p->bias + (group * p->vectors + panel * p->panel_vectors) * p->lanes,
                     .c_stride = o->y_stride,
                     .residual_stride = o->y_stride,
                     .activation = p->activation,
                     .alpha = p->alpha};
}

/* `resume`: the sums start from y. */
static void run_tile(const product *p, gemm_tile *t, const product_operands *o, ptrdiff_t column,
                     ptrdiff_t tile, int vectors, bool resume) {
  ptrdiff_t begin = tile_begin(p, tile), end = tile_begin(p, tile + 1);
  t->c = o->y ? o->y + begin * o->y_stride + column : NULL;
  t->start = resume ? t->c : NULL;
  t->residual = o->residual ? o->residual + begin * o->y_stride + column : NULL;
  t->column_sums = o->sums ? o->sums + tile * product_padded_columns(p) + column : NULL;
  p->kernels->gemm_tiles[vectors - 1][end - begin - 1](t);
}

/* ---- products whose panels stay in the cache ---- */

static void run_panel_tiles(const product *p, const product_operands *o, ptrdiff_t group, ptrdiff_t panel,
                            ptrdiff_t first_tile, ptrdiff_t end_tile, ptrdiff_t column) {
  int vectors = panel_width(p, panel);
  float *gathered = o->scratch, *scaled = gathered + gathered_floats(p);
  const float *x = o->x + group * p->group_channels;
  gemm_tile t = panel_tile(p, o, group, panel);
  t.finish = true;
  t.inner = p->inner;
  t.b = panel_weights(p, group, panel);
  if (o->gate) {
    p->kernels->gemm_scale_panel(t.b, p->inner, vectors * p->lanes, o->gate + group * p->group_channels,
                                 p->group_channels, scaled);
    t.b = scaled;
  }
  for (ptrdiff_t tile = first_tile; tile < end_tile; tile++) {
    ptrdiff_t begin = tile_begin(p, tile), end = tile_begin(p, tile + 1);
    if (windows_in_place(p, begin, end)) {
      t.a = x + (begin * p->stride - p->padding) * p->channels;
      t.a_stride = p->stride * p->channels;
    } else {
      t.a = gathered;
      t.a_stride = p->inner + GATHER_PADDING;
      gather(p, x, begin, end, 0, p->inner, gathered, t.a_stride);
    }
    t.prefetch = o->coming ? coming_next(o->coming, p->inner) : NULL;
    run_tile(p, &t, o, column, tile, vectors, false);
  }
}

void product_panel(const product *p, const product_operands *o, ptrdiff_t panel) {
  run_panel_tiles(p, o, 0, panel, 0, p->tiles, 0);
}

static ptrdiff_t clamp(ptrdiff_t x, ptrdiff_t low, ptrdiff_t high) {
  return x < low ? low : x > high ? high : x;
}

/* Threads share the tiles, counted in vectors, panel by panel. */
static void run_whole(const product *p, const product_operands *o, const frame *f) {
  ptrdiff_t begin, end;
  frame_share(f, p->groups * p->vectors * p->tiles, &begin, &end);
  for (ptrdiff_t group = 0; group < p->groups; group++)
    for (ptrdiff_t panel = 0; panel < p->panels; panel++) {
      int width = panel_width(p, panel);
      ptrdiff_t base = (group * p->vectors + panel * p->panel_vectors) * p->tiles;
      ptrdiff_t first = clamp((begin - base + width - 1) / width, 0, p->tiles);
      ptrdiff_t last = clamp((end - base + width - 1) / width, 0, p->tiles);
      if (begin <= base)
        first = 0;
      if (end <= base)
        last = 0;
      if (first < last)
        run_panel_tiles(p, o, group, panel, first, last,
                        group * p->columns + panel * p->panel_vectors * p->lanes);
    }
}

/* ---- large products ---- */

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

/* The part of the next panel that will be read, which the tiles of this one ask for: it comes from far away.
 */
typedef struct coming_panel {
  const char *data;
  ptrdiff_t bytes, done;
} coming_panel;

static coming_panel next_panel(const product *p, const inner_block *block, ptrdiff_t group, ptrdiff_t panel) {
  bool last = panel + 1 == block->end_panel;
  ptrdiff_t width = (ptrdiff_t)panel_width(p, last ? panel : panel + 1) * p->lanes;
  const float *weights = last ? block->after : panel_weights(p, group, panel + 1) + block->begin * width;
  return (coming_panel){.data = (const char *)weights,
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
    t->prefetch = coming->done < coming->bytes ? coming->data + coming->done : NULL;
    coming->done += t->inner * CACHE_LINE; /* a line for each step of a tile */
    run_tile(p, t, o, column, tile, vectors, block->begin > 0);
  }
}

static void run_block_panel(const product *p, const product_operands *o, const inner_block *block,
                            ptrdiff_t group, ptrdiff_t panel) {
  ptrdiff_t column = group * p->columns + panel * p->panel_vectors * p->lanes;
  gemm_tile t = panel_tile(p, o, group, panel);
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
    gather(p, o[i].x + group * p->group_channels, tile_begin(p, block->first_tile),
           tile_begin(p, block->end_tile), block->begin, block->end,
           block->a + i * block_rows(p, block) * block->stride, block->stride);
}

/* Pairs of full panels by Strassen's product of the inner halves. */
static void run_pairs(const product *p, const product_operands *o, const inner_block halves[2],
                      ptrdiff_t first_panel, ptrdiff_t end_panel) {
  ptrdiff_t width = (ptrdiff_t)p->panel_vectors * p->lanes, first_row = tile_begin(p, halves->first_tile);
  ptrdiff_t half = halves->end - halves->begin;
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
    j.tile = panel_tile(p, o, 0, panel);
    j.tile.last_lanes = p->lanes;
    j.tile.finish = halves[1].end == p->inner;
    j.tile.c = o->y + first_row * o->y_stride + panel * width;
    j.tile.residual = o->residual ? o->residual + first_row * o->y_stride + panel * width : NULL;
    for (int i = 0; i < 2; i++) {
      j.b[i] = panel_weights(p, 0, panel + i) + halves->begin * width;
      j.coming[i] = panel + 2 < end_panel ? panel_weights(p, 0, panel + 2 + i) + halves->begin * width
                    : halves->after       ? halves->after + i * p->inner * width
                                          : NULL;
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
static void run_blocked(const product *p, const product_operands *o, int samples, const frame *f) {
  ptrdiff_t begin, end;
  share_panels(p, f, &begin, &end);
  for (ptrdiff_t group = 0; group < p->groups; group++) {
    ptrdiff_t first = clamp(begin - group * p->panels, 0, p->panels);
    ptrdiff_t last = clamp(end - group * p->panels, 0, p->panels);
    if (first < last)
      run_panels(p, o, samples, group, first, last, f);
  }
}

/* As many as there is room for; two by Strassen's product would be no faster than one after the other. */
static int samples_at_once(const product *p) {
  ptrdiff_t room = ROWS_IN_BLOCK / p->rows;
  return !p->blocked || p->strassen || p->bf16 || room < 1 ? 1 : (int)room;
}

void product_run_joint(const product *p, const product_operands *o, int count, const frame *f) {
  for (int i = 0, most = samples_at_once(p); i < count; i += most) {
    if (p->bf16)
      product_bf16_run(p, &o[i], f);
    else if (p->blocked)
      run_blocked(p, &o[i], count - i < most ? count - i : most, f);
    else
      run_whole(p, &o[i], f);
  }
}

void product_run(const product *p, const product_operands *o, const frame *f) {
  product_run_joint(p, o, 1, f);
}
