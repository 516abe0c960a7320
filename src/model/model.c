#include "model/model.h"

#include "backend/backend.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "container/zip.h"
#include "import/torchscript/torchscript.h"
#include "model/inspect.h"
#include "model/model_file.h"

#include <stdlib.h>

/* A kind of model file: how it is recognised and how it becomes a graph. One line each in the table below. */
typedef struct model_importer {
  const char *name;
  bool (*probe)(const zip_archive *archive);
  graph *(*import)(zip_archive *archive, const shape *input, error *err);
} model_importer;

static const model_importer importers[] = {{"TorchScript", torchscript_probe, torchscript_import}};

/* A file and the graph that was read from it; the graph's weights may lie in the file. */
typedef struct loaded {
  arena *memory;
  char *path;
  mapped_file file;
  zip_archive *archive;
  const model_importer *importer;
  graph *graph;
} loaded;

struct model {
  loaded loaded;
  sha256_text sha256;
  const backend *backend;
  executable *executable;
  size_t output_count;
  double operations;
};

/* One 12-lead ECG of 10 s at 250 Hz. */
static const shape ecg_shape = {3, {1, 12, 2500}};

static void unload(loaded *l) {
  graph_destroy(l->graph);
  zip_close(l->archive);
  mapped_file_close(&l->file);
  arena_destroy(l->memory);
}

static bool import(loaded *l, error *err) {
  l->archive = zip_open(l->file.data, l->file.size, err);
  if (!l->archive)
    return error_prefix(err, "%s", l->path);
  for (size_t i = 0; i < sizeof importers / sizeof *importers; i++)
    if (importers[i].probe(l->archive)) {
      l->importer = &importers[i];
      l->graph = importers[i].import(l->archive, &ecg_shape, err);
      return l->graph || error_prefix(err, "%s", l->path);
    }
  return error_set(err, ERROR_UNSUPPORTED, "%s: a ZIP archive, but of no kind of model that is known here",
                   l->path);
}

static bool load(loaded *l, const char *path, const reporter *r, error *err) {
  *l = (loaded){.memory = arena_create(err)};
  if (!l->memory)
    return false;
  l->path = model_file_find(l->memory, path, r, err);
  return l->path && mapped_file_open(&l->file, l->path, err) && import(l, err) &&
         (graph_optimise(l->graph, err) || error_prefix(err, "%s", l->path));
}

/* The network must take one ECG and give one row of logits. */
static bool check_interface(model *m, error *err) {
  const graph *g = m->loaded.graph;
  if (graph_input_count(g) != 1 || graph_output_count(g) != 1)
    return error_set(err, ERROR_UNSUPPORTED, "%s: %d inputs and %d outputs; one of each is wanted",
                     m->loaded.path, graph_input_count(g), graph_output_count(g));
  const shape *out = &graph_value_get(g, graph_output(g, 0))->shape;
  if (out->rank == 0 || out->rank > 2 || (out->rank == 2 && out->dims[0] != 1) ||
      (out->rank == 1 && out->dims[0] != 1)) {
    char text[128];
    return error_set(err, ERROR_UNSUPPORTED, "%s: the output has shape %s; (1, logits) is wanted",
                     m->loaded.path, shape_text(out, text, sizeof text));
  }
  m->output_count = (size_t)out->dims[out->rank - 1];
  return true;
}

static bool compile(model *m, const model_options *options, error *err) {
  m->backend = backend_find(options->backend, err);
  if (!m->backend)
    return false;
  m->operations = graph_flops(m->loaded.graph);
  m->executable = m->backend->compile(m->loaded.graph, options->threads, err);
  return m->executable || error_prefix(err, "%s", m->loaded.path);
}

model *model_open(const char *path, const model_options *options, const reporter *r, error *err) {
  model *m = calloc(1, sizeof *m);
  if (!m) {
    error_out_of_memory(err);
    return NULL;
  }
  if (!load(&m->loaded, path, r, err) || !check_interface(m, err) || !compile(m, options, err)) {
    model_close(m);
    return NULL;
  }
  m->sha256 = sha256_of(m->loaded.file.data, m->loaded.file.size);
  return m;
}

void model_close(model *m) {
  if (!m)
    return;
  if (m->executable)
    m->backend->destroy(m->executable);
  unload(&m->loaded);
  free(m);
}

size_t model_output_count(const model *m) {
  return m->output_count;
}

const char *model_path(const model *m) {
  return m->loaded.path;
}

const char *model_sha256(const model *m) {
  return m->sha256.hex;
}

const char *model_kind(const model *m) {
  return m->loaded.importer->name;
}

const char *model_variant(const model *m) {
  return m->backend->variant(m->executable);
}

bool model_predict(model *m, const float *signals, size_t n, float *logits, error *err) {
  const void *inputs[] = {signals};
  void *outputs[] = {logits};
  return m->backend->run(m->executable, inputs, outputs, n, err) || error_prefix(err, "%s", m->loaded.path);
}

model_cost model_cost_of(const model *m) {
  return (model_cost){m->operations, m->backend->memory(m->executable)};
}

double model_probe_peak(const model *m) {
  return m->backend->probe_peak(m->executable);
}

bool model_inspect(const char *path, bool json, buffer *text, error *err) {
  loaded l;
  bool ok = load(&l, path, NULL, err);
  if (ok) {
    sha256_text sum = sha256_of(l.file.data, l.file.size);
    model_facts facts = {l.path, l.importer->name, sum.hex, l.file.size};
    ok = json ? inspect_json(&facts, l.graph, text, err) : inspect_text(&facts, l.graph, text, err);
  }
  unload(&l);
  return ok;
}
