#include "hub/client.h"

#include "base/clock.h"
#include "hub/origin.h"
#include "hub/refusal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { MAX_REDIRECTS = 10, LARGEST_ERROR_PAGE = 1 << 20 };

struct hub_client {
  const hub_settings *settings;
  const reporter *r;
  curl_library lib;
  CURL *curl;
  bool unreachable; /* every try of an earlier request failed without an answer */
};

/* One request and its answer, for curl's callbacks. */
typedef struct exchange {
  hub_client *client;
  const http_request *request;
  http_response *response;
  error *err;
  bool at_hub; /* this hop is at the hub's own origin */
  bool started, sink_failed, stalled;
  curl_off_t bytes_seen; /* of this hop, and when there were that many */
  double seen_at;
  size_t swallowed;
} exchange;

static bool prepare(hub_client *client, error *err) {
  if (!curl_library_load(&client->lib, err))
    return false;
  if (!origin_is_plain(&client->lib, client->settings->endpoint))
    return error_set(err, ERROR_USAGE, "HF_ENDPOINT: not an address like https://hub.example");
  client->curl = client->lib.curl_easy_init();
  return client->curl || error_out_of_memory(err);
}

hub_client *hub_client_create(const hub_settings *settings, const reporter *r, error *err) {
  hub_client *client = calloc(1, sizeof *client);
  if (!client) {
    error_out_of_memory(err);
    return NULL;
  }
  client->settings = settings;
  client->r = r;
  if (prepare(client, err))
    return client;
  free(client);
  return NULL;
}

void hub_client_destroy(hub_client *client) {
  if (!client)
    return;
  client->lib.curl_easy_cleanup(client->curl);
  free(client);
}

const curl_library *hub_client_curl(const hub_client *client) {
  return &client->lib;
}

const hub_settings *hub_client_settings(const hub_client *client) {
  return client->settings;
}

const reporter *hub_client_reporter(const hub_client *client) {
  return client->r;
}

/* --- what the answer's header says */

static void copy_value(char *to, size_t size, const char *value, size_t length) {
  if (length < size) { /* a value that is too long is none of ours */
    memcpy(to, value, length);
    to[length] = '\0';
  }
}

static void copy_etag(char *to, size_t size, const char *value, size_t length) {
  if (length >= 2 && memcmp(value, "W/", 2) == 0) {
    value += 2;
    length -= 2;
  }
  if (length >= 2 && *value == '"' && value[length - 1] == '"')
    copy_value(to, size, value + 1, length - 2);
}

/* "bytes 5-9/10" */
static void read_content_range(http_response *response, const char *value, size_t length) {
  char text[80] = "";
  copy_value(text, sizeof text, value, length);
  unsigned long long first, last, total;
  if (sscanf(text, "bytes %llu-%llu/%llu", &first, &last, &total) == 3 && first <= last && last < total) {
    response->first_byte = first;
    response->total = total;
  }
}

static bool is_field(const char *line, size_t name_length, const char *name) {
  return strlen(name) == name_length && strncasecmp(line, name, name_length) == 0;
}

static void read_field(exchange *x, const char *line, size_t name_length, const char *value, size_t length) {
  http_response *response = x->response;
  if (is_field(line, name_length, "content-range"))
    read_content_range(response, value, length);
  if (!x->at_hub)
    return;
  if (is_field(line, name_length, "x-linked-etag"))
    copy_etag(response->linked_etag, sizeof response->linked_etag, value, length);
  else if (is_field(line, name_length, "x-repo-commit"))
    copy_value(response->commit, sizeof response->commit, value, length);
  else if (is_field(line, name_length, "x-error-code"))
    copy_value(response->error_code, sizeof response->error_code, value, length);
  else if (is_field(line, name_length, "link"))
    copy_value(response->link, sizeof response->link, value, length);
}

static size_t on_header(char *line, size_t size, size_t count, void *user) {
  exchange *x = user;
  size_t length = size * count;
  const char *colon = memchr(line, ':', length);
  if (!colon)
    return length;
  const char *value = colon + 1, *end = line + length;
  while (value < end && strchr(" \t", *value))
    value++;
  while (end > value && strchr(" \t\r\n", end[-1]))
    end--;
  read_field(x, line, (size_t)(colon - line), value, (size_t)(end - value));
  return length;
}

/* --- its bytes */

static bool start_once(exchange *x) {
  if (!x->started) {
    x->started = true;
    curl_off_t length = -1;
    x->client->lib.curl_easy_getinfo(x->client->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (x->response->status == 200)
      x->response->total = length > 0 ? (uint64_t)length : 0;
    x->sink_failed = !x->request->start(x->request->context, x->response, x->err);
  }
  return !x->sink_failed;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *user) {
  exchange *x = user;
  size_t length = size * count;
  x->client->lib.curl_easy_getinfo(x->client->curl, CURLINFO_RESPONSE_CODE, &x->response->status);
  if (x->response->status != 200 && x->response->status != 206) {
    x->swallowed += length;
    return x->swallowed <= LARGEST_ERROR_PAGE ? length : 0;
  }
  if (!start_once(x))
    return 0;
  x->sink_failed = !x->request->bytes(x->request->context, bytes, length, x->err);
  return x->sink_failed ? 0 : length;
}

/* curl's own limit on slow transfers looks at the average of many seconds. */
static int on_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t to_send, curl_off_t sent) {
  (void)total, (void)to_send, (void)sent;
  exchange *x = user;
  double time = clock_seconds();
  if (now != x->bytes_seen) {
    x->bytes_seen = now;
    x->seen_at = time;
  }
  x->stalled = time - x->seen_at > x->client->settings->patience.stalled_seconds;
  return x->stalled || hub_cancelled(x->client->settings);
}

/* --- asking */

static void set_address(exchange *x, const char *url, struct curl_slist *fields, char *problem) {
  const curl_library *lib = &x->client->lib;
  CURL *curl = x->client->curl;
  const hub_settings *s = x->client->settings;
  lib->curl_easy_reset(curl); /* connections stay open */
  lib->curl_easy_setopt(curl, CURLOPT_URL, url);
  lib->curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
  lib->curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, problem);
  lib->curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  lib->curl_easy_setopt(curl, CURLOPT_USERAGENT, "deepecg/" DEEPECG_VERSION);
  lib->curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  lib->curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, s->patience.connect_seconds);
  if (origin_is_loopback(&x->client->lib, url))
    lib->curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  if (s->ca_file)
    lib->curl_easy_setopt(curl, CURLOPT_CAINFO, s->ca_file);
  if (s->ca_folder)
    lib->curl_easy_setopt(curl, CURLOPT_CAPATH, s->ca_folder);
  if (x->request->offset) {
    /* Not CURLOPT_RESUME_FROM, which takes a redirect's body or a whole file for an error. */
    char range[32];
    snprintf(range, sizeof range, "%llu-", (unsigned long long)x->request->offset);
    lib->curl_easy_setopt(curl, CURLOPT_RANGE, range);
  }
}

static void set_callbacks(exchange *x) {
  const curl_library *lib = &x->client->lib;
  CURL *curl = x->client->curl;
  lib->curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  lib->curl_easy_setopt(curl, CURLOPT_HEADERDATA, x);
  lib->curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  lib->curl_easy_setopt(curl, CURLOPT_WRITEDATA, x);
  lib->curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  lib->curl_easy_setopt(curl, CURLOPT_XFERINFODATA, x);
  lib->curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
}

/* The token as a header field, where it may go; NULL elsewhere and when memory is out (the hub then answers
 * that a token is wanted). */
static struct curl_slist *token_field(const exchange *x, const char *url) {
  const hub_settings *s = x->client->settings;
  if (!s->token || !x->at_hub || !origin_is_private(&x->client->lib, url))
    return NULL;
  char line[1100];
  snprintf(line, sizeof line, "Authorization: Bearer %s", s->token);
  struct curl_slist *fields = x->client->lib.curl_slist_append(NULL, line);
  explicit_bzero(line, sizeof line);
  return fields;
}

static CURLcode perform(exchange *x, const char *url, char *problem) {
  const hub_settings *s = x->client->settings;
  x->at_hub = origin_same(&x->client->lib, url, s->endpoint);
  x->response->first_byte = x->response->total = 0;
  x->swallowed = 0;
  x->bytes_seen = 0;
  x->seen_at = clock_seconds();
  *problem = '\0';
  struct curl_slist *fields = token_field(x, url);
  set_address(x, url, fields, problem);
  set_callbacks(x);
  CURLcode code = x->client->lib.curl_easy_perform(x->client->curl);
  x->client->lib.curl_easy_getinfo(x->client->curl, CURLINFO_RESPONSE_CODE, &x->response->status);
  curl_off_t wait = 0;
  x->client->lib.curl_easy_getinfo(x->client->curl, CURLINFO_RETRY_AFTER, &wait);
  x->response->retry_after = (double)wait;
  x->client->lib.curl_easy_setopt(x->client->curl, CURLOPT_HTTPHEADER, NULL);
  x->client->lib.curl_slist_free_all(fields);
  return code;
}

static http_outcome judge_transport(const exchange *x, CURLcode code, const char *problem, error *err) {
  const http_request *request = x->request;
  const char *text = *problem ? problem : x->client->lib.curl_easy_strerror(code);
  switch (code) {
  case CURLE_ABORTED_BY_CALLBACK:
    if (x->stalled) {
      error_set(err, ERROR_IO, "%s: %s: no byte for %.3g s", request->repo, request->what,
                x->client->settings->patience.stalled_seconds);
      return HTTP_AGAIN;
    }
    error_set(err, ERROR_IO, "interrupted");
    return HTTP_REFUSED;
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE:
    error_set(err, ERROR_IO,
              "%s: the hub's certificate cannot be verified (%s); behind a proxy that has its own, name its "
              "file in CURL_CA_BUNDLE",
              request->repo, text);
    return HTTP_REFUSED;
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_URL_MALFORMAT:
  case CURLE_OUT_OF_MEMORY:
    error_set(err, ERROR_IO, "%s: %s: %s", request->repo, request->what, text);
    return HTTP_REFUSED;
  default:
    error_set(err, ERROR_IO, "%s: %s: %s", request->repo, request->what, text);
    return HTTP_AGAIN;
  }
}

static bool is_redirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static http_outcome judge(exchange *x, CURLcode code, const char *problem, error *err) {
  if (x->sink_failed)
    return HTTP_REFUSED;
  bool answered = x->response->status == 200 || x->response->status == 206;
  if (code != CURLE_OK && (answered || x->response->status == 0 || code == CURLE_ABORTED_BY_CALLBACK))
    return judge_transport(x, code, problem, err);
  if (answered)
    return start_once(x) ? HTTP_DONE : HTTP_REFUSED; /* a body without a byte starts too */
  return refusal_explain(x->client->settings, x->request, x->response, x->at_hub, err);
}

/* The next address of a redirect, in `memory`; NULL with *err when it may not be followed. */
static char *next_address(const exchange *x, const char *from, arena *memory, error *err) {
  char *to = NULL;
  x->client->lib.curl_easy_getinfo(x->client->curl, CURLINFO_REDIRECT_URL, &to);
  if (to && origin_may_follow(&x->client->lib, from, to))
    return arena_strdup(memory, to, err);
  error_set(err, ERROR_FORMAT, "%s: %s: the hub redirects to an address that is not followed",
            x->request->repo, x->request->what);
  return NULL;
}

static http_outcome follow(exchange *x, arena *memory, error *err) {
  char problem[CURL_ERROR_SIZE];
  const char *url = x->request->url;
  for (int hop = 0; hop <= MAX_REDIRECTS; hop++) {
    CURLcode code = perform(x, url, problem);
    if (code != CURLE_OK || !is_redirect(x->response->status))
      return judge(x, code, problem, err);
    url = next_address(x, url, memory, err);
    if (!url)
      return HTTP_REFUSED;
  }
  error_set(err, ERROR_LIMIT, "%s: %s: redirected more than %d times", x->request->repo, x->request->what,
            MAX_REDIRECTS);
  return HTTP_REFUSED;
}

http_outcome hub_client_get(hub_client *client, const http_request *request, http_response *response,
                            error *err) {
  *response = (http_response){0};
  exchange x = {.client = client, .request = request, .response = response, .err = err};
  arena *memory = arena_create(err);
  http_outcome outcome = memory ? follow(&x, memory, err) : HTTP_REFUSED;
  arena_destroy(memory);
  if (response->status)
    client->unreachable = false;
  return outcome;
}

/* --- trying again */

static bool sleep_unless_cancelled(const hub_settings *s, double seconds) {
  for (double end = clock_seconds() + seconds, now; (now = clock_seconds()) < end;) {
    if (hub_cancelled(s))
      return false;
    double slice = end - now < 0.05 ? end - now : 0.05;
    nanosleep(&(struct timespec){.tv_nsec = (long)(slice * 1e9)}, NULL);
  }
  return !hub_cancelled(s);
}

static double wait_before(const hub_patience *patience, int failures, double retry_after) {
  double wait = patience->first_wait;
  for (int i = 1; i < failures; i++)
    wait *= 2;
  if (retry_after > wait)
    wait = retry_after;
  return wait < patience->longest_wait ? wait : patience->longest_wait;
}

bool hub_client_wait(hub_client *client, retry_count *count, const http_request *request,
                     const http_response *response, uint64_t progress, error *err) {
  const hub_settings *s = client->settings;
  count->failures = (double)progress >= s->patience.largest_repeat ? 1 : count->failures + 1;
  int tries = client->unreachable ? 1 : s->patience.tries;
  if (count->failures >= tries) {
    client->unreachable = response->status == 0;
    if (tries == 1)
      return false;
    return error_prefix(err, "after %d tries", tries);
  }
  double wait = wait_before(&s->patience, count->failures, response->retry_after);
  report(client->r, wait >= 5 ? REPORT_NOTICE : REPORT_INFO, "%s; %s again in %.3g s (try %d of %d)",
         err->message, request->offset ? "going on" : "trying", wait, count->failures + 1, tries);
  return sleep_unless_cancelled(s, wait) || error_set(err, ERROR_IO, "interrupted");
}

char *url_escape(arena *memory, const char *text, error *err) {
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  size_t length = strlen(text);
  char *escaped = arena_alloc_array(memory, length + 1, 3, err), *to = escaped;
  for (size_t i = 0; escaped && i < length; i++)
    if (strchr(plain, text[i]))
      *to++ = text[i];
    else
      to += snprintf(to, 4, "%%%02X", (unsigned)(unsigned char)text[i]);
  return escaped;
}
