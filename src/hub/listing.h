/* The list of a repository's files. */
#ifndef DEEPECG_HUB_LISTING_H
#define DEEPECG_HUB_LISTING_H

#include "hub/client.h"

typedef struct hub_file {
  const char *path; /* safe, see safe_path.h */
  uint64_t size;
  const char *sha256;  /* 64 hex digits of a large (LFS) file, else NULL */
  const char *git_oid; /* 40 hex digits: SHA-1 of "blob SIZE\0" and the bytes; NULL for a large file */
} hub_file;

typedef struct hub_listing {
  hub_file *files;
  size_t count, capacity;
  char commit[41]; /* which the list is of; "" where the hub didn't say */
} hub_listing;

/* The files of `repo` ("heartwise/wcr_afib_5y") at the settings' revision, subfolders included. Pages are
 * followed within bounds. Hostile or malformed lists are errors as a whole. Texts live in `memory`; free with
 * hub_listing_free (also after a failure). */
bool hub_listing_get(hub_listing *listing, hub_client *client, const char *repo, arena *memory, error *err);
void hub_listing_free(hub_listing *listing);

/* One page of the list, JSON as the hub sends it, appended to *listing. */
bool hub_listing_read_page(hub_listing *listing, const char *json, size_t size, arena *memory, error *err);

/* The address of `<URL>; rel="next"` in a Link field, in `memory`; *next is NULL when there is none. */
bool hub_listing_next(const curl_library *curl, const char *link, const char *page_url, arena *memory,
                      char **next, error *err);

#endif
