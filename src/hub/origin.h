/* Which addresses a token may go to, and where a redirect may lead. */
#ifndef DEEPECG_HUB_ORIGIN_H
#define DEEPECG_HUB_ORIGIN_H

#include "hub/curl_library.h"

/* An http or https address with a host, without user, password, query and fragment. */
bool origin_is_plain(const curl_library *curl, const char *url);

/* The same scheme, host and port? */
bool origin_same(const curl_library *curl, const char *url, const char *other);

/* May a secret go there: https, or http to this machine itself. */
bool origin_is_private(const curl_library *curl, const char *url);

/* Is the host this machine itself? No proxy has a place in between then. */
bool origin_is_loopback(const curl_library *curl, const char *url);

/* May a redirect lead from one address to the other: never from https to http, and to nothing but these. */
bool origin_may_follow(const curl_library *curl, const char *from, const char *to);

/* `location` as seen from `base`, absolute; NULL when it is no address. Free with curl->curl_free. */
char *origin_resolve(const curl_library *curl, const char *base, const char *location);

#endif
