/* Transcendental functions with the same bits on every machine: IEEE double +, -, *, / and sqrt in a fixed
 * order, no libm. Accurate to about 1e-9, which is a thousandth of what a sample of a 16-bit file can show.
 * Pure functions, thread-safe. Those that run once per sample are inline and free of branches, so that the
 * compiler can vectorise them: vector instructions round as scalar ones do. */
#ifndef DEEPECG_SYNTH_EXACT_MATH_H
#define DEEPECG_SYNTH_EXACT_MATH_H

#include <stdint.h>
#include <string.h>

/* e^-x for x >= 0; what it is at 700 (1e-304) beyond that. */
static inline double exact_exp_negative(double x) {
  x = x < 700.0 ? x : 700.0;
  /* x = k ln 2 + r with |r| <= ln 2 / 2; ln 2 is split so that k * high is exact. */
  const double ln2_high = 0x1.62e42fep-1, ln2_low = 0x1.f473de6af278fp-30;
  int32_t k = (int32_t)(x * 0x1.71547652b82fep0 + 0.5);
  double r = (x - k * ln2_high) - k * ln2_low;
  double p = -1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r - 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r - 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r - 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r - 1.0;
  p = p * r + 1.0;
  uint64_t bits = (uint64_t)(uint32_t)(1023 - k) << 52;
  double power;
  memcpy(&power, &bits, sizeof power);
  return p * power;
}

typedef struct sine_cosine {
  double sine, cosine;
} sine_cosine;

/* Sine and cosine of `turns` whole turns (2 pi each), |turns| < 1e8. Turns instead of radians make the range
 * reduction exact. */
static inline sine_cosine exact_sine_cosine(double turns) {
  double quarters = turns * 4.0;
  int32_t n = (int32_t)(quarters + (quarters < 0 ? -0.5 : 0.5));
  double a = (quarters - n) * 0x1.921fb54442d18p0; /* pi / 2: |a| <= pi / 4 */
  double a2 = a * a;
  double s = 1.0 / 362880.0;
  s = s * a2 - 1.0 / 5040.0;
  s = s * a2 + 1.0 / 120.0;
  s = s * a2 - 1.0 / 6.0;
  s = (s * a2 + 1.0) * a;
  double c = -1.0 / 3628800.0;
  c = c * a2 + 1.0 / 40320.0;
  c = c * a2 - 1.0 / 720.0;
  c = c * a2 + 1.0 / 24.0;
  c = c * a2 - 0.5;
  c = c * a2 + 1.0;
  double sine = n & 1 ? c : s, cosine = n & 1 ? s : c;
  return (sine_cosine){n & 2 ? -sine : sine, (n + 1) & 2 ? -cosine : cosine};
}

/* The angle of the point (x, y) in turns, in (-0.5, 0.5]; 0 for the origin. */
double exact_angle_turns(double y, double x);

/* Round to the nearest whole number, halves away from zero; |x| < 2e9. */
static inline int32_t exact_round(double x) {
  return (int32_t)(x + (x < 0 ? -0.5 : 0.5));
}

#endif
