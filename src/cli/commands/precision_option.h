/* --precision, the same for all commands that run networks. */
#ifndef DEEPECG_CLI_COMMANDS_PRECISION_OPTION_H
#define DEEPECG_CLI_COMMANDS_PRECISION_OPTION_H

#include "backend/precision.h"

/* Goes behind FIELD(precision) of an option_spec; the field is an int, which is a `precision`. */
#define PRECISION_OPTION                                                                                     \
  .kind = OPTION_CHOICE, .choices = precision_names, .default_text = "fp32", .value_name = "PRECISION",      \
  .help = "fp32, or bf16 for WCR and BERT (wants AVX512-BF16; run deepecg drift first)"

/* Can it be had here? For a command's check. */
static inline bool precision_option_check(int chosen, error *err) {
  return precision_check((precision)chosen, err) || error_prefix(err, "--precision");
}

#endif
