#include "hub/curl_library.h"

#include <dlfcn.h>
#include <string.h>

/* Debian has several builds; they differ in the TLS library only. */
static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};

/* ISO C has no conversion from an object pointer to a function pointer; POSIX promises that the bits are the
 * same. */
static bool find(void *library, const char *name, void *member, size_t size) {
  void *symbol = dlsym(library, name);
  memcpy(member, &symbol, size);
  return symbol != NULL;
}

bool curl_library_load(curl_library *curl, error *err) {
  void *library = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names && !library; i++)
    library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return error_set(
        err, ERROR_NOT_FOUND,
        "libcurl is not installed, and the hub cannot be asked without it (Debian: apt-get install "
        "libcurl4)");
#define CURL_FIND(name) &&find(library, #name, &curl->name, sizeof curl->name)
  if (true CURL_FUNCTIONS(CURL_FIND))
    return true;
#undef CURL_FIND
  return error_set(err, ERROR_UNSUPPORTED, "the libcurl that is installed is too old");
}
