#include "hub/demo_models.h"

#include "base/buffer.h"

#include <unistd.h>

bool demo_models_are_in(const char *weights_folder) {
  buffer path = {0};
  bool there =
      buffer_printf(&path, NULL, "%s/%s", weights_folder, DEMO_NOTICE_NAME) && access(path.data, F_OK) == 0;
  buffer_free(&path);
  return there;
}

bool demo_models_warn(const char *weights_folder, const reporter *r) {
  bool there = demo_models_are_in(weights_folder);
  if (there)
    report(
        r, REPORT_WARNING,
        "%s holds demo models: they know synthetic ECGs only, and what they say means nothing for a patient",
        weights_folder);
  return there;
}
