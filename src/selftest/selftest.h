/* Known answers through every stage, on the machine where the program is installed: the generator's bytes,
 * the readers, the cleaning, the networks' kernels against their scalar truth, the metrics. Needs no files.
 */
#ifndef DEEPECG_SELFTEST_SELFTEST_H
#define DEEPECG_SELFTEST_SELFTEST_H

#include "base/error.h"

#include <stddef.h>

enum { SELFTEST_DETAIL = 200 };

/* What a stage found: "3 files, 250 Hz" where it is right, what differs where it isn't. */
typedef struct selftest_result {
  const char *stage;
  bool passed;
  char detail[SELFTEST_DETAIL];
} selftest_result;

/* Called after each stage. */
typedef void (*selftest_report)(void *context, const selftest_result *result);

/* All stages, each on its own; `threads` >= 1. A scratch folder is made in $TMPDIR (or /tmp) and removed
 * again. Returns how many failed. */
size_t selftest_run(int threads, selftest_report report, void *context);

#endif
