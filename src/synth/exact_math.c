#include "synth/exact_math.h"

#include <math.h>

/* atan(x) / (2 pi) for 0 <= x <= 1: the angle is halved twice, which brings x below 0.2, then the Taylor
 * series. */
static double arctangent_turns(double x) {
  x = x / (1.0 + sqrt(1.0 + x * x));
  x = x / (1.0 + sqrt(1.0 + x * x));
  double x2 = x * x;
  double p = -1.0 / 11.0;
  p = p * x2 + 1.0 / 9.0;
  p = p * x2 - 1.0 / 7.0;
  p = p * x2 + 1.0 / 5.0;
  p = p * x2 - 1.0 / 3.0;
  p = p * x2 + 1.0;
  return 4.0 * x * p * 0x1.45f306dc9c883p-3; /* 1 / (2 pi) */
}

double exact_angle_turns(double y, double x) {
  double ax = x < 0 ? -x : x, ay = y < 0 ? -y : y;
  if (ax == 0 && ay == 0)
    return 0.0;
  double angle = ay <= ax ? arctangent_turns(ay / ax) : 0.25 - arctangent_turns(ax / ay);
  if (x < 0)
    angle = 0.5 - angle;
  return y < 0 ? -angle : angle;
}
