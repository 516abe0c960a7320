/* What numbers a network's large products are computed in. */
#ifndef DEEPECG_BACKEND_PRECISION_H
#define DEEPECG_BACKEND_PRECISION_H

#include "base/error.h"

#include <stdbool.h>

typedef enum precision {
  PRECISION_FP32, /* everything in float32 */
  /* The operands of large products are rounded to bfloat16 (8 significant bits, to nearest even), two terms
   * of a sum in one instruction; sums and everything between products stay float32. */
  PRECISION_BF16
} precision;

/* "fp32", "bf16", NULL: by precision. */
extern const char *const precision_names[];

/* Can this processor, with the kernels that DEEPECG_CPU asks for, compute so? False and *err, which says what
 * is lacking. */
bool precision_check(precision p, error *err);

#endif
