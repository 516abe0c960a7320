#include "import/torchscript/torchscript.h"

#include "container/torch_listing.h"
#include "import/torchscript/lowering.h"

#include <stdlib.h>
#include <string.h>

static const char *after_root(const char *name) {
  const char *slash = strchr(name, '/');
  return slash ? slash + 1 : "";
}

bool torchscript_probe(const zip_archive *archive) {
  bool code = false, data = false;
  for (size_t i = 0; i < zip_entry_count(archive) && !(code && data); i++) {
    const char *name = after_root(zip_entry_name(archive, i));
    code |= strncmp(name, "code/", 5) == 0;
    data |= strcmp(name, "data.pkl") == 0;
  }
  return code && data;
}

/* ---- what forward gives back ---- */

static bool add_output(lowering *l, const ts_value *value, value_id *ids, int *count, error *err) {
  return lowering_value_id(l, value, &ids[*count], err) && ++*count;
}

/* A tensor; a list or tuple of tensors; a dict's tensors in its order. */
static bool set_outputs(lowering *l, const ts_value *value, error *err) {
  value_id ids[OP_MAX_INPUTS];
  int count = 0;
  bool several = value->kind == TS_LIST || value->kind == TS_TUPLE || value->kind == TS_DICT;
  if (!several) {
    if (value->kind != TS_TENSOR)
      return error_set(err, ERROR_UNSUPPORTED, "forward returns %s", ts_kind_name(value->kind));
    return add_output(l, value, ids, &count, err) && graph_set_outputs(l->graph, ids, count, err);
  }
  size_t step = value->kind == TS_DICT ? 2 : 1;
  for (size_t i = step - 1; i < value->as.sequence->count; i += step) {
    const ts_value *item = &value->as.sequence->items[i];
    if (item->kind != TS_TENSOR || count == OP_MAX_INPUTS)
      return error_set(err, ERROR_UNSUPPORTED, "forward returns a collection of more than tensors");
    if (!add_output(l, item, ids, &count, err))
      return false;
  }
  return graph_set_outputs(l->graph, ids, count, err);
}

/* ---- import ---- */

static bool follow_forward(lowering *l, const shape *input, error *err) {
  ts_object *model = lowering_root_object(l, err);
  const ts_function *forward = model ? lowering_find_method(l, model, "forward", err) : NULL;
  if (!forward)
    return false;
  if (forward->parameter_count < 2)
    return error_set(err, ERROR_UNSUPPORTED, "forward takes no input");
  value_id id = graph_add_input(l->graph, forward->parameters[1].name, DTYPE_F32, input, err);
  ts_value arguments[2] = {{.kind = TS_OBJECT, .as.object = model}}, result;
  return id != VALUE_NONE && lowering_new_tensor(l, id, &arguments[1], err) &&
         lowering_call(l, forward, arguments, 2, &result, err) && set_outputs(l, &result, err);
}

static bool prepare(lowering *l, error *err) {
  l->root = torch_archive_root(l->archive, l->memory, err);
  l->sources =
      l->root ? arena_alloc_array(l->memory, zip_entry_count(l->archive), sizeof *l->sources, err) : NULL;
  return l->sources != NULL;
}

static bool lower_archive(lowering *l, const shape *input, error *err) {
  if (!torchscript_probe(l->archive))
    return error_set(err, ERROR_FORMAT, "no TorchScript archive: it lacks code/ or data.pkl");
  return prepare(l, err) && follow_forward(l, input, err) && graph_compact(l->graph, err) &&
         graph_verify(l->graph, err);
}

graph *torchscript_import(zip_archive *archive, const shape *input, error *err) {
  lowering l = {.archive = archive, .steps_left = TS_MAX_STEPS, .path = "", .origin = ""};
  l.memory = arena_create(err);
  l.graph = l.memory ? graph_create(err) : NULL;
  bool good = l.graph && lower_archive(&l, input, err);
  if (!good) {
    graph_destroy(l.graph);
    l.graph = NULL;
  }
  arena_destroy(l.memory);
  return l.graph;
}

/* ---- what the file holds ---- */

static bool add_tensor(void *context, const char *name, const stored_tensor *tensor, error *err) {
  return description_add_tensor(context, name, tensor, err);
}

static bool list_pickle(zip_archive *archive, const char *root, const char *pickle, const char *folder,
                        description *d, error *err) {
  const pickle_value *value = torch_read_pickle(archive, root, pickle, d->memory, err);
  return value && torch_list_tensors(archive, root, folder, value, add_tensor, d, err);
}

bool torchscript_describe(zip_archive *archive, description *d, error *err) {
  const char *root = torch_archive_root(archive, d->memory, err);
  return root && list_pickle(archive, root, "data.pkl", "data", d, err) &&
         list_pickle(archive, root, "constants.pkl", "constants", d, err);
}
