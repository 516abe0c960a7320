#include "text/json_file.h"
#include "base/buffer.h"
#include "base/mapped_file.h"

static json_t *parse(const mapped_file *file, size_t limit, error *err) {
  if (file->size > limit) {
    error_set(err, ERROR_LIMIT, "has %zu bytes, more than %zu", file->size, limit);
    return NULL;
  }
  json_error_t reason;
  json_t *root = json_loadb((const char *)file->data, file->size, JSON_REJECT_DUPLICATES, &reason);
  if (!root) {
    error_set(err, ERROR_FORMAT, "is not JSON, line %d: %s", reason.line, reason.text);
  } else if (!json_is_object(root)) {
    error_set(err, ERROR_FORMAT, "is not a JSON object");
    json_decref(root);
    root = NULL;
  }
  return root;
}

bool json_file_read(const char *folder, const char *name, size_t limit, json_t **root, error *err) {
  buffer path = {0};
  mapped_file file;
  error reason = {0};
  *root = NULL;
  if (!buffer_printf(&path, err, "%s/%s", folder, name))
    return false;
  if (!mapped_file_open(&file, path.data, &reason)) {
    buffer_free(&path);
    return reason.code == ERROR_NOT_FOUND || error_set(err, reason.code, "%s", reason.message);
  }
  *root = parse(&file, limit, &reason);
  mapped_file_close(&file);
  if (!*root)
    error_set(err, reason.code, "%s: %s", path.data, reason.message);
  buffer_free(&path);
  return *root != NULL;
}
