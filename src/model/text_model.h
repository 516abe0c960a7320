/* A text classifier with its tokenizer, from its folder to logits. */
#ifndef DEEPECG_MODEL_TEXT_MODEL_H
#define DEEPECG_MODEL_TEXT_MODEL_H

#include "model/model.h"

typedef struct text_model text_model;

/* Open a folder with model.safetensors, config.json and vocab.txt; as model_open. The weights are kept once,
 * whatever lengths of text are run. */
text_model *text_model_open(const char *folder, const model_options *options, const reporter *r, error *err);

/* NULL is allowed. */
void text_model_close(text_model *m);

/* Logits per text. */
size_t text_model_output_count(const text_model *m);
/* The file with the weights, its kind ("Hugging Face BERT"), and the kernels' variant. */
const char *text_model_path(const text_model *m);
const char *text_model_kind(const text_model *m);
const char *text_model_variant(const text_model *m);

/* Told now and then how far a prediction is; false stops it. */
typedef struct text_progress {
  void *context;
  bool (*go_on)(void *context, size_t done, size_t total);
} text_progress;

/* texts: n NUL-terminated UTF-8 texts. logits: n rows of text_model_output_count values. A text runs at its
 * own length, without padding, cut after 512 tokens, the longest ones first and several of any lengths at a
 * time; texts that are the same tokens run once. A row's bits depend on that text only. `progress` may be
 * NULL. False and *err for a text that is not UTF-8, and when stopped. Not thread-safe on one model. */
bool text_model_predict(text_model *m, const char *const *texts, size_t n, float *logits,
                        const text_progress *progress, error *err);

/* What a text of the last prediction costs, in the mean; as model_cost_of. */
model_cost text_model_cost_of(const text_model *m);
double text_model_probe_peak(const text_model *m);

#endif
