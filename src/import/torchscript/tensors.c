/* From the code's tensors to the graph's values. */
#include "import/torchscript/lowering.h"

#include <inttypes.h>
#include <string.h>

static bool new_tensor(lowering *l, value_id id, ts_value *result, error *err) {
  ts_tensor *tensor = arena_alloc(l->memory, sizeof *tensor, err);
  if (!tensor)
    return false;
  *tensor = (ts_tensor){.id = id, .alias = tensor, .swapped = VALUE_NONE};
  *result = (ts_value){.kind = TS_TENSOR, .as.tensor = tensor};
  return true;
}

bool lowering_new_tensor(lowering *l, value_id id, ts_value *result, error *err) {
  return new_tensor(l, id, result, err);
}

bool lowering_new_view(lowering *l, ts_tensor *base, value_id id, ts_value *result, error *err) {
  if (!new_tensor(l, id, result, err))
    return false;
  result->as.tensor->boolean = base->boolean;
  result->as.tensor->alias = base->alias;
  base->alias = result->as.tensor;
  return true;
}

void lowering_change_tensor(ts_tensor *tensor, value_id id) {
  tensor->id = id;
  tensor->stored = NULL;
  tensor->scalar = NULL;
  tensor->swapped = VALUE_NONE;
  for (ts_tensor *t = tensor->alias; t != tensor; t = t->alias)
    t->stale = true;
}

const shape *lowering_shape(const lowering *l, value_id id) {
  return &graph_value_get(l->graph, id)->shape;
}

/* ---- constants ---- */

static bool charge_constant(lowering *l, const char *name, int64_t elements, error *err) {
  if (elements > TS_MAX_CONSTANT_ELEMENTS - l->constant_elements)
    return error_set(err, ERROR_LIMIT, "with '%s' the constants come to more than %" PRId64 " elements", name,
                     TS_MAX_CONSTANT_ELEMENTS);
  l->constant_elements += elements;
  return true;
}

bool lowering_add_constant(lowering *l, const char *name, const shape *s, const float *data, value_id *id,
                           error *err) {
  *id = graph_add_constant(l->graph, name, DTYPE_F32, s, data, err);
  return *id != VALUE_NONE;
}

bool lowering_fill(lowering *l, const shape *s, double value, value_id *id, error *err) {
  int64_t elements;
  if (!shape_elements(s, &elements) || elements > 1 << 20)
    return error_set(err, ERROR_LIMIT, "a constant of more than %d elements that the code makes", 1 << 20);
  if (!charge_constant(l, "fill", elements, err) || !lowering_charge(l, elements / 16, err))
    return false;
  float *data = arena_alloc_array(graph_arena(l->graph), (size_t)elements, sizeof *data, err);
  for (int64_t i = 0; data && i < elements; i++)
    data[i] = (float)value;
  return data && lowering_add_constant(l, "", s, data, id, err);
}

/* Which elements of which storage, as text. */
static const char *stored_key(lowering *l, const stored_tensor *t, error *err) {
  buffer key = {0};
  bool good =
      buffer_printf(&key, err, "%p+%" PRId64 " %d", (const void *)t->storage, t->offset, (int)t->type);
  for (int i = 0; good && i < t->rank; i++)
    good = buffer_printf(&key, err, " %" PRId64 "/%" PRId64, t->dims[i], t->strides[i]);
  const char *text = good ? arena_strdup(l->memory, key.data, err) : NULL;
  buffer_free(&key);
  return text;
}

static bool add_stored(lowering *l, const ts_tensor *tensor, value_id *id, error *err) {
  const stored_tensor *t = tensor->stored;
  shape s = {.rank = t->rank};
  for (int i = 0; i < t->rank; i++)
    s.dims[i] = t->dims[i];
  if (!charge_constant(l, tensor->name, stored_tensor_elements(t), err))
    return false;
  const float *data = stored_tensor_f32(t, graph_arena(l->graph), err);
  return data && (lowering_add_constant(l, tensor->name, &s, data, id, err) ||
                  error_prefix(err, "tensor '%s'", tensor->name));
}

static bool stored_value_id(lowering *l, ts_tensor *tensor, error *err) {
  const char *key = stored_key(l, tensor->stored, err);
  if (!key)
    return false;
  value_id id = ts_names_get(&l->constant_values, key);
  if (id < 0 &&
      (!add_stored(l, tensor, &id, err) || !ts_names_put(&l->constant_values, key, id, l->memory, err)))
    return false;
  tensor->id = id;
  return true;
}

bool lowering_value_id(lowering *l, const ts_value *value, value_id *id, error *err) {
  if (value->kind == TS_TENSOR) {
    ts_tensor *tensor = value->as.tensor;
    if (tensor->stale)
      return error_set(err, ERROR_UNSUPPORTED,
                       "a tensor is read after it was changed in place through a view");
    if (tensor->id == VALUE_NONE && !stored_value_id(l, tensor, err))
      return false;
    *id = tensor->id;
    return true;
  }
  ts_number number;
  if (!ts_to_number(value, &number))
    return error_set(err, ERROR_FORMAT, "%s stands where a tensor is needed", ts_kind_name(value->kind));
  return lowering_fill(l, &(shape){.rank = 0}, number.real, id, err);
}

/* ---- operations ---- */

bool lowering_append(lowering *l, const char *op, const value_id *inputs, int count,
                     const op_attributes *attributes, value_id *result, error *err) {
  *result = graph_append(l->graph, op, inputs, count, attributes, l->path, l->origin, err);
  l->located = *result == VALUE_NONE;
  return *result != VALUE_NONE;
}
