/* Long convolutions by way of the spectrum: a window of the signal is taken to the frequency domain, where
 * the convolution is one complex product of channels at each frequency, and back (overlap-save). The
 * transforms are so short that they are made as products with matrices of cosines and sines, on the same
 * register tiles as everything else: no other kernel is needed, and the length may be any even number.
 *
 * A window of N samples gives N - kernel + 1 results. With e[n] = x[n] + x[N - n] and o[n] = x[n] - x[N - n]
 * for n <= N/2, X[f] = C[f] - i S[f], C[f] = sum of e[n] cos(2 pi f n / N), S[f] = sum of o[n] sin(...). The
 * filter's spectrum is conjugated, since networks convolve without turning the filter round:
 * Y = (Cx Cw + Sx Sw) + i (Cx Sw - Sx Cw), the product of the rows (Cx, Sx) and (-Sx, Cx) with (Cw; Sw).
 *
 * Every frequency is a sum over the whole window. So a NaN or an infinity in the signal leaves nothing finite
 * of the N - kernel + 1 results of each window that it lies in (of its group's channels), where the plain sum
 * would lose only the results whose kernel covers it. */
#include "backend/cpu/aligned.h"
#include "backend/cpu/lower.h"
#include "backend/cpu/match.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  SHORTEST_KERNEL = 64,
  LONGEST_KERNEL = 512, /* tables, and the time that they take to make, grow with its square */
  FEWEST_CHANNELS = 16, /* of a group: the transforms cost as much as some ten channels */
  FEWEST_GROUPS = 2     /* threads share the groups */
};

/* Columns or channels of a group, in panels as the register tiles read them. */
typedef struct panelled {
  ptrdiff_t count, lanes, vectors, panel_vectors, panels;
} panelled;

typedef struct spectral_conv {
  const cpu_kernels *kernels;
  ptrdiff_t in_rows, channels, rows, columns; /* of the signal, of the result */
  ptrdiff_t groups, kernel, padding;
  panelled in, out;             /* of a group */
  ptrdiff_t length, bins;       /* N; N/2 + 1 frequencies */
  ptrdiff_t windows;            /* of as equal numbers of results as can be */
  const float *cosines, *sines; /* (bins, bins) */
  const float *inverse;         /* (results of a window, 2 * bins): all real parts, all imaginary ones */
  const float *weights;         /* by group, frequency, panel: (2 * channels, width) */
  const float *bias;            /* by group, padded */
  const float *zeros;           /* what lies outside the signal */
  int activation;
  float alpha;
} spectral_conv;

static panelled in_panels(ptrdiff_t count, ptrdiff_t lanes) {
  ptrdiff_t vectors = (count + lanes - 1) / lanes;
  ptrdiff_t width = vectors < GEMM_MAX_VECTORS ? vectors : GEMM_MAX_VECTORS;
  return (panelled){count, lanes, vectors, width, (vectors + width - 1) / width};
}

static int vectors_of(const panelled *p, ptrdiff_t panel) {
  ptrdiff_t left = p->vectors - panel * p->panel_vectors;
  return (int)(left < p->panel_vectors ? left : p->panel_vectors);
}

static ptrdiff_t first_column(const panelled *p, ptrdiff_t panel) {
  return panel * p->panel_vectors * p->lanes;
}

static ptrdiff_t columns_of(const panelled *p, ptrdiff_t panel) {
  ptrdiff_t left = p->count - first_column(p, panel), width = vectors_of(p, panel) * p->lanes;
  return left < width ? left : width;
}

static ptrdiff_t last_lanes_of(const panelled *p, ptrdiff_t panel) {
  return columns_of(p, panel) - (vectors_of(p, panel) - 1) * p->lanes;
}

/* The product of `rows` rows with one panel, in tiles of as equal heights as can be. */
static void multiply(const cpu_kernels *kernels, const gemm_tile *whole, ptrdiff_t rows, int vectors) {
  ptrdiff_t most = kernels->gemm_rows[vectors - 1], tiles = (rows + most - 1) / most;
  for (ptrdiff_t i = 0; i < tiles; i++) {
    ptrdiff_t begin = rows * i / tiles, end = rows * (i + 1) / tiles;
    gemm_tile t = *whole;
    t.a += begin * t.a_stride;
    t.c += begin * t.c_stride;
    kernels->gemm_tiles[vectors - 1][end - begin - 1](&t);
  }
}

/* ---- constants ---- */

/* scale * cos(2 pi product / length + phase), exact in its argument. */
static float wave(ptrdiff_t product, ptrdiff_t length, double phase, double scale) {
  static const double two_pi = 6.283185307179586476925286766559;
  return (float)(scale * cos(two_pi * (double)(product % length) / (double)length + phase));
}

static const double to_sine = -1.5707963267948966192313216916398; /* cos(x + to_sine) = sin(x) */

static ptrdiff_t results_of_window(const spectral_conv *c) {
  return c->length - c->kernel + 1;
}

static bool make_tables(builder *b, spectral_conv *c, error *err) {
  ptrdiff_t bins = c->bins, results = results_of_window(c);
  float *cosines = builder_parameters(b, (size_t)(bins * bins) * sizeof *cosines, err);
  float *sines = builder_parameters(b, (size_t)(bins * bins) * sizeof *sines, err);
  float *inverse = builder_parameters(b, (size_t)(results * 2 * bins) * sizeof *inverse, err);
  c->zeros = builder_parameters(b, (size_t)c->in.count * sizeof *c->zeros, err);
  if (!cosines || !sines || !inverse || !c->zeros)
    return false;
  for (ptrdiff_t f = 0; f < bins; f++)
    for (ptrdiff_t n = 0; n < bins; n++) {
      cosines[f * bins + n] = wave(f * n, c->length, 0, 1);
      sines[f * bins + n] = wave(f * n, c->length, to_sine, 1);
    }
  for (ptrdiff_t t = 0; t < results; t++)
    for (ptrdiff_t f = 0; f < bins; f++) {
      double scale = (f == 0 || f == bins - 1 ? 1.0 : 2.0) / (double)c->length;
      inverse[t * 2 * bins + f] = wave(f * t, c->length, 0, scale);
      inverse[t * 2 * bins + bins + f] = wave(f * t, c->length, to_sine, -scale);
    }
  c->cosines = cosines;
  c->sines = sines;
  c->inverse = inverse;
  return true;
}

/* The floats of one group's weights at one frequency. */
static ptrdiff_t bin_size(const spectral_conv *c) {
  return 2 * c->in.count * c->out.vectors * c->out.lanes;
}

/* The spectra of all filters that read one channel; waves (2 * bins, kernel), taps (kernel, width): scratch.
 */
static void transform_filters(const spectral_conv *c, const float *weight, ptrdiff_t group, ptrdiff_t channel,
                              const float *waves, float *taps, float *weights) {
  for (ptrdiff_t panel = 0; panel < c->out.panels; panel++) {
    ptrdiff_t first = first_column(&c->out, panel), count = columns_of(&c->out, panel);
    ptrdiff_t width = vectors_of(&c->out, panel) * c->out.lanes;
    memset(taps, 0, (size_t)(c->kernel * width) * sizeof *taps);
    for (ptrdiff_t i = 0; i < count; i++)
      for (ptrdiff_t k = 0; k < c->kernel; k++)
        taps[k * width + i] =
            weight[((group * c->out.count + first + i) * c->in.count + channel) * c->kernel + k];
    for (int part = 0; part < 2; part++) {
      gemm_tile t = {.a = waves + part * c->bins * c->kernel,
                     .a_stride = c->kernel,
                     .b = taps,
                     .inner = c->kernel,
                     .c = weights + group * c->bins * bin_size(c) + 2 * c->in.count * first +
                          (part * c->in.count + channel) * width,
                     .c_stride = bin_size(c),
                     .last_lanes = c->out.lanes};
      multiply(c->kernels, &t, c->bins, vectors_of(&c->out, panel));
    }
  }
}

static size_t transform_scratch(const spectral_conv *c) {
  ptrdiff_t width = c->out.panel_vectors * c->out.lanes;
  return (size_t)(c->kernel * (2 * c->bins + width)) * sizeof(float);
}

/* waves: scratch of transform_scratch bytes. */
static void transform_weights(const spectral_conv *c, const float *weight, float *waves, float *weights) {
  ptrdiff_t half = c->bins * c->kernel;
  for (ptrdiff_t f = 0; f < c->bins; f++)
    for (ptrdiff_t k = 0; k < c->kernel; k++) {
      waves[f * c->kernel + k] = wave(f * k, c->length, 0, 1);
      waves[half + f * c->kernel + k] = wave(f * k, c->length, to_sine, 1);
    }
  for (ptrdiff_t group = 0; group < c->groups; group++)
    for (ptrdiff_t channel = 0; channel < c->in.count; channel++)
      transform_filters(c, weight, group, channel, waves, waves + 2 * half, weights);
}

/* Scratch is there before the store has room for the weights: whatever a sibling finds there is complete. */
static float *add_weights(builder *b, const spectral_conv *c, const weight_key *key, const float *weight,
                          error *err) {
  float *waves = aligned_allocate(transform_scratch(c), false, err);
  float *weights = waves
                       ? weight_store_add(b->weights, key,
                                          (size_t)(c->groups * c->bins * bin_size(c)) * sizeof *weights, err)
                       : NULL;
  if (weights)
    transform_weights(c, weight, waves, weights);
  free(waves);
  return weights;
}

static bool make_weights(builder *b, spectral_conv *c, const float *weight, error *err) {
  weight_key key = {.source = weight,
                    .form = WEIGHT_SPECTRUM,
                    .sizes = {c->groups, c->columns, c->in.count, c->kernel * 64 + c->in.lanes}};
  c->weights = weight_store_find(b->weights, &key);
  if (!c->weights)
    c->weights = add_weights(b, c, &key, weight, err);
  return c->weights != NULL;
}

static bool make_bias(builder *b, spectral_conv *c, const float *bias, error *err) {
  ptrdiff_t padded = c->out.vectors * c->out.lanes;
  float *copy = builder_parameters(b, (size_t)(c->groups * padded) * sizeof *copy, err);
  for (ptrdiff_t i = 0; copy && bias && i < c->columns; i++)
    copy[i / c->out.count * padded + i % c->out.count] = bias[i];
  c->bias = copy;
  return copy != NULL;
}

/* ---- running ---- */

/* What one group needs in scratch memory. */
typedef struct spectra {
  float *even, *odd; /* (bins, a panel's width) */
  float *x;          /* (bins, 2 * windows, 2 * channels) */
  float *y;          /* by panel: (2 * windows, bins, width) */
} spectra;

static ptrdiff_t folded_floats(const spectral_conv *c) {
  return c->bins * c->in.panel_vectors * c->in.lanes;
}

static ptrdiff_t spectrum_row(const spectral_conv *c) {
  return 2 * c->in.count;
}

static ptrdiff_t spectrum_bin(const spectral_conv *c) {
  return 2 * c->windows * spectrum_row(c);
}

static spectra spectra_in(const spectral_conv *c, float *scratch) {
  float *odd = scratch + folded_floats(c), *x = odd + folded_floats(c);
  return (spectra){scratch, odd, x, x + c->bins * spectrum_bin(c)};
}

static size_t scratch_bytes(const spectral_conv *c) {
  ptrdiff_t y = 2 * c->windows * c->bins * c->out.vectors * c->out.lanes;
  return (size_t)(2 * folded_floats(c) + c->bins * spectrum_bin(c) + y) * sizeof(float);
}

static ptrdiff_t window_begin(const spectral_conv *c, ptrdiff_t window) {
  return c->rows * window / c->windows;
}

static const float *signal_row(const spectral_conv *c, const float *x, ptrdiff_t row) {
  return row >= 0 && row < c->in_rows ? x + row * c->channels : c->zeros;
}

/* e and o of a panel of channels of one window; x is the panel's first channel. */
static void fold(const spectral_conv *c, const float *x, ptrdiff_t window, ptrdiff_t panel,
                 const spectra *s) {
  ptrdiff_t first = window_begin(c, window) - c->padding, last = c->bins - 1;
  ptrdiff_t width = vectors_of(&c->in, panel) * c->in.lanes, count = columns_of(&c->in, panel);
  if (count < width) {
    memset(s->even, 0, (size_t)(c->bins * width) * sizeof *s->even);
    memset(s->odd, 0, (size_t)(c->bins * width) * sizeof *s->odd);
  }
  for (ptrdiff_t n = 0; n < c->bins; n++) {
    bool alone = n == 0 || n == last; /* its own mirror image */
    const float *one = signal_row(c, x, first + n);
    const float *other = alone ? c->zeros : signal_row(c, x, first + c->length - n);
    c->kernels->binary(BINARY_ADD, one, 1, other, 1, s->even + n * width, count);
    c->kernels->binary(BINARY_SUB, one, 1, alone ? one : other, 1, s->odd + n * width, count);
  }
}

/* The rows (C, S) of one window at all frequencies. */
static void transform_window(const spectral_conv *c, const float *x, ptrdiff_t window, const spectra *s) {
  for (ptrdiff_t panel = 0; panel < c->in.panels; panel++) {
    ptrdiff_t first = first_column(&c->in, panel);
    fold(c, x + first, window, panel, s);
    gemm_tile t = {.a = c->cosines,
                   .a_stride = c->bins,
                   .b = s->even,
                   .inner = c->bins,
                   .c = s->x + 2 * window * spectrum_row(c) + first,
                   .c_stride = spectrum_bin(c),
                   .last_lanes = last_lanes_of(&c->in, panel)};
    multiply(c->kernels, &t, c->bins, vectors_of(&c->in, panel));
    t.a = c->sines;
    t.b = s->odd;
    t.c += c->in.count;
    multiply(c->kernels, &t, c->bins, vectors_of(&c->in, panel));
  }
}

/* From each row (C, S) the row (-S, C) below it. */
static void turn_rows(const spectral_conv *c, const spectra *s) {
  ptrdiff_t row = spectrum_row(c), half = c->in.count;
  for (ptrdiff_t i = 0; i < c->bins * c->windows; i++) {
    float *upper = s->x + 2 * i * row, *lower = upper + row;
    c->kernels->binary(BINARY_SUB, c->zeros, 1, upper + half, 1, lower, half);
    memcpy(lower + half, upper, (size_t)half * sizeof *lower);
  }
}

static void multiply_spectra(const spectral_conv *c, ptrdiff_t group, const spectra *s) {
  for (ptrdiff_t bin = 0; bin < c->bins; bin++)
    for (ptrdiff_t panel = 0; panel < c->out.panels; panel++) {
      ptrdiff_t first = first_column(&c->out, panel), width = vectors_of(&c->out, panel) * c->out.lanes;
      gemm_tile t = {.a = s->x + bin * spectrum_bin(c),
                     .a_stride = spectrum_row(c),
                     .b = c->weights + (group * c->bins + bin) * bin_size(c) + 2 * c->in.count * first,
                     .inner = 2 * c->in.count,
                     .c = s->y + 2 * c->windows * c->bins * first + bin * width,
                     .c_stride = c->bins * width,
                     .last_lanes = c->out.lanes};
      multiply(c->kernels, &t, 2 * c->windows, vectors_of(&c->out, panel));
    }
}

/* Back to the results, y: the group's first column. */
static void transform_back(const spectral_conv *c, ptrdiff_t group, const spectra *s, float *y) {
  for (ptrdiff_t panel = 0; panel < c->out.panels; panel++) {
    ptrdiff_t first = first_column(&c->out, panel), width = vectors_of(&c->out, panel) * c->out.lanes;
    for (ptrdiff_t window = 0; window < c->windows; window++) {
      ptrdiff_t begin = window_begin(c, window), end = window_begin(c, window + 1);
      gemm_tile t = {.a = c->inverse,
                     .a_stride = 2 * c->bins,
                     .b = s->y + 2 * c->windows * c->bins * first + 2 * window * c->bins * width,
                     .inner = 2 * c->bins,
                     .c = y + begin * c->columns + first,
                     .c_stride = c->columns,
                     .last_lanes = last_lanes_of(&c->out, panel),
                     .initial = c->bias + group * c->out.vectors * c->out.lanes + first,
                     .finish = true,
                     .activation = c->activation,
                     .alpha = c->alpha};
      multiply(c->kernels, &t, end - begin, vectors_of(&c->out, panel));
    }
  }
}

static void run_spectral_conv(const cpu_step *step, const frame *f) {
  const spectral_conv *c = step->parameters;
  const float *x = step_read(step, f, 0);
  float *y = step_write(step, f, 0);
  spectra s = spectra_in(c, f->scratch);
  ptrdiff_t begin, end;
  frame_share(f, c->groups, &begin, &end);
  for (ptrdiff_t group = begin; group < end; group++) {
    for (ptrdiff_t window = 0; window < c->windows; window++)
      transform_window(c, x + group * c->in.count, window, &s);
    turn_rows(c, &s);
    multiply_spectra(c, group, &s);
    transform_back(c, group, &s, y + group * c->out.count);
  }
}

/* ---- lowering ---- */

/* Windows of 1.4 kernels: longer ones have fewer results twice, but the spectra of the weights, which come
 * from memory, grow with them. */
static ptrdiff_t window_length(ptrdiff_t kernel) {
  return kernel * 7 / 10 * 2 + 2;
}

static bool is_long(const builder *b, const graph_node *n) {
  const op_attributes *a = &n->attributes;
  const shape *x = &graph_value_get(b->graph, n->inputs[0])->shape,
              *y = &graph_value_get(b->graph, n->output)->shape;
  return value_is_signal(b, n->output) && a->kernel >= SHORTEST_KERNEL && a->kernel <= LONGEST_KERNEL &&
         a->stride == 1 && a->dilation == 1 && a->groups >= FEWEST_GROUPS &&
         x->dims[1] / a->groups >= FEWEST_CHANNELS && y->dims[1] / a->groups >= FEWEST_CHANNELS &&
         y->dims[2] >= a->kernel / 4 && node_operand(n, 3) == VALUE_NONE;
}

static void set_sizes(const builder *b, const graph_node *n, spectral_conv *c) {
  const op_attributes *a = &n->attributes;
  const shape *x = &graph_value_get(b->graph, n->inputs[0])->shape,
              *y = &graph_value_get(b->graph, n->output)->shape;
  c->kernels = b->program->kernels;
  c->in_rows = x->dims[2];
  c->channels = x->dims[1];
  c->rows = y->dims[2];
  c->columns = y->dims[1];
  c->groups = a->groups;
  c->kernel = a->kernel;
  c->padding = a->padding_left;
  c->in = in_panels(c->channels / c->groups, c->kernels->lanes);
  c->out = in_panels(c->columns / c->groups, c->kernels->lanes);
  c->length = window_length(c->kernel);
  c->bins = c->length / 2 + 1;
  c->windows = (c->rows + results_of_window(c) - 1) / results_of_window(c);
  c->activation = (int)a->activation;
  c->alpha = (float)a->alpha;
}

lower_result lower_spectral_conv(builder *b, const graph_node *n, error *err) {
  const graph_value *weight = graph_value_get(b->graph, n->inputs[1]);
  value_id bias = node_operand(n, 2);
  const float *bias_data = bias == VALUE_NONE ? NULL : graph_value_get(b->graph, bias)->data;
  if (!is_long(b, n) || !weight->data || (bias != VALUE_NONE && !bias_data))
    return LOWER_DECLINED;
  spectral_conv *c = builder_parameters(b, sizeof *c, err);
  buffer_id read, write;
  if (!c)
    return LOWER_FAILED;
  set_sizes(b, n, c);
  if (!make_tables(b, c, err) || !make_weights(b, c, weight->data, err) || !make_bias(b, c, bias_data, err) ||
      !builder_read(b, n->inputs[0], LAYOUT_CHANNELS_LAST, &read, err) ||
      !builder_write(b, n->output, LAYOUT_CHANNELS_LAST, &write, err))
    return LOWER_FAILED;
  builder_scratch(b, scratch_bytes(c));
  cpu_step step = {.run = run_spectral_conv, .parameters = c};
  return builder_step(b, &step, &read, 1, &write, 1, err) ? LOWER_DONE : LOWER_FAILED;
}
