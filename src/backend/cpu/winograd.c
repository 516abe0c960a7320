#include "backend/cpu/winograd.h"

#include "backend/cpu/kernels/winograd.h"
#include "backend/cpu/product_tiles.h"

#include <string.h>

enum {
  LEAST_TAPS = 2,
  MOST_TAPS = 5,
  LEAST_CHANNELS = 12, /* with fewer, and with fewer columns, the transforms take longer than they save */
  MOST_CHANNELS = 128, /* a block's values and the filter must stay in the second cache */
  LEAST_TILES = 10,
  MOST_BLOCK_TILES = 14, /* some 50 KB of values and products for 64 channels */
};

/* ---- geometry ---- */

/* Pairs of rows become rows, so that the first needed tap may come after the window's beginning. */
static void set_signal(winograd *w, const product *p) {
  w->padding = (p->padding + p->stride - 1) / p->stride;
  w->tap_shift = w->padding * p->stride - p->padding;
  w->taps = (p->kernel - 1 + w->tap_shift) / p->stride + 1;
  w->channels = p->channels * p->stride;
  w->in_rows = p->in_rows / p->stride;
  w->outputs = WINOGRAD_POINTS + 1 - w->taps;
}

bool winograd_suits(const product *p) {
  if (p->groups != 1 || p->dilation != 1 || p->stride > 2 || p->in_rows % p->stride != 0)
    return false;
  winograd w;
  set_signal(&w, p);
  return w.taps >= LEAST_TAPS && w.taps <= MOST_TAPS && p->channels >= LEAST_CHANNELS &&
         w.channels <= MOST_CHANNELS && p->columns >= LEAST_CHANNELS && p->columns <= MOST_CHANNELS &&
         p->rows >= LEAST_TILES * w.outputs;
}

static void set_blocks(winograd *w, const product *p) {
  w->vectors = (w->columns + w->lanes - 1) / w->lanes;
  w->panel_vectors = w->vectors < 2 ? 1 : 2;
  w->panels = (w->vectors + w->panel_vectors - 1) / w->panel_vectors;
  w->tiles = (p->rows + w->outputs - 1) / w->outputs;
  int most_rows = w->kernels->gemm_rows[w->panel_vectors - 1];
  w->block_tiles = MOST_BLOCK_TILES / most_rows * most_rows;
  w->blocks = (w->tiles + w->block_tiles - 1) / w->block_tiles;
}

static int winograd_panel_width(const winograd *w, ptrdiff_t panel) {
  return vectors_of_panel(w->vectors, w->panel_vectors, panel);
}

/* Between a tile's values, and the next tile's. */
static ptrdiff_t value_stride(const winograd *w) {
  return (w->channels + w->lanes - 1) / w->lanes * w->lanes;
}

static ptrdiff_t product_width(const winograd *w) {
  return (ptrdiff_t)w->panel_vectors * w->lanes;
}

size_t winograd_scratch(const winograd *w) {
  ptrdiff_t floats =
      WINOGRAD_POINTS * (w->block_tiles * (value_stride(w) + product_width(w)) + w->channels + w->lanes);
  return (size_t)floats * sizeof(float);
}

size_t winograd_weight_bytes(const winograd *w) {
  return (size_t)(WINOGRAD_POINTS * w->channels * w->vectors * w->lanes) * sizeof *w->weights;
}

/* ---- the transformed filter ---- */

/* Row `point` of the matrix that transforms a filter of so many taps; the products of differences of points,
 * which make the windows' transform an interpolation, are divided out here. */
static void filter_row(int point, ptrdiff_t taps, double row[MOST_TAPS]) {
  double points[WINOGRAD_POINTS - 1] = {0}, scale = 1, power = 1;
  for (int pair = 0; pair < WINOGRAD_PAIRS; pair++) {
    points[1 + 2 * pair] = (double)winograd_roots[pair];
    points[2 + 2 * pair] = -(double)winograd_roots[pair];
  }
  if (point == WINOGRAD_POINTS - 1) {
    for (ptrdiff_t k = 0; k < taps; k++)
      row[k] = k == taps - 1;
    return;
  }
  for (int i = 0; i < WINOGRAD_POINTS - 1; i++)
    if (i != point)
      scale *= points[point] - points[i];
  for (ptrdiff_t k = 0; k < taps; k++, power *= points[point])
    row[k] = power / scale;
}

/* The filter's value at a point for one channel of the signal and one column. */
static float transformed(const winograd *w, const product *p, const float *weight, const double *row,
                         ptrdiff_t channel, ptrdiff_t column) {
  double sum = 0;
  ptrdiff_t half = channel / p->channels;
  for (ptrdiff_t k = 0; k < w->taps; k++) {
    ptrdiff_t tap = k * p->stride + half - w->tap_shift;
    if (tap >= 0 && tap < p->kernel)
      sum += row[k] * (double)weight[(column * p->channels + channel % p->channels) * p->kernel + tap];
  }
  return (float)sum;
}

static void pack(const winograd *w, const product *p, const float *weight, float *packed) {
  for (ptrdiff_t panel = 0; panel < w->panels; panel++)
    for (int point = 0; point < WINOGRAD_POINTS; point++) {
      double row[MOST_TAPS];
      filter_row(point, w->taps, row);
      for (ptrdiff_t channel = 0; channel < w->channels; channel++)
        for (ptrdiff_t i = 0; i < (ptrdiff_t)winograd_panel_width(w, panel) * w->lanes; i++) {
          ptrdiff_t column = panel * product_width(w) + i;
          *packed++ = column < w->columns ? transformed(w, p, weight, row, channel, column) : 0.0f;
        }
    }
}

static bool pack_weights(builder *b, winograd *w, const product *p, const product_weights *weights,
                         error *err) {
  weight_key key = {
      .source = weights->weight,
      .second = weights->bias,
      .form = WEIGHT_WINOGRAD,
      .sizes = {w->columns, p->channels, p->kernel, (p->stride * 2 + w->tap_shift) * 64 + w->lanes}};
  ptrdiff_t padded = w->vectors * w->lanes, size = WINOGRAD_POINTS * w->channels * padded;
  float *packed = weight_store_find(b->weights, &key);
  if (!packed) {
    packed = weight_store_add(b->weights, &key, (size_t)(size + padded) * sizeof *packed, err);
    if (!packed)
      return false;
    pack(w, p, weights->weight, packed);
    for (ptrdiff_t i = 0; i < padded; i++)
      packed[size + i] = weights->bias && i < w->columns ? weights->bias[i] : 0.0f;
  }
  w->weights = packed;
  w->bias = packed + size;
  return true;
}

bool winograd_prepare(builder *b, winograd *w, const product *p, const product_weights *weights, error *err) {
  *w = (winograd){.rows = p->rows,
                  .columns = p->columns,
                  .lanes = b->program->kernels->lanes,
                  .activation = p->activation,
                  .alpha = p->alpha,
                  .kernels = b->program->kernels};
  set_signal(w, p);
  set_blocks(w, p);
  return pack_weights(b, w, p, weights, err);
}

/* ---- a block of tiles ---- */

typedef struct block {
  ptrdiff_t begin, end; /* tiles */
  float *values, *products, *window;
} block;

static block block_of(const winograd *w, ptrdiff_t index, float *scratch) {
  float *products = scratch + WINOGRAD_POINTS * w->block_tiles * value_stride(w);
  return (block){.begin = w->tiles * index / w->blocks,
                 .end = w->tiles * (index + 1) / w->blocks,
                 .values = scratch,
                 .products = products,
                 .window = products + WINOGRAD_POINTS * w->block_tiles * product_width(w)};
}

/* The window of a tile at an edge, with zeros outside the signal. */
static const float *edge_window(const winograd *w, const float *x, ptrdiff_t tile, float *window) {
  ptrdiff_t first = tile * w->outputs - w->padding;
  size_t row = (size_t)w->channels * sizeof *x;
  for (ptrdiff_t i = 0; i < WINOGRAD_POINTS; i++) {
    if (first + i >= 0 && first + i < w->in_rows)
      memcpy(window + i * w->channels, x + (first + i) * w->channels, row);
    else
      memset(window + i * w->channels, 0, row);
  }
  return window;
}

static bool window_inside(const winograd *w, ptrdiff_t tile) {
  ptrdiff_t first = tile * w->outputs - w->padding;
  return first >= 0 && first + WINOGRAD_POINTS <= w->in_rows;
}

static void transform_input(const winograd *w, const float *x, const block *k) {
  winograd_input in = {.x_stride = w->channels,
                       .tile_stride = w->outputs * w->channels,
                       .channels = w->channels,
                       .point_stride = w->block_tiles * value_stride(w),
                       .value_stride = value_stride(w)};
  for (ptrdiff_t tile = k->begin; tile < k->end; tile += in.tiles) {
    in.values = k->values + (tile - k->begin) * in.value_stride;
    in.tiles = 1;
    if (window_inside(w, tile)) {
      in.x = x + (tile * w->outputs - w->padding) * w->channels;
      while (tile + in.tiles < k->end && window_inside(w, tile + in.tiles))
        in.tiles++;
    } else {
      in.x = edge_window(w, x, tile, k->window);
    }
    w->kernels->winograd_input(&in);
  }
}

/* The kernels of a panel, by rows - 1. */
static gemm_tile_kernel *const *panel_kernels(const winograd *w, ptrdiff_t panel) {
  ptrdiff_t last_lanes = w->columns - (w->vectors - 1) * w->lanes;
  bool half = panel == w->panels - 1 && last_lanes <= w->kernels->half_lanes;
  int vectors = winograd_panel_width(w, panel);
  return half && vectors == 2 ? w->kernels->gemm_half_tiles : w->kernels->gemm_tiles[vectors - 1];
}

/* The products at one point for one panel. */
static void multiply(const winograd *w, const product_operands *o, const block *k, ptrdiff_t panel,
                     int point) {
  int vectors = winograd_panel_width(w, panel), most_rows = w->kernels->gemm_rows[vectors - 1];
  ptrdiff_t tiles = k->end - k->begin, parts = (tiles + most_rows - 1) / most_rows;
  ptrdiff_t panel_size = w->channels * vectors * w->lanes;
  gemm_tile t = {.a_stride = value_stride(w),
                 .b = w->weights + panel * WINOGRAD_POINTS * w->channels * product_width(w) +
                      point * panel_size,
                 .inner = w->channels,
                 .c_stride = product_width(w),
                 .last_lanes = w->lanes,
                 .initial = point == WINOGRAD_POINT_ONE ? w->bias + panel * product_width(w) : NULL};
  const float *values = k->values + point * w->block_tiles * value_stride(w);
  float *products = k->products + point * w->block_tiles * product_width(w);
  for (ptrdiff_t i = 0; i < parts; i++) {
    ptrdiff_t begin = tiles * i / parts, end = tiles * (i + 1) / parts;
    t.a = values + begin * t.a_stride;
    t.c = products + begin * t.c_stride;
    t.prefetch = coming_next(o->coming, t.inner);
    panel_kernels(w, panel)[end - begin - 1](&t);
  }
}

static void transform_output(const winograd *w, const product_operands *o, const block *k, ptrdiff_t index,
                             ptrdiff_t panel) {
  ptrdiff_t column = panel * product_width(w), row = k->begin * w->outputs, left = w->rows - row;
  ptrdiff_t columns = w->columns - column;
  winograd_output out = {
      .products = k->products,
      .point_stride = w->block_tiles * product_width(w),
      .product_stride = product_width(w),
      .tiles = k->end - k->begin,
      .outputs = w->outputs,
      .rows = left,
      .columns = columns < product_width(w) ? columns : product_width(w),
      .y = o->y ? o->y + row * o->y_stride + column : NULL,
      .residual = o->residual ? o->residual + row * o->y_stride + column : NULL,
      .y_stride = o->y_stride,
      .activation = w->activation,
      .alpha = w->alpha,
      .column_sums = o->sums ? o->sums + index * w->vectors * w->lanes + column : NULL,
  };
  w->kernels->winograd_output(&out);
}

void winograd_run(const winograd *w, const product_operands *o, const frame *f) {
  ptrdiff_t begin, end;
  frame_share(f, w->blocks, &begin, &end);
  for (ptrdiff_t index = begin; index < end; index++) {
    block k = block_of(w, index, o->scratch);
    transform_input(w, o->x, &k);
    for (ptrdiff_t panel = 0; panel < w->panels; panel++) {
      for (int point = 0; point < WINOGRAD_POINTS; point++)
        multiply(w, o, &k, panel, point);
      transform_output(w, o, &k, index, panel);
    }
  }
}
