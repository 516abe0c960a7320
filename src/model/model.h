/* A signal network, from its folder or file to logits. With text_model.h the one door between the ECG rooms
 * and the network rooms. */
#ifndef DEEPECG_MODEL_MODEL_H
#define DEEPECG_MODEL_MODEL_H

#include "backend/precision.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/reporter.h"

#include <stddef.h>

typedef struct model model;

typedef struct model_options {
  const char *backend; /* "cpu" */
  int threads;         /* >= 1 */
  precision precision; /* EfficientNets are computed in float32 whatever is asked for */
  bool brief;          /* a few ECGs or texts are all: ready soon is better than a little faster in each */
} model_options;

/* Open a model file, or a folder with one model file, of a network that takes one 12-lead ECG. Of the file
 * only the weights that the network uses are read; once it is open nothing of it is held but the weights in
 * the backend's own form. Weights that are not finite numbers are reported, as is which of several files was
 * taken. NULL and *err, which names the file. */
model *model_open(const char *path, const model_options *options, const reporter *r, error *err);

/* NULL is allowed. */
void model_close(model *m);

/* Logits per ECG. */
size_t model_output_count(const model *m);
/* The file with the weights, its kind ("TorchScript", "fairseq"), and the kernels' variant. */
const char *model_path(const model *m);
const char *model_kind(const model *m);
const char *model_variant(const model *m);

/* signals: n ECGs, each (12 leads, 2500 samples) row-major float32, already scaled for the model. logits: n
 * rows of model_output_count values. A row's bits depend on that ECG only. Not thread-safe on one model. */
bool model_predict(model *m, const float *signals, size_t n, float *logits, error *err);

/* One ECG on the calling thread alone: the same bits as model_predict's. `worker` is less than
 * options->threads; calls with different workers may be made at once on one model, but none while
 * model_predict is at work on it. */
bool model_predict_alone(model *m, int worker, const float *signal, float *logits, error *err);

/* What one ECG costs, for benchmarks: floating-point operations of the network as it is compiled, and bytes
 * of packed weights and run-time memory of the model. */
typedef struct model_cost {
  double operations;
  size_t bytes;
} model_cost;

model_cost model_cost_of(const model *m);

/* Floating-point operations per second that one thread could reach now: backend.h's probe_peak. */
double model_probe_peak(const model *m);

/* What a model file of any kind is: kind, sha256, the settings that shape the network, inputs, outputs,
 * parameters, FLOPs for one ECG or one text of the greatest length, the stored tensors, the graph; as text or
 * JSON. Reads the whole file, for its sha256. */
bool model_inspect(const char *path, bool json, buffer *text, error *err);

#endif
