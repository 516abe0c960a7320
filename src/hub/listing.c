#include "hub/listing.h"

#include "base/buffer.h"
#include "hub/model_files.h"
#include "hub/origin.h"
#include "hub/safe_path.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_PAGE = 4 << 20, MAX_PAGES = 100, MAX_FILES = 5000 };

static bool is_hex(const char *text, size_t length) {
  return strlen(text) == length && strspn(text, "0123456789abcdef") == length;
}

/* --- a page */

static const char *text_of(const json_t *object, const char *key) {
  return json_string_value(json_object_get(object, key));
}

static bool read_hash(const json_t *object, size_t digits, arena *memory, const char **hash, error *err) {
  const char *text = text_of(object, "oid");
  if (!text || !is_hex(text, digits))
    return error_set(err, ERROR_FORMAT, "a file without its %zu hex digits", digits);
  *hash = arena_strdup(memory, text, err);
  return *hash != NULL;
}

static bool read_size(const json_t *object, uint64_t *size, error *err) {
  const json_t *value = json_object_get(object, "size");
  json_int_t number = json_integer_value(value);
  if (!json_is_integer(value) || number < 0)
    return error_set(err, ERROR_FORMAT, "a file without its size");
  if ((uint64_t)number > LARGEST_MODEL_FILE)
    return error_set(err, ERROR_LIMIT, "a file of %lld bytes, more than is accepted", (long long)number);
  *size = (uint64_t)number;
  return true;
}

static bool read_path(const json_t *entry, arena *memory, const char **path, error *err) {
  const json_t *value = json_object_get(entry, "path");
  if (!json_is_string(value))
    return error_set(err, ERROR_FORMAT, "an entry without a path");
  size_t length = json_string_length(value);
  if (!path_is_safe(json_string_value(value), length))
    return error_set(err, ERROR_FORMAT, "a path that could leave its folder or is no plain text: '%.200s'",
                     json_string_value(value));
  *path = arena_strndup(memory, json_string_value(value), length, err);
  return *path != NULL;
}

static bool read_file(const json_t *entry, arena *memory, hub_file *file, error *err) {
  const json_t *lfs = json_object_get(entry, "lfs");
  if (json_is_object(lfs))
    return read_size(lfs, &file->size, err) && read_hash(lfs, 64, memory, &file->sha256, err);
  return read_size(entry, &file->size, err) && read_hash(entry, 40, memory, &file->git_oid, err);
}

static bool read_entry(hub_listing *listing, const json_t *entry, arena *memory, error *err) {
  const char *type = text_of(entry, "type");
  hub_file file = {0};
  if (!type || !read_path(entry, memory, &file.path, err))
    return type ? false : error_set(err, ERROR_FORMAT, "an entry without a type");
  if (strcmp(type, "file") != 0)
    return true;
  for (size_t i = 0; i < listing->count; i++)
    if (strcmp(listing->files[i].path, file.path) == 0)
      return error_set(err, ERROR_FORMAT, "'%.200s' is there twice", file.path);
  if (listing->count == MAX_FILES)
    return error_set(err, ERROR_LIMIT, "more than %d files", MAX_FILES);
  if (!read_file(entry, memory, &file, err))
    return error_prefix(err, "'%.200s'", file.path);
  if (!array_reserve((void **)&listing->files, &listing->capacity, listing->count + 1, sizeof file, err))
    return false;
  listing->files[listing->count++] = file;
  return true;
}

bool hub_listing_read_page(hub_listing *listing, const char *json, size_t size, arena *memory, error *err) {
  json_error_t problem;
  json_t *root = json_loadb(json, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &problem);
  bool ok = json_is_array(root) || error_set(err, ERROR_FORMAT, "not a JSON list");
  for (size_t i = 0; ok && i < json_array_size(root); i++)
    ok = read_entry(listing, json_array_get(root, i), memory, err);
  json_decref(root);
  return ok;
}

/* The link value, of those between commas, that is called the next: where its "<" stands, or NULL. An address
 * may hold commas, but no "<". */
static const char *find_next(const char *link) {
  const char *rel = strstr(link, "rel=\"next\""), *found = NULL;
  for (const char *open = rel ? strchr(link, '<') : NULL; open && open < rel; open = strchr(open + 1, '<'))
    found = open;
  return found;
}

bool hub_listing_next(const curl_library *curl, const char *link, const char *page_url, arena *memory,
                      char **next, error *err) {
  *next = NULL;
  const char *open = find_next(link), *close = open ? strchr(open, '>') : NULL;
  if (!close)
    return true;
  char *location = arena_strndup(memory, open + 1, (size_t)(close - open) - 1, err);
  char *absolute = location ? origin_resolve(curl, page_url, location) : NULL;
  bool ok = absolute && origin_same(curl, absolute, page_url);
  if (ok)
    *next = arena_strdup(memory, absolute, err);
  else
    error_set(err, ERROR_FORMAT, "the next page is at another address than the first");
  curl->curl_free(absolute);
  return *next != NULL;
}

/* --- getting the pages */

static bool start_page(void *context, const http_response *response, error *err) {
  (void)response, (void)err;
  buffer_clear(context);
  return true;
}

static bool add_to_page(void *context, const void *bytes, size_t size, error *err) {
  buffer *page = context;
  if (size > LARGEST_PAGE - page->size)
    return error_set(err, ERROR_LIMIT, "the list of files has a page of more than %d bytes", LARGEST_PAGE);
  return buffer_append(page, bytes, size, err);
}

static bool get_page(hub_client *client, const char *repo, const char *url, buffer *page,
                     http_response *response, error *err) {
  http_request request = {.url = url,
                          .repo = repo,
                          .what = "list of files",
                          .start = start_page,
                          .bytes = add_to_page,
                          .context = page};
  retry_count tries = {0};
  for (;;) {
    http_outcome outcome = hub_client_get(client, &request, response, err);
    if (outcome == HTTP_DONE)
      return true;
    if (outcome == HTTP_REFUSED || !hub_client_wait(client, &tries, &request, response, 0, err))
      return false;
  }
}

static char *first_page(const hub_settings *s, const char *repo, arena *memory, error *err) {
  char *revision = url_escape(memory, s->revision, err);
  return revision
             ? arena_printf(memory, err, "%s/api/models/%s/tree/%s?recursive=1", s->endpoint, repo, revision)
             : NULL;
}

static bool get_pages(hub_listing *listing, hub_client *client, const char *repo, buffer *page, arena *memory,
                      error *err) {
  char *url = first_page(hub_client_settings(client), repo, memory, err);
  for (int pages = 0; url; pages++) {
    http_response response;
    if (pages == MAX_PAGES)
      return error_set(err, ERROR_LIMIT, "%s: the list of files has more than %d pages", repo, MAX_PAGES);
    if (!get_page(client, repo, url, page, &response, err))
      return false;
    char *next = NULL;
    if (!hub_listing_read_page(listing, page->data ? page->data : "", page->size, memory, err) ||
        !hub_listing_next(hub_client_curl(client), response.link, url, memory, &next, err))
      return error_prefix(err, "%s: the list of files is refused", repo);
    if (pages == 0 && is_hex(response.commit, 40))
      memcpy(listing->commit, response.commit, sizeof listing->commit);
    url = next;
    if (!next)
      return true;
  }
  return false;
}

bool hub_listing_get(hub_listing *listing, hub_client *client, const char *repo, arena *memory, error *err) {
  *listing = (hub_listing){0};
  buffer page = {0};
  bool ok = get_pages(listing, client, repo, &page, memory, err);
  buffer_free(&page);
  return ok;
}

void hub_listing_free(hub_listing *listing) {
  free(listing->files);
  *listing = (hub_listing){0};
}
