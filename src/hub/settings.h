/* How this machine reaches the Hugging Face hub, as its official client has it: endpoint, token, cache,
 * offline switch; all from the environment and the API-key file. */
#ifndef DEEPECG_HUB_SETTINGS_H
#define DEEPECG_HUB_SETTINGS_H

#include "base/arena.h"

#include <signal.h>

/* How long a silent or failing hub is put up with. */
typedef struct hub_patience {
  int tries;              /* in a row without progress, >= 1 */
  double first_wait;      /* seconds before the second try; doubles with each */
  double longest_wait;    /* also the upper bound of what Retry-After may ask for */
  long connect_seconds;   /* for a connection */
  double stalled_seconds; /* without a byte */
  double largest_repeat;  /* a try that brings this many bytes starts the count of tries afresh */
} hub_patience;

typedef struct hub_settings {
  const char *endpoint;            /* HF_ENDPOINT or the public one; no '/' at the end */
  const char *revision;            /* branch, tag or commit; "main" */
  const char *token;               /* NULL: none. Never part of a message */
  const char *token_source;        /* where the token is from, for messages */
  const char *cache_folder;        /* HF_HUB_CACHE or $HF_HOME/hub; NULL: no home either */
  const char *ca_file, *ca_folder; /* certificates beside the system's; NULL: none given */
  bool offline;                    /* HF_HUB_OFFLINE */
  bool without_token;              /* ask the hub even where there is no token */
  hub_patience patience;
  const volatile sig_atomic_t *cancelled; /* set by a signal handler; may be NULL */
} hub_settings;

/* The token is the first of: `huggingface_api_key` or `HUGGING_FACE_API_KEY` in the JSON file at
 * api_key_path (a missing file, an empty value and the placeholder of the shipped file count as none),
 * HF_TOKEN, the file HF_TOKEN_PATH, $HF_HOME/token. Texts live in `memory` or in the environment. Fails for
 * a malformed API-key file, endpoint or token; *s is usable all the same, without what was malformed. */
bool hub_settings_read(hub_settings *s, const char *api_key_path, arena *memory, error *err);

bool hub_cancelled(const hub_settings *s);

#endif
