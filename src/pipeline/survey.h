/* A look at a table before a night's run: which files are there and readable, which models, how long it may
 * take. Nothing is written. */
#ifndef DEEPECG_PIPELINE_SURVEY_H
#define DEEPECG_PIPELINE_SURVEY_H

#include "base/arena.h"
#include "pipeline/pipeline.h"

enum { SURVEY_KINDS = 12, SURVEY_EXAMPLES = 10, SURVEY_MODELS = 16 };

/* Files that are alike: format, rate and length. */
typedef struct survey_kind {
  const char *format;      /* "GE MUSE XML" */
  double sampling_rate_hz; /* 0: not declared */
  size_t samples, files;
} survey_kind;

typedef struct survey_example {
  const char *path, *message;
} survey_example;

typedef struct survey_model {
  const char *id;
  size_t inputs;       /* ECGs or texts that the run would give it */
  const char *problem; /* why it can't be used; NULL: it can */
  double seconds;      /* that all inputs would take, from a trial */
} survey_model;

typedef struct survey {
  arena *memory; /* everything that is pointed to */
  size_t rows, files, missing, failed, warned;
  size_t same_stem; /* files that would fail because another one has their stem */
  survey_kind
      kinds[SURVEY_KINDS]; /* most frequent first; the last one gathers the rest where there are more */
  size_t kind_count;
  survey_example missing_examples[SURVEY_EXAMPLES], failed_examples[SURVEY_EXAMPLES];
  survey_model models[SURVEY_MODELS];
  size_t model_count, models_missing;
  double preprocessing_seconds; /* estimated from reading all files */
} survey;

/* Survey what a full run with these options would do. Reads every file and opens every model. False and *err
 * where the table can't be used, or when interrupted. Free with survey_clear (also after a failure). */
bool survey_make(survey *s, const pipeline_options *options, const reporter *r, error *err);
void survey_clear(survey *s);

#endif
