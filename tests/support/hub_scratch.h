/* A folder, a hub and settings for one test of the hub room. */
#ifndef DEEPECG_TESTS_HUB_SCRATCH_H
#define DEEPECG_TESTS_HUB_SCRATCH_H

#include "hub/hub.h"
#include "support/fake_hub.h"

enum { SCRATCH_PATH = 600 };

typedef struct hub_scratch {
  char root[SCRATCH_PATH], weights[SCRATCH_PATH + 16]; /* root is empty; weights is not there yet */
  hub_settings settings;                               /* of `server`, with a short patience */
  fake_hub *server;
  char said[4000]; /* what was reported, a line each */
  reporter reporter;
  error err;
  uint64_t bytes;
} hub_scratch;

void hub_scratch_begin(hub_scratch *s, const char *name);
void hub_scratch_end(hub_scratch *s);

/* hub_ensure with a hub of its own. */
hub_outcome hub_scratch_ensure(hub_scratch *s, const char *model, folder_check check);

/* {root}/{name}; valid until the eighth call after this one. */
const char *scratch_path(const hub_scratch *s, const char *name);

/* Write a file of the scratch folder, folders made. */
void scratch_write(const hub_scratch *s, const char *name, const void *bytes, size_t size);

/* Is the file there with these bytes? */
bool scratch_holds(const hub_scratch *s, const char *name, const void *bytes, size_t size);

/* Files and links in a folder of the scratch folder, names that begin with a dot included; 0 when it is not
 * there. */
size_t scratch_count(const hub_scratch *s, const char *name);

/* The one file in the folder whose name ends so; fails the test when there is none. Path relative to root, in
 * memory of the caller. */
void scratch_find(const hub_scratch *s, const char *folder, const char *ending, char found[SCRATCH_PATH]);

/* Wait until a partial download in the folder has so many bytes, some seconds at most. */
void scratch_wait_for_part(const hub_scratch *s, const char *folder, size_t size);

/* The same bytes for the same seed. Free with free(). */
uint8_t *scratch_bytes(size_t size, unsigned seed);

#endif
