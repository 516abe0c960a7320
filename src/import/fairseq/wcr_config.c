#include "import/fairseq/wcr_config.h"

#include "base/buffer.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* ---- Values ---- */

static bool is_getattr(const pickle_value *call) {
  return pickle_is_call(call, "builtins", "getattr") || pickle_is_call(call, "__builtin__", "getattr");
}

/* Is it a class, by Python's custom of names? A function that takes a value is no enum. */
static bool is_class(const pickle_value *callable) {
  return callable->kind == PICKLE_GLOBAL && *callable->as.global.name >= 'A' &&
         *callable->as.global.name <= 'Z';
}

/* OmegaConf's value nodes hold theirs in _val; an enum's member is pickled as the call of its class with the
 * value, or of getattr with the class and the member's name. A pickle can nest them without end. */
static const pickle_value *plain(const pickle_value *value) {
  for (int depth = 0; depth < 4 && value && value->kind == PICKLE_REDUCE; depth++) {
    const pickle_value *inner = pickle_attribute(value, "_val"), *arguments = value->as.reduce.arguments;
    if (!inner && !value->as.reduce.state && !value->as.reduce.items) {
      size_t wanted = is_getattr(value) ? 2 : is_class(value->as.reduce.callable) ? 1 : SIZE_MAX;
      inner = arguments->as.list.count == wanted ? arguments->as.list.items[wanted - 1] : NULL;
    }
    if (!inner)
      return value;
    value = inner;
  }
  return value;
}

/* A member of a dict, of OmegaConf's DictConfig (_content), or of an object such as argparse's Namespace. */
static const pickle_value *member(const pickle_value *container, const char *name) {
  const pickle_value *content = pickle_attribute(container, "_content");
  const pickle_value *value = pickle_get(content ? content : container, name);
  return value ? value : pickle_attribute(container, name);
}

static const pickle_value *option_value(const pickle_value *model, const char *name) {
  const pickle_value *value = plain(member(model, name));
  return value && value->kind != PICKLE_NONE ? value : NULL;
}

static const char *kind_name(const pickle_value *value) {
  static const char *const names[] = {
      [PICKLE_NONE] = "None",        [PICKLE_BOOL] = "a boolean",
      [PICKLE_INT] = "an integer",   [PICKLE_BIG_INT] = "a huge integer",
      [PICKLE_FLOAT] = "a float",    [PICKLE_BYTES] = "bytes",
      [PICKLE_TEXT] = "a text",      [PICKLE_TUPLE] = "a tuple",
      [PICKLE_LIST] = "a list",      [PICKLE_DICT] = "a dict",
      [PICKLE_SET] = "a set",        [PICKLE_GLOBAL] = "a class or function",
      [PICKLE_REDUCE] = "an object", [PICKLE_PERSISTENT] = "an object",
  };
  return names[value->kind];
}

static bool refuse_kind(const char *path, const char *name, const pickle_value *value, const char *wanted,
                        error *err) {
  if (value->kind != PICKLE_REDUCE || value->as.reduce.callable->kind != PICKLE_GLOBAL)
    return error_set(err, ERROR_FORMAT, "%s%s is %s, not %s", path, name, kind_name(value), wanted);
  const pickle_value *callable = value->as.reduce.callable;
  return error_set(err, ERROR_FORMAT, "%s%s is what %s.%s would return (nothing is called here), not %s",
                   path, name, callable->as.global.module, callable->as.global.name, wanted);
}

static bool refuse_missing(const char *name, error *err) {
  return error_set(err, ERROR_FORMAT, "cfg.model.%s is missing", name);
}

static bool is_container(const pickle_value *value) {
  return value->kind == PICKLE_DICT ||
         (value->kind == PICKLE_REDUCE && (value->as.reduce.items || value->as.reduce.state));
}

/* container.name, which must be there and hold members itself. */
static const pickle_value *container_member(const pickle_value *container, const char *path, const char *name,
                                            error *err) {
  const pickle_value *value = member(container, name);
  if (!value || value->kind == PICKLE_NONE)
    error_set(err, ERROR_UNSUPPORTED,
              "no %s%s in the file: not a fairseq checkpoint, or one from before 2021, or weights alone",
              path, name);
  else if (is_container(value))
    return value;
  else
    refuse_kind(path, name, value, "a dict", err);
  return NULL;
}

/* ---- Options by type ---- */

enum { REQUIRED = 0 };

static const struct integer_option {
  const char *name;
  size_t offset;
  int64_t highest, usual;
} integer_options[] = {
    {"in_d", offsetof(wcr_config, in_channels), OP_MAX_EXTENT, 12},
    {"conv_pos", offsetof(wcr_config, position_kernel), OP_MAX_EXTENT, 128},
    {"conv_pos_groups", offsetof(wcr_config, position_groups), OP_MAX_EXTENT, 16},
    {"encoder_layers", offsetof(wcr_config, layers), WCR_MAX_LAYERS, REQUIRED},
    {"encoder_embed_dim", offsetof(wcr_config, width), OP_MAX_EXTENT, REQUIRED},
    {"encoder_attention_heads", offsetof(wcr_config, heads), OP_MAX_EXTENT, REQUIRED},
    {"encoder_ffn_embed_dim", offsetof(wcr_config, hidden_width), OP_MAX_EXTENT, REQUIRED},
};

static bool read_integer(const pickle_value *model, const struct integer_option *option, int64_t *integer,
                         error *err) {
  const pickle_value *value = option_value(model, option->name);
  *integer = option->usual;
  if (!value)
    return option->usual != REQUIRED || refuse_missing(option->name, err);
  if (value->kind != PICKLE_INT)
    return refuse_kind("cfg.model.", option->name, value, "an integer", err);
  *integer = value->as.integer;
  if (*integer < 1 || *integer > option->highest)
    return error_set(err, ERROR_LIMIT, "cfg.model.%s=%" PRId64 " is outside 1..%" PRId64, option->name,
                     *integer, option->highest);
  return true;
}

static bool read_integers(const pickle_value *model, wcr_config *config, error *err) {
  for (size_t i = 0; i < sizeof integer_options / sizeof *integer_options; i++) {
    int64_t *integer = (int64_t *)((char *)config + integer_options[i].offset);
    if (!read_integer(model, &integer_options[i], integer, err))
      return false;
  }
  return true;
}

static bool read_flag(const pickle_value *model, const char *name, bool *flag, error *err) {
  const pickle_value *value = option_value(model, name);
  if (value && value->kind != PICKLE_BOOL)
    return refuse_kind("cfg.model.", name, value, "True or False", err);
  *flag = value && value->as.integer;
  return true;
}

/* `usual` where the option is absent, which must not be when that is NULL. */
static bool read_text(const pickle_value *model, const char *name, const char *usual, const char **text,
                      error *err) {
  const pickle_value *value = option_value(model, name);
  if (!value && !usual)
    return refuse_missing(name, err);
  if (value && value->kind != PICKLE_TEXT)
    return refuse_kind("cfg.model.", name, value, "a text", err);
  *text = value ? value->as.text.text : usual;
  return true;
}

/* ---- Options with meanings of their own ---- */

static bool read_extractor_mode(const pickle_value *model, wcr_config *config, error *err) {
  const char *mode;
  if (!read_text(model, "extractor_mode", "default", &mode, err))
    return false;
  config->norm_every_convolution = strcmp(mode, "layer_norm") == 0;
  if (!config->norm_every_convolution && strcmp(mode, "default") != 0)
    return error_set(err, ERROR_UNSUPPORTED, "cfg.model.extractor_mode '%s' isn't known", mode);
  return true;
}

static bool read_activation(const pickle_value *model, wcr_config *config, error *err) {
  static const struct {
    const char *name;
    activation_kind kind;
  } known[] = {{"gelu", ACTIVATION_GELU},           {"gelu_accurate", ACTIVATION_GELU_TANH},
               {"gelu_fast", ACTIVATION_GELU_TANH}, {"relu", ACTIVATION_RELU},
               {"swish", ACTIVATION_SILU},          {"tanh", ACTIVATION_TANH}};
  const char *name;
  if (!read_text(model, "activation_fn", "gelu", &name, err))
    return false;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(name, known[i].name) == 0) {
      config->activation = known[i].kind;
      return true;
    }
  return error_set(err, ERROR_UNSUPPORTED, "cfg.model.activation_fn '%s' isn't known", name);
}

static bool read_convolutions(const pickle_value *model, wcr_config *config, error *err) {
  const char *text;
  if (!read_text(model, "conv_feature_layers", NULL, &text, err))
    return false;
  return conv_layers_parse(text, strlen(text), &config->convolutions, err) ||
         error_prefix(err, "cfg.model.conv_feature_layers");
}

static bool check_divisible(const wcr_config *config, error *err) {
  if (config->width % config->heads)
    return error_set(err, ERROR_FORMAT,
                     "cfg.model: encoder_attention_heads=%" PRId64
                     " doesn't divide encoder_embed_dim=%" PRId64,
                     config->heads, config->width);
  if (config->width % config->position_groups)
    return error_set(err, ERROR_FORMAT,
                     "cfg.model: conv_pos_groups=%" PRId64 " doesn't divide encoder_embed_dim=%" PRId64,
                     config->position_groups, config->width);
  return true;
}

static bool check_name(const pickle_value *model, error *err) {
  const char *name;
  if (!read_text(model, "_name", NULL, &name, err))
    return false;
  if (strcmp(name, "ecg_transformer_classifier") == 0)
    return true;
  return error_set(
      err, ERROR_UNSUPPORTED,
      "a fairseq checkpoint of '%s'; only an ecg_transformer_classifier gives probabilities (a model that "
      "was only pre-trained doesn't)",
      name);
}

bool wcr_config_read(const pickle_value *checkpoint, wcr_config *config, error *err) {
  *config = (wcr_config){0};
  if (!is_container(checkpoint))
    return refuse_kind("", "data.pkl", checkpoint, "a dict", err);
  const pickle_value *cfg = container_member(checkpoint, "", "cfg", err);
  const pickle_value *model = cfg ? container_member(cfg, "cfg.", "model", err) : NULL;
  return model && check_name(model, err) && read_integers(model, config, err) &&
         read_convolutions(model, config, err) && read_extractor_mode(model, config, err) &&
         read_activation(model, config, err) &&
         read_flag(model, "conv_bias", &config->convolution_bias, err) &&
         read_flag(model, "layer_norm_first", &config->norm_first, err) && check_divisible(config, err);
}

/* ---- Description ---- */

static bool describe_convolutions(const conv_layers *layers, description *d, error *err) {
  buffer text = {0};
  bool ok = buffer_append_text(&text, "[", err);
  for (size_t i = 0; ok && i < layers->count; i++)
    ok = buffer_printf(&text, err, "%s(%" PRId64 ", %" PRId64 ", %" PRId64 ")", i ? ", " : "",
                       layers->items[i].width, layers->items[i].kernel, layers->items[i].stride);
  ok = ok && buffer_append_text(&text, "]", err) &&
       description_add_text(d, "conv_feature_layers", text.data, err);
  buffer_free(&text);
  return ok;
}

bool wcr_config_describe(const wcr_config *config, description *d, error *err) {
  bool ok = describe_convolutions(&config->convolutions, d, err);
  for (size_t i = 0; ok && i < sizeof integer_options / sizeof *integer_options; i++)
    ok = description_add_integer(d, integer_options[i].name,
                                 *(const int64_t *)((const char *)config + integer_options[i].offset), err);
  return ok &&
         description_add_text(d, "extractor_mode", config->norm_every_convolution ? "layer_norm" : "default",
                              err) &&
         description_add_text(d, "conv_bias", config->convolution_bias ? "True" : "False", err) &&
         description_add_text(d, "activation_fn", activation_name(config->activation), err) &&
         description_add_text(d, "layer_norm_first", config->norm_first ? "True" : "False", err);
}
