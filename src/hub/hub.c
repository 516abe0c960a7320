#include "hub/hub.h"

#include "hub/cache.h"
#include "hub/client.h"
#include "hub/download.h"

#include <string.h>

struct hub {
  const hub_settings *settings;
  const char *weights_folder;
  const reporter *r;
  hub_client *client; /* made when the hub is first asked */
  arena *memory;
};

hub *hub_open(const hub_settings *settings, const char *weights_folder, const reporter *r, error *err) {
  arena *memory = arena_create(err);
  hub *h = memory ? arena_alloc(memory, sizeof *h, err) : NULL;
  if (!h) {
    arena_destroy(memory);
    return NULL;
  }
  *h = (hub){settings, weights_folder, r, NULL, memory};
  return h;
}

void hub_close(hub *h) {
  if (!h)
    return;
  hub_client_destroy(h->client);
  arena_destroy(h->memory);
}

const char *hub_folder(hub *h, const char *model, error *err) {
  return arena_printf(h->memory, err, "%s/%s", h->weights_folder, model);
}

/* A folder without a manifest was put there by hand: its revision is its owner's business. */
static bool has_revision(const hub *h, const char *folder, error *err) {
  manifest m;
  const char *wanted = h->settings->revision;
  if (!manifest_read(&m, folder, h->memory, NULL) || strcmp(m.revision, wanted) == 0 ||
      strcmp(m.commit, wanted) == 0)
    return true;
  return error_set(err, ERROR_NOT_FOUND, "%s: is of revision '%s'", folder, m.revision);
}

static bool link_from_cache(hub *h, const char *model, const char *folder) {
  char *snapshot = hub_cache_find(h->settings, model, h->memory);
  error reason;
  if (!snapshot)
    return false;
  if (hub_cache_link(h->settings, snapshot, model, folder, h->memory, &reason)) {
    report(h->r, REPORT_INFO, "%s: linked to %s", model, snapshot);
    return true;
  }
  report(h->r, REPORT_WARNING, "%s: the Hugging Face cache has it, but: %s", model, reason.message);
  return false;
}

static hub_outcome say_missing(const hub *h, const char *model, const char *folder, error *err) {
  error why = *err;
  error_set(err, ERROR_NOT_FOUND,
            "%s: not complete (%s) and not downloaded, for %s. Put %s into %s/, or take them from a bundle "
            "(deepecg download --from models.tar)%s",
            model, why.message, h->settings->offline ? "HF_HUB_OFFLINE is set" : "there is no token",
            model_files_wanted(model), folder,
            h->settings->offline ? "" : ", or set HF_TOKEN or api_key.json");
  return HUB_MISSING;
}

static hub_outcome download(hub *h, const char *model, const char *folder, uint64_t *bytes, error *err) {
  if (!h->client)
    h->client = hub_client_create(h->settings, h->r, err);
  uint64_t downloaded = 0;
  bool ok = h->client && download_model(h->client, model, folder, &downloaded, err);
  if (bytes)
    *bytes = downloaded;
  return ok ? HUB_DOWNLOADED : HUB_FAILED;
}

hub_outcome hub_ensure(hub *h, const char *model, folder_check check, bool revision_wanted, uint64_t *bytes,
                       error *err) {
  error reason;
  if (bytes)
    *bytes = 0;
  const char *folder = hub_folder(h, model, err);
  if (!folder)
    return HUB_FAILED;
  if (model_folder_complete(folder, model, check, &reason) &&
      (!revision_wanted || has_revision(h, folder, &reason)))
    return HUB_THERE;
  if (reason.code == ERROR_DATA)
    report(h->r, REPORT_NOTICE, "%s; it is fetched again", reason.message);
  if (link_from_cache(h, model, folder))
    return HUB_LINKED;
  *err = reason;
  if (h->settings->offline || (!h->settings->token && !h->settings->without_token))
    return say_missing(h, model, folder, err);
  return download(h, model, folder, bytes, err);
}
