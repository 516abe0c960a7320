/* Code and pickled state of the archive, read when first asked for. */
#include "container/torch_tensors.h"
#include "import/torchscript/lowering.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_STATE_DEPTH = 50, MAX_PATH_TEXT = 150 };

/* ---- code ---- */

/* "__torch__.torch.nn.functional" -> "code/__torch__/torch/nn/functional.py" */
static char *source_file_name(lowering *l, const char *module, size_t length, error *err) {
  char *name = arena_printf(l->memory, err, "code/%.*s.py", (int)length, module);
  for (char *c = name ? name + 5 : NULL; c && c < name + 5 + length; c++)
    if (*c == '.')
      *c = '/';
  return name;
}

static const ts_source *parse_source(lowering *l, const char *file, size_t index, error *err) {
  size_t size;
  const uint8_t *text = zip_entry_bytes(l->archive, index, &size, err);
  if (!text)
    return NULL;
  if (size > TS_MAX_SOURCE - l->source_bytes) {
    error_set(err, ERROR_LIMIT, "%s: more than %d bytes of code", file, TS_MAX_SOURCE);
    return NULL;
  }
  l->source_bytes += size;
  l->sources[index] = ts_parse(file, (const char *)text, size, l->memory, err);
  l->located = !l->sources[index];
  return l->sources[index];
}

/* The file that should define the qualified name; *last: the name's last part. */
static const ts_source *find_source(lowering *l, const char *qualified_name, const char **last, error *err) {
  const char *dot = strrchr(qualified_name, '.');
  if (strncmp(qualified_name, "__torch__", 9) != 0 || !dot || strlen(qualified_name) > 4000) {
    error_set(err, ERROR_FORMAT, "'%.200s' is no name of this archive's code", qualified_name);
    return NULL;
  }
  *last = dot + 1;
  const char *file = source_file_name(l, qualified_name, (size_t)(dot - qualified_name), err);
  const char *entry = file ? arena_printf(l->memory, err, "%s/%s", l->root, file) : NULL;
  long index = entry ? zip_find(l->archive, entry) : -1;
  if (entry && index < 0)
    error_set(err, ERROR_NOT_FOUND, "the archive lacks %.300s, which should define '%.200s'", file, *last);
  if (index < 0)
    return NULL;
  return l->sources[index] ? l->sources[index] : parse_source(l, file, (size_t)index, err);
}

const ts_function *lowering_find_function(lowering *l, const char *qualified_name, error *err) {
  const char *last;
  const ts_source *source = find_source(l, qualified_name, &last, err);
  const ts_function *f = source ? ts_find_definition(&source->functions, last) : NULL;
  if (source && !f)
    error_set(err, ERROR_NOT_FOUND, "%s defines no function '%.200s'", source->file, last);
  return f;
}

static const ts_class *find_class(lowering *l, ts_object *object, error *err) {
  const pickle_value *callable = object->pickled->as.reduce.callable;
  const char *name =
      arena_printf(l->memory, err, "%s.%s", callable->as.global.module, callable->as.global.name);
  const char *last;
  const ts_source *source = name ? find_source(l, name, &last, err) : NULL;
  const ts_class *c = source ? ts_find_definition(&source->classes, last) : NULL;
  if (source && !c)
    error_set(err, ERROR_NOT_FOUND, "%s defines no class '%.200s'", source->file, last);
  return c;
}

const ts_function *lowering_find_method(lowering *l, ts_object *object, const char *name, error *err) {
  if (!object->definition && !(object->definition = find_class(l, object, err)))
    return NULL;
  const ts_function *f = ts_find_definition(&object->definition->methods, name);
  if (!f)
    error_set(err, ERROR_NOT_FOUND, "class '%.200s' of %s has no method '%.200s'", object->definition->name,
              object->definition->file, name);
  return f;
}

/* ---- pickled state ---- */

/* "features" and "0" -> "features.0", cut where it gets too long to be of use. */
static const char *join_path(lowering *l, const char *path, const char *name, error *err) {
  return arena_printf(l->memory, err, "%.*s%s%.*s", MAX_PATH_TEXT, path, *path ? "." : "", MAX_PATH_TEXT,
                      name);
}

static bool add_attributes(lowering *l, ts_object *object, const pickle_value *state, error *err) {
  size_t count = state->as.list.count / 2;
  object->attributes = arena_alloc_array(l->memory, count, sizeof *object->attributes, err);
  if (!object->attributes || !lowering_charge(l, (int64_t)count, err))
    return false;
  for (size_t i = 0; i < count; i++) {
    const pickle_value *key = state->as.list.items[2 * i];
    object->attributes[i].pickled = state->as.list.items[2 * i + 1];
    if (key->kind == PICKLE_TEXT && !ts_names_put(&object->names, key->as.text.text, (int)i, l->memory, err))
      return false;
  }
  return true;
}

static ts_object *new_object(lowering *l, const pickle_value *pickled, const char *folder, const char *path,
                             error *err) {
  ts_object *object = arena_alloc(l->memory, sizeof *object, err);
  if (!object)
    return NULL;
  *object = (ts_object){.pickled = pickled, .path = path, .folder = folder};
  const pickle_value *state = pickled->as.reduce.state;
  if (state && state->kind == PICKLE_DICT && !add_attributes(l, object, state, err))
    return NULL;
  return object;
}

/* Is it an object of a class that the archive's own code defines? */
static bool is_own_object(const pickle_value *v) {
  return v->kind == PICKLE_REDUCE && v->as.reduce.callable->kind == PICKLE_GLOBAL &&
         strncmp(v->as.reduce.callable->as.global.module, "__torch__", 9) == 0;
}

/* The list inside torch.jit's typed lists: build_intlist([...]), restore_type_tag([...], "List[int]"). NULL:
 * it is none. */
static const pickle_value *typed_content(const pickle_value *v) {
  static const char *const builders[] = {"build_intlist", "build_doublelist", "build_boollist",
                                         "build_tensorlist", "restore_type_tag"};
  for (size_t i = 0; i < sizeof builders / sizeof *builders; i++)
    if (pickle_is_call(v, "torch.jit._pickle", builders[i]))
      return v->as.reduce.arguments->as.list.count ? v->as.reduce.arguments->as.list.items[0] : NULL;
  return NULL;
}

static bool stored_value(lowering *l, const pickle_value *v, const char *folder, const char *path,
                         ts_value *result, error *err) {
  stored_tensor *stored = arena_alloc(l->memory, sizeof *stored, err);
  ts_tensor *tensor = arena_alloc(l->memory, sizeof *tensor, err);
  if (!stored || !tensor)
    return false;
  if (!torch_tensor_from_pickle(l->archive, l->root, folder, v, stored, err))
    return error_prefix(err, "tensor '%s'", path);
  *tensor = (ts_tensor){.id = VALUE_NONE,
                        .stored = stored,
                        .name = path,
                        .boolean = stored->type == STORED_BOOL,
                        .swapped = VALUE_NONE};
  tensor->alias = tensor;
  *result = (ts_value){.kind = TS_TENSOR, .as.tensor = tensor};
  if (stored->rank > 0)
    return true;
  ts_number *scalar = arena_alloc(l->memory, sizeof *scalar, err);
  tensor->scalar = scalar;
  return scalar && ts_read_scalar(stored, scalar, l->memory, err);
}

typedef struct state_reader {
  lowering *l;
  const char *folder, *path;
  int depth;
} state_reader;

static bool read_value(state_reader *r, const pickle_value *v, ts_value *result, error *err);

static bool read_sequence(state_reader *r, const pickle_value *v, ts_value *result, error *err) {
  ts_kind kind = v->kind == PICKLE_LIST ? TS_LIST : v->kind == PICKLE_TUPLE ? TS_TUPLE : TS_DICT;
  if (!lowering_charge(r->l, (int64_t)v->as.list.count, err) ||
      !ts_new_sequence(kind, v->as.list.count, r->l->memory, result, err))
    return false;
  if (++r->depth > MAX_STATE_DEPTH)
    return error_set(err, ERROR_LIMIT, "'%s' is nested too deeply", r->path);
  for (size_t i = 0; i < v->as.list.count; i++) {
    ts_value item;
    if (!read_value(r, v->as.list.items[i], &item, err) || !ts_append(result, item, r->l->memory, err))
      return false;
  }
  r->depth--;
  return true;
}

static bool read_call(state_reader *r, const pickle_value *v, ts_value *result, error *err) {
  const pickle_value *content = typed_content(v);
  if (content && ++r->depth > MAX_STATE_DEPTH)
    return error_set(err, ERROR_LIMIT, "'%s' is nested too deeply", r->path);
  if (content) {
    bool good = read_value(r, content, result, err);
    r->depth--;
    return good;
  }
  if (!is_own_object(v)) {
    *result = ts_opaque("a pickled object");
    return true;
  }
  *result = (ts_value){.kind = TS_OBJECT, .as.object = new_object(r->l, v, r->folder, r->path, err)};
  return result->as.object != NULL;
}

static bool read_value(state_reader *r, const pickle_value *v, ts_value *result, error *err) {
  if (torch_is_tensor(v))
    return stored_value(r->l, v, r->folder, r->path, result, err);
  switch (v->kind) {
  case PICKLE_NONE:
    *result = ts_none();
    return true;
  case PICKLE_BOOL:
    *result = ts_bool(v->as.integer != 0);
    return true;
  case PICKLE_INT:
    *result = ts_int(v->as.integer);
    return true;
  case PICKLE_FLOAT:
    *result = ts_float(v->as.real);
    return true;
  case PICKLE_TEXT:
    *result = ts_string(v->as.text.text);
    return true;
  case PICKLE_TUPLE:
  case PICKLE_LIST:
  case PICKLE_DICT:
    return read_sequence(r, v, result, err);
  case PICKLE_REDUCE:
    return read_call(r, v, result, err);
  default:
    *result = ts_opaque("a pickled value");
    return true;
  }
}

ts_object *lowering_root_object(lowering *l, error *err) {
  const pickle_value *pickled = torch_read_pickle(l->archive, l->root, "data.pkl", l->memory, err);
  if (!pickled)
    return NULL;
  if (!is_own_object(pickled)) {
    error_set(err, ERROR_FORMAT, "data.pkl holds no TorchScript module");
    return NULL;
  }
  return new_object(l, pickled, "data", "", err);
}

bool lowering_attribute(lowering *l, ts_object *object, const char *name, ts_value *result, error *err) {
  int place = ts_names_get(&object->names, name);
  if (place < 0)
    return error_set(err, ERROR_NOT_FOUND, "'%s' has no attribute '%.200s'",
                     *object->path ? object->path : "the model", name);
  ts_attribute *attribute = &object->attributes[place];
  if (attribute->value.kind == TS_UNSET) {
    state_reader r = {.l = l, .folder = object->folder, .path = join_path(l, object->path, name, err)};
    if (!r.path || !read_value(&r, attribute->pickled, &attribute->value, err)) {
      attribute->value.kind = TS_UNSET;
      return false;
    }
  }
  *result = attribute->value;
  return true;
}

/* constants.pkl is a tuple; an item is read when first used. Represented as an object with the attributes c0,
 * c1, ... */
static bool read_constants(lowering *l, error *err) {
  const pickle_value *pickled = torch_read_pickle(l->archive, l->root, "constants.pkl", l->memory, err);
  ts_object *object = pickled ? arena_alloc(l->memory, sizeof *object, err) : NULL;
  if (!object)
    return false;
  if (pickled->kind != PICKLE_TUPLE && pickled->kind != PICKLE_LIST)
    return error_set(err, ERROR_FORMAT, "constants.pkl holds no list of constants");
  size_t count = pickled->as.list.count;
  *object = (ts_object){.path = "CONSTANTS", .folder = "constants"};
  object->attributes = arena_alloc_array(l->memory, count, sizeof *object->attributes, err);
  if (!object->attributes || !lowering_charge(l, (int64_t)count, err))
    return false;
  for (size_t i = 0; i < count; i++) {
    object->attributes[i].pickled = pickled->as.list.items[i];
    const char *name = arena_printf(l->memory, err, "c%zu", i);
    if (!name || !ts_names_put(&object->names, name, (int)i, l->memory, err))
      return false;
  }
  l->constants = (ts_value){.kind = TS_OBJECT, .as.object = object};
  return true;
}

bool lowering_constant(lowering *l, const char *name, ts_value *result, error *err) {
  if (l->constants.kind == TS_UNSET && !read_constants(l, err))
    return false;
  return lowering_attribute(l, l->constants.as.object, name, result, err);
}
