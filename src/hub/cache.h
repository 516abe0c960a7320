/* The cache of the official Hugging Face client: models that another program has downloaded already. */
#ifndef DEEPECG_HUB_CACHE_H
#define DEEPECG_HUB_CACHE_H

#include "hub/settings.h"

/* The folder of the model's snapshot at the settings' revision, in `memory`, where it holds all that the
 * model needs; else NULL (the reason is of no interest: the model is just not there). */
char *hub_cache_find(const hub_settings *s, const char *model, arena *memory);

/* Put the model's files from a snapshot into `folder`, which is made where needed: as hard links, else as
 * symbolic ones, so that a gigabyte is not there twice. Large files, whose names in the cache are their
 * hashes, are verified first. Writes the manifest. */
bool hub_cache_link(const hub_settings *s, const char *snapshot, const char *model, const char *folder,
                    arena *memory, error *err);

#endif
