#include "container/safetensors.h"

#include "base/arena.h"
#include "base/checked.h"
#include "container/lfs_pointer.h"
#include "container/little_endian.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_SIZE = 8 };

typedef struct named_tensor {
  const char *name;
  uint64_t begin, end; /* in the bytes behind the header */
  stored_tensor tensor;
} named_tensor;

struct safetensors {
  arena *memory;
  named_tensor *tensors; /* in the order of their bytes */
  named_tensor **by_name;
  size_t count;
};

/* The bytes behind the header. */
typedef struct payload {
  const uint8_t *data;
  size_t size;
} payload;

static const struct format_dtype {
  const char *name;
  stored_dtype type;
} dtypes[] = {
    {"F32", STORED_F32}, {"F64", STORED_F64},   {"F16", STORED_F16}, {"BF16", STORED_BF16},
    {"I64", STORED_I64}, {"I32", STORED_I32},   {"I16", STORED_I16}, {"I8", STORED_I8},
    {"U8", STORED_U8},   {"BOOL", STORED_BOOL},
};

/* ---- One tensor's description ---- */

static bool read_dtype(const json_t *text, stored_dtype *type, error *err) {
  if (!json_is_string(text))
    return error_set(err, ERROR_FORMAT, "dtype isn't a string");
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
    if (strcmp(json_string_value(text), dtypes[i].name) == 0) {
      *type = dtypes[i].type;
      return true;
    }
  }
  return error_set(err, ERROR_UNSUPPORTED, "dtype %s isn't read", json_string_value(text));
}

/* A whole number from 0 up. */
static bool read_count(const json_t *number, int64_t *count) {
  *count = json_integer_value(number);
  return json_is_integer(number) && *count >= 0;
}

static bool read_shape(const json_t *shape, stored_tensor *tensor, error *err) {
  if (!json_is_array(shape))
    return error_set(err, ERROR_FORMAT, "shape isn't an array");
  if (json_array_size(shape) > STORED_TENSOR_MAX_RANK)
    return error_set(err, ERROR_UNSUPPORTED, "%zu dimensions; at most %d are read", json_array_size(shape),
                     STORED_TENSOR_MAX_RANK);
  tensor->rank = (int)json_array_size(shape);
  for (int i = 0; i < tensor->rank; i++)
    if (!read_count(json_array_get(shape, (size_t)i), &tensor->dims[i]))
      return error_set(err, ERROR_FORMAT, "shape holds something else than sizes");
  return stored_tensor_set_contiguous(tensor, err);
}

static bool read_offsets(const json_t *offsets, named_tensor *t, error *err) {
  int64_t begin = 0, end = 0;
  if (!json_is_array(offsets) || json_array_size(offsets) != 2 ||
      !read_count(json_array_get(offsets, 0), &begin) || !read_count(json_array_get(offsets, 1), &end) ||
      begin > end)
    return error_set(err, ERROR_FORMAT, "data_offsets aren't two increasing numbers");
  t->begin = (uint64_t)begin;
  t->end = (uint64_t)end;
  return true;
}

static bool read_tensor(const json_t *info, payload bytes, named_tensor *t, error *err) {
  if (!json_is_object(info))
    return error_set(err, ERROR_FORMAT, "isn't described by an object");
  if (!read_dtype(json_object_get(info, "dtype"), &t->tensor.type, err) ||
      !read_shape(json_object_get(info, "shape"), &t->tensor, err) ||
      !read_offsets(json_object_get(info, "data_offsets"), t, err))
    return false;
  if (t->end > bytes.size)
    return error_set(err, ERROR_FORMAT, "ends at byte %" PRIu64 " of %zu: the file is cut short or damaged",
                     t->end, bytes.size);
  size_t size;
  if (!checked_mul((size_t)stored_tensor_elements(&t->tensor), stored_dtype_size(t->tensor.type), &size) ||
      size != t->end - t->begin)
    return error_set(err, ERROR_FORMAT, "has %" PRIu64 " bytes, which isn't the size of its shape",
                     t->end - t->begin);
  t->tensor.storage = bytes.data + t->begin;
  t->tensor.storage_size = size;
  return stored_tensor_check(&t->tensor, err);
}

/* ---- All of them ---- */

static int compare_places(const void *a, const void *b) {
  const named_tensor *x = a, *y = b;
  return x->begin != y->begin ? (x->begin > y->begin) - (x->begin < y->begin)
                              : (x->end > y->end) - (x->end < y->end);
}

static int compare_names(const void *a, const void *b) {
  const named_tensor *const *x = a, *const *y = b;
  return strcmp((*x)->name, (*y)->name);
}

/* The format allows neither overlaps nor gaps, so that a file can't hide anything. */
static bool check_places(const safetensors *f, payload bytes, error *err) {
  uint64_t reached = 0;
  for (size_t i = 0; i < f->count; i++) {
    const named_tensor *t = &f->tensors[i];
    if (t->begin != reached)
      return error_set(err, ERROR_FORMAT,
                       "tensor '%s' begins at byte %" PRIu64 ", but the one before ends at %" PRIu64, t->name,
                       t->begin, reached);
    reached = t->end;
  }
  if (reached != bytes.size)
    return error_set(err, ERROR_FORMAT, "the tensors end at byte %" PRIu64 " of %zu", reached, bytes.size);
  return true;
}

static bool read_tensors(safetensors *f, json_t *header, payload bytes, error *err) {
  size_t room = json_object_size(header);
  f->tensors = arena_alloc_array(f->memory, room, sizeof *f->tensors, err);
  f->by_name = f->tensors ? arena_alloc_array(f->memory, room, sizeof *f->by_name, err) : NULL;
  if (!f->by_name)
    return false;
  const char *name;
  json_t *info;
  json_object_foreach(header, name, info) {
    if (strcmp(name, "__metadata__") == 0)
      continue;
    named_tensor *t = &f->tensors[f->count];
    t->name = arena_strdup(f->memory, name, err);
    if (!t->name)
      return false;
    if (!read_tensor(info, bytes, t, err))
      return error_prefix(err, "tensor '%s'", name);
    f->count++;
  }
  qsort(f->tensors, f->count, sizeof *f->tensors, compare_places);
  for (size_t i = 0; i < f->count; i++)
    f->by_name[i] = &f->tensors[i];
  qsort(f->by_name, f->count, sizeof *f->by_name, compare_names);
  return check_places(f, bytes, err);
}

/* ---- The file ---- */

static json_t *read_header(const uint8_t *data, size_t size, payload *bytes, error *err) {
  if (is_lfs_pointer(data, size)) {
    refuse_lfs_pointer(err);
    return NULL;
  }
  if (size <= LENGTH_SIZE || data[LENGTH_SIZE] != '{') {
    error_set(err, ERROR_FORMAT, "not a safetensors file: no JSON header behind its length");
    return NULL;
  }
  uint64_t length = read_u64(data);
  if (length > SAFETENSORS_MAX_HEADER) {
    error_set(err, ERROR_LIMIT, "a header of %" PRIu64 " bytes; at most %d are read", length,
              SAFETENSORS_MAX_HEADER);
    return NULL;
  }
  if (length > size - LENGTH_SIZE) {
    error_set(err, ERROR_FORMAT, "a header of %" PRIu64 " bytes in a file of %zu: the file is cut short",
              length, size);
    return NULL;
  }
  json_error_t reason;
  json_t *header =
      json_loadb((const char *)data + LENGTH_SIZE, (size_t)length, JSON_REJECT_DUPLICATES, &reason);
  if (!header)
    error_set(err, ERROR_FORMAT, "the JSON header is damaged at byte %d: %s", reason.position, reason.text);
  *bytes = (payload){data + LENGTH_SIZE + length, size - LENGTH_SIZE - (size_t)length};
  return header;
}

static safetensors *create(error *err) {
  arena *memory = arena_create(err);
  safetensors *f = memory ? arena_alloc(memory, sizeof *f, err) : NULL;
  if (f)
    f->memory = memory;
  else
    arena_destroy(memory);
  return f;
}

safetensors *safetensors_open(const uint8_t *data, size_t size, error *err) {
  payload bytes;
  json_t *header = read_header(data, size, &bytes, err);
  if (!header)
    return NULL;
  safetensors *f = create(err);
  bool ok = f && read_tensors(f, header, bytes, err);
  json_decref(header);
  if (ok)
    return f;
  safetensors_close(f);
  return NULL;
}

void safetensors_close(safetensors *f) {
  if (f)
    arena_destroy(f->memory);
}

size_t safetensors_count(const safetensors *f) {
  return f->count;
}

const char *safetensors_name(const safetensors *f, size_t index) {
  return f->tensors[index].name;
}

const stored_tensor *safetensors_find(const safetensors *f, const char *name) {
  const named_tensor key = {.name = name}, *wanted = &key;
  named_tensor **found = bsearch(&wanted, f->by_name, f->count, sizeof *f->by_name, compare_names);
  return found ? &(*found)->tensor : NULL;
}
