/* What a fairseq checkpoint says of its network: the part of its configuration that shapes the computation.
 */
#ifndef DEEPECG_IMPORT_FAIRSEQ_WCR_CONFIG_H
#define DEEPECG_IMPORT_FAIRSEQ_WCR_CONFIG_H

#include "container/pickle.h"
#include "import/description.h"
#include "import/fairseq/conv_layers.h"
#include "ops/op.h"

enum { WCR_MAX_LAYERS = 1000 };

typedef struct wcr_config {
  int64_t in_channels;
  conv_layers convolutions;
  bool norm_every_convolution; /* layer norm behind each, not group norm behind the first */
  bool convolution_bias;
  int64_t position_kernel, position_groups;
  int64_t layers, width, heads, hidden_width; /* hidden: of the feed-forward network */
  activation_kind activation;                 /* of the feed-forward network */
  bool norm_first;
} wcr_config;

/* From the unpickled checkpoint. `cfg` and what it holds may be dicts, OmegaConf's nodes, or objects with
 * attributes; options that are absent or None have fairseq's defaults where it has any. False and *err,
 * naming the option, for what is missing, out of range or not supported. */
bool wcr_config_read(const pickle_value *checkpoint, wcr_config *config, error *err);

/* The settings under the names that they have in the file. */
bool wcr_config_describe(const wcr_config *config, description *d, error *err);

#endif
