/* What an answer of the hub that is no success means, in words that say what to do. */
#ifndef DEEPECG_HUB_REFUSAL_H
#define DEEPECG_HUB_REFUSAL_H

#include "hub/client.h"

/* HTTP_AGAIN or HTTP_REFUSED, with *err. at_hub: the answer is the hub's own, not that of a store which it
 * redirected to (whose addresses expire: asking the hub again gives a fresh one). */
http_outcome refusal_explain(const hub_settings *s, const http_request *request,
                             const http_response *response, bool at_hub, error *err);

#endif
