/* A model's files, opened and recognised: what signal models, the text model and `inspect` begin with. */
#ifndef DEEPECG_MODEL_CHECKPOINT_H
#define DEEPECG_MODEL_CHECKPOINT_H

#include "backend/precision.h"
#include "base/mapped_file.h"
#include "base/reporter.h"
#include "container/zip.h"
#include "import/huggingface/bert.h"

/* What a network takes: one 12-lead ECG of 10 s at 250 Hz, (1, 12, 2500) float32, or the token ids of one
 * text, (1, tokens) int32. */
typedef enum model_input { MODEL_INPUT_ECG, MODEL_INPUT_TEXT } model_input;

typedef struct checkpoint checkpoint;

/* A kind of model file: how it is recognised, opened, and becomes a graph. One line each in checkpoint.c's
 * table. */
typedef struct model_importer {
  const char *name;
  model_input input;
  bool reducible; /* may be computed in less than float32 */
  bool (*probe)(const checkpoint *c);
  bool (*open)(checkpoint *c, error *err); /* what comes before the first graph; may be NULL */
  /* `tokens` matters for MODEL_INPUT_TEXT only. */
  graph *(*make_graph)(const checkpoint *c, int64_t tokens, error *err);
  bool (*describe)(const checkpoint *c, description *d, error *err);
} model_importer;

struct checkpoint {
  arena *memory;
  char *path;            /* the file with the weights */
  mapped_file file;      /* its pages are read when they are first used */
  zip_archive *archive;  /* NULL: not a ZIP */
  mapped_file config;    /* Hugging Face: config.json beside it */
  bert_checkpoint *bert; /* Hugging Face */
  const model_importer *importer;
};

/* Find the file that `path` (a file or a model's folder) means, map and recognise it. False and *err, which
 * names the file. Close in both cases. */
bool checkpoint_open(checkpoint *c, const char *path, const reporter *r, error *err);
void checkpoint_close(checkpoint *c);

/* The network, optimised. Its constants may lie in the checkpoint, which must outlive it. Weights that aren't
 * finite are reported. */
graph *checkpoint_graph(const checkpoint *c, int64_t tokens, const reporter *r, error *err);

/* The precision for this network, where `wanted` is asked for: some keep their answers in float32 only. */
precision checkpoint_precision(const checkpoint *c, precision wanted);

/* The network must take one input and give one row of logits: how many, or 0 and *err. */
size_t checkpoint_logits(const checkpoint *c, const graph *g, error *err);

#endif
