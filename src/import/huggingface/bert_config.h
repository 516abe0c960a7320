/* config.json of a BERT classifier in transformers' format: the part that shapes the computation. */
#ifndef DEEPECG_IMPORT_HUGGINGFACE_BERT_CONFIG_H
#define DEEPECG_IMPORT_HUGGINGFACE_BERT_CONFIG_H

#include "import/description.h"
#include "ops/op.h"

typedef struct bert_config {
  int64_t layers, width, heads, hidden_width; /* hidden: of the feed-forward network */
  int64_t vocabulary, positions, token_types;
  activation_kind activation; /* of the feed-forward network */
  double norm_epsilon;
} bert_config;

enum { BERT_MAX_LAYERS = 1000 };

/* Options that are absent have transformers' defaults where it has any beside sizes. False and *err, naming
 * the option, for text that is no JSON object, for what is missing or out of range, and for networks that
 * compute something else (decoders, relative positions, other classes). */
bool bert_config_read(const char *json, size_t size, bert_config *config, error *err);

/* The settings under the names that they have in the file. */
bool bert_config_describe(const bert_config *config, description *d, error *err);

#endif
