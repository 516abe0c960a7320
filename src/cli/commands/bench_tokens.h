/* The lengths of the texts that a benchmark makes up. */
#ifndef DEEPECG_CLI_COMMANDS_BENCH_TOKENS_H
#define DEEPECG_CLI_COMMANDS_BENCH_TOKENS_H

#include "base/error.h"

#include <stddef.h>

enum { MOST_TOKEN_LENGTHS = 512 };

typedef struct token_lengths {
  size_t items[MOST_TOKEN_LENGTHS];
  size_t count; /* >= 1 */
} token_lengths;

/* "20", "12,20,33" or "12-48", or several of these with commas between: lengths from 3 to 512. False and *err
 * where it is something else. */
bool token_lengths_parse(const char *text, token_lengths *l, error *err);

#endif
