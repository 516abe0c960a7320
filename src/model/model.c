#include "model/model.h"

#include "backend/backend.h"
#include "model/checkpoint.h"

#include <stdlib.h>

struct model {
  arena *memory;
  char *path;
  const char *kind;
  const backend *backend;
  executable *executable;
  size_t output_count;
  double operations;
};

static bool check_input(const checkpoint *c, error *err) {
  return c->importer->input == MODEL_INPUT_ECG ||
         error_set(err, ERROR_UNSUPPORTED, "%s: a network that reads text, not ECGs", c->path);
}

static bool compile(model *m, const checkpoint *c, const graph *g, const model_options *options, error *err) {
  m->output_count = checkpoint_logits(c, g, err);
  if (!m->output_count)
    return false;
  m->operations = graph_flops(g);
  const compile_options how = {.threads = options->threads,
                               .brief = options->brief,
                               .precision = checkpoint_precision(c, options->precision)};
  m->executable = m->backend->compile(g, &how, err);
  return m->executable || error_prefix(err, "%s", c->path);
}

static bool build(model *m, const checkpoint *c, const model_options *options, const reporter *r,
                  error *err) {
  m->memory = arena_create(err);
  m->path = m->memory ? arena_strdup(m->memory, c->path, err) : NULL;
  m->kind = c->importer->name;
  m->backend = m->path ? backend_find(options->backend, err) : NULL;
  graph *g = m->backend && check_input(c, err) ? checkpoint_graph(c, 0, r, err) : NULL;
  bool ok = g && compile(m, c, g, options, err);
  graph_destroy(g);
  return ok;
}

model *model_open(const char *path, const model_options *options, const reporter *r, error *err) {
  model *m = calloc(1, sizeof *m);
  if (!m) {
    error_out_of_memory(err);
    return NULL;
  }
  checkpoint c;
  bool ok = checkpoint_open(&c, path, r, err) && build(m, &c, options, r, err);
  checkpoint_close(&c);
  if (ok)
    return m;
  model_close(m);
  return NULL;
}

void model_close(model *m) {
  if (!m)
    return;
  if (m->executable)
    m->backend->destroy(m->executable);
  arena_destroy(m->memory);
  free(m);
}

size_t model_output_count(const model *m) {
  return m->output_count;
}

const char *model_path(const model *m) {
  return m->path;
}

const char *model_kind(const model *m) {
  return m->kind;
}

const char *model_variant(const model *m) {
  return m->backend->variant(m->executable);
}

bool model_predict(model *m, const float *signals, size_t n, float *logits, error *err) {
  const void *inputs[] = {signals};
  void *outputs[] = {logits};
  return m->backend->run(m->executable, inputs, outputs, n, err) || error_prefix(err, "%s", m->path);
}

bool model_predict_alone(model *m, int worker, const float *signal, float *logits, error *err) {
  const void *inputs[] = {signal};
  void *outputs[] = {logits};
  return m->backend->run_alone(m->executable, worker, inputs, outputs, err) ||
         error_prefix(err, "%s", m->path);
}

model_cost model_cost_of(const model *m) {
  return (model_cost){m->operations, m->backend->memory(m->executable)};
}

double model_probe_peak(const model *m) {
  return m->backend->probe_peak(m->executable);
}
