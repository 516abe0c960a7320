#include "base/file_hash.h"
#include "base/json_text.h"
#include "base/utf8.h"
#include "model/checkpoint.h"
#include "model/model.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* What is known of a model file, for people and for programs. */
typedef struct model_facts {
  const char *path, *kind, *sha256;
  size_t file_size;
  const char *unit; /* what one run of the graph takes: "ECG" */
  const description *description;
} model_facts;

static const char *dtype_text(dtype type) {
  return type == DTYPE_F32 ? "float32" : "int32";
}

static bool print_values(const graph *g, const char *title, int count, value_id (*get)(const graph *, int),
                         buffer *text, error *err) {
  bool ok = true;
  for (int i = 0; i < count && ok; i++) {
    const graph_value *value = graph_value_get(g, get(g, i));
    char dims[128];
    ok = buffer_printf(text, err, "%-12s%s %s %s\n", i == 0 ? title : "", value->name,
                       shape_text(&value->shape, dims, sizeof dims), dtype_text(value->type));
  }
  return ok;
}

static shape tensor_shape(const described_tensor *tensor) {
  shape s = {.rank = tensor->rank};
  for (int i = 0; i < tensor->rank; i++)
    s.dims[i] = tensor->dims[i];
  return s;
}

static bool print_settings(const description *d, buffer *text, error *err) {
  bool ok = true;
  for (size_t i = 0; i < d->setting_count && ok; i++) {
    const described_setting *setting = &d->settings[i];
    const char *title = i == 0 ? "settings" : "";
    ok = setting->text
             ? buffer_printf(text, err, "%-12s%s %s\n", title, setting->name, setting->text)
             : buffer_printf(text, err, "%-12s%s %lld\n", title, setting->name, (long long)setting->integer);
  }
  return ok;
}

/* The tensors have been checked: no product overflows, and their sum is that of a file's bytes. */
static int64_t stored_elements(const description *d) {
  int64_t total = 0;
  for (size_t i = 0; i < d->tensor_count; i++) {
    int64_t elements = 1;
    for (int k = 0; k < d->tensors[i].rank; k++)
      elements *= d->tensors[i].dims[k];
    total += elements;
  }
  return total;
}

static bool print_tensors(const description *d, buffer *text, error *err) {
  bool ok = buffer_printf(text, err, "%-12s%zu stored, %lld elements\n", "tensors", d->tensor_count,
                          (long long)stored_elements(d));
  for (size_t i = 0; i < d->tensor_count && ok; i++) {
    const described_tensor *tensor = &d->tensors[i];
    shape s = tensor_shape(tensor);
    char dims[SHAPE_TEXT_SIZE];
    ok = buffer_printf(text, err, "%-12s%s %s %s\n", "", tensor->name, shape_text(&s, dims, sizeof dims),
                       stored_dtype_name(tensor->type));
  }
  return ok;
}

static bool print_file(const model_facts *facts, buffer *text, error *err) {
  size_t begin = text->size;
  if (!buffer_printf(text, err, "%-12s%s", "file", facts->path))
    return false;
  utf8_neutralise(text->data + begin); /* a name may hold a newline */
  return buffer_printf(text, err, "\n%-12s%s\n%-12s%s\n%-12s%zu bytes\n", "kind", facts->kind, "sha256",
                       facts->sha256, "size", facts->file_size);
}

static bool inspect_text(const model_facts *facts, const graph *g, buffer *text, error *err) {
  return print_file(facts, text, err) && print_settings(facts->description, text, err) &&
         print_values(g, "input", graph_input_count(g), graph_input, text, err) &&
         print_values(g, "output", graph_output_count(g), graph_output, text, err) &&
         buffer_printf(text, err, "%-12s%lld in the graph\n%-12s%.4g GFLOP for one %s\n", "parameters",
                       (long long)graph_parameter_count(g), "work", graph_flops(g) / 1e9, facts->unit) &&
         print_tensors(facts->description, text, err) &&
         buffer_printf(text, err, "%-12s%d nodes\n", "graph", graph_node_count(g)) &&
         graph_print(g, text, err);
}

static json_t *shape_json(const shape *s) {
  json_t *dims = json_array();
  for (int i = 0; i < s->rank; i++)
    json_array_append_new(dims, json_integer((json_int_t)s->dims[i]));
  return dims;
}

static json_t *value_json(const graph *g, value_id id) {
  const graph_value *value = graph_value_get(g, id);
  return json_pack("{s:i, s:o, s:s, s:o, s:b}", "id", (int)id, "name", json_text(value->name), "dtype",
                   dtype_text(value->type), "shape", shape_json(&value->shape), "constant",
                   value->data != NULL);
}

static json_t *values_json(const graph *g, int count, value_id (*get)(const graph *, int)) {
  json_t *values = json_array();
  for (int i = 0; i < count; i++)
    json_array_append_new(values, value_json(g, get(g, i)));
  return values;
}

static json_t *attribute_json(const graph_node *node, const attribute_spec *spec) {
  const char *field = (const char *)&node->attributes + spec->offset;
  switch (spec->kind) {
  case ATTRIBUTE_INT:
    return json_integer((json_int_t) * (const int64_t *)field);
  case ATTRIBUTE_INT_PAIR:
    return json_pack("[I, I]", (json_int_t)((const int64_t *)field)[0],
                     (json_int_t)((const int64_t *)field)[1]);
  case ATTRIBUTE_FLOAT:
    return json_real(*(const double *)field);
  case ATTRIBUTE_ACTIVATION:
    return json_string(activation_name((activation_kind) * (const int64_t *)field));
  case ATTRIBUTE_INTS: {
    json_t *numbers = json_array();
    for (int64_t i = 0; i < node->attributes.ints_count; i++)
      json_array_append_new(numbers, json_integer((json_int_t)node->attributes.ints[i]));
    return numbers;
  }
  }
  return json_null();
}

static json_t *node_json(const graph *g, const graph_node *node) {
  json_t *inputs = json_array(), *attributes = json_object();
  for (int i = 0; i < node->input_count; i++)
    json_array_append_new(inputs,
                          node->inputs[i] == VALUE_NONE ? json_null() : value_json(g, node->inputs[i]));
  for (const attribute_spec *spec = node->op->attributes; spec && spec->name; spec++)
    json_object_set_new(attributes, spec->name, attribute_json(node, spec));
  return json_pack("{s:s, s:o, s:o, s:o, s:o}", "op", node->op->name, "inputs", inputs, "output",
                   value_json(g, node->output), "attributes", attributes, "origin", json_text(node->origin));
}

static json_t *settings_json(const description *d) {
  json_t *settings = json_object();
  for (size_t i = 0; i < d->setting_count; i++) {
    const described_setting *setting = &d->settings[i];
    json_object_set_new(settings, setting->name,
                        setting->text ? json_text(setting->text)
                                      : json_integer((json_int_t)setting->integer));
  }
  return settings;
}

static json_t *tensors_json(const description *d) {
  json_t *tensors = json_array();
  for (size_t i = 0; i < d->tensor_count; i++) {
    shape s = tensor_shape(&d->tensors[i]);
    json_array_append_new(tensors,
                          json_pack("{s:o, s:s, s:o}", "name", json_text(d->tensors[i].name), "dtype",
                                    stored_dtype_name(d->tensors[i].type), "shape", shape_json(&s)));
  }
  return tensors;
}

static json_t *nodes_json(const graph *g) {
  json_t *nodes = json_array();
  for (int i = 0; i < graph_node_count(g); i++)
    json_array_append_new(nodes, node_json(g, graph_node_get(g, i)));
  return nodes;
}

static bool inspect_json(const model_facts *facts, const graph *g, buffer *text, error *err) {
  json_t *root = json_pack("{s:o, s:s, s:s, s:I, s:o, s:o, s:o, s:I, s:f, s:s, s:I, s:o, s:o}", "file",
                           json_text(facts->path), "kind", facts->kind, "sha256", facts->sha256, "bytes",
                           (json_int_t)facts->file_size, "settings", settings_json(facts->description),
                           "inputs", values_json(g, graph_input_count(g), graph_input), "outputs",
                           values_json(g, graph_output_count(g), graph_output), "parameters",
                           (json_int_t)graph_parameter_count(g), "flops", graph_flops(g), "flops_for_one",
                           facts->unit, "stored_elements", (json_int_t)stored_elements(facts->description),
                           "tensors", tensors_json(facts->description), "nodes", nodes_json(g));
  char *dump = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
  json_decref(root);
  bool ok = dump ? buffer_append_text(text, dump, err) && buffer_append_text(text, "\n", err)
                 : error_out_of_memory(err);
  free(dump);
  return ok;
}

/* ---- from a path ---- */

static bool gather(const checkpoint *c, graph **g, description *d, sha256_text *sum, char unit[64],
                   error *err) {
  bool text = c->importer->input == MODEL_INPUT_TEXT;
  int64_t tokens = text ? bert_max_tokens(c->bert) : 0;
  file_hash *hash = file_hash_start(c->path, err);
  if (!hash)
    return false;
  *g = checkpoint_graph(c, tokens, NULL, err);
  bool ok = *g && (c->importer->describe(c, d, err) || error_prefix(err, "%s", c->path));
  if (!ok) {
    file_hash_cancel(hash);
    return false;
  }
  snprintf(unit, 64, text ? "text of %lld tokens" : "ECG", (long long)tokens);
  return file_hash_finish(hash, sum, err);
}

bool model_inspect(const char *path, bool json, buffer *text, error *err) {
  checkpoint c;
  if (!checkpoint_open(&c, path, NULL, err)) {
    checkpoint_close(&c);
    return false;
  }
  description d = {.memory = c.memory};
  graph *g = NULL;
  sha256_text sum;
  char unit[64];
  bool ok = gather(&c, &g, &d, &sum, unit, err);
  if (ok) {
    model_facts facts = {c.path, c.importer->name, sum.hex, c.file.size, unit, &d};
    ok = (json ? inspect_json : inspect_text)(&facts, g, text, err);
  }
  graph_destroy(g);
  description_free(&d);
  checkpoint_close(&c);
  return ok;
}
