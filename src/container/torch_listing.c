#include "container/torch_listing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct listing {
  zip_archive *archive;
  const char *root, *folder;
  torch_tensor_visitor visit;
  void *context;
  error *err;
  char name[TORCH_LISTING_MAX_NAME];
  int depth;
  long steps_left;
} listing;

static bool list(listing *l, const pickle_value *value);

/* A part of the value under `key`, which is appended to the name for the time being. */
static bool list_part(listing *l, const char *key, const pickle_value *part) {
  size_t length = strlen(l->name);
  snprintf(l->name + length, sizeof l->name - length, "%s%s", length ? "." : "", key);
  bool go_on = list(l, part);
  l->name[length] = '\0';
  return go_on;
}

static bool list_at(listing *l, int64_t position, const pickle_value *part) {
  char key[24];
  snprintf(key, sizeof key, "%" PRId64, position);
  return list_part(l, key, part);
}

static bool list_items(listing *l, const pickle_value *value) {
  bool go_on = true;
  for (size_t i = 0; go_on && i < value->as.list.count; i++)
    go_on = list_at(l, (int64_t)i, value->as.list.items[i]);
  return go_on;
}

static bool list_pairs(listing *l, const pickle_value *dict) {
  bool go_on = true;
  for (size_t i = 0; go_on && i + 1 < dict->as.list.count; i += 2) {
    const pickle_value *key = dict->as.list.items[i], *part = dict->as.list.items[i + 1];
    if (key->kind == PICKLE_TEXT)
      go_on = list_part(l, key->as.text.text, part);
    else if (key->kind == PICKLE_INT)
      go_on = list_at(l, key->as.integer, part);
  }
  return go_on;
}

static bool list_tensor(listing *l, const pickle_value *value) {
  stored_tensor tensor;
  return !torch_tensor_from_pickle(l->archive, l->root, l->folder, value, &tensor, NULL) ||
         l->visit(l->context, l->name, &tensor, l->err);
}

static bool list_inside(listing *l, const pickle_value *value) {
  switch (value->kind) {
  case PICKLE_TUPLE:
  case PICKLE_LIST:
    return list_items(l, value);
  case PICKLE_DICT:
    return list_pairs(l, value);
  case PICKLE_REDUCE:
    return (!value->as.reduce.items || list(l, value->as.reduce.items)) &&
           (!value->as.reduce.state || list(l, value->as.reduce.state));
  default:
    return true;
  }
}

static bool list(listing *l, const pickle_value *value) {
  if (l->steps_left-- <= 0 || l->depth >= TORCH_LISTING_MAX_DEPTH)
    return true;
  if (torch_is_tensor(value))
    return list_tensor(l, value);
  l->depth++;
  bool go_on = list_inside(l, value);
  l->depth--;
  return go_on;
}

bool torch_list_tensors(zip_archive *archive, const char *root, const char *folder, const pickle_value *value,
                        torch_tensor_visitor visit, void *context, error *err) {
  listing l = {.archive = archive,
               .root = root,
               .folder = folder,
               .visit = visit,
               .context = context,
               .err = err,
               .steps_left = TORCH_LISTING_MAX_STEPS};
  return list(&l, value);
}
