/* The machine's diagnosis in words, English or French, from the findings. */
#ifndef DEEPECG_SYNTH_STATEMENTS_H
#define DEEPECG_SYNTH_STATEMENTS_H

#include "base/buffer.h"
#include "synth/findings.h"

enum { SYNTH_STATEMENTS = 64 };

/* Texts are constants in UTF-8; every character exists in ISO-8859-1. Statements form lines: "Sinus rhythm"
 * goes on with "with 1st degree A-V block", which ends the line. */
typedef struct synth_statements {
  struct {
    const char *text;
    bool ends_line;
  } items[SYNTH_STATEMENTS];
  size_t count;
} synth_statements;

/* Choose among equivalent phrasings; a third of the records is in French. */
synth_statements synth_statements_write(const heart_patient *patient, const heart_measurements *m,
                                        const synth_findings *f, random_stream *random);

/* All statements joined by blanks, as the pipeline's tables hold them. */
bool synth_statements_join(const synth_statements *statements, buffer *out, error *err);

#endif
