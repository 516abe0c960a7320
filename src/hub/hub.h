/* The models' folders: found where they are, fetched where they are not. The door of this room for the
 * pipeline and the commands. Not thread-safe. */
#ifndef DEEPECG_HUB_HUB_H
#define DEEPECG_HUB_HUB_H

#include "base/reporter.h"
#include "hub/model_folder.h"
#include "hub/settings.h"

typedef struct hub hub;

/* Nothing is asked or written yet. All arguments must outlive the hub. NULL and *err when memory is out. */
hub *hub_open(const hub_settings *settings, const char *weights_folder, const reporter *r, error *err);
void hub_close(hub *h);

typedef enum hub_outcome {
  HUB_THERE,      /* the folder was complete */
  HUB_LINKED,     /* to files of the official client's cache */
  HUB_DOWNLOADED, /* or mended */
  HUB_MISSING,    /* and the hub was not asked: offline, or no token */
  HUB_FAILED
} hub_outcome;

/* Make sure that weights_folder/model is complete, in this order: it is as it lies there; another program's
 * download can be linked; the hub has it, and there is a token or settings->without_token. A complete folder
 * is not touched. revision_wanted: a folder whose manifest names another revision than the settings is not
 * complete. HUB_MISSING and HUB_FAILED set *err: what is missing and what to do; *bytes (may be NULL) counts
 * what was downloaded. */
hub_outcome hub_ensure(hub *h, const char *model, folder_check check, bool revision_wanted, uint64_t *bytes,
                       error *err);

/* {weights_folder}/{model}, in memory of the hub; NULL and *err when memory is out. */
const char *hub_folder(hub *h, const char *model, error *err);

#endif
