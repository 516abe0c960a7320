/* One reading of cleaned records for several networks at once. */
#ifndef DEEPECG_PIPELINE_PASS_H
#define DEEPECG_PIPELINE_PASS_H

#include "model/model.h"
#include "pipeline/pipeline.h"

enum { NOT_WANTED = -1 };

/* A network and the records that it is asked about. */
typedef struct pass_member {
  model *network;
  size_t columns;       /* logits per record */
  const ptrdiff_t *own; /* per record of the pass: its number among the member's own, or NOT_WANTED */
  float *logits;        /* per own record `columns` values; left alone where the record can't be read */
  double seconds;       /* out: in the network, of all threads together */
  error problem;        /* out: why the network failed; code ERROR_NONE: it did not */
} pass_member;

typedef struct pass {
  const char *stage;        /* progress is told under this name */
  const char *const *paths; /* of the records */
  size_t count;
  float scale; /* of the signals that the networks take */
  pass_member *members;
  size_t member_count;
  char **problems;        /* out: per record why it could not be read; NULL: it could. See pass_clear */
  double reading_seconds; /* out: of all threads together */
} pass;

/* Read every record once and run it through the members that want it. Each of options->threads threads takes
 * records of its own, without waiting for the others; what is left over in the end is shared by all. A row of
 * logits depends on its record only. False and *err when interrupted or out of memory: logits are incomplete
 * then. */
bool pass_run(pass *p, const pipeline_options *options, const reporter *r, error *err);

/* Free what pass_run has made. */
void pass_clear(pass *p);

#endif
