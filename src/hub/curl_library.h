/* libcurl, loaded when the hub is first asked. The library and what it brings along (TLS, Kerberos, LDAP,
 * ...) would make every start of the program many times slower, and need not be there at all on a closed
 * network. */
#ifndef DEEPECG_HUB_CURL_LIBRARY_H
#define DEEPECG_HUB_CURL_LIBRARY_H

#include "base/error.h"

#include <curl/curl.h>

/* The calls' checking macros would shadow the members. */
#undef curl_easy_setopt
#undef curl_easy_getinfo

#define CURL_FUNCTIONS(X)                                                                                    \
  X(curl_easy_init)                                                                                          \
  X(curl_easy_cleanup)                                                                                       \
  X(curl_easy_reset)                                                                                         \
  X(curl_easy_setopt)                                                                                        \
  X(curl_easy_perform)                                                                                       \
  X(curl_easy_getinfo)                                                                                       \
  X(curl_easy_strerror)                                                                                      \
  X(curl_slist_append)                                                                                       \
  X(curl_slist_free_all)                                                                                     \
  X(curl_url)                                                                                                \
  X(curl_url_set)                                                                                            \
  X(curl_url_get)                                                                                            \
  X(curl_url_cleanup)                                                                                        \
  X(curl_free)

#define CURL_MEMBER(name) __typeof__(name) *name;
typedef struct curl_library {
  CURL_FUNCTIONS(CURL_MEMBER)
} curl_library;
#undef CURL_MEMBER

/* False with ERROR_NOT_FOUND when no libcurl is installed. It stays loaded: its TLS library has handlers that
 * run at the end of the program. Thread-safe. */
bool curl_library_load(curl_library *curl, error *err);

#endif
