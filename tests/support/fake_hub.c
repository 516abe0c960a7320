#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/fake_hub.h"

#include "base/buffer.h"
#include "base/sha256.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <nettle/sha1.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FILES = 32, MAX_ENTRIES = 16, MAX_RULES = 32, MAX_REQUESTS = 512, LONGEST_REQUEST = 8192 };

const char fake_hub_commit[] = "0123456789abcdef0123456789abcdef01234567";

typedef struct fake_file {
  const char *repo, *path;
  const uint8_t *bytes;
  size_t size;
  bool large;
} fake_file;

typedef struct fake_entry {
  const char *repo, *json;
} fake_entry;

struct fake_hub {
  int listener;
  char url[64];
  pthread_t thread;
  pthread_mutex_t mutex; /* guards what follows */
  pthread_cond_t idle;
  bool stopping;
  int connections;
  size_t file_count, entry_count, rule_count, request_count, page_size;
  fake_file files[MAX_FILES];
  fake_entry entries[MAX_ENTRIES];
  fake_rule rules[MAX_RULES];
  fake_request requests[MAX_REQUESTS];
  const char *token, *store;
  bool hide_commit;
};

typedef struct connection {
  fake_hub *hub;
  int socket;
  fake_request request;
  fake_rule rule; /* times is 0: none */
} connection;

/* --- sending */

static bool send_all(int socket, const void *bytes, size_t size) {
  const char *at = bytes;
  while (size) {
    ssize_t sent = send(socket, at, size, MSG_NOSIGNAL);
    if (sent <= 0)
      return false;
    at += sent;
    size -= (size_t)sent;
  }
  return true;
}

static bool is_stopping(fake_hub *hub) {
  pthread_mutex_lock(&hub->mutex);
  bool stopping = hub->stopping;
  pthread_mutex_unlock(&hub->mutex);
  return stopping;
}

static void wait_until_left(const connection *c) {
  char byte;
  while (!is_stopping(c->hub)) {
    struct pollfd poll_of = {.fd = c->socket, .events = POLLIN};
    if (poll(&poll_of, 1, 20) > 0 && recv(c->socket, &byte, 1, 0) <= 0)
      return;
  }
}

static void send_answer(const connection *c, int status, const char *header, const void *body, size_t size) {
  char head[2048];
  int length = snprintf(head, sizeof head,
                        "HTTP/1.1 %d Whatever\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n", status,
                        size, header);
  if (send_all(c->socket, head, (size_t)length))
    send_all(c->socket, body, size);
}

/* A file's bytes from `first` on, as the rule has them. */
static void send_file(const connection *c, const fake_file *file, size_t first, const char *header) {
  const fake_rule *rule = &c->rule;
  bool ruled = rule->times != 0;
  size_t size = file->size - first;
  char head[2048], part[100] = "";
  if (first)
    snprintf(part, sizeof part, "Content-Range: bytes %zu-%zu/%zu\r\n", first, file->size - 1, file->size);
  int length = snprintf(head, sizeof head,
                        "HTTP/1.1 %d OK\r\nConnection: close\r\nAccept-Ranges: bytes\r\nContent-Length: "
                        "%zu\r\n%s%s\r\n",
                        first ? 206 : 200, size, part, header);
  uint8_t *body = malloc(size + 1);
  memcpy(body, file->bytes + first, size);
  if (ruled && rule->fault == FAULT_CORRUPT && rule->at >= first && rule->at - first < size)
    body[rule->at - first] ^= 0x40;
  bool cut = ruled && (rule->fault == FAULT_CUT || rule->fault == FAULT_STALL) && rule->at < size;
  if (send_all(c->socket, head, (size_t)length) && send_all(c->socket, body, cut ? rule->at : size) && cut &&
      rule->fault == FAULT_STALL)
    wait_until_left(c);
  free(body);
}

/* --- what the hub has */

static void git_oid(const fake_file *file, char hex[41]) {
  char header[40];
  int length = snprintf(header, sizeof header, "blob %zu", file->size) + 1;
  struct sha1_ctx context;
  uint8_t digest[SHA1_DIGEST_SIZE];
  sha1_init(&context);
  sha1_update(&context, (size_t)length, (const uint8_t *)header);
  sha1_update(&context, file->size, file->bytes);
  sha1_digest(&context, sizeof digest, digest);
  for (size_t i = 0; i < sizeof digest; i++)
    snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

static void list_file(buffer *list, const fake_file *file) {
  char oid[41];
  git_oid(file, oid);
  buffer_printf(list, NULL, "{\"type\":\"file\",\"oid\":\"%s\",\"size\":%zu,\"path\":\"%s\"", oid, file->size,
                file->path);
  if (file->large)
    buffer_printf(list, NULL, ",\"lfs\":{\"oid\":\"%s\",\"size\":%zu,\"pointerSize\":130}",
                  sha256_of(file->bytes, file->size).hex, file->size);
  buffer_append_text(list, "}", NULL);
}

/* Entries first ... first + n - 1 of the repository; false when that is the end. */
static bool list_page(fake_hub *hub, const char *repo, size_t first, size_t n, buffer *list) {
  size_t at = 0;
  const char *comma = "[";
  for (size_t i = 0; i < hub->file_count + hub->entry_count; i++) {
    bool is_file = i < hub->file_count;
    const fake_entry *entry = is_file ? NULL : &hub->entries[i - hub->file_count];
    if (strcmp(is_file ? hub->files[i].repo : entry->repo, repo) != 0)
      continue;
    if (at >= first && at - first < n) {
      buffer_append_text(list, comma, NULL);
      comma = ",";
      if (is_file)
        list_file(list, &hub->files[i]);
      else
        buffer_append_text(list, entry->json, NULL);
    }
    at++;
  }
  buffer_append_text(list, *comma == '[' ? "[]" : "]", NULL);
  return at > first + n;
}

static const char *known_repo(const fake_hub *hub, const char *text, size_t length) {
  for (size_t i = 0; i < hub->file_count + hub->entry_count; i++) {
    const char *repo = i < hub->file_count ? hub->files[i].repo : hub->entries[i - hub->file_count].repo;
    if (strlen(repo) == length && strncasecmp(repo, text, length) == 0)
      return repo;
  }
  return NULL;
}

static void serve_list(connection *c, const char *repo) {
  fake_hub *hub = c->hub;
  const char *cursor = strstr(c->request.target, "cursor=");
  size_t first = cursor ? (size_t)strtoul(cursor + 7, NULL, 10) : 0;
  size_t n = hub->page_size ? hub->page_size : SIZE_MAX - first;
  buffer list = {0};
  char header[400] = "";
  if (list_page(hub, repo, first, n, &list))
    snprintf(header, sizeof header,
             "Link: <%s/api/models/%s/tree/main?recursive=1&cursor=%zu>; rel=\"next\"\r\n", hub->url, repo,
             first + n);
  size_t used = strlen(header);
  if (!hub->hide_commit)
    snprintf(header + used, sizeof header - used, "X-Repo-Commit: %s\r\n", fake_hub_commit);
  send_answer(c, 200, header, list.data, list.size);
  buffer_free(&list);
}

static void serve_file(connection *c, const fake_file *file) {
  size_t first = 0;
  if (c->request.range[0] && !(c->rule.times != 0 && c->rule.fault == FAULT_WHOLE))
    first = (size_t)strtoul(c->request.range + strlen("bytes="), NULL, 10);
  if (first >= file->size && file->size) {
    send_answer(c, 416, "", "", 0);
    return;
  }
  char header[800];
  int used = snprintf(header, sizeof header, "X-Repo-Commit: %s\r\nX-Linked-Etag: \"%s\"\r\n",
                      fake_hub_commit, file->large ? sha256_of(file->bytes, file->size).hex : "small");
  if (c->hub->store && file->large) {
    snprintf(header + used, sizeof header - (size_t)used,
             "Location: %s/%s/resolve/main/%s?signature=s3cr3t\r\n", c->hub->store, file->repo, file->path);
    send_answer(c, 302, header, "Found", 5);
    return;
  }
  send_file(c, file, first, header);
}

static void serve_repo(connection *c, const char *path, const char *repo) {
  const char *rest = path + strlen(repo);
  if (strncmp(rest, "/tree/", 6) == 0) {
    serve_list(c, repo);
    return;
  }
  const char *name = strncmp(rest, "/resolve/", 9) == 0 ? strchr(rest + 9, '/') : NULL;
  size_t length = name ? strcspn(name + 1, "?") : 0;
  for (size_t i = 0; name && i < c->hub->file_count; i++) {
    const fake_file *file = &c->hub->files[i];
    if (strcmp(file->repo, repo) == 0 && strlen(file->path) == length &&
        strncmp(file->path, name + 1, length) == 0) {
      serve_file(c, file);
      return;
    }
  }
  send_answer(c, 404, "X-Error-Code: EntryNotFound\r\n", "", 0);
}

/* /api/models/heartwise/x/tree/... and /heartwise/x/resolve/... */
static void serve(connection *c) {
  fake_hub *hub = c->hub;
  const char *target = c->request.target, *path = target + 1;
  if (strncmp(target, "/api/models/", 12) == 0)
    path = target + 12;
  const char *slash = strchr(path, '/'), *second = slash ? strchr(slash + 1, '/') : NULL;
  const char *repo = second ? known_repo(hub, path, (size_t)(second - path)) : NULL;
  char wanted[220];
  snprintf(wanted, sizeof wanted, "Bearer %s", hub->token ? hub->token : "");
  if (hub->token && strcmp(c->request.authorization, wanted) != 0) {
    send_answer(c, 401, "X-Error-Code: RepoNotFound\r\n", "{}", 2);
  } else if (!repo) {
    send_answer(c, 404, "X-Error-Code: RepoNotFound\r\n", "{}", 2);
  } else if (strncmp(path, repo, strlen(repo)) != 0) {
    char header[900];
    snprintf(header, sizeof header, "Location: %.*s%s%s\r\n", (int)(path - target), target, repo, second);
    send_answer(c, 307, header, "Temporary Redirect", 18);
  } else {
    serve_repo(c, path, repo);
  }
}

/* --- requests */

static void copy_field(const char *head, const char *name, char *to, size_t size) {
  const char *at = strcasestr(head, name);
  if (!at)
    return;
  at += strlen(name);
  at += strspn(at, " ");
  size_t length = strcspn(at, "\r");
  snprintf(to, size, "%.*s", (int)length, at);
}

static bool read_request(connection *c) {
  char head[LONGEST_REQUEST] = "";
  size_t used = 0;
  while (!strstr(head, "\r\n\r\n") && used + 1 < sizeof head) {
    ssize_t got = recv(c->socket, head + used, sizeof head - used - 1, 0);
    if (got <= 0)
      return false;
    used += (size_t)got;
    head[used] = '\0';
  }
  if (sscanf(head, "GET %599s ", c->request.target) != 1)
    return false;
  copy_field(head, "\r\nAuthorization:", c->request.authorization, sizeof c->request.authorization);
  copy_field(head, "\r\nRange:", c->request.range, sizeof c->request.range);
  copy_field(head, "\r\nHost:", c->request.host, sizeof c->request.host);
  return true;
}

/* Write the request down and take the rule for it. */
static void note_request(connection *c) {
  fake_hub *hub = c->hub;
  pthread_mutex_lock(&hub->mutex);
  if (hub->request_count < MAX_REQUESTS)
    hub->requests[hub->request_count++] = c->request;
  for (size_t i = 0; i < hub->rule_count; i++) {
    fake_rule *rule = &hub->rules[i];
    if (rule->times == 0 || !strstr(c->request.target, rule->target))
      continue;
    c->rule = *rule;
    rule->times -= rule->times > 0;
    break;
  }
  pthread_mutex_unlock(&hub->mutex);
}

static void *handle(void *given) {
  connection *c = given;
  fake_hub *hub = c->hub;
  if (read_request(c)) {
    note_request(c);
    const char *body = c->rule.body ? c->rule.body : "no";
    if (c->rule.times != 0 && c->rule.fault == FAULT_ANSWER)
      send_answer(c, c->rule.status, c->rule.header ? c->rule.header : "", body, strlen(body));
    else if (c->rule.times == 0 || c->rule.fault != FAULT_DROP)
      serve(c);
  }
  shutdown(c->socket, SHUT_WR);
  close(c->socket);
  free(c);
  pthread_mutex_lock(&hub->mutex);
  hub->connections--;
  pthread_cond_signal(&hub->idle);
  pthread_mutex_unlock(&hub->mutex);
  return NULL;
}

static void *listen_for_connections(void *given) {
  fake_hub *hub = given;
  while (!is_stopping(hub)) {
    struct pollfd poll_of = {.fd = hub->listener, .events = POLLIN};
    if (poll(&poll_of, 1, 20) <= 0)
      continue;
    connection *c = calloc(1, sizeof *c);
    c->hub = hub;
    c->socket = accept(hub->listener, NULL, NULL);
    pthread_t thread;
    pthread_mutex_lock(&hub->mutex);
    hub->connections++;
    pthread_mutex_unlock(&hub->mutex);
    pthread_create(&thread, NULL, handle, c);
    pthread_detach(thread);
  }
  return NULL;
}

fake_hub *fake_hub_start(void) {
  fake_hub *hub = calloc(1, sizeof *hub);
  assert_non_null(hub);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  hub->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(hub->listener >= 0);
  assert_int_equal(bind(hub->listener, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(listen(hub->listener, 16), 0);
  assert_int_equal(getsockname(hub->listener, (struct sockaddr *)&address, &length), 0);
  snprintf(hub->url, sizeof hub->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
  pthread_mutex_init(&hub->mutex, NULL);
  pthread_cond_init(&hub->idle, NULL);
  assert_int_equal(pthread_create(&hub->thread, NULL, listen_for_connections, hub), 0);
  return hub;
}

void fake_hub_stop(fake_hub *hub) {
  pthread_mutex_lock(&hub->mutex);
  hub->stopping = true;
  pthread_mutex_unlock(&hub->mutex);
  pthread_join(hub->thread, NULL);
  pthread_mutex_lock(&hub->mutex);
  while (hub->connections)
    pthread_cond_wait(&hub->idle, &hub->mutex);
  pthread_mutex_unlock(&hub->mutex);
  close(hub->listener);
  pthread_cond_destroy(&hub->idle);
  pthread_mutex_destroy(&hub->mutex);
  free(hub);
}

const char *fake_hub_url(const fake_hub *hub) {
  return hub->url;
}

void fake_hub_add_file(fake_hub *hub, const char *repo, const char *path, const void *bytes, size_t size,
                       bool large) {
  assert_true(hub->file_count < MAX_FILES);
  hub->files[hub->file_count++] = (fake_file){repo, path, bytes, size, large};
}

void fake_hub_add_entry(fake_hub *hub, const char *repo, const char *json) {
  assert_true(hub->entry_count < MAX_ENTRIES);
  hub->entries[hub->entry_count++] = (fake_entry){repo, json};
}

void fake_hub_set_page_size(fake_hub *hub, size_t entries) {
  hub->page_size = entries;
}

void fake_hub_hide_commit(fake_hub *hub) {
  hub->hide_commit = true;
}

void fake_hub_set_token(fake_hub *hub, const char *token) {
  hub->token = token;
}

void fake_hub_set_store(fake_hub *hub, const char *url) {
  hub->store = url;
}

void fake_hub_add_rule(fake_hub *hub, fake_rule rule) {
  pthread_mutex_lock(&hub->mutex);
  assert_true(hub->rule_count < MAX_RULES);
  hub->rules[hub->rule_count++] = rule;
  pthread_mutex_unlock(&hub->mutex);
}

static size_t count_requests(fake_hub *hub, const char *text, fake_request *last) {
  size_t count = 0;
  pthread_mutex_lock(&hub->mutex);
  for (size_t i = 0; i < hub->request_count; i++)
    if (strstr(hub->requests[i].target, text)) {
      count++;
      if (last)
        *last = hub->requests[i];
    }
  pthread_mutex_unlock(&hub->mutex);
  return count;
}

size_t fake_hub_requests(fake_hub *hub, const char *text) {
  return count_requests(hub, text, NULL);
}

bool fake_hub_last_request(fake_hub *hub, const char *text, fake_request *request) {
  return count_requests(hub, text, request) > 0;
}

bool fake_hub_wait_for(fake_hub *hub, const char *text, size_t requests) {
  for (int i = 0; i < 1000; i++) {
    if (fake_hub_requests(hub, text) >= requests)
      return true;
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
  }
  return false;
}
