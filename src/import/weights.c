#include "import/weights.h"

#include "base/checked.h"

#include <stdlib.h>
#include <string.h>

static int compare_names(const void *a, const void *b) {
  const named_weight *x = a, *y = b;
  return strcmp(x->name, y->name);
}

static int compare_names_and_order(const void *a, const void *b) {
  const named_weight *x = a, *y = b;
  int names = strcmp(x->name, y->name);
  return names ? names : (x->order > y->order) - (x->order < y->order);
}

weight_table weight_table_of(named_weight *items, size_t count, weight_reader read, void *context,
                             arena *memory, size_t byte_limit) {
  for (size_t i = 0; i < count; i++)
    items[i].order = i;
  qsort(items, count, sizeof *items, compare_names_and_order);
  size_t kept = 0;
  for (size_t i = 0; i < count; i++)
    if (i + 1 == count || compare_names(&items[i], &items[i + 1]) != 0)
      items[kept++] = items[i];
  return (weight_table){items, kept, read, context, memory, byte_limit};
}

static named_weight *find(const weight_table *table, const char *name) {
  named_weight key = {.name = name};
  return bsearch(&key, table->items, table->count, sizeof *table->items, compare_names);
}

static named_weight *find_or_fail(const weight_table *table, const char *name, error *err) {
  named_weight *w = find(table, name);
  if (!w)
    error_set(err, ERROR_NOT_FOUND, "tensor '%s' is missing", name);
  return w;
}

bool weight_table_has(const weight_table *table, const char *name) {
  return find(table, name) != NULL;
}

static shape shape_of(const stored_tensor *tensor) {
  shape s = {.rank = tensor->rank};
  for (int i = 0; i < tensor->rank; i++)
    s.dims[i] = tensor->dims[i];
  return s;
}

static bool take_bytes(weight_table *table, const shape *s, error *err) {
  int64_t elements;
  size_t bytes;
  if (!shape_elements(s, &elements) || !checked_mul((size_t)elements, sizeof(float), &bytes) ||
      bytes > table->bytes_left)
    return error_set(err, ERROR_LIMIT, "the tensors are far larger than the file: they repeat its bytes");
  table->bytes_left -= bytes;
  return true;
}

static const float *load(weight_table *table, const named_weight *w, const shape *expected, error *err) {
  stored_tensor tensor;
  if (!table->read(table->context, w->source, &tensor, err))
    return NULL;
  shape s = shape_of(&tensor);
  if (!shape_equal(&s, expected)) {
    char is[SHAPE_TEXT_SIZE], should_be[SHAPE_TEXT_SIZE];
    error_set(err, ERROR_FORMAT, "has shape %s, not %s", shape_text(&s, is, sizeof is),
              shape_text(expected, should_be, sizeof should_be));
    return NULL;
  }
  return take_bytes(table, &s, err) ? stored_tensor_f32(&tensor, table->memory, err) : NULL;
}

const float *weight_table_read(weight_table *table, const char *name, const shape *expected, error *err) {
  named_weight *w = find_or_fail(table, name, err);
  if (!w || w->data)
    return w ? w->data : NULL;
  w->data = load(table, w, expected, err);
  if (!w->data)
    error_prefix(err, "tensor '%s'", name);
  return w->data;
}

bool weight_table_shape(weight_table *table, const char *name, int rank, shape *s, error *err) {
  const named_weight *w = find_or_fail(table, name, err);
  stored_tensor tensor;
  if (!w)
    return false;
  if (!table->read(table->context, w->source, &tensor, err))
    return error_prefix(err, "tensor '%s'", name);
  *s = shape_of(&tensor);
  int64_t elements;
  if (s->rank == rank && shape_elements(s, &elements))
    return true;
  char text[SHAPE_TEXT_SIZE];
  return error_set(err, ERROR_FORMAT, "tensor '%s' has shape %s, not %d dimensions", name,
                   shape_text(s, text, sizeof text), rank);
}

const char *weight_table_unread(const weight_table *table, const char *prefix) {
  for (size_t i = 0; i < table->count; i++)
    if (!table->items[i].data && strncmp(table->items[i].name, prefix, strlen(prefix)) == 0)
      return table->items[i].name;
  return NULL;
}
