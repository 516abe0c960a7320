#include "import/huggingface/bert_config.h"

#include "base/number_text.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

static const struct size_option {
  const char *name;
  size_t offset;
  int64_t highest;
} size_options[] = {
    {"num_hidden_layers", offsetof(bert_config, layers), BERT_MAX_LAYERS},
    {"hidden_size", offsetof(bert_config, width), OP_MAX_EXTENT},
    {"num_attention_heads", offsetof(bert_config, heads), OP_MAX_EXTENT},
    {"intermediate_size", offsetof(bert_config, hidden_width), OP_MAX_EXTENT},
    {"vocab_size", offsetof(bert_config, vocabulary), OP_MAX_EXTENT},
    {"max_position_embeddings", offsetof(bert_config, positions), OP_MAX_EXTENT},
    {"type_vocab_size", offsetof(bert_config, token_types), OP_MAX_EXTENT},
};

static bool read_sizes(const json_t *root, bert_config *config, error *err) {
  for (size_t i = 0; i < sizeof size_options / sizeof *size_options; i++) {
    const struct size_option *option = &size_options[i];
    const json_t *value = json_object_get(root, option->name);
    if (!json_is_integer(value))
      return error_set(err, ERROR_FORMAT, value ? "%s isn't a whole number" : "%s is missing", option->name);
    int64_t size = json_integer_value(value);
    if (size < 1 || size > option->highest)
      return error_set(err, ERROR_LIMIT, "%s=%" PRId64 " is outside 1..%" PRId64, option->name, size,
                       option->highest);
    memcpy((char *)config + option->offset, &size, sizeof size);
  }
  if (config->width % config->heads)
    return error_set(err, ERROR_FORMAT, "num_attention_heads=%" PRId64 " doesn't divide hidden_size=%" PRId64,
                     config->heads, config->width);
  return true;
}

/* The text under `name`, `usual` where there is none; NULL and *err for something else than a text. */
static const char *read_text(const json_t *root, const char *name, const char *usual, error *err) {
  const json_t *value = json_object_get(root, name);
  if (!value || json_is_null(value))
    return usual;
  if (!json_is_string(value))
    error_set(err, ERROR_FORMAT, "%s isn't a text", name);
  return json_string_value(value);
}

static bool read_activation(const json_t *root, bert_config *config, error *err) {
  static const struct {
    const char *name;
    activation_kind kind;
  } known[] = {{"gelu", ACTIVATION_GELU},
               {"gelu_new", ACTIVATION_GELU_TANH},
               {"gelu_pytorch_tanh", ACTIVATION_GELU_TANH},
               {"relu", ACTIVATION_RELU},
               {"silu", ACTIVATION_SILU},
               {"swish", ACTIVATION_SILU},
               {"tanh", ACTIVATION_TANH}};
  const char *name = read_text(root, "hidden_act", "gelu", err);
  if (!name)
    return false;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(name, known[i].name) == 0) {
      config->activation = known[i].kind;
      return true;
    }
  return error_set(err, ERROR_UNSUPPORTED, "hidden_act '%s' isn't known", name);
}

static bool read_epsilon(const json_t *root, bert_config *config, error *err) {
  const json_t *value = json_object_get(root, "layer_norm_eps");
  config->norm_epsilon = value ? json_number_value(value) : 1e-12;
  if (value && (!json_is_number(value) || !(config->norm_epsilon >= 0 && config->norm_epsilon <= 1)))
    return error_set(err, ERROR_FORMAT, "layer_norm_eps isn't a number in 0..1");
  return true;
}

/* The class of the network: the file's own word where it has one. */
static bool check_architecture(const json_t *root, error *err) {
  const json_t *architectures = json_object_get(root, "architectures");
  const char *type = read_text(root, "model_type", "bert", err);
  if (!type)
    return false;
  if (strcmp(type, "bert") != 0)
    return error_set(err, ERROR_UNSUPPORTED, "model_type is '%s'; only bert is supported", type);
  if (!architectures || json_is_null(architectures))
    return true;
  const char *class = json_string_value(json_array_get(architectures, 0));
  if (class && strcmp(class, "BertForSequenceClassification") == 0)
    return true;
  return error_set(err, ERROR_UNSUPPORTED,
                   "the network is a '%s'; only BertForSequenceClassification is supported",
                   class ? class : "");
}

static bool check_variant(const json_t *root, error *err) {
  const char *positions = read_text(root, "position_embedding_type", "absolute", err);
  if (!positions)
    return false;
  if (strcmp(positions, "absolute") != 0)
    return error_set(err, ERROR_UNSUPPORTED, "position_embedding_type '%s' isn't supported", positions);
  if (json_is_true(json_object_get(root, "is_decoder")))
    return error_set(err, ERROR_UNSUPPORTED, "a decoder (is_decoder) isn't supported");
  return true;
}

static json_t *parse(const char *json, size_t size, error *err) {
  if (size == 0) {
    error_set(err, ERROR_FORMAT, "the file is empty");
    return NULL;
  }
  json_error_t reason;
  json_t *root = json_loadb(json, size, JSON_REJECT_DUPLICATES, &reason);
  if (!root)
    error_set(err, ERROR_FORMAT, "not JSON, line %d: %s", reason.line, reason.text);
  else if (!json_is_object(root))
    error_set(err, ERROR_FORMAT, "not a JSON object");
  return root;
}

bool bert_config_read(const char *json, size_t size, bert_config *config, error *err) {
  *config = (bert_config){0};
  json_t *root = parse(json, size, err);
  bool ok = json_is_object(root) && check_architecture(root, err) && check_variant(root, err) &&
            read_sizes(root, config, err) && read_activation(root, config, err) &&
            read_epsilon(root, config, err);
  json_decref(root);
  return ok;
}

bool bert_config_describe(const bert_config *config, description *d, error *err) {
  bool ok = true;
  for (size_t i = 0; ok && i < sizeof size_options / sizeof *size_options; i++) {
    int64_t size;
    memcpy(&size, (const char *)config + size_options[i].offset, sizeof size);
    ok = description_add_integer(d, size_options[i].name, size, err);
  }
  char epsilon[NUMBER_TEXT_SIZE];
  format_float64(config->norm_epsilon, epsilon);
  return ok && description_add_text(d, "hidden_act", activation_name(config->activation), err) &&
         description_add_text(d, "layer_norm_eps", epsilon, err);
}
