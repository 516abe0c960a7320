/* One conversation with the hub: GET requests through libcurl. The token goes to the hub's own origin only,
 * and only where nobody can listen; redirects are followed by this room's rules. Not thread-safe. */
#ifndef DEEPECG_HUB_CLIENT_H
#define DEEPECG_HUB_CLIENT_H

#include "base/reporter.h"
#include "hub/curl_library.h"
#include "hub/settings.h"

#include <stdint.h>

typedef struct hub_client hub_client;

/* `settings` and `r` must outlive the client. NULL and *err without libcurl, for an endpoint that is no
 * address, and when memory is out. */
hub_client *hub_client_create(const hub_settings *settings, const reporter *r, error *err);
void hub_client_destroy(hub_client *client);
const hub_settings *hub_client_settings(const hub_client *client);
const reporter *hub_client_reporter(const hub_client *client);
const curl_library *hub_client_curl(const hub_client *client);

typedef enum http_outcome {
  HTTP_DONE,   /* the whole answer has arrived */
  HTTP_AGAIN,  /* it may work later: cut off, timed out, busy, ...; *err says what happened */
  HTTP_REFUSED /* trying again is of no use; *err says what to do */
} http_outcome;

/* Header fields of the answer. From the hub's own answers only, not from where it redirects to: linked_etag,
 * commit, error_code. */
typedef struct http_response {
  long status;          /* 0: no answer at all */
  uint64_t first_byte;  /* 206: where the body starts in the file; else 0 */
  uint64_t total;       /* 206: the size of the file, else of the body; 0 where unknown */
  char linked_etag[80]; /* X-Linked-Etag without quotes and W/; "" where there is none */
  char commit[41];      /* X-Repo-Commit */
  char error_code[40];  /* X-Error-Code */
  char link[2048];      /* Link */
  double retry_after;   /* seconds; 0: not said */
} http_response;

typedef struct http_request {
  const char *url;
  const char *repo; /* "heartwise/wcr_afib_5y" */
  const char *what; /* the file or "list of files", for messages */
  uint64_t offset;  /* ask for the bytes from here on */
  /* Called before the first byte of an answer with status 200 or 206, and then with its bytes. False ends the
   * request as refused, with the *err that they set. */
  bool (*start)(void *context, const http_response *response, error *err);
  bool (*bytes)(void *context, const void *bytes, size_t size, error *err);
  void *context;
} http_request;

/* Ask once. *response is filled as far as an answer came. */
http_outcome hub_client_get(hub_client *client, const http_request *request, http_response *response,
                            error *err);

/* The count of tries of one thing that is wanted. */
typedef struct retry_count {
  int failures;
} retry_count;

/* After HTTP_AGAIN: wait as long as the answer or the back-off says and return true, or return false with
 * *err (which holds the reason of the failure) when the patience is at its end or the run was interrupted.
 * `progress` bytes had arrived. Once the hub could not be reached at all by every try, later things get one
 * try only. */
bool hub_client_wait(hub_client *client, retry_count *count, const http_request *request,
                     const http_response *response, uint64_t progress, error *err);

/* `text` with everything but letters, digits and -._~ as %XX. */
char *url_escape(arena *memory, const char *text, error *err);

#endif
