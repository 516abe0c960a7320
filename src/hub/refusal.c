#include "hub/refusal.h"

#include <string.h>

static void explain_401(const hub_settings *s, const char *repo, error *err) {
  if (s->token)
    error_set(err, ERROR_USAGE,
              "%s: the hub does not accept the token of %s (401); make a new one at %s/settings/tokens", repo,
              s->token_source, s->endpoint);
  else
    error_set(err, ERROR_USAGE,
              "%s: the hub wants a token (401); make one at %s/settings/tokens and put it into api_key.json "
              "or HF_TOKEN",
              repo, s->endpoint);
}

static void explain_403(const hub_settings *s, const char *repo, error *err) {
  error_set(
      err, ERROR_USAGE,
      "%s: %s has no access to this model yet (403); log in, open %s/%s and accept the terms or ask for "
      "access",
      repo, s->token ? "the token's owner" : "who comes without a token", s->endpoint, repo);
}

static void explain_404(const hub_settings *s, const http_request *request, const http_response *response,
                        error *err) {
  if (strcmp(response->error_code, "RevisionNotFound") == 0)
    error_set(err, ERROR_NOT_FOUND, "%s: the hub has no revision '%s' (404)", request->repo, s->revision);
  else
    error_set(err, ERROR_NOT_FOUND,
              "%s: %s: the hub does not have it, or does not show it to this token (404)", request->repo,
              request->what);
}

http_outcome refusal_explain(const hub_settings *s, const http_request *request,
                             const http_response *response, bool at_hub, error *err) {
  if (!at_hub && response->status >= 400 && response->status < 500) {
    error_set(err, ERROR_IO, "%s: %s: the store behind the hub answers %ld", request->repo, request->what,
              response->status);
    return HTTP_AGAIN;
  }
  switch (response->status) {
  case 401:
    explain_401(s, request->repo, err);
    return HTTP_REFUSED;
  case 403:
    explain_403(s, request->repo, err);
    return HTTP_REFUSED;
  case 404:
    explain_404(s, request, response, err);
    return HTTP_REFUSED;
  case 416: /* nothing behind the offset that was asked for */
    error_set(err, ERROR_FORMAT, "%s: %s: the hub's file ends before the part that is here", request->repo,
              request->what);
    return HTTP_AGAIN;
  case 429:
    error_set(err, ERROR_IO, "%s: %s: the hub is asked too often (429)", request->repo, request->what);
    return HTTP_AGAIN;
  default:
    error_set(err, ERROR_IO, "%s: %s: the hub answers %ld", request->repo, request->what, response->status);
    return response->status == 408 || response->status >= 500 ? HTTP_AGAIN : HTTP_REFUSED;
  }
}
