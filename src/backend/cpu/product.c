#include "backend/cpu/product.h"

#include "backend/cpu/product_bf16.h"
#include "backend/cpu/product_blocked.h"
#include "backend/cpu/product_sources.h"
#include "backend/cpu/product_tiles.h"

#include <string.h>

enum {
  INNER_WHOLE = 320 /* up to this many inner indices a panel stays in the first cache as a whole */
};

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

bool product_is_blocked(const product *p) {
  return p->kernel * p->group_channels > INNER_WHOLE;
}

/* Wide panels take the fewest loads for a multiply-add. But tiles of narrow vectors are low: many pass a
 * panel where there are many rows, and it should then be one that stays in the first cache. */
static int choose_panel_vectors(const builder *b, const product *p) {
  bool narrow = p->strassen && p->lanes < 16 && !b->several_lengths;
  ptrdiff_t most = narrow ? 2 : GEMM_MAX_VECTORS;
  return (int)(p->vectors < most ? p->vectors : most);
}

/* Large products run in the order in which they are prepared. */
static void link_product(builder *b, product *p) {
  if (!p->blocked)
    return;
  if (b->last_product)
    b->last_product->next = p;
  b->last_product = p;
}

static bool prepare(builder *b, product *p, const product_sources *s, int vectors, error *err) {
  p->kernels = b->program->kernels;
  p->lanes = p->kernels->lanes;
  p->inner = p->kernel * p->group_channels;
  p->vectors = (p->columns + p->lanes - 1) / p->lanes;
  bool bf16 = product_bf16_suits(b, p, vectors);
  p->blocked = bf16 || product_is_blocked(p);
  p->strassen = !bf16 && p->blocked && product_blocked_suits_strassen(p);
  p->panel_vectors = vectors ? vectors : choose_panel_vectors(b, p);
  p->panels = (p->vectors + p->panel_vectors - 1) / p->panel_vectors;
  ptrdiff_t most_rows = p->kernels->gemm_rows[p->panel_vectors - 1];
  p->tiles = (p->rows + most_rows - 1) / most_rows;
  bool packed = bf16 ? product_bf16_pack(b, p, s, err) : pack_weights(b, p, s, err);
  link_product(b, p);
  return packed && pack_bias(b, p, s, err);
}

bool product_prepare(builder *b, product *p, const product_weights *w, int vectors, error *err) {
  return prepare(b, p, &(product_sources){w, 1}, vectors, err);
}

bool product_prepare_joined(builder *b, product *p, const product_weights *w, int count, error *err) {
  return prepare(b, p, &(product_sources){w, count}, 0, err);
}

/* Floats of scratch for the rows of a tile, where they are gathered; a scaled panel lies behind. */
static ptrdiff_t gathered_floats(const product *p) {
  return p->kernels->gemm_rows[p->panel_vectors - 1] * (p->inner + GATHER_PADDING);
}

size_t product_scratch(const product *p) {
  if (p->bf16)
    return product_bf16_scratch(p);
  if (p->blocked)
    return product_blocked_scratch(p);
  ptrdiff_t width = (ptrdiff_t)p->panel_vectors * p->lanes;
  return (size_t)(gathered_floats(p) + width * (p->inner + GATHER_PADDING)) * sizeof(float);
}

/* ---- the rows of A ---- */

bool product_in_place(const product *p, ptrdiff_t begin, ptrdiff_t end) {
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

a_rows product_rows(const product *p, const float *x, ptrdiff_t begin, ptrdiff_t end, ptrdiff_t k_begin,
                    ptrdiff_t k_end, float *to, ptrdiff_t to_stride) {
  if (product_in_place(p, begin, end))
    return (a_rows){x + (begin * p->stride - p->padding) * p->channels + k_begin, p->stride * p->channels};
  for (ptrdiff_t row = begin; row < end; row++)
    gather_row(p, x, row, k_begin, k_end, to + (row - begin) * to_stride);
  return (a_rows){to, to_stride};
}

/* ---- tiles ---- */

gemm_tile product_panel_tile(const product *p, const product_operands *o, ptrdiff_t group, ptrdiff_t panel) {
  ptrdiff_t last_vector = panel * p->panel_vectors + panel_width(p, panel) - 1;
  ptrdiff_t last_lanes = p->columns - last_vector * p->lanes;
  return (gemm_tile){.last_lanes = last_lanes < p->lanes ? last_lanes : p->lanes,
                     .initial = p->bias + (group * p->vectors + panel * p->panel_vectors) * p->lanes,
                     .c_stride = o->y_stride,
                     .residual_stride = o->y_stride,
                     .activation = p->activation,
                     .alpha = p->alpha};
}

void product_run_tile(const product *p, gemm_tile *t, const product_operands *o, ptrdiff_t column,
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
  gemm_tile t = product_panel_tile(p, o, group, panel);
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
    a_rows rows = product_rows(p, x, begin, end, 0, p->inner, gathered, p->inner + GATHER_PADDING);
    t.a = rows.a;
    t.a_stride = rows.stride;
    t.prefetch = o->coming ? coming_next(o->coming, p->inner) : 0;
    product_run_tile(p, &t, o, column, tile, vectors, false);
  }
}

void product_panel(const product *p, const product_operands *o, ptrdiff_t panel) {
  run_panel_tiles(p, o, 0, panel, 0, p->tiles, 0);
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

/* Threads share the panels of a large product, or pairs of panels: [*begin, *end) of all groups' are this
 * one's. */
static void share_panels(const product *p, const frame *f, ptrdiff_t *begin, ptrdiff_t *end) {
  ptrdiff_t unit = p->strassen ? 2 : 1;
  frame_share(f, (p->groups * p->panels + unit - 1) / unit, begin, end);
  *begin *= unit;
  *end *= unit;
}

const float *product_first_weights_of_next(const product *p, const frame *f) {
  ptrdiff_t begin, end;
  if (!p->next)
    return NULL;
  share_panels(p->next, f, &begin, &end);
  return begin < end ? panel_weights(p->next, begin / p->next->panels, begin % p->next->panels) : NULL;
}

/* Two samples by Strassen's product would be no faster than one after the other; where bfloat16 has to be
 * rounded first, there is scratch memory for the pairs of one sample. */
static bool reads_weights_for_several(const product *p) {
  return p->bf16 ? p->reads_pairs : p->blocked && !p->strassen;
}

/* How many of the first samples' rows can pass a panel of weights one after the other. */
static int samples_together(const product *const *p, int count) {
  ptrdiff_t rows = p[0]->rows;
  int together = 1;
  while (together < count && reads_weights_for_several(p[0]) && reads_weights_for_several(p[together]) &&
         p[together]->weights == p[0]->weights && rows + p[together]->rows <= ROWS_IN_BLOCK)
    rows += p[together++]->rows;
  return together;
}

static void run_large(const product *const *p, const product_operands *o, int samples, const frame *f) {
  ptrdiff_t begin, end, panels = p[0]->panels;
  share_panels(p[0], f, &begin, &end);
  for (ptrdiff_t group = 0; group < p[0]->groups; group++) {
    ptrdiff_t first = clamp(begin - group * panels, 0, panels);
    ptrdiff_t last = clamp(end - group * panels, 0, panels);
    if (first < last)
      (p[0]->bf16 ? product_bf16_panels : product_blocked_panels)(p, o, samples, group, first, last, f);
  }
}

void product_run_joint(const product *const *p, const product_operands *o, int count, const frame *f) {
  for (int i = 0, together = 1; i < count; i += together) {
    together = samples_together(&p[i], count - i);
    if (p[i]->blocked)
      run_large(&p[i], &o[i], together, f);
    else
      run_whole(p[i], &o[i], f);
  }
}

void product_run(const product *p, const product_operands *o, const frame *f) {
  product_run_joint(&p, o, 1, f);
}
