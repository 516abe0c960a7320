/* Time of day for file names, monotonic time for measuring. */
#ifndef DEEPECG_BASE_CLOCK_H
#define DEEPECG_BASE_CLOCK_H

/* Seconds since an arbitrary start; never goes back. */
double clock_seconds(void);

/* Local time as YYYYMMDD_HHMMSS. */
typedef struct time_stamp {
  char text[16];
} time_stamp;

time_stamp time_stamp_now(void);

#endif
