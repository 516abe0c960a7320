#include "model/checkpoint.h"

#include "import/fairseq/wcr.h"
#include "import/torchscript/torchscript.h"
#include "model/model_file.h"

#include <string.h>

static const shape ecg_shape = {3, {1, 12, 2500}};

/* ---- TorchScript ---- */

static bool is_torchscript(const checkpoint *c) {
  return c->archive && torchscript_probe(c->archive);
}

static graph *torchscript_graph(const checkpoint *c, int64_t tokens, error *err) {
  (void)tokens;
  return torchscript_import(c->archive, &ecg_shape, err);
}

static bool describe_torchscript(const checkpoint *c, description *d, error *err) {
  return torchscript_describe(c->archive, d, err);
}

/* ---- fairseq ---- */

static bool is_fairseq(const checkpoint *c) {
  return c->archive && fairseq_probe(c->archive);
}

static graph *fairseq_graph(const checkpoint *c, int64_t tokens, error *err) {
  (void)tokens;
  return fairseq_import(c->archive, &ecg_shape, err);
}

static bool describe_fairseq(const checkpoint *c, description *d, error *err) {
  return fairseq_describe(c->archive, d, err);
}

/* ---- Hugging Face BERT ---- */

static bool is_bert(const checkpoint *c) {
  return c->archive == NULL;
}

static bool open_bert(checkpoint *c, error *err) {
  const char *slash = strrchr(c->path, '/');
  int folder = slash ? (int)(slash - c->path) + 1 : 0;
  char *path = arena_printf(c->memory, err, "%.*sconfig.json", folder, c->path);
  if (!path || !mapped_file_open(&c->config, path, err))
    return false;
  c->bert = bert_open((const char *)c->config.data, c->config.size, c->file.data, c->file.size, err);
  if (!c->bert)
    return error_prefix(err, "%.*s", folder, c->path);
  /* Opening reads what is stored in another type than float32, and keeps it converted. */
  mapped_file_release(&c->file, 0, c->file.size);
  return true;
}

static graph *make_bert_graph(const checkpoint *c, int64_t tokens, error *err) {
  return bert_graph(c->bert, tokens, err);
}

static bool describe_bert(const checkpoint *c, description *d, error *err) {
  return bert_describe(c->bert, d, err);
}

/* ---- the table ---- */

/* EfficientNets keep to float32: bfloat16 moved their probabilities by up to 0.06. */
static const model_importer importers[] = {
    {"TorchScript", MODEL_INPUT_ECG, false, is_torchscript, NULL, torchscript_graph, describe_torchscript},
    {"fairseq", MODEL_INPUT_ECG, true, is_fairseq, NULL, fairseq_graph, describe_fairseq},
    {"Hugging Face BERT", MODEL_INPUT_TEXT, true, is_bert, open_bert, make_bert_graph, describe_bert},
};

/* ---- opening ---- */

/* A safetensors file begins with the length of its JSON header; whatever else isn't a ZIP is explained by the
 * ZIP reader. */
static bool looks_like_safetensors(const mapped_file *file) {
  return file->size > 8 && file->data[8] == '{' && memcmp(file->data, "PK", 2) != 0;
}

static bool recognise(checkpoint *c, error *err) {
  if (!looks_like_safetensors(&c->file)) {
    c->archive = zip_open(c->file.data, c->file.size, err);
    if (!c->archive)
      return error_prefix(err, "%s", c->path);
    zip_lend_file(c->archive, &c->file);
  }
  for (size_t i = 0; i < sizeof importers / sizeof *importers; i++)
    if (importers[i].probe(c)) {
      c->importer = &importers[i];
      return !c->importer->open || c->importer->open(c, err);
    }
  return error_set(err, ERROR_UNSUPPORTED, "%s: a ZIP archive, but of no kind of model that is known here",
                   c->path);
}

bool checkpoint_open(checkpoint *c, const char *path, const reporter *r, error *err) {
  *c = (checkpoint){.memory = arena_create(err)};
  if (!c->memory)
    return false;
  c->path = model_file_find(c->memory, path, r, err);
  return c->path && mapped_file_open(&c->file, c->path, err) && recognise(c, err);
}

void checkpoint_close(checkpoint *c) {
  bert_close(c->bert);
  zip_close(c->archive);
  mapped_file_close(&c->config);
  mapped_file_close(&c->file);
  arena_destroy(c->memory);
  *c = (checkpoint){0};
}

/* ---- the network ---- */

graph *checkpoint_graph(const checkpoint *c, int64_t tokens, const reporter *r, error *err) {
  graph *g = c->importer->make_graph(c, tokens, err);
  if (g && graph_optimise(g, err)) {
    graph_lend_file(g, &c->file);
    const char *name;
    if (r && !graph_constants_finite(g, &name))
      report(r, REPORT_WARNING,
             "%s: weight '%s' holds values that are not finite numbers; so may its results", c->path, name);
    return g;
  }
  graph_destroy(g);
  error_prefix(err, "%s", c->path);
  return NULL;
}

precision checkpoint_precision(const checkpoint *c, precision wanted) {
  return c->importer->reducible ? wanted : PRECISION_FP32;
}

size_t checkpoint_logits(const checkpoint *c, const graph *g, error *err) {
  if (graph_input_count(g) != 1 || graph_output_count(g) != 1) {
    error_set(err, ERROR_UNSUPPORTED, "%s: %d inputs and %d outputs; one of each is wanted", c->path,
              graph_input_count(g), graph_output_count(g));
    return 0;
  }
  const graph_value *out = graph_value_get(g, graph_output(g, 0));
  const shape *s = &out->shape;
  if (out->type == DTYPE_F32 && (s->rank == 1 || s->rank == 2) && s->dims[0] == 1)
    return (size_t)s->dims[s->rank - 1];
  char text[SHAPE_TEXT_SIZE];
  error_set(err, ERROR_UNSUPPORTED, "%s: the output has shape %s; (1, logits) is wanted", c->path,
            shape_text(s, text, sizeof text));
  return 0;
}
