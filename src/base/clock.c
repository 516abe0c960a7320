#include "base/clock.h"

#include <time.h>

double clock_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

time_stamp time_stamp_now(void) {
  time_t now = time(NULL);
  struct tm local;
  time_stamp stamp = {"00000000_000000"};
  if (localtime_r(&now, &local))
    strftime(stamp.text, sizeof stamp.text, "%Y%m%d_%H%M%S", &local);
  return stamp;
}
