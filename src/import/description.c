#include "import/description.h"

#include "base/buffer.h"

#include <stdlib.h>
#include <string.h>

void description_free(description *d) {
  free(d->settings);
  free(d->tensors);
}

static bool add_setting(description *d, described_setting setting, error *err) {
  void *settings = d->settings;
  if (!array_reserve(&settings, &d->setting_capacity, d->setting_count + 1, sizeof setting, err))
    return false;
  d->settings = settings;
  setting.name = arena_strdup(d->memory, setting.name, err);
  d->settings[d->setting_count] = setting;
  return setting.name && ++d->setting_count;
}

bool description_add_integer(description *d, const char *name, int64_t integer, error *err) {
  return add_setting(d, (described_setting){.name = name, .integer = integer}, err);
}

bool description_add_text(description *d, const char *name, const char *text, error *err) {
  text = arena_strdup(d->memory, text, err);
  return text && add_setting(d, (described_setting){.name = name, .text = text}, err);
}

bool description_add_tensor(description *d, const char *name, const stored_tensor *tensor, error *err) {
  void *tensors = d->tensors;
  described_tensor described = {.type = tensor->type, .rank = tensor->rank};
  memcpy(described.dims, tensor->dims, sizeof described.dims);
  described.name = arena_strdup(d->memory, name, err);
  if (!described.name ||
      !array_reserve(&tensors, &d->tensor_capacity, d->tensor_count + 1, sizeof described, err))
    return false;
  d->tensors = tensors;
  d->tensors[d->tensor_count++] = described;
  return true;
}
