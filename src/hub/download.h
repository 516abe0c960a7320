/* A model from the hub into its folder. */
#ifndef DEEPECG_HUB_DOWNLOAD_H
#define DEEPECG_HUB_DOWNLOAD_H

#include "hub/client.h"

/* Get the files that the model needs, and no others, into `folder` (made where needed), the small ones first,
 * and write the manifest. Files that are there already are kept; *bytes counts what was downloaded. */
bool download_model(hub_client *client, const char *model, const char *folder, uint64_t *bytes, error *err);

#endif
