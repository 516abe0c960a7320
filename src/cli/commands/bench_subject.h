/* What a benchmark runs: a signal model or a text model with a batch of input. */
#ifndef DEEPECG_CLI_COMMANDS_BENCH_SUBJECT_H
#define DEEPECG_CLI_COMMANDS_BENCH_SUBJECT_H

#include "cli/commands/bench_tokens.h"
#include "model/text_model.h"

typedef struct bench_input {
  const char *file; /* raw float32 (batch, 12, 2500), or a text per line; "": made up */
  size_t batch;
  const token_lengths *tokens; /* of made-up texts, in turn */
} bench_input;

typedef struct bench_subject bench_subject;

/* NULL and *err, naming the file. */
bench_subject *bench_subject_open(const char *path, const model_options *options, const bench_input *input,
                                  error *err);
void bench_subject_close(bench_subject *b); /* NULL is allowed */

/* The whole batch once. */
bool bench_subject_run(bench_subject *b, error *err);
/* (batch, logits) of the last run. */
const float *bench_subject_logits(const bench_subject *b, size_t *count);

const char *bench_subject_path(const bench_subject *b);
const char *bench_subject_kind(const bench_subject *b);
const char *bench_subject_variant(const bench_subject *b);
const char *bench_subject_unit(const bench_subject *b); /* "ECG" or "text" */
model_cost bench_subject_cost(const bench_subject *b);
double bench_subject_peak(const bench_subject *b);

#endif
