#include "cleaning/fft.h"

#include "base/checked.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STAGES = 64, CACHE_LINE = 64 };

/* Real and imaginary parts apart. */
typedef struct planes {
  double *re, *im;
} planes;

struct real_fft {
  size_t half; /* length / 2, the complex length */
  size_t leads;
  size_t stage_count;
  unsigned char radices[MAX_STAGES]; /* their product is `half` */
  planes root;                       /* exp(-2 pi i j / length), j < length */
  planes front, back; /* [sample * leads + lead]; a stage reads front, writes back and swaps them */
};

static bool factorise(real_fft *fft) {
  size_t rest = fft->half;
  for (; rest % 2 == 0; rest /= 2)
    fft->radices[fft->stage_count++] = 2;
  for (; rest % 5 == 0; rest /= 5)
    fft->radices[fft->stage_count++] = 5;
  return rest == 1;
}

/* cos and sin are asked for angles up to pi/4 only: the symmetries of the circle then hold to the last bit.
 */
static void make_roots(planes root, size_t length) {
  const double pi = 3.14159265358979323846;
  for (size_t j = 0; j < length; j++) {
    size_t eighths = 8 * j / length, quarter = (eighths + 1) / 2; /* the nearest multiple of a quarter turn */
    double turned =
        (double)(4 * (ptrdiff_t)j - (ptrdiff_t)(quarter * length)) / (double)length; /* in quarter turns */
    double c = cos(turned * pi / 2), s = sin(turned * pi / 2);
    double cosines[4] = {c, -s, -c, s}, sines[4] = {s, c, -s, -c};
    root.re[j] = cosines[quarter % 4];
    root.im[j] = -sines[quarter % 4];
  }
}

static bool allocate_planes(planes *p, size_t rows, size_t columns, error *err) {
  size_t bytes;
  if (!checked_mul(rows, columns, &bytes) || !checked_mul(bytes, sizeof(double), &bytes) ||
      !checked_add(bytes, CACHE_LINE - 1, &bytes))
    return error_out_of_memory(err);
  bytes -= bytes % CACHE_LINE;
  p->re = aligned_alloc(CACHE_LINE, bytes);
  p->im = aligned_alloc(CACHE_LINE, bytes);
  return (p->re && p->im) || error_out_of_memory(err);
}

static void free_planes(planes p) {
  free(p.re);
  free(p.im);
}

real_fft *real_fft_create(size_t length, size_t leads, error *err) {
  real_fft *fft = calloc(1, sizeof *fft);
  if (!fft) {
    error_out_of_memory(err);
    return NULL;
  }
  fft->half = length / 2;
  fft->leads = leads;
  if (length == 0 || length % 2 || !factorise(fft)) {
    error_set(err, ERROR_UNSUPPORTED, "no transform of %zu samples: only lengths 2^a 5^b", length);
    real_fft_destroy(fft);
    return NULL;
  }
  if (!allocate_planes(&fft->root, length, 1, err) || !allocate_planes(&fft->front, fft->half, leads, err) ||
      !allocate_planes(&fft->back, fft->half, leads, err)) {
    real_fft_destroy(fft);
    return NULL;
  }
  make_roots(fft->root, length);
  return fft;
}

void real_fft_destroy(real_fft *fft) {
  if (!fft)
    return;
  free_planes(fft->root);
  free_planes(fft->front);
  free_planes(fft->back);
  free(fft);
}

/* One stage of the autosort: butterfly p < groups takes `radix` runs of `run` neighbouring numbers, `groups`
 * runs apart, and leaves them side by side, output j turned by root[p * j * step]. */
static void stage_radix2(planes x, planes y, planes root, size_t groups, size_t run, size_t step) {
  for (size_t p = 0; p < groups; p++) {
    double wr = root.re[p * step], wi = root.im[p * step];
    const double *r0 = x.re + p * run, *i0 = x.im + p * run;
    const double *r1 = r0 + groups * run, *i1 = i0 + groups * run;
    double *yr0 = y.re + 2 * p * run, *yi0 = y.im + 2 * p * run;
    double *yr1 = yr0 + run, *yi1 = yi0 + run;
#pragma omp simd
    for (size_t q = 0; q < run; q++) {
      double dr = r0[q] - r1[q], di = i0[q] - i1[q];
      yr0[q] = r0[q] + r1[q];
      yi0[q] = i0[q] + i1[q];
      yr1[q] = dr * wr - di * wi;
      yi1[q] = dr * wi + di * wr;
    }
  }
}

static void stage_radix5(planes x, planes y, planes root, size_t groups, size_t run, size_t step) {
  const double quarter_root5 = 0.55901699437494742410; /* (cos 72 - cos 144) / 2; their mean is -1/4 */
  const double sin72 = 0.95105651629515357212, sin144 = 0.58778525229247312917;
  for (size_t p = 0; p < groups; p++) {
    double w1r = root.re[p * step], w1i = root.im[p * step];
    double w2r = root.re[2 * p * step], w2i = root.im[2 * p * step];
    double w3r = root.re[3 * p * step], w3i = root.im[3 * p * step];
    double w4r = root.re[4 * p * step], w4i = root.im[4 * p * step];
    const double *xr = x.re + p * run, *xi = x.im + p * run;
    double *yr = y.re + 5 * p * run, *yi = y.im + 5 * p * run;
    size_t apart = groups * run;
#pragma omp simd
    for (size_t q = 0; q < run; q++) {
      double a0r = xr[q], a1r = xr[q + apart], a2r = xr[q + 2 * apart];
      double a3r = xr[q + 3 * apart], a4r = xr[q + 4 * apart];
      double a0i = xi[q], a1i = xi[q + apart], a2i = xi[q + 2 * apart];
      double a3i = xi[q + 3 * apart], a4i = xi[q + 4 * apart];
      double s1r = a1r + a4r, s2r = a2r + a3r, d1r = a1r - a4r, d2r = a2r - a3r;
      double s1i = a1i + a4i, s2i = a2i + a3i, d1i = a1i - a4i, d2i = a2i - a3i;
      double sr = s1r + s2r, si = s1i + s2i;
      double mr = a0r - 0.25 * sr, mi = a0i - 0.25 * si;
      double nr = quarter_root5 * (s1r - s2r), ni = quarter_root5 * (s1i - s2i);
      double e1r = mr + nr, e1i = mi + ni, e2r = mr - nr, e2i = mi - ni;
      double o1r = sin72 * d1r + sin144 * d2r, o1i = sin72 * d1i + sin144 * d2i;
      double o2r = sin144 * d1r - sin72 * d2r, o2i = sin144 * d1i - sin72 * d2i;
      double b1r = e1r + o1i, b1i = e1i - o1r, b4r = e1r - o1i, b4i = e1i + o1r;
      double b2r = e2r + o2i, b2i = e2i - o2r, b3r = e2r - o2i, b3i = e2i + o2r;
      yr[q] = a0r + sr;
      yi[q] = a0i + si;
      yr[q + run] = b1r * w1r - b1i * w1i;
      yi[q + run] = b1r * w1i + b1i * w1r;
      yr[q + 2 * run] = b2r * w2r - b2i * w2i;
      yi[q + 2 * run] = b2r * w2i + b2i * w2r;
      yr[q + 3 * run] = b3r * w3r - b3i * w3i;
      yi[q + 3 * run] = b3r * w3i + b3i * w3r;
      yr[q + 4 * run] = b4r * w4r - b4i * w4i;
      yi[q + 4 * run] = b4r * w4i + b4i * w4r;
    }
  }
}

/* The complex transform of fft->front, in place as the caller sees it. */
static void transform(real_fft *fft) {
  size_t groups = fft->half, merged = 1;
  for (size_t i = 0; i < fft->stage_count; i++) {
    size_t radix = fft->radices[i], run = merged * fft->leads, step = 2 * merged;
    groups /= radix;
    if (radix == 2)
      stage_radix2(fft->front, fft->back, fft->root, groups, run, step);
    else
      stage_radix5(fft->front, fft->back, fft->root, groups, run, step);
    merged *= radix;
    planes swapped = fft->front;
    fft->front = fft->back;
    fft->back = swapped;
  }
}

/* With E and O the transforms of the even and the odd samples: Z = E + iO, X(k) = E + wO, X(half - k) =
 * conj(E - wO). */
void real_fft_forward(real_fft *fft, const float *signal, double *re, double *im) {
  const size_t half = fft->half, leads = fft->leads;
  for (size_t t = 0; t < half; t++)
    for (size_t lead = 0; lead < leads; lead++) {
      fft->front.re[t * leads + lead] = (double)signal[2 * t * leads + lead];
      fft->front.im[t * leads + lead] = (double)signal[(2 * t + 1) * leads + lead];
    }
  transform(fft);
  for (size_t k = 0; k <= half - k; k++) {
    const size_t low = k * leads, high = (half - k) * leads, mirror = k ? high : 0;
    const double *zr = fft->front.re + low, *zi = fft->front.im + low;
    const double *mr = fft->front.re + mirror, *mi = fft->front.im + mirror;
    const double wr = fft->root.re[k], wi = fft->root.im[k];
#pragma omp simd
    for (size_t lead = 0; lead < leads; lead++) {
      double er = 0.5 * (zr[lead] + mr[lead]), ei = 0.5 * (zi[lead] - mi[lead]);
      double or = 0.5 * (zi[lead] + mi[lead]), oi = 0.5 * (mr[lead] - zr[lead]);
      double tr = or *wr - oi * wi, ti = or *wi + oi * wr;
      re[low + lead] = er + tr;
      im[low + lead] = ei + ti;
      re[high + lead] = er - tr;
      im[high + lead] = ti - ei;
    }
  }
}

/* The way back: E and O from X(k) and X(half - k), Z(k) = E + iO, Z(half - k) = conj(E) + i conj(O). An
 * inverse transform is a forward one with real and imaginary parts exchanged on both sides. */
void real_fft_inverse(real_fft *fft, const double *re, const double *im, double *signal) {
  const size_t half = fft->half, leads = fft->leads;
  const double scale = 0.5 / (double)half;
  for (size_t k = 0; k <= half - k; k++) {
    const size_t low = k * leads, high = (half - k) * leads, mirror = k ? high : 0;
    const double wr = fft->root.re[k], wi = fft->root.im[k];
    double *zr = fft->front.im, *zi = fft->front.re;
#pragma omp simd
    for (size_t lead = 0; lead < leads; lead++) {
      double er = re[low + lead] + re[high + lead], ei = im[low + lead] - im[high + lead];
      double dr = re[low + lead] - re[high + lead], di = im[low + lead] + im[high + lead];
      double or = dr * wr + di * wi, oi = di * wr - dr * wi;
      zr[mirror + lead] = scale * (er + oi);
      zi[mirror + lead] = scale * (or -ei);
      zr[low + lead] = scale * (er - oi);
      zi[low + lead] = scale * (or +ei);
    }
  }
  transform(fft);
  for (size_t t = 0; t < half; t++)
    for (size_t lead = 0; lead < leads; lead++) {
      signal[2 * t * leads + lead] = fft->front.im[t * leads + lead];
      signal[(2 * t + 1) * leads + lead] = fft->front.re[t * leads + lead];
    }
}
