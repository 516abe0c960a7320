/* BERT text classifiers in transformers' format (config.json and model.safetensors) to graphs.
 * Source: Devlin et al., BERT, 2019 (arXiv:1810.04805); names and order of operations as in transformers'
 * BertForSequenceClassification. */
#ifndef DEEPECG_IMPORT_HUGGINGFACE_BERT_H
#define DEEPECG_IMPORT_HUGGINGFACE_BERT_H

#include "graph/graph.h"
#include "import/description.h"

/* A described and checked network over its weights. */
typedef struct bert_checkpoint bert_checkpoint;

/* Read config.json and model.safetensors. `weights` is borrowed and must outlive the checkpoint: weights that
 * are float32 stay in it, others are converted here, once. The names of older exports (no `bert.` in front,
 * gamma and beta) are known. NULL and *err, beginning with the name of the file that is at fault. Destroy
 * with bert_close. */
bert_checkpoint *bert_open(const char *config_json, size_t config_size, const uint8_t *weights,
                           size_t weights_size, error *err);

/* NULL is allowed. No graph of the checkpoint may be used any more. */
void bert_close(bert_checkpoint *b);

int64_t bert_label_count(const bert_checkpoint *b);
/* The longest text, in tokens. */
int64_t bert_max_tokens(const bert_checkpoint *b);
/* Token ids are below this; the embedding of another is NaN. */
int64_t bert_vocabulary_size(const bert_checkpoint *b);

/* The network for texts of exactly `tokens` tokens, [CLS] first, none of them padding, all of token type 0:
 * input I32 (1, tokens), output logits (1, labels). The graphs of all lengths share the checkpoint's weights,
 * and must be destroyed before it. NULL and *err when `tokens` is outside 1..bert_max_tokens. Thread-safe. */
graph *bert_graph(const bert_checkpoint *b, int64_t tokens, error *err);

/* Add the settings of config.json that shape the network, and the tensors of model.safetensors. */
bool bert_describe(const bert_checkpoint *b, description *d, error *err);

#endif
