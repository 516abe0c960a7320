/* How rooms below src/cli speak to the user: through functions that the caller hands in. */
#ifndef DEEPECG_BASE_REPORTER_H
#define DEEPECG_BASE_REPORTER_H

#include <stddef.h>

typedef enum report_level { REPORT_INFO, REPORT_NOTICE, REPORT_WARNING } report_level;

/* Both functions may be NULL, and the reporter itself may be NULL: nothing is said then. They are called from
 * one thread at a time unless a function's comment says otherwise. No patient's name or identifier ever
 * reaches them. */
typedef struct reporter {
  void *context;
  void (*message)(void *context, report_level level, const char *text);
  /* `done` of `total` of what `stage` names ("Reading", "Predicting efficientnetv2_afib_5y", ...); done ==
   * total ends it. */
  void (*progress)(void *context, const char *stage, size_t done, size_t total);
} reporter;

void report(const reporter *r, report_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void report_progress(const reporter *r, const char *stage, size_t done, size_t total);

#endif
