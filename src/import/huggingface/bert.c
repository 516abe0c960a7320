#include "import/huggingface/bert.h"

#include "container/safetensors.h"
#include "import/huggingface/bert_config.h"
#include "import/layers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct bert_checkpoint {
  arena *memory;
  safetensors *file;
  bert_config config;
  int64_t labels;
  weight_table weights;
};

/* ---- The network; shapes with B = 1 ---- */

typedef struct network {
  layer_builder b;
  const bert_config *config;
} network;

static value_id norm(network *n, value_id x, layer_name module) {
  return layer_norm(&n->b, x, module, n->config->width, n->config->norm_epsilon);
}

/* The first `rows` rows of a table of `all`, as (1, rows, width). */
static value_id first_rows(network *n, const char *name, int64_t all, int64_t rows) {
  layer_builder *b = &n->b;
  int64_t width = n->config->width;
  if (b->failed)
    return VALUE_NONE;
  const float *table = weight_table_read(b->weights, name, &(shape){2, {all, width}}, b->err);
  value_id constant =
      table ? graph_add_constant(b->g, name, DTYPE_F32, &(shape){3, {1, rows, width}}, table, b->err)
            : VALUE_NONE;
  b->failed = constant == VALUE_NONE;
  return constant;
}

/* ids (1, tokens) -> (1, tokens, width). */
static value_id embed(network *n, value_id ids, int64_t tokens) {
  const bert_config *c = n->config;
  static const char path[] = "embeddings";
  value_id words =
      layer_weight(&n->b, layer_named(path, "word_embeddings"), &(shape){2, {c->vocabulary, c->width}});
  value_id types = first_rows(n, "embeddings.token_type_embeddings.weight", c->token_types, 1);
  value_id positions = first_rows(n, "embeddings.position_embeddings.weight", c->positions, tokens);
  value_id x = layer_binary(&n->b, "embedding", words, ids, path);
  x = layer_binary(&n->b, "add", x, types, path);
  x = layer_binary(&n->b, "add", x, positions, path);
  return norm(n, x, layer_named(path, "LayerNorm"));
}

/* norm(x + attention(x)). */
static value_id attention_block(network *n, value_id x, const char *path) {
  int64_t width = n->config->width;
  static const char *const projections[] = {"self.query", "self.key", "self.value"};
  value_id qkv[3];
  for (int i = 0; i < 3; i++)
    qkv[i] = layer_linear(&n->b, x, layer_named(path, projections[i]), width, width);
  value_id y = layer_attention(&n->b, qkv, n->config->heads, width, layer_named(path, "self").text);
  y = layer_linear(&n->b, y, layer_named(path, "output.dense"), width, width);
  return norm(n, layer_binary(&n->b, "add", y, x, path), layer_named(path, "output.LayerNorm"));
}

/* norm(x + feed-forward network(x)). */
static value_id feed_forward_block(network *n, value_id x, const char *path) {
  const bert_config *c = n->config;
  layer_name dense = layer_named(path, "intermediate.dense");
  value_id y = layer_linear(&n->b, x, dense, c->width, c->hidden_width);
  y = layer_activation(&n->b, y, c->activation, dense.text);
  y = layer_linear(&n->b, y, layer_named(path, "output.dense"), c->hidden_width, c->width);
  return norm(n, layer_binary(&n->b, "add", y, x, path), layer_named(path, "output.LayerNorm"));
}

/* (1, tokens, width) -> (1, labels): the first token's state decides. */
static value_id classify(network *n, value_id x, int64_t labels) {
  int64_t width = n->config->width;
  layer_name pooler = layer_named("pooler", "dense");
  x = layer_unary(&n->b, "slice", x, &(op_attributes){.axis = 1, .stop = 1, .step = 1}, "pooler");
  x = layer_unary(&n->b, "reshape", x, &(op_attributes){.ints = {1, width}, .ints_count = 2}, "pooler");
  x = layer_linear(&n->b, x, pooler, width, width);
  x = layer_activation(&n->b, x, ACTIVATION_TANH, pooler.text);
  return layer_linear(&n->b, x, layer_named("", "classifier"), width, labels);
}

static value_id network_output(network *n, value_id ids, int64_t tokens, int64_t labels) {
  value_id x = embed(n, ids, tokens);
  for (int64_t i = 0; i < n->config->layers && !n->b.failed; i++) {
    char path[LAYER_NAME_SIZE];
    snprintf(path, sizeof path, "encoder.layer.%" PRId64, i);
    x = attention_block(n, x, layer_named(path, "attention").text);
    x = feed_forward_block(n, x, path);
  }
  return classify(n, x, labels);
}

static bool build(const bert_checkpoint *b, weight_table *weights, int64_t tokens, graph *g, error *err) {
  network n = {{g, weights, err, false}, &b->config};
  value_id ids = graph_add_input(g, "token_ids", DTYPE_I32, &(shape){2, {1, tokens}}, err);
  if (ids == VALUE_NONE)
    return false;
  value_id logits = network_output(&n, ids, tokens, b->labels);
  return !n.b.failed && graph_set_outputs(g, &logits, 1, err);
}

/* ---- The file ---- */

static bool read_weight(void *context, const void *source, stored_tensor *tensor, error *err) {
  (void)context, (void)err;
  *tensor = *(const stored_tensor *)source;
  return true;
}

/* Names as transformers gives them today, without the `bert.` in front. */
static const char *weight_name(const char *name, arena *memory, error *err) {
  static const char prefix[] = "bert.";
  static const struct {
    const char *older, *newer;
  } spellings[] = {{"LayerNorm.gamma", "weight"}, {"LayerNorm.beta", "bias"}};
  if (strncmp(name, prefix, sizeof prefix - 1) == 0)
    name += sizeof prefix - 1;
  for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
    size_t length = strlen(name), suffix = strlen(spellings[i].older);
    if (length >= suffix && strcmp(name + length - suffix, spellings[i].older) == 0)
      return arena_printf(memory, err, "%.*sLayerNorm.%s", (int)(length - suffix), name, spellings[i].newer);
  }
  return name;
}

static bool collect_weights(bert_checkpoint *b, size_t file_size, error *err) {
  size_t count = safetensors_count(b->file);
  named_weight *items = arena_alloc_array(b->memory, count, sizeof *items, err);
  for (size_t i = 0; items && i < count; i++) {
    items[i].name = weight_name(safetensors_name(b->file, i), b->memory, err);
    if (!items[i].name)
      return false;
    items[i].source = safetensors_find(b->file, safetensors_name(b->file, i));
  }
  if (items) /* no tensor is stored in less than a quarter of float32 */
    b->weights = weight_table_of(items, count, read_weight, NULL, b->memory, 4 * file_size);
  return items;
}

/* Buffers that older exports store stand in `embeddings`; elsewhere a tensor left over means that the network
 * is another one than the configuration's. */
static bool check_unread(const weight_table *weights, error *err) {
  static const char *const modules[] = {"encoder.", "pooler.", "classifier."};
  for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
    const char *unread = weight_table_unread(weights, modules[i]);
    if (unread)
      return error_set(err, ERROR_UNSUPPORTED,
                       "tensor '%s' has no place in the network that config.json describes", unread);
  }
  return true;
}

/* Building a network reads, checks and keeps every weight; later ones only look them up. */
static bool read_weights(bert_checkpoint *b, error *err) {
  shape classifier;
  if (!weight_table_shape(&b->weights, "classifier.weight", 2, &classifier, err))
    return false;
  b->labels = classifier.dims[0];
  graph *g = graph_create(err);
  bool ok = g && build(b, &b->weights, 1, g, err) && check_unread(&b->weights, err);
  graph_destroy(g);
  return ok;
}

static bool open_weights(bert_checkpoint *b, const uint8_t *data, size_t size, error *err) {
  b->file = safetensors_open(data, size, err);
  return b->file && collect_weights(b, size, err) && read_weights(b, err);
}

bert_checkpoint *bert_open(const char *config_json, size_t config_size, const uint8_t *weights,
                           size_t weights_size, error *err) {
  arena *memory = arena_create(err);
  bert_checkpoint *b = memory ? arena_alloc(memory, sizeof *b, err) : NULL;
  if (!b) {
    arena_destroy(memory);
    return NULL;
  }
  b->memory = memory;
  if (!bert_config_read(config_json, config_size, &b->config, err))
    error_prefix(err, "config.json");
  else if (!open_weights(b, weights, weights_size, err))
    error_prefix(err, "model.safetensors");
  else
    return b;
  bert_close(b);
  return NULL;
}

void bert_close(bert_checkpoint *b) {
  if (!b)
    return;
  safetensors_close(b->file);
  arena_destroy(b->memory);
}

int64_t bert_label_count(const bert_checkpoint *b) {
  return b->labels;
}

int64_t bert_max_tokens(const bert_checkpoint *b) {
  return b->config.positions;
}

int64_t bert_vocabulary_size(const bert_checkpoint *b) {
  return b->config.vocabulary;
}

graph *bert_graph(const bert_checkpoint *b, int64_t tokens, error *err) {
  if (tokens < 1 || tokens > b->config.positions) {
    error_set(err, ERROR_LIMIT, "a text of %" PRId64 " tokens; the network takes 1..%" PRId64, tokens,
              b->config.positions);
    return NULL;
  }
  weight_table weights = b->weights;
  graph *g = graph_create(err);
  if (g && build(b, &weights, tokens, g, err))
    return g;
  graph_destroy(g);
  return NULL;
}

bool bert_describe(const bert_checkpoint *b, description *d, error *err) {
  bool ok = bert_config_describe(&b->config, d, err);
  for (size_t i = 0; ok && i < safetensors_count(b->file); i++) {
    const char *name = safetensors_name(b->file, i);
    ok = description_add_tensor(d, name, safetensors_find(b->file, name), err);
  }
  return ok;
}
