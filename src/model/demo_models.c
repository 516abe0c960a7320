#include "model/demo_models.h"

#include "base/buffer.h"

#include <unistd.h>

bool demo_models_warn(const char *weights_folder, const reporter *r) {
  buffer path = {0};
  bool there =
      buffer_printf(&path, NULL, "%s/%s", weights_folder, DEMO_NOTICE_NAME) && access(path.data, F_OK) == 0;
  buffer_free(&path);
  if (there)
    report(
        r, REPORT_WARNING,
        "%s holds demo models: they know synthetic ECGs only, and what they say means nothing for a patient",
        weights_folder);
  return there;
}
