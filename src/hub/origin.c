#include "hub/origin.h"

#include <string.h>
#include <strings.h>

typedef struct url_parts {
  char *scheme, *host, *port;
} url_parts;

static void parts_free(const curl_library *curl, url_parts *parts) {
  curl->curl_free(parts->scheme);
  curl->curl_free(parts->host);
  curl->curl_free(parts->port);
}

static bool has_part(const curl_library *curl, CURLU *url, CURLUPart part) {
  char *text = NULL;
  bool found = curl->curl_url_get(url, part, &text, 0) == CURLUE_OK;
  curl->curl_free(text);
  return found;
}

static bool has_secret(const curl_library *curl, CURLU *url) {
  return has_part(curl, url, CURLUPART_USER) || has_part(curl, url, CURLUPART_PASSWORD);
}

/* False for anything but http and https. */
static bool parts_of(const curl_library *curl, const char *text, url_parts *parts) {
  *parts = (url_parts){0};
  CURLU *url = curl->curl_url();
  bool ok = url && curl->curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK && !has_secret(curl, url) &&
            curl->curl_url_get(url, CURLUPART_SCHEME, &parts->scheme, 0) == CURLUE_OK &&
            curl->curl_url_get(url, CURLUPART_HOST, &parts->host, 0) == CURLUE_OK &&
            curl->curl_url_get(url, CURLUPART_PORT, &parts->port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
            (strcasecmp(parts->scheme, "http") == 0 || strcasecmp(parts->scheme, "https") == 0);
  curl->curl_url_cleanup(url);
  return ok;
}

bool origin_is_plain(const curl_library *curl, const char *text) {
  url_parts parts;
  bool plain = parts_of(curl, text, &parts);
  parts_free(curl, &parts);
  CURLU *url = plain ? curl->curl_url() : NULL;
  plain = url && curl->curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
          !has_part(curl, url, CURLUPART_QUERY) && !has_part(curl, url, CURLUPART_FRAGMENT);
  curl->curl_url_cleanup(url);
  return plain;
}

bool origin_same(const curl_library *curl, const char *url, const char *other) {
  url_parts a, b;
  bool same = parts_of(curl, url, &a);
  same = parts_of(curl, other, &b) && same && strcasecmp(a.scheme, b.scheme) == 0 &&
         strcasecmp(a.host, b.host) == 0 && strcmp(a.port, b.port) == 0;
  parts_free(curl, &a);
  parts_free(curl, &b);
  return same;
}

static bool host_is_loopback(const char *host) {
  return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
         (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

bool origin_is_loopback(const curl_library *curl, const char *url) {
  url_parts parts;
  bool loopback = parts_of(curl, url, &parts) && host_is_loopback(parts.host);
  parts_free(curl, &parts);
  return loopback;
}

static bool is_https(const char *url) {
  return strncasecmp(url, "https://", 8) == 0;
}

bool origin_is_private(const curl_library *curl, const char *url) {
  url_parts parts;
  bool private = parts_of(curl, url, &parts) && (is_https(url) || host_is_loopback(parts.host));
  parts_free(curl, &parts);
  return private;
}

bool origin_may_follow(const curl_library *curl, const char *from, const char *to) {
  url_parts parts;
  bool known = parts_of(curl, to, &parts);
  parts_free(curl, &parts);
  return known && (is_https(to) || !is_https(from));
}

char *origin_resolve(const curl_library *curl, const char *base, const char *location) {
  char *absolute = NULL;
  CURLU *url = curl->curl_url();
  if (url && curl->curl_url_set(url, CURLUPART_URL, base, 0) == CURLUE_OK &&
      curl->curl_url_set(url, CURLUPART_URL, location, CURLU_URLENCODE) == CURLUE_OK)
    curl->curl_url_get(url, CURLUPART_URL, &absolute, 0);
  curl->curl_url_cleanup(url);
  return absolute;
}
