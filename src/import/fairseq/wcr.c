#include "import/fairseq/wcr.h"

#include "base/checked.h"
#include "container/torch_listing.h"
#include "import/fairseq/wcr_config.h"
#include "import/layers.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double norm_epsilon = 1e-5; /* PyTorch's usual; the configuration has no option for it */

typedef struct network {
  layer_builder b;
  const zip_archive *archive;
  const wcr_config *config;
  arena *scratch; /* freed after the import */
} network;

/* ---- Weight normalisation ---- */

/* gain[k] / |v[.., k]|, the norm taken over all axes but the last, of `kernel` elements. */
static double *norm_ratios(const float *v, int64_t rows, int64_t kernel, const float *gain, arena *scratch,
                           error *err) {
  double *ratios = arena_alloc_array(scratch, (size_t)kernel, sizeof *ratios, err);
  if (!ratios)
    return NULL;
  for (int64_t row = 0; row < rows; row++)
    for (int64_t k = 0; k < kernel; k++) {
      double element = (double)v[row * kernel + k];
      ratios[k] += element * element;
    }
  for (int64_t k = 0; k < kernel; k++)
    ratios[k] = (double)gain[k] / sqrt(ratios[k]);
  return ratios;
}

/* The weight of `module`, stored as a direction (weight_v) and a gain (weight_g) per kernel position. */
static const float *normalised_weight(network *n, const char *module, const shape *s) {
  layer_builder *b = &n->b;
  int64_t rows = s->dims[0] * s->dims[1], kernel = s->dims[2];
  const float *gain = weight_table_read(b->weights, layer_named(module, "weight_g").text,
                                        &(shape){3, {1, 1, kernel}}, b->err);
  const float *v =
      gain ? weight_table_read(b->weights, layer_named(module, "weight_v").text, s, b->err) : NULL;
  const double *ratios = v ? norm_ratios(v, rows, kernel, gain, n->scratch, b->err) : NULL;
  float *weight =
      ratios ? arena_alloc_array(graph_arena(b->g), (size_t)(rows * kernel), sizeof *weight, b->err) : NULL;
  for (int64_t row = 0; weight && row < rows; row++)
    for (int64_t k = 0; k < kernel; k++)
      weight[row * kernel + k] = (float)((double)v[row * kernel + k] * ratios[k]);
  if (v)
    zip_bytes_done(n->archive, v, (size_t)(rows * kernel) * sizeof *v);
  return weight;
}

/* The same as a constant. Some exports have the normalisation removed and the weight itself stored. */
static value_id normalised_constant(network *n, layer_name module, const shape *s) {
  layer_name name = layer_named(module.text, "weight");
  if (n->b.failed || weight_table_has(n->b.weights, name.text))
    return layer_weight(&n->b, module, s);
  const float *weight = normalised_weight(n, module.text, s);
  value_id constant =
      weight ? graph_add_constant(n->b.g, name.text, DTYPE_F32, s, weight, n->b.err) : VALUE_NONE;
  n->b.failed = constant == VALUE_NONE;
  return constant;
}

/* ---- The network; shapes with B = 1 ---- */

/* x (B, C, T) -> (B, width, T'): convolution, normalisation, GELU. */
static value_id convolution(network *n, value_id x, size_t index, int64_t in_channels) {
  const conv_layer *layer = &n->config->convolutions.items[index];
  char path[LAYER_NAME_SIZE];
  snprintf(path, sizeof path, "encoder.feature_extractor.conv_layers.%zu", index);
  layer_name conv = layer_named(path, "0");
  value_id operands[3] = {
      x, layer_weight(&n->b, conv, &(shape){3, {layer->width, in_channels, layer->kernel}}), VALUE_NONE};
  if (n->config->convolution_bias)
    operands[2] = layer_bias(&n->b, conv, layer->width);
  op_attributes attributes = {.kernel = layer->kernel, .stride = layer->stride, .dilation = 1, .groups = 1};
  x = layer_node(&n->b, "conv1d", operands, 3, &attributes, conv.text);
  if (n->config->norm_every_convolution) {
    x = layer_swap(&n->b, x, path);
    x = layer_norm(&n->b, x, layer_named(path, "2.1"), layer->width, norm_epsilon);
    x = layer_swap(&n->b, x, path);
  } else if (index == 0) {
    layer_name norm = layer_named(path, "2");
    value_id gamma = layer_weight(&n->b, norm, &(shape){1, {layer->width}});
    value_id beta = layer_bias(&n->b, norm, layer->width);
    x = layer_node(&n->b, "group_norm", (value_id[]){x, gamma, beta}, 3,
                   &(op_attributes){.groups = layer->width, .epsilon = norm_epsilon}, norm.text);
  }
  return layer_activation(&n->b, x, ACTIVATION_GELU, path);
}

/* (B, leads, samples) -> (B, T, width). */
static value_id features(network *n, value_id x) {
  const conv_layers *convolutions = &n->config->convolutions;
  int64_t channels = n->config->in_channels;
  for (size_t i = 0; i < convolutions->count; i++) {
    x = convolution(n, x, i, channels);
    channels = convolutions->items[i].width;
  }
  x = layer_swap(&n->b, x, "encoder.layer_norm");
  x = layer_norm(&n->b, x, layer_named("encoder", "layer_norm"), channels, norm_epsilon);
  if (channels == n->config->width)
    return x;
  return layer_linear(&n->b, x, layer_named("encoder", "post_extract_proj"), channels, n->config->width);
}

/* x + GELU(convolution of x over time), (B, T, width). PyTorch pads both ends by kernel / 2 and drops the
 * last step of an even kernel; padding the end by one less is the same. */
static value_id add_positions(network *n, value_id x) {
  layer_name conv = layer_named("encoder.conv_pos", "pos_conv.0");
  int64_t width = n->config->width, groups = n->config->position_groups, kernel = n->config->position_kernel;
  value_id weight = normalised_constant(n, conv, &(shape){3, {width, width / groups, kernel}});
  value_id bias = layer_bias(&n->b, conv, width);
  value_id y = layer_swap(&n->b, x, conv.text);
  op_attributes attributes = {.kernel = kernel,
                              .stride = 1,
                              .padding_left = kernel / 2,
                              .padding_right = (kernel - 1) / 2,
                              .dilation = 1,
                              .groups = groups};
  y = layer_node(&n->b, "conv1d", (value_id[]){y, weight, bias}, 3, &attributes, conv.text);
  y = layer_activation(&n->b, y, ACTIVATION_GELU, conv.text);
  y = layer_swap(&n->b, y, conv.text);
  return layer_binary(&n->b, "add", x, y, conv.text);
}

static value_id self_attention(network *n, value_id x, const char *path) {
  int64_t width = n->config->width;
  static const char *const projections[] = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"};
  value_id qkv[3];
  for (int i = 0; i < 3; i++)
    qkv[i] = layer_linear(&n->b, x, layer_named(path, projections[i]), width, width);
  x = layer_attention(&n->b, qkv, n->config->heads, width, layer_named(path, "self_attn").text);
  return layer_linear(&n->b, x, layer_named(path, "self_attn.out_proj"), width, width);
}

static value_id feed_forward(network *n, value_id x, const char *path) {
  const wcr_config *c = n->config;
  x = layer_linear(&n->b, x, layer_named(path, "fc1"), c->width, c->hidden_width);
  x = layer_activation(&n->b, x, c->activation, path);
  return layer_linear(&n->b, x, layer_named(path, "fc2"), c->hidden_width, c->width);
}

/* x + f(norm(x)), or norm(x + f(x)). */
static value_id residual_block(network *n, value_id x, const char *path, const char *norm,
                               value_id (*f)(network *, value_id, const char *)) {
  layer_name norm_name = layer_named(path, norm);
  value_id y = x;
  if (n->config->norm_first)
    y = layer_norm(&n->b, y, norm_name, n->config->width, norm_epsilon);
  y = layer_binary(&n->b, "add", x, f(n, y, path), path);
  return n->config->norm_first ? y : layer_norm(&n->b, y, norm_name, n->config->width, norm_epsilon);
}

static value_id encoder(network *n, value_id x) {
  layer_name norm = layer_named("encoder.encoder", "layer_norm");
  if (!n->config->norm_first)
    x = layer_norm(&n->b, x, norm, n->config->width, norm_epsilon);
  for (int64_t i = 0; i < n->config->layers && !n->b.failed; i++) {
    char path[LAYER_NAME_SIZE];
    snprintf(path, sizeof path, "encoder.encoder.layers.%" PRId64, i);
    x = residual_block(n, x, path, "self_attn_layer_norm", self_attention);
    x = residual_block(n, x, path, "final_layer_norm", feed_forward);
  }
  return n->config->norm_first ? layer_norm(&n->b, x, norm, n->config->width, norm_epsilon) : x;
}

/* (B, T, width) -> (B, labels): per feature, the mean over the steps where it isn't 0. */
static value_id classify(network *n, value_id x, int64_t labels) {
  op_attributes over_time = {.ints = {1}, .ints_count = 1};
  value_id sum = layer_unary(&n->b, "reduce_sum", x, &over_time, "pooling");
  value_id count = layer_unary(&n->b, "count_nonzero", x, &over_time, "pooling");
  value_id mean = layer_binary(&n->b, "div", sum, count, "pooling");
  return layer_linear(&n->b, mean, layer_named("", "proj"), n->config->width, labels);
}

static value_id network_output(network *n, value_id input, int64_t labels) {
  value_id x = features(n, input);
  x = add_positions(n, x);
  x = encoder(n, x);
  return classify(n, x, labels);
}

/* ---- The file ---- */

typedef struct checkpoint {
  zip_archive *archive;
  const char *root;
  const pickle_value *data;
} checkpoint;

static bool read_weight(void *context, const void *source, stored_tensor *tensor, error *err) {
  const checkpoint *c = context;
  return torch_tensor_from_pickle(c->archive, c->root, "data", source, tensor, err);
}

/* Both spellings of weight normalisation as one: torch.nn.utils.weight_norm's. */
static const char *weight_name(const char *name, arena *scratch, error *err) {
  static const struct {
    const char *newer, *older;
  } spellings[] = {{".parametrizations.weight.original0", ".weight_g"},
                   {".parametrizations.weight.original1", ".weight_v"}};
  for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
    size_t length = strlen(name), suffix = strlen(spellings[i].newer);
    if (length >= suffix && strcmp(name + length - suffix, spellings[i].newer) == 0)
      return arena_printf(scratch, err, "%.*s%s", (int)(length - suffix), name, spellings[i].older);
  }
  return name;
}

/* Tensors may share their storage; no network is larger than this many times its file. */
static size_t byte_limit(const zip_archive *archive) {
  uint64_t size = 64 << 20;
  for (size_t i = 0; i < zip_entry_count(archive); i++)
    size += 8 * zip_entry_size(archive, i);
  return (size_t)size;
}

static const pickle_value *model_items(const pickle_value *data, error *err) {
  const pickle_value *model = pickle_get(data, "model");
  const pickle_value *items = model && model->kind == PICKLE_REDUCE ? model->as.reduce.items : model;
  if (items && items->kind == PICKLE_DICT)
    return items;
  error_set(err, ERROR_FORMAT, "no dict of tensors under 'model'");
  return NULL;
}

static bool collect_weights(checkpoint *c, arena *scratch, arena *memory, weight_table *table, error *err) {
  const pickle_value *model = model_items(c->data, err);
  size_t room = model ? model->as.list.count / 2 : 0, count = 0;
  named_weight *items = model ? arena_alloc_array(scratch, room, sizeof *items, err) : NULL;
  if (!items)
    return false;
  for (size_t i = 0; i < room; i++) {
    const pickle_value *key = model->as.list.items[2 * i];
    if (key->kind != PICKLE_TEXT)
      continue;
    items[count].source = model->as.list.items[2 * i + 1];
    items[count].name = weight_name(key->as.text.text, scratch, err);
    if (!items[count++].name)
      return false;
  }
  *table = weight_table_of(items, count, read_weight, c, memory, byte_limit(c->archive));
  return true;
}

/* What is left of pre-training stands beside these modules; a tensor left over within them means that the
 * network is another one than the configuration's. */
static bool check_unread(const weight_table *table, error *err) {
  static const char *const modules[] = {"encoder.feature_extractor.", "encoder.layer_norm.",
                                        "encoder.post_extract_proj.", "encoder.conv_pos.",
                                        "encoder.encoder.",           "proj."};
  for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
    const char *unread = weight_table_unread(table, modules[i]);
    if (unread)
      return error_set(err, ERROR_UNSUPPORTED,
                       "tensor '%s' has no place in the network that cfg.model describes", unread);
  }
  return true;
}

static bool check_input(const wcr_config *config, const shape *input, error *err) {
  if (input->rank == 3 && input->dims[1] == config->in_channels)
    return true;
  char text[SHAPE_TEXT_SIZE];
  return error_set(err, ERROR_UNSUPPORTED,
                   "the network takes ECGs of %" PRId64 " leads (cfg.model.in_d), not of shape %s",
                   config->in_channels, shape_text(input, text, sizeof text));
}

static bool build(checkpoint *c, const shape *input, arena *scratch, graph *g, error *err) {
  wcr_config *config = arena_alloc(scratch, sizeof *config, err);
  weight_table table;
  shape proj;
  if (!config || !wcr_config_read(c->data, config, err) || !check_input(config, input, err) ||
      !collect_weights(c, scratch, graph_arena(g), &table, err) ||
      !weight_table_shape(&table, "proj.weight", 2, &proj, err))
    return false;
  network n = {{g, &table, err, false}, c->archive, config, scratch};
  value_id x = graph_add_input(g, "ecg", DTYPE_F32, input, err);
  if (x == VALUE_NONE)
    return false;
  value_id logits = network_output(&n, x, proj.dims[0]);
  return !n.b.failed && check_unread(&table, err) && graph_set_outputs(g, &logits, 1, err);
}

static bool import(zip_archive *archive, const shape *input, arena *scratch, graph *g, error *err) {
  checkpoint c = {.archive = archive, .root = torch_archive_root(archive, scratch, err)};
  if (!c.root)
    return false;
  c.data = torch_read_pickle(archive, c.root, "data.pkl", scratch, err);
  return c.data && build(&c, input, scratch, g, err);
}

graph *fairseq_import(zip_archive *archive, const shape *input, error *err) {
  arena *scratch = arena_create(err);
  graph *g = scratch ? graph_create(err) : NULL;
  bool ok = g && import(archive, input, scratch, g, err);
  arena_destroy(scratch);
  if (ok)
    return g;
  graph_destroy(g);
  return NULL;
}

static bool add_tensor(void *context, const char *name, const stored_tensor *tensor, error *err) {
  return description_add_tensor(context, name, tensor, err);
}

bool fairseq_describe(zip_archive *archive, description *d, error *err) {
  const char *root = torch_archive_root(archive, d->memory, err);
  const pickle_value *data = root ? torch_read_pickle(archive, root, "data.pkl", d->memory, err) : NULL;
  const pickle_value *model = data ? model_items(data, err) : NULL;
  wcr_config *config = model ? arena_alloc(d->memory, sizeof *config, err) : NULL;
  return config && wcr_config_read(data, config, err) && wcr_config_describe(config, d, err) &&
         torch_list_tensors(archive, root, "data", model, add_tensor, d, err);
}

bool fairseq_probe(const zip_archive *archive) {
  bool has_data = false;
  for (size_t i = 0; i < zip_entry_count(archive); i++) {
    const char *slash = strchr(zip_entry_name(archive, i), '/');
    has_data |= slash && strcmp(slash, "/data.pkl") == 0;
    if (slash && strncmp(slash, "/code/", strlen("/code/")) == 0)
      return false;
  }
  return has_data;
}
