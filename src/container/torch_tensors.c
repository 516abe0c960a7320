#include "container/torch_tensors.h"

#include "base/buffer.h"
#include "base/checked.h"

#include <inttypes.h>
#include <string.h>

/* The storage classes of torch and the dtypes that newer tensors name beside an UntypedStorage. */
static const struct storage_type {
  const char *storage, *dtype;
  stored_dtype type;
} storage_types[] = {
    {"FloatStorage", "float32", STORED_F32}, {"DoubleStorage", "float64", STORED_F64},
    {"HalfStorage", "float16", STORED_F16},  {"BFloat16Storage", "bfloat16", STORED_BF16},
    {"LongStorage", "int64", STORED_I64},    {"IntStorage", "int32", STORED_I32},
    {"ShortStorage", "int16", STORED_I16},   {"CharStorage", "int8", STORED_I8},
    {"ByteStorage", "uint8", STORED_U8},     {"BoolStorage", "bool", STORED_BOOL},
    {"UntypedStorage", "uint8", STORED_U8}, /* bytes, unless the tensor names a dtype */
};

enum { STORAGE_TYPES = sizeof storage_types / sizeof *storage_types };

/* How a tensor is rebuilt: the arguments (storage, offset, size, stride, requires_grad, hooks, ...) and what
 * differs. */
typedef struct rebuild_form {
  const char *name;
  int dtype_argument;    /* 0: the storage has it */
  int metadata_argument; /* 0: none */
} rebuild_form;

static const rebuild_form rebuild_forms[] = {
    {"_rebuild_tensor", 0, 0},
    {"_rebuild_tensor_v2", 0, 6},
    {"_rebuild_tensor_v3", 6, 7},
};

/* A call, with the wrappings of parameters and subclasses taken off. */
typedef struct tensor_call {
  const pickle_value *callable;
  const pickle_value *arguments; /* a TUPLE */
} tensor_call;

/* ---- The archive ---- */

static bool check_byte_order(zip_archive *archive, const char *root, arena *memory, error *err) {
  const char *name = arena_printf(memory, err, "%s/byteorder", root);
  if (!name)
    return false;
  if (zip_find(archive, name) < 0)
    return true; /* older than torch 2.0, which wrote little-endian only */
  size_t size;
  const uint8_t *order = zip_read(archive, name, &size, err);
  if (!order)
    return false;
  if (size != strlen("little") || memcmp(order, "little", size) != 0)
    return error_set(err, ERROR_UNSUPPORTED, "'%s' says that numbers aren't little-endian", name);
  return true;
}

const char *torch_archive_root(zip_archive *archive, arena *memory, error *err) {
  for (size_t i = 0; i < zip_entry_count(archive); i++) {
    const char *name = zip_entry_name(archive, i), *slash = strchr(name, '/');
    if (!slash || strcmp(slash, "/data.pkl") != 0)
      continue;
    const char *root = arena_strndup(memory, name, (size_t)(slash - name), err);
    return root && check_byte_order(archive, root, memory, err) ? root : NULL;
  }
  error_set(err, ERROR_FORMAT, "a ZIP archive without data.pkl: not written by torch.save or torch.jit.save");
  return NULL;
}

pickle_value *torch_read_pickle(zip_archive *archive, const char *root, const char *name, arena *memory,
                                error *err) {
  const char *path = arena_printf(memory, err, "%s/%s", root, name);
  size_t size;
  const uint8_t *data = path ? zip_read(archive, path, &size, err) : NULL;
  if (!data)
    return NULL;
  pickle_value *value = pickle_parse(data, size, memory, err);
  if (!value)
    error_prefix(err, "%s", path);
  return value;
}

/* ---- The call that makes a tensor ---- */

static const pickle_value *argument(tensor_call call, size_t index) {
  return index < call.arguments->as.list.count ? call.arguments->as.list.items[index] : NULL;
}

static bool calls(tensor_call call, const char *module, const char *name) {
  return call.callable->kind == PICKLE_GLOBAL && strcmp(call.callable->as.global.module, module) == 0 &&
         strcmp(call.callable->as.global.name, name) == 0;
}

static bool as_call(const pickle_value *value, tensor_call *call) {
  if (!value || value->kind != PICKLE_REDUCE)
    return false;
  *call = (tensor_call){value->as.reduce.callable, value->as.reduce.arguments};
  return true;
}

/* Parameters and subclasses wrap a tensor; a parameter may wrap a subclass's. A pickle can nest them without
 * end. */
static bool unwrap(const pickle_value *value, tensor_call *call) {
  if (!as_call(value, call))
    return false;
  for (int depth = 0; depth < 4; depth++) {
    if (calls(*call, "torch._utils", "_rebuild_parameter") ||
        calls(*call, "torch._utils", "_rebuild_parameter_with_state")) {
      if (!as_call(argument(*call, 0), call))
        return false;
    } else if (calls(*call, "torch._tensor",
                     "_rebuild_from_type_v2")) { /* (function, class, arguments, state) */
      const pickle_value *function = argument(*call, 0), *arguments = argument(*call, 2);
      if (!arguments || arguments->kind != PICKLE_TUPLE)
        return false;
      *call = (tensor_call){function, arguments};
    } else {
      return true;
    }
  }
  return false;
}

/* The remaining _rebuild_ functions are tensors too, of kinds that aren't read. */
static bool is_rebuild(tensor_call call) {
  static const char prefix[] = "_rebuild_";
  return call.callable->kind == PICKLE_GLOBAL &&
         strcmp(call.callable->as.global.module, "torch._utils") == 0 &&
         strncmp(call.callable->as.global.name, prefix, sizeof prefix - 1) == 0;
}

bool torch_is_tensor(const pickle_value *value) {
  tensor_call call;
  return unwrap(value, &call) && is_rebuild(call);
}

static const rebuild_form *find_form(tensor_call call, error *err) {
  for (size_t i = 0; i < sizeof rebuild_forms / sizeof *rebuild_forms; i++)
    if (strcmp(call.callable->as.global.name, rebuild_forms[i].name) == 0)
      return &rebuild_forms[i];
  error_set(err, ERROR_UNSUPPORTED, "tensors made by torch's %s aren't read", call.callable->as.global.name);
  return NULL;
}

/* ---- Its arguments ---- */

static bool read_integer(const pickle_value *value, const char *what, int64_t *integer, error *err) {
  if (!value || value->kind != PICKLE_INT)
    return error_set(err, ERROR_FORMAT, "%s isn't an integer", what);
  *integer = value->as.integer;
  return true;
}

static bool read_integers(const pickle_value *value, const char *what, int64_t *integers, int *count,
                          error *err) {
  if (!value || (value->kind != PICKLE_TUPLE && value->kind != PICKLE_LIST))
    return error_set(err, ERROR_FORMAT, "%s isn't a tuple", what);
  if (value->as.list.count > STORED_TENSOR_MAX_RANK)
    return error_set(err, ERROR_UNSUPPORTED, "%zu dimensions; at most %d are read", value->as.list.count,
                     STORED_TENSOR_MAX_RANK);
  *count = (int)value->as.list.count;
  for (int i = 0; i < *count; i++)
    if (!read_integer(value->as.list.items[i], what, &integers[i], err))
      return false;
  return true;
}

static bool read_view(tensor_call call, stored_tensor *tensor, error *err) {
  int strides = 0;
  if (!read_integer(argument(call, 1), "the storage offset", &tensor->offset, err) ||
      !read_integers(argument(call, 2), "the size", tensor->dims, &tensor->rank, err) ||
      !read_integers(argument(call, 3), "the stride", tensor->strides, &strides, err))
    return false;
  if (strides != tensor->rank)
    return error_set(err, ERROR_FORMAT, "%d dimensions with %d strides", tensor->rank, strides);
  return true;
}

/* Metadata are set on tensors whose bytes are to be negated or conjugated when read. */
static bool refuse_metadata(tensor_call call, const rebuild_form *form, error *err) {
  const pickle_value *metadata =
      form->metadata_argument ? argument(call, (size_t)form->metadata_argument) : NULL;
  if (metadata && metadata->kind != PICKLE_NONE && (metadata->kind != PICKLE_DICT || metadata->as.list.count))
    return error_set(err, ERROR_UNSUPPORTED, "a tensor with metadata (a negated or conjugated view)");
  return true;
}

static bool is_torch_global(const pickle_value *value) {
  return value && value->kind == PICKLE_GLOBAL &&
         (strcmp(value->as.global.module, "torch") == 0 ||
          strcmp(value->as.global.module, "torch.storage") == 0 ||
          strcmp(value->as.global.module, "torch.cuda") == 0);
}

static bool find_storage_type(const pickle_value *class, stored_dtype *type, error *err) {
  if (!is_torch_global(class))
    return error_set(err, ERROR_FORMAT, "the storage's class isn't one of torch");
  for (size_t i = 0; i < STORAGE_TYPES; i++) {
    if (strcmp(class->as.global.name, storage_types[i].storage) == 0) {
      *type = storage_types[i].type;
      return true;
    }
  }
  return error_set(err, ERROR_UNSUPPORTED, "a %s isn't read", class->as.global.name);
}

/* The dtype that the call itself names, if its form does. */
static bool read_dtype(tensor_call call, const rebuild_form *form, stored_dtype *type, error *err) {
  if (!form->dtype_argument)
    return true;
  const pickle_value *dtype = argument(call, (size_t)form->dtype_argument);
  if (!is_torch_global(dtype))
    return error_set(err, ERROR_FORMAT, "the dtype isn't one of torch");
  for (size_t i = 0; i < STORAGE_TYPES; i++) {
    if (strcmp(dtype->as.global.name, storage_types[i].dtype) == 0) {
      *type = storage_types[i].type;
      return true;
    }
  }
  return error_set(err, ERROR_UNSUPPORTED, "a tensor of dtype %s isn't read", dtype->as.global.name);
}

/* ---- Its storage: the persistent id ('storage', class, key, location, element count) ---- */

static const pickle_value *storage_id(const pickle_value *storage, error *err) {
  const pickle_value *id = storage && storage->kind == PICKLE_PERSISTENT ? storage->as.persistent_id : NULL;
  if (id && id->kind == PICKLE_TUPLE && id->as.list.count >= 5 &&
      pickle_is_text(id->as.list.items[0], "storage"))
    return id;
  error_set(err, ERROR_FORMAT, "a tensor without a storage");
  return NULL;
}

static const uint8_t *read_storage(zip_archive *archive, const char *root, const char *folder,
                                   const pickle_value *key, size_t *size, error *err) {
  if (key->kind != PICKLE_TEXT || strlen(key->as.text.text) != key->as.text.length) {
    error_set(err, ERROR_FORMAT, "the key of a storage isn't a name");
    return NULL;
  }
  buffer path = {0};
  const uint8_t *bytes = NULL;
  if (buffer_printf(&path, err, "%s/%s/%s", root, folder, key->as.text.text))
    bytes = zip_read(archive, path.data, size, err);
  buffer_free(&path);
  return bytes;
}

static bool set_storage(zip_archive *archive, const char *root, const char *folder,
                        const pickle_value *storage, stored_tensor *tensor, error *err) {
  const pickle_value *id = storage_id(storage, err);
  int64_t elements = 0;
  if (!id || !find_storage_type(id->as.list.items[1], &tensor->type, err) ||
      !read_integer(id->as.list.items[4], "the size of a storage", &elements, err))
    return false;
  size_t file_size, size;
  tensor->storage = read_storage(archive, root, folder, id->as.list.items[2], &file_size, err);
  if (!tensor->storage)
    return false;
  /* A negative count becomes one that no file holds. */
  if (!checked_mul((size_t)elements, stored_dtype_size(tensor->type), &size) || size > file_size)
    return error_set(err, ERROR_FORMAT, "storage '%s' has %zu bytes, too few for %" PRId64 " elements of %s",
                     id->as.list.items[2]->as.text.text, file_size, elements,
                     stored_dtype_name(tensor->type));
  tensor->storage_size = size;
  return true;
}

static bool refuse_other(const pickle_value *value, error *err) {
  const pickle_value *callable = value && value->kind == PICKLE_REDUCE ? value->as.reduce.callable : NULL;
  if (!callable || callable->kind != PICKLE_GLOBAL)
    return error_set(err, ERROR_FORMAT, "not a tensor");
  return error_set(err, ERROR_FORMAT, "not a tensor, but what %s.%s would return (nothing is called here)",
                   callable->as.global.module, callable->as.global.name);
}

bool torch_tensor_from_pickle(zip_archive *archive, const char *root, const char *folder,
                              const pickle_value *value, stored_tensor *tensor, error *err) {
  tensor_call call;
  if (!unwrap(value, &call) || !is_rebuild(call))
    return refuse_other(value, err);
  const rebuild_form *form = find_form(call, err);
  *tensor = (stored_tensor){0};
  return form && refuse_metadata(call, form, err) && read_view(call, tensor, err) &&
         set_storage(archive, root, folder, argument(call, 0), tensor, err) &&
         read_dtype(call, form, &tensor->type, err) && stored_tensor_check(tensor, err);
}
