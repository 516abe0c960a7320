#include "pipeline/demo_notice.h"

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "hub/demo_models.h"
#include "pipeline/paths.h"

bool demo_notice_copy(arena *memory, const char *weights_folder, const char *output_folder, const reporter *r,
                      error *err) {
  char *from = path_join(memory, weights_folder, DEMO_NOTICE_NAME, err);
  char *to = from ? arena_printf(memory, err, "%s/%s", output_folder, DEMO_NOTICE_NAME) : NULL;
  if (!to)
    return false;
  if (!demo_models_warn(weights_folder, r))
    return true;
  mapped_file notice;
  if (!mapped_file_open(&notice, from, err))
    return false;
  bool ok = atomic_file_save(to, ATOMIC_FILE_REPLACE, false, notice.data, notice.size, err);
  mapped_file_close(&notice);
  return ok;
}
